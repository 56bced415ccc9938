"""The words and formulas of the page Theory: what each symbol is, with its source."""

from __future__ import annotations

import re
from dataclasses import dataclass

MARK = "#d9731f"  # of the chosen symbol: seen on light and on dark

_Q = r"⟦encoder:q_{⟦weights:\phi⟧}(⟦z:z⟧|⟦x:x⟧)⟧"
_P = r"⟦decoder:p_{⟦weights:\theta⟧}(⟦x:x⟧|⟦z:z⟧)⟧"
_KL = rf"⟦kl:\mathrm{{KL}}\left({_Q}\,\|\,⟦prior:p(⟦z:z⟧)⟧\right)⟧"
_E = rf"⟦expectation:\mathbb{{E}}_{{{_Q}}}⟧\left[\log {_P}\right]"

CONSTRAINT = (
    rf"\begin{{aligned}}\max_{{⟦weights:\theta,\,\phi⟧}}\;&{_E}\\[2pt]"
    rf"\text{{where}}\;\;&{_KL} < ⟦epsilon:\varepsilon⟧\end{{aligned}}"
)
LAGRANGIAN = (
    rf"\begin{{aligned}}\mathcal F=\;&{_E}\\[2pt]"
    rf"&-⟦beta:\beta⟧\left({_KL}-⟦epsilon:\varepsilon⟧\right)\end{{aligned}}"
)
BOUND = rf"\begin{{aligned}}\mathcal L=\;&{_E}\\[2pt]&-⟦beta:\beta⟧\;{_KL}\end{{aligned}}"


def painted(formula: str, chosen: str) -> str:
    """LaTeX of a formula whose symbols are marked as ⟦topic:symbol⟧, with the chosen ones in colour."""
    mark = re.compile(r"⟦(\w+):([^⟦⟧]*)⟧")  # the innermost first

    def paint(found: re.Match[str]) -> str:
        symbol = found[2]
        return rf"\textcolor{{{MARK}}}{{\underline{{{symbol}}}}}" if found[1] == chosen else f"{{{symbol}}}"

    while mark.search(formula):
        formula = mark.sub(paint, formula)
    return formula


@dataclass(frozen=True)
class Topic:
    """A symbol or an idea: its button, which symbol it marks, and what it is."""

    button: str
    title: str
    words: str
    marks: str = ""
    formula: str = ""


