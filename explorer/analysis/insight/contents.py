"""The table of the sections: what each is called, says and is taken from. No torch.

Page and command read it. A section `name` of the table is shown by `show` of `explorer/ui/insight/NAME.py` and printed
by the command of `explorer/cli/insight/NAME.py`, in both of which a dash is an underscore.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """One thing to be seen of a model, in words.

    Attributes:
        title: as the choice on the page has it.
        short: what the command does, in a line.
        words: what is seen and why one would look, for somebody who reads it the first time.
        definition: how it is computed; Markdown with formulas.
        source: where that is from; what is of this project alone is called "ours".
    """

    title: str
    short: str
    words: str
    definition: str
    source: str


SECTIONS: dict[str, Section] = {
    "first-k": Section(
        title="First k",
        short="What the k latents of highest KL already say of an image, and how alike several models are.",
        words="A model spends its nats on few latents first. Here all but the k latents of highest KL are put at 0, "
        "the prior's mean, and the rest is decoded: what is there already is what those k latents say. In a "
        "disentangled model the picture is whole after as many latents as there are factors; where factors are mixed, "
        "each further latent still pays. The cost in nats may rise on the way, since a sure and wrong pixel costs a "
        "Bernoulli likelihood much: look at the squared error beside it.",
        definition=r"The order $\pi$ is that of falling KL, the mean over the images. "
        r"$z^{(k)}_j = z_j$ for $j \in \{\pi_1, \dots, \pi_k\}$ and $0$ for the others, where $z$ is the "
        r"posterior's mean or a sample of it. Curves: the mean of $-\log p(x \mid z^{(k)})$ in nats an image, and of "
        r"$\lVert x - \hat x(z^{(k)}) \rVert^2$, summed over pixels. Stability: the Spearman correlation of each "
        r"latent of one model with each of another over the same images, each latent matched once so that the sum of "
        r"$|\rho|$ is largest; the number is the mean $|\rho|$ of the pairs in which both latents have a KL above "
        "0.1 nats.",
        source="The order by KL and its stability over seeds: after the Full Encoder (2021, arXiv 2103.14082), which "
        "trains for it; here it is only looked at. Matching: Duan et al. 2020, section 4. That models of other seeds "
        "agree is that paper's claim about its own training, not about a plain Beta-VAE.",
    ),
    "intervene": Section(
        title="Intervene",
        short="What it does to move a latent, to exchange activations of two images, or to set a factor.",
        words="To know what a part of a network does, change it and see what follows. Move one latent of image A and "
        "decode; put the activations of some units from image B into the pass of image A; or set one factor of the "
        "scene that the image was drawn from, and see which latents answer. Where one latent or unit alone does the "
        "work, its effect is large and the others' are small: it is specific. The tables below do the same over many "
        "images, and say by which latents the change from A to B goes.",
        definition=r"Effect of a latent (ours): $E_j$, the mean of "
        r"$\lVert g(\mu \pm s_j e_j) - g(\mu) \rVert_2$ over images and both signs, with $g$ the decoder's picture "
        r"and $s_j$ the standard deviation of the aggregate posterior; rms is $E_j/\sqrt{C \cdot H \cdot W}$. "
        r"Response: $M_{jk} = \sqrt{\mathbb{E}\,(f_k(g(z')) - f_k(g(z)))^2}$, $z \sim p(z)$, $z'$ with $z_j$ drawn "
        r"anew, $f$ the encoder's mean. Factors: $F_{kj}$, the same of $f_j(x)$ when factor $k$ is set to another "
        r"of its values, each as likely, divided by $s_j$. Specificity of a row (ours): its largest share, and "
        r"$1 - H/\ln L$ of its shares. Patch (ours, after interchange interventions): with $y$ the picture of A's "
        r"pass with units of B, effect $\langle y - y_A, y_B - y_A\rangle / \lVert y_B - y_A\rVert^2$ and recovery "
        r"$1 - \lVert y - y_B\rVert / \lVert y_A - y_B\rVert$. Mediation: indirect effect of $z_j$: "
        r"$g(\mu(A)$ with $z_j$ of $B) - g(\mu(A))$; direct: $g(\mu(B)$ with $z_j$ of $A) - g(\mu(A))$; as shares of "
        r"the whole change by projection on it. What the indirect ones leave of the whole is their interaction.",
        source="Interventions on VAEs: Roy 2025, arXiv 2505.03530, whose own formula of effect strength was not found. "
        "Response matrix: Leeb et al. 2022, arXiv 2106.16091. Direct and indirect effects: Pearl 2001.",
    ),
    "pruning": Section(
        title="Pruning",
        short="What is left of a model when its smallest weights are zero, or latents are left out.",
        words="Set the smallest weights to zero and see how long the picture lasts. Costs rise slowly at first, since "
        "many weights hardly matter, and then all at once. The KL falls along: codes say less and less. Models of "
        "different β side by side show whether a cleaner code makes a network that can lose more of its weights, or "
        "less. Nothing is trained again after the weights have gone, and the model itself stays as it is.",
        definition=r"Of the $N$ weights with two dimensions or more (no biases) of encoder, decoder or both, those of "
        r"$|w|$ at most the $\lfloor pN \rfloor$-th smallest are 0; by layer, the same of each tensor. Curves, means "
        r"over images: $-\log p(x \mid z = \mu)$, KL, dimensions with $\mathrm{Var}(\mu) > 0.01$, MIG of the means, "
        "and the held-out accuracy of a logistic regression that tells the factor of fewest classes. A latent is "
        r"left out by $z_j := 0$, those of lowest KL first; what each is worth is the curve of First k.",
        source="The question: Shneider 2023, arXiv 2307.09994, which prunes by a standard criterion; which one, its "
        "abstract does not say. Pruning by size: Han et al. 2015.",
    ),
    "search": Section(
        title="Search",
        short="The latents whose picture is most like an image, or brightest.",
        words="The encoder gives a code for an image, but not always the best one: a search among the latents finds "
        "the code whose picture is nearest to it, and so says what the decoder could draw if only it were asked "
        "rightly. Instead of an image it can be a wish: much ink, a bright or a dark square. The further the code "
        "lies from the prior's middle, the less the model knows what it draws there.",
        definition=r"The largest $S(g(z)) - \tfrac{1}{2}\kappa \lVert z \rVert^2$ that Adam meets from eight starts, "
        r"the encoder's mean and draws of the prior, in 150 steps (ours). $S = -\tfrac{1}{2}\lVert g(z) - x \rVert^2$ "
        r"for an image $x$; the sum of all pixels for ink; 100 times the mean pixel of a square, or minus that. The "
        "best that was met counts, so that it is never worse than the encoder's mean.",
        source="Search in the latent space of a Beta-VAE is also the tool of work on master prints of veins; neither "
        "its attack nor its scores are reproduced here.",
    ),
}


def module_of(name: str) -> str:
    """The name of the two modules of a section: its own with underscores."""
    return name.replace("-", "_")
