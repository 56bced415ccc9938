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
    "anomalies": Section(
        title="Anomalies",
        short="Where an image is unlike what a model knows, by ten scores, and which images stand out.",
        words="A model that learned what is usual makes something usual of whatever comes in: what is lost on the way, "
        "or what the KL would fall by, may point at what is odd. Something is put into an image here, and each score "
        "says pixel by pixel where it would look for it. Over many images one sees which score finds it, and that this "
        "hangs on the model: on one data set the gradient of the KL runs from useless to good as β grows. An AUROC "
        "over images that are mostly empty flatters; look at the AP beside it.",
        definition=r"$z = \mu(x)$ throughout. Maps are means over channels: $(x - \hat x)^2$; the same smoothed; "
        r"$-\log p(x_i \mid z)$; absolute gradients of the KL, of $-\log p$, of $\tfrac12 \lVert x - \hat x \rVert^2$ "
        r"and of the last $+\ \beta\,\mathrm{KL}$, with respect to $x$, smoothed by a Gaussian of 7 × 7 pixels "
        r"(of a signal, 7 values), "
        r"$\sigma = 3$. Of a Bernoulli the gradient of $-\log p$ says how sure the decoder is, not how wrong, so that "
        "it ranks the wrong way round; that of the squared error doesn't. Product and sum: of the KL's gradient and "
        r"$-\log p$, each first brought to [0, 1]. "
        r"Projection: $x \leftarrow x - \alpha \nabla E \odot (x - \hat x)^2$, "
        r"$E = -\log p(x \mid \mu(x)) + \lambda \lVert x - x_0 \rVert_1$, 25 steps of $\alpha = 0.5$, "
        r"$\lambda = 0.05$, stopped where the cost is that of the best clean image; its map is $|x_0 - \hat x(x_T)|$. "
        r"Latent distance: $d^2 = (\mu - m)^\top S^{-1} (\mu - m)$, $S = \mathrm{Cov}(\mu) + "
        r"\mathrm{diag}(\mathbb{E}\,\sigma^2)$, the aggregate posterior's covariance (ours).",
        source="Scores side by side: Zhou, Deng and Wu 2020, arXiv 2005.10686. "
        "Gradient maps: Zimmerer et al. 2019 and their code, from which smoothing and the product are. "
        "Projection: Dehaene et al. 2020, with the steps of a later implementation. Both scores for whole images: "
        "Guillon et al., on rare folds of the cortex. The table of scores over β is ours.",
    ),
    "plane": Section(
        title="Plane",
        short="What is decoded over two latents, and how outputs change along both.",
        words="Two latents span a plane, and over it lies everything that the decoder can draw while the others stay. "
        "The arrows below it say how two places of the picture change there: where they point the same way, both are "
        "moved by the same combination of latents; where they stand at right angles, the model tells both apart. The "
        "colour tells how large a piece of picture space a small piece of the plane is drawn on. A place where "
        "nothing of the object lies gives no arrow, though the object moves: take a larger square.",
        definition=r"Square: both axes at the prior's quantiles from 0.05 to 0.95, evenly, or from $-r$ to $r$. Polar: "
        r"rings with equal mass of the prior between them, the last one around 95 %, "
        r"$r_p = \sqrt{-2 \ln(1 - p)}$; the pictures are laid out evenly, so that none lies over another. "
        r"Gradient of an output $a$, a mean of pixels, exact: $(\partial a / \partial z_i, \partial a / "
        r"\partial z_j)$. "
        r"$\cos\theta = \nabla a \cdot \nabla b / (|\nabla a| |\nabla b|)$; $\sin\theta$ is the cross product over "
        r"the same, absent where a gradient is below $10^{-6}$ of its largest. $G = J^\top J$, $J$ of all pixels along "
        r"both latents; $\sqrt{\det G}$ is the magnification. Of a Gaussian likelihood the outputs are taken before "
        "they are cut to [0, 1].",
        source="The square grid: pyroVED (Ziatdinov et al.). Gradients of two variables on a latent plane and their "
        "cross product: Glushkovsky 2024, arXiv 2410.20172, whose normalisation was not found; this one is ours. "
        "Magnification: Chen et al. 2018, arXiv 1711.01204.",
    ),
    "concepts": Section(
        title="Concepts",
        short="Classes of each factor as Gaussians on one latent: classified by them, combined and decoded.",
        words="A concept such as left, large or red can be a Gaussian on one latent: where images of that class "
        "lie. If "
        "the model has a latent for the factor, its classes stand apart there, a held-out image is told by where it "
        "falls, and concepts of different latents can be combined into pictures of what was asked for. Where "
        "factors are mixed, the same Gaussians lie over each other, and combining them draws something else. The "
        "images are labelled only for this; nothing is trained.",
        definition=r"Half of the images are fitted: $m_c$ is the mean of $\mu_j$ over the class, "
        r"$s_c^2 = \mathrm{Var}(\mu_j) + \mathbb{E}[\sigma_j^2]$, that of the class's aggregate posterior. "
        r"Separation of "
        r"a factor on a latent: the variance of its $m_c$ over the mean $s_c^2$; each latent is given to one factor so "
        r"that the sum is largest. The other half is classified by the largest $\mathcal{N}(\mu_j; m_c, s_c^2)$, all "
        r"classes weighing the same (ours), and by the nearest $m_c$. A combination is decoded at the $m_c$, other "
        r"latents at 0; two classes on one latent are multiplied, and $\int \mathcal{N}_1 \mathcal{N}_2 = "
        r"\mathcal{N}(m_1 - m_2; 0, s_1^2 + s_2^2)$ says how well they agree. A factor with many classes has them "
        "taken together in equal ranges.",
        source="Concepts as Gaussians on axes of a latent space, and the classifier by the nearest mean: the "
        "Conceptual "
        "VAE (Shaikh et al. 2022, arXiv 2203.11216), which trains for them; here they are fitted to any model.",
    ),
    "ways-between": Section(
        title="Paths",
        short="Ways from one image to another, averages and analogies.",
        words="Between the codes of two images there are many ways. The straight one may cross places where no "
        "image lies "
        "and the decoder invents; the spherical one keeps the distance from the middle that codes have; the one along "
        "the data goes from image to image by small changes of the picture. Its length in pictures says what a way "
        "costs to the eye. Codes can also be added: half of A and half of B, or A without B and with C, beside the "
        "same sum of the pixels.",
        definition=r"Straight: $(1 - s)\,z_A + s\,z_B$. Spherical: $\sin((1-s)\theta)/\sin\theta \cdot z_A + "
        r"\sin(s\theta)/\sin\theta \cdot z_B$, $\theta$ the angle between both. Along the data: the shortest way in "
        r"the graph that joins each of the images' means with its 8 nearest in the latents, an edge as long as "
        r"$\lVert g(z_a) - g(z_b) \rVert_2$. Length in pictures: $\sum_t \lVert g(z_{t+1}) - g(z_t) \rVert_2$ "
        r"over four "
        r"points for each that is shown. Analogy: $g(\mu_A - \mu_B + \mu_C)$.",
        source="Spherical ways and analogies: White 2016, arXiv 1609.04468. Ways by the decoder's metric: Chen et al. "
        "2018, arXiv 1711.01204; the graph over images as its discrete form is ours.",
    ),
    "sequences": Section(
        title="Sequences",
        short="How slowly and how straight the latents go along frames in order.",
        words="What the world is made of changes slowly, pixels change fast: a good latent should be slow, too. "
        "Sprites "
        "move here at an even speed and are reflected by the walls, and each latent draws its line. One that is for a "
        "place goes in straight pieces; one for the size or the shape stays where it is; one that carries nothing "
        "trembles, and is the fastest of all. Other images are taken in their order, which means something only "
        "where they are frames.",
        definition=r"Slowness $\Delta_j = \mathbb{E}[(\mu_j(t+1) - \mu_j(t))^2] / \mathrm{Var}(\mu_j)$, the "
        r"variance over "
        r"all frames of all sequences, so that what is fixed within each has 0; white noise has 2. Straightness: "
        r"$\sum_t \lVert \mu(t+1) - \mu(t) \rVert / \lVert \mu(T) - \mu(1) \rVert \ge 1$. S-VAE: "
        r"$\mathrm{KL}(\mathcal{N}(\mu_{t+1} - \mu_t, \sigma_t^2 + \sigma_{t+1}^2) \Vert \mathcal{N}(0, 1))$. SlowVAE: "
        r"the cross-entropy of the posterior with a Laplace prior of rate 6 about the neighbour's mean, less its "
        r"entropy, the mean of both ways. Speeds are even, up to 2 classes a frame. Frames must be evenly apart "
        r"in time.",
        source="Slowness: Wiskott and Sejnowski 2002. S-VAE and straightness: arXiv 2012.06279 (2020). SlowVAE: "
        "Klindt et "
        "al. 2021. The models are not trained for it; the terms are only measured.",
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
    "groups": Section(
        title="Groups",
        short="Latents taken together: what a group costs, one slider for it, its exchange between two images.",
        words="What one sees as one thing is often held by several latents: a place by two, a turn by two more. Give "
        "such latents a name, and they become a group: its cost in nats, one direction along which all of it moves, "
        "and pictures in which two images have exchanged it and nothing else. A group that is kept has its own slider "
        "on Explore. If exchanging it changes only what its name says, the group is that thing.",
        definition=r"$\mathrm{KL}_G = \sum_{j \in G} \mathrm{KL}_j$, exact since the posterior is diagonal; groups "
        r"without a common latent add up to the whole. A slider moves $z + s\,v$ with $\lVert v \rVert = 1$ and "
        r"$v_j = 0$ outside of $G$: all latents alike, or the first principal axis of the posterior means within $G$. "
        r"Variance along it: $\mathrm{Var}(v^\top \mu) / \sum_{j \in G} \mathrm{Var}(\mu_j)$. Exchange: "
        r"$g(\mu(A)$ with $z_G$ of $B)$, and the other way round. How much the latents of a group say of one "
        "another, their mutual information, is another number, and not part of its KL.",
        source="Groups of latents with a name: after the TopicVAE (2022), which trains for them; here any latents of "
        "any model are taken together (ours).",
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