SYMBOLS: dict[str, Topic] = {
    "epsilon": Topic(
        r"$\varepsilon$ · nats allowed",
        "ε: how many nats the code may cost",
        "Move ε. The best model within the limit lies where the curve meets it, and the slope there is the "
        "price that the limit puts on a nat: β is the constraint's multiplier, β = −dD/dR. Either the "
        "limit binds and KL = ε, or it is slack and a nat costs nothing: β(KL − ε) = 0 both ways. "
        "(Higgins et al. 2017, eqs. 2 and 3; the multiplier's conditions are those of Karush, Kuhn and Tucker.)",
        formula=r"\begin{gathered}\beta\ge 0,\quad \mathrm{KL}\le\varepsilon,\quad "
        r"\beta\,(\mathrm{KL}-\varepsilon)=0\\[4pt]"
        r"\beta=-\left.\tfrac{dD}{dR}\right|_{R=\varepsilon}\end{gathered}",
    ),
    "beta": Topic(
        r"$\beta$ · price of a nat",
        "β: what a nat of code costs",
        "Move β. The line holds all pairs of rate and distortion that cost the same, D + βR; a larger β makes "
        "it steeper, and the model it touches first from below is the cheapest at that price. β = 1 is the "
        "evidence lower bound (Kingma and Welling 2014, eq. 3); since β and ε are at least 0, F ≥ L, and for "
        "a given β both have the same best model (Higgins et al. 2017, eq. 4).",
        formula=r"-\mathcal L = D+\beta R,\quad \mathcal F=\mathcal L+\beta\,\varepsilon\,\ge\,\mathcal L",
    ),
    "kl": Topic(
        r"$\mathrm{KL}$ · rate",
        "KL: what the code of an image costs",
        "Drag the top of q along, its flank wider, or use the sliders. The code costs more the further its mean "
        "lies from 0, and the narrower (or wider) it is than the prior. KL is the mean, under q, of how much more "
        "likely q makes z than the prior does: the logarithm is inside the integral.",
        formula=r"\begin{aligned}\mathrm{KL}(q\,\|\,p)&=\int q(z)\ln\frac{q(z)}{p(z)}\,dz\\"
        r"&=\tfrac12\left(\mu^2+\sigma^2-\ln\sigma^2-1\right)\end{aligned}",
    ),
    "encoder": Topic(
        r"$q_\phi(z|x)$ · encoder",
        "q: where the encoder believes the code lies",
        "For each image the encoder gives a mean µ and a variance σ² for each dimension of z, independent of one "
        "another. φ are the encoder's weights. A dimension that says nothing of the image has µ = 0 and "
        "σ = 1, which is the prior, and is free; one that says a lot is narrow, and its mean moves with the image.",
        formula=r"q_\phi(z|x)=\prod_{j}\mathcal N\!\left(z_j;\,\mu_j(x),\,\sigma_j^2(x)\right)",
    ),
    "prior": Topic(
        r"$p(z)$ · prior",
        "p(z): the code before an image is seen",
        "A standard normal for each dimension: it has nothing to learn. The KL is paid for each step away from it, "
        "and samples of it, decoded, are the model's own pictures.",
        formula=r"p(z)=\mathcal N(z;\,0,\,I)",
    ),
    "decoder": Topic(
        r"$p_\theta(x|z)$ · decoder",
        "p(x|z): how likely the decoder finds the image",
        "θ are the decoder's weights. Its mean is the reconstruction; −log p(x|z) is the distortion D, summed over "
        "pixels: the cross-entropy for Bernoulli pixels, the squared error over 2σ² plus a constant for Gaussian ones.",
        formula=r"D=-\mathbb{E}_{q_\phi(z|x)}\left[\log p_\theta(x|z)\right]",
    ),
    "expectation": Topic(
        r"$\mathbb{E}$ · average",
        "E: the average over codes, and over images",
        "z is drawn from q as µ + σ·noise, so that gradients reach µ and σ (Kingma and Welling 2014). Training draws "
        "one z an image and a step; the numbers here are means over images with one z each. F and L are of one image: "
        "what is trained, and what ε limits in this tool, is their mean over images.",
        formula=r"z=\mu_\phi(x)+\sigma_\phi(x)\odot\eta,\quad \eta\sim\mathcal N(0,I)",
    ),
    "x": Topic(
        r"$x$ · image",
        "x: an image",
        "C × H × W values in [0, 1]. Costs are sums over them, not means, so β weighs nats against nats; with "
        "means instead, the same number β presses as many times harder as there are values.",
    ),
    "z": Topic(
        r"$z$ · code",
        "z: the code",
        "M numbers, a slider each on the page Explore. Not all are used: where a dimension isn't worth its "
        "nats at the price β, its KL falls to 0 and it sleeps.",
    ),
    "weights": Topic(
        r"$\theta,\,\phi$ · weights",
        "θ and φ: what is learned",
        "θ belongs to the decoder p, φ to the encoder q, and both are trained together by the same loss. "
        "β is not among them: it is set (second form) or found as a multiplier (first form).",
    ),
}

