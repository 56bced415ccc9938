"""The scores by name: what each is called, what it needs and what it means. Costs nothing to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from explorer.errors import UserError

Needs = Literal["factors", "codes", "posterior", "decoder", "models"]
Preset = Literal["full", "fast"]


@dataclass(frozen=True)
class Score:
    """One score: a title, what it is computed from, which way is better, and its definition.

    `rows` says how many images the presets full and fast rest on; `cost` is about how long it takes
    beside the others. An interval is of the value of all images (`of_all`), or of the mean score at as
    many rows: most scores move with the number of rows by more than their intervals are wide.
    `yardstick` says whose score stands beside it, where no bound is known or the bound is not reached;
    `sized`: the score is called by its number of rows, so much does it move with it. `whole`: it is a count.
    """

    title: str
    needs: Needs
    better: Literal["higher", "lower", "neither"]
    definition: str
    source: str
    rows: tuple[int, int] = (10_000, 5_000)
    cost: float = 1
    of_all: bool = False
    yardstick: str = ""
    sized: bool = False
    whole: bool = False


# On how many images pages and commands measure a model where nobody says otherwise (all, where there are
# fewer). As many as the preset fast of the page Measure takes, so that a model has one KL on all pages.
IMAGES = 5_000

NUMBERED = "codes that number the classes"

SCORES: dict[str, Score] = {
    "mig": Score(
        "MIG", "factors", "higher",
        "For each factor, the mutual information of its best latent minus that of the second, over "
        "the factor's entropy; the mean over factors. 20 equal-width bins a latent, so that a factor "
        "with more values can't reach 1: a perfect code of dSprites scores 0.90.",
        "Chen et al. 2018, eq. 6; sizes and bins of Locatello et al. 2019",
        yardstick=NUMBERED,
    ),
    "dci": Score(
        "DCI disentanglement", "factors", "higher",
        "Gradient-boosted trees learn each factor from all latents. Disentanglement: 1 minus the "
        "entropy of each latent's importances over factors, weighted by use. Completeness is the same "
        "over latents, informativeness the accuracy on held-out rows. All three rise with the number of "
        "rows, so that it belongs to the score's name: compare only scores of one number.",
        "Eastwood and Williams 2018; trees as in Locatello et al. 2019",
        (15_000, 3_000), 120, sized=True,
    ),
    "factor_vae": Score(
        "FactorVAE score", "factors", "higher",
        "One factor held still in 64 rows: the latent whose variance there is the least part of its "
        "variance overall votes for that factor; the accuracy of a majority vote.",
        "Kim and Mnih 2018, section 4",
    ),
    "beta_vae": Score(
        "BetaVAE score", "factors", "higher",
        "64 pairs of rows with one factor in common: a linear classifier names the factor from the "
        "mean absolute difference of their codes; its accuracy. It saturates easily.",
        "Higgins et al. 2017, section 3",
        cost=6,
    ),
    "sap": Score(
        "SAP", "factors", "higher",
        "A linear SVM predicts each factor from one latent; the accuracy of the best latent minus that "
        "of the second. Each value has a line, and is named where its line is the highest: of evenly spaced "
        "codes those of the middle values hardly ever are, so that codes which number the values stay far "
        "below 1, and unevenly spaced ones score more. No bound below 1 is known.",
        "Kumar et al. 2018, section 3",
        (15_000, 3_000), 8, yardstick=NUMBERED,
    ),
    "modularity": Score(
        "Modularity", "factors", "higher",
        "For each latent, 1 minus the squared information with all factors but its best, as a share of "
        "the largest it could be; the mean over latents. Dead latents count, by chance.",
        "Ridgeway and Mozer 2018, section 3",
    ),
    "explicitness": Score(
        "Explicitness", "factors", "higher",
        "How well a logistic regression on all latents tells each value of each factor: the area under "
        "the ROC curve, one value against the rest; 0.5 is guessing.",
        "Ridgeway and Mozer 2018, section 3",
        (15_000, 3_000), 30,
    ),
    "irs": Score(
        "IRS", "factors", "higher",
        "How little each latent moves from its mean while its own factor is held and all others change, "
        "as a share of its largest move. A factor of more than 20 values is held only to one of 20 bins of "
        "them, so that perfect codes stay below 1: 0.98 on dSprites. Noise scores above 0.",
        "Suter et al. 2019; 0.99 quantile as in Locatello et al. 2019",
    ),
    "mig_sup": Score(
        "MIG-sup", "factors", "higher",
        "For each latent, the share of the best factor's entropy that it tells minus that of the "
        "second; the mean over latents. 10 equal-width bins; dead latents count as about 0.",
        "Li et al. 2020, section 4.3",
        yardstick=NUMBERED,
    ),
    "infomec": Score(
        "InfoMEC: InfoM", "factors", "higher",
        "From nearest-neighbour mutual information over the factor's entropy. InfoM: how far each live "
        "latent informs of one factor only; InfoC: how far each factor is told by one latent only; "
        "InfoE: the share of log loss that a logistic regression on all latents takes away.",
        "Hsu et al. 2023, section 4",
        (10_000, 2_000), 40,
    ),
    "gaussian_total_correlation": Score(
        "Gaussian total correlation", "codes", "lower",
        "Total correlation in nats of a Gaussian with the codes' covariance: linear dependence among "
        "latents, 0 where they are uncorrelated. Few images raise it: D independent latents of n images score "
        "about D(D − 1)/4n by chance.",
        "Watanabe 1960; Locatello et al. 2019",
    ),
    "wasserstein_correlation": Score(
        "Wasserstein correlation", "codes", "lower",
        "Squared 2-Wasserstein distance of a Gaussian with the codes' covariance from one with "
        "independent latents, in squared units of the codes.",
        "Locatello et al. 2019",
    ),
    "active_units": Score(
        "Active units", "codes", "neither",
        "How many latents vary with the image: the variance of µ over images above 0.01. A count has no "
        "interval: it is as sure as each variance is far from 0.01.",
        "Burda et al. 2015",
        whole=True,
    ),
    "kl_per_dimension": Score(
        "KL, all dimensions", "posterior", "neither",
        "KL(q(z|x) || N(0, I)) in nats an image; the parts give each dimension's.",
        "Kingma and Welling 2014; Higgins et al. 2017, eq. 4",
        of_all=True,
    ),
    "polarised_regime": Score(
        "Polarised regime, Δ_KL", "posterior", "lower",
        "How far the KL is from that of latents which are either equal to the prior or sharp, as a "
        "share of the KL; 0 where all are. A limit of 0.03 is quoted from the paper, unverified here.",
        "Rolinek et al. 2019; regimes after Bonheme and Grześ 2021",
        of_all=True,
    ),
    "distance_to_orthogonality": Score(
        "Distance to orthogonality", "decoder", "lower",
        "How far the decoder's Jacobian is from moving the picture at right angles along the active "
        "latents: the distance of its right singular vectors from a signed permutation; compare with "
        "what a random rotation gives, in the parts.",
        "Rolinek et al. 2019, eq. 29",
        (100, 50), 10, of_all=True,
    ),
    "udr": Score(
        "UDR", "models", "higher",
        "How far models trained alike find the same latents, each latent of one matching one of the "
        "other (Lasso weights): the median over partners, the mean over models. It needs no factors.",
        "Duan et al. 2020, section 4",
        (2_000, 500), 4, yardstick="models with the same independent latents",
    ),
}  # fmt: skip

# Parts that are scores of their own: a line each under the score they come with.
PARTS = {
    "dci": {"completeness": "DCI completeness", "informativeness_test": "DCI informativeness"},
    "infomec": {"infoc": "InfoMEC: InfoC", "infoe": "InfoMEC: InfoE"},
    "wasserstein_correlation": {"share": "Wasserstein correlation, share of variance"},
}

OF_ONE_MODEL = tuple(name for name, score in SCORES.items() if score.needs != "models")


def named_scores(names: str) -> list[str]:
    """The scores that a text such as "mig,dci" or "all" asks for, each once, in its order.

    Raises:
        UserError: it names a score that there isn't.
    """
    wanted = list(dict.fromkeys(name.strip().replace("-", "_") for name in names.split(",")))
    if wanted == ["all"]:
        return list(SCORES)
    for name in wanted:
        if name not in SCORES:
            raise UserError(f"there is no metric {name[:80]!r}; there are {', '.join(SCORES)}")
    return wanted


def rows_for(names: list[str] | tuple[str, ...], preset: Preset) -> int:
    """How many images must be encoded so that each of these scores has the rows of its preset."""
    wanted = [SCORES[name].rows[preset == "fast"] for name in names]
    return max([*wanted, 5_000 if preset == "fast" else 10_000])