IDEAS: dict[str, Topic] = {
    "linear": Topic(
        "The linear Beta-VAE",
        "The linear Beta-VAE: dimensions die exactly at β = λⱼ/σ²",
        "The one Beta-VAE that can be solved: encoder and decoder linear, pixels Gaussian with a fixed σ². A dimension "
        "is worth its nats while the variance it explains, λⱼ, stands above the water level βσ²: reverse water-filling "
        "(Lucas et al. 2019 for β = 1).",
        formula=r"\mathrm{KL}_j=\max\left(0,\ \tfrac12\ln\frac{\lambda_j}{\beta\sigma^2}\right)",
    ),
    "capacity": Topic(
        "Capacity $C$",
        "C: a rate to be met, not only kept",
        "The objective capacity asks for KL = C, from both sides: above C a nat costs γ, below C it earns γ. As C "
        "rises over training, dimensions wake one after the other (Burgess et al. 2018, eq. 8). A code can't tell more "
        "than ln N nats about N images, 13.5 for dSprites: a larger C only makes codes narrower.",
        "kl",
        r"\mathbb{E}_{q}[\log p_\theta(x|z)]-\gamma\,\left|\mathrm{KL}-C(t)\right|",
    ),
    "tc": Topic(
        "Total correlation",
        "TC: the part of the KL that ties dimensions together",
        "Averaged over images the KL has three parts (Chen et al. 2018, eq. 2): what the code tells about the image, "
        "how dependent its dimensions are, and how far each is from the prior. The objective tc weighs only the "
        "second with β, so that information need not be paid for twice. Move ρ, the correlation of two dimensions.",
        "kl",
        r"\begin{aligned}\mathbb{E}_x\,\mathrm{KL}=\;&I_q(x;z)\\"
        r"&+\mathrm{KL}\big(q(z)\,\|\,\textstyle\prod_j q(z_j)\big)\\"
        r"&+\textstyle\sum_j\mathrm{KL}(q(z_j)\,\|\,p(z_j))\end{aligned}",
    ),
    "norm": Topic(
        r"$\beta_\text{norm}$ · free of size",
        "β_norm: the same pressure for other images and codes",
        "Distortion grows with the number of values in an image, the KL with the number of latents M. "
        "Higgins et al. (2017, fig. 6 and A.6) compare βs across sizes by β_norm. Code whose losses are means "
        "over pixels and latents takes β_norm in place of β.",
        "beta",
        r"\beta_\text{norm}=\frac{\beta\,M}{N},\quad N=C\cdot H\cdot W",
    ),
    "sigma": Topic(
        r"$\sigma$ of the decoder",
        "σ: with Gaussian pixels, β is a variance",
        "Multiply the loss by σ²: only βσ² decides which reconstruction is best. So β with σ² is the β = 1 of a "
        "decoder with variance βσ²: a large β says that pixels are noisy. The σ² that makes the images "
        "most likely is the mean squared error (Rybkin et al. 2021, the likelihood optimal-gaussian).",
        "decoder",
        r"\begin{gathered}-\log p_\theta(x|z)="
        r"\tfrac{\|x-\hat x\|^2}{2\sigma^2}+\tfrac N2\ln 2\pi\sigma^2\\[4pt]"
        r"\sigma^2_\text{best}=\tfrac1N\,\|x-\hat x\|^2\end{gathered}",
    ),
    "loss": Topic(
        "A weight in other code",
        "A KL weight of other code, as β",
        "β weighs nats against nats only where the cost is summed over pixels and the KL over latents. Code that takes "
        "means, or the plain squared error, has another number for the same pressure: each way to sum is a factor "
        "before D or before R, and β is what is left between the two. Such a weight says nothing before the image's "
        "size is known. For a mean squared error over N values, with the KL summed over latents:",
        "beta",
        r"\begin{aligned}&w_D\,\overline{(x-\hat x)^2}+w\,\overline{\textstyle\sum_j\mathrm{KL}_j}"
        r"\;=\;s\,(D+\beta R)\\[2pt]&\Rightarrow\ \beta\,\sigma^2=\frac{w}{w_D}\cdot\frac N2\end{aligned}",
    ),
}

TOPICS = SYMBOLS | IDEAS

WRONG = r"\cancel{\mathrm{KL}\left(\log q_\theta(z|x)\,\|\,p(z)\right)}"
RIGHT = (
    r"\begin{aligned}&\mathrm{KL}\left(q_\phi(z|x)\,\|\,p(z)\right)\\"
    r"&=\mathbb{E}_{q_\phi(z|x)}\left[\log q_\phi(z|x)-\log p(z)\right]\end{aligned}"
)
SLIPS = (
    "One often reads the formula that is struck out here; the page that this tool grew from had it too. A divergence "
    "compares two distributions, q and p, not the logarithm of one with the other: the logarithms stand inside. "
    "And q is the encoder, whose weights are φ; θ are the decoder's (Higgins et al. 2017, eqs. 2 to 4). "
    "Kingma and Welling (2014, appendix B) give the closed form for Gaussians."
)
SOURCES = (
    "Higgins et al. 2017, *beta-VAE: Learning basic visual concepts with a constrained variational framework*, ICLR. "
    "Kingma and Welling 2014, *Auto-encoding variational Bayes*, ICLR. "
    "Alemi et al. 2018, *Fixing a broken ELBO*, ICML. "
    "Burgess et al. 2018, *Understanding disentangling in β-VAE*. "
    "Chen et al. 2018, *Isolating sources of disentanglement in variational autoencoders*, NeurIPS. "
    "Lucas et al. 2019, *Don't blame the ELBO! A linear VAE perspective on posterior collapse*, NeurIPS. "
    "Rybkin et al. 2021, *Simple and effective VAE training with calibrated decoders*, ICML."
)
