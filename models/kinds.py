"""What there is to choose from: objectives, networks, likelihoods. One table each, and no torch.

Forms, shells, lists, cards and sentences read these tables; they name no kind themselves. To add an objective
takes its class (`models.objectives`) and its entry here; a network its function (`models.networks`), a
likelihood its class (`models.likelihoods`), and an entry each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from models import schedules
from models.schedules import SCHEDULES, Schedule

Values = Mapping[str, Any]  # settings by name
Number = int | float


@dataclass(frozen=True)
class Setting:
    """A number or a word that a kind takes.

    Attributes:
        usual: what it is where nobody says it; None where it may be left out.
        about: one sentence for who chooses it.
        label: its name in a form; its own name if left out.
        least, most: bounds that it may reach; `above` is one that it may not.
        choices: the words that it may be; then it has no bounds.
        sign: the letter that it has in sweeps and lists; empty where nobody sweeps it.
        stride: what a click adds in a form.
        moves: the setting whose schedule this is; empty where it is none.
    """

    name: str
    usual: float | str | None
    about: str
    label: str = ""
    kind: type = float
    least: Number | None = None
    most: Number | None = None
    above: Number | None = None
    choices: tuple[str, ...] = ()
    sign: str = ""
    stride: float = 1.0
    moves: str = ""

    @property
    def letter(self) -> str:
        """What it is called in a sentence."""
        return self.sign or self.label


def _scheduled(number: Setting, usual: str = "constant") -> Setting:
    """The setting that says how another one moves while a run trains, as a text that `models.schedules` reads."""
    sign = number.letter
    about = f"How {sign} moves while it trains: {', '.join(SCHEDULES)}, and their details, as linear over=5000."
    return Setting(f"{number.name}_schedule", usual, about, f"Schedule of {sign}", kind=str, moves=number.name)


BETA = Setting("beta", 4.0, "β of the objectives beta, tc, hsic, pairs and labels.", "β", least=0, most=1e6, sign="β")
BETA_SCHEDULE = _scheduled(BETA)
EPSILON = Setting("epsilon", 12.0, "ε in nats: the constraint is KL < ε.", "ε in nats", least=0, most=1e4, sign="ε")
DUAL_RATE = Setting(
    "dual_rate",
    0.002,
    "How fast the dual ascent moves log β: a step, a nat of KL − ε (at ε = 16, faster for less).",
    "Rate of β",
    above=0,
    most=1,
    stride=1e-3,
)
GAMMA = Setting("gamma", 100.0, "γ of the objective capacity.", "γ", least=0, most=1e6, stride=50.0)
CAPACITY = Setting("capacity", 25.0, "C in nats, what its schedule leads to.", "C in nats", least=0, most=1e4, sign="C")
GAMMA_SCHEDULE, CAPACITY_SCHEDULE = _scheduled(GAMMA), _scheduled(CAPACITY, "linear over=70%")
TC_ALPHA = Setting(
    "tc_alpha", 1.0, "Weight of the mutual information (tc).", "α, mutual information", least=-100, most=1e6
)
TC_GAMMA = Setting("tc_gamma", 1.0, "Weight of the dimension-wise KL (tc).", "γ, dimension-wise KL", least=0, most=1e6)
HSIC_WEIGHT = Setting(
    "hsic_weight",
    300.0,
    "λ of the objective hsic: what a pair of dimensions that tell each other costs, in nats.",
    "λ, dependence",
    least=0,
    most=1e6,
    stride=100.0,
)
CHANGES = Setting(
    "changes",
    1,
    "In how many factors the two images of a pair differ (pairs).",
    "Factors that differ",
    kind=int,
    least=1,
    most=64,
)
LABELLED = Setting(
    "labelled",
    1000,
    "How many images of the training set have labels (labels).",
    "Labelled images",
    kind=int,
    least=1,
    most=1_000_000,
    stride=100,
)
LABEL_WEIGHT = Setting(
    "label_weight",
    300.0,
    "λ of the objective labels: nats that a squared error of 1 in a label's place costs.",
    "λ, labels",
    least=0,
    most=1e6,
    stride=50.0,
)
KAPPA = Setting(
    "kappa", 100.0, "κ in nats an image: the constraint is −E[log p(x|z)] ≤ κ (geco, rewo).", "κ in nats",
    least=-1e7, most=1e7, sign="κ", stride=5.0,
)  # fmt: skip
GECO_RATE = Setting(
    "geco_rate",
    0.02,
    "η of GECO: how much log β moves a step where the cost is off by all of κ.",
    "Rate of β",
    above=0,
    most=10,
    stride=1e-3,
)
REWO_RATE = Setting(
    "rewo_rate",
    0.1,
    "ν of REWO: how much log β moves a step where the cost is off by all of κ.",
    "ν, rate of β",
    above=0,
    most=100,
    stride=0.01,
)
REWO_SLOPE = Setting(
    "rewo_slope", 1.0, "τ of REWO: how soon β slows down near 1.", "τ, slope near 1", above=0, most=100, stride=0.1
)
WINDOW = Setting(
    "window",
    100,
    "Steps whose mean cost and KL the dynamic rule looks at, in place of an epoch.",
    "Steps of a window",
    kind=int,
    least=1,
    most=1_000_000,
)
DYNAMIC_STEP = Setting(
    "dynamic_step",
    0.05,
    "By how much the dynamic rule moves β, times 1 to 3.",
    "Step of β",
    above=0,
    most=10,
    stride=0.01,
)
SIGMA = Setting(
    "sigma", 0.1, "σ of the gaussian likelihood, pixels in [0, 1].", "σ of a pixel", above=0, most=10, stride=0.01
)

BETA_LOW = Setting("beta_low", 0.5, "Lowest β of the objective any.", "lowest β", above=0, most=1e6)
BETA_HIGH = Setting("beta_high", 32.0, "Highest β of the objective any.", "highest β", above=0, most=1e6)
BETA_HIGH_SCHEDULE = _scheduled(BETA_HIGH, "factors from=1 begin=25% over=25%")

Role = Literal["set", "found", "part", "none"]


def usual_beta(low: float, high: float) -> float:
    """The β of a range that is shown where nobody asks for one: 4, else the middle on a log scale."""
    return 4.0 if low <= 4 <= high else math.sqrt(low * high)


@dataclass(frozen=True)
class Logged:
    """A number that an objective logs beside loss, cost and KL: its name in the log, and its name in a legend."""

    name: str
    title: str


@dataclass(frozen=True)
class Panel:
    """Numbers on one scale of the picture of what moves while it trains; panels stand under one another on one clock.

    Attributes:
        unit: of its scale.
        lines: what is drawn.
        target: the setting that is drawn as a level; empty where none is. `target_title` is its name in a legend.
    """

    unit: str
    lines: tuple[Logged, ...]
    target: str = ""
    target_title: str = ""


def _nothing(values: Values, step: int, steps: int) -> str:
    return ""


@dataclass(frozen=True)
class Objective:
    """What is minimised.

    Texts with braces are filled with the settings' values.

    Attributes:
        title: its name in forms and lists.
        source: paper and equation.
        formula: the loss in LaTeX.
        about: what it does, for who chooses it.
        loss: the loss with its numbers, as plain text.
        short: its number in a few words, for lists.
        label: the part of a run's name that tells it.
        settings: what belongs to it, in the order of a form.
        role: which β it has: `set` weighs the whole KL and is chosen (the setting "beta"), `found` weighs the whole
            KL and moves while it trains (logged as "beta"), `part` weighs one term (the setting "beta"), or `none`.
        beta: what is to be said of its β where it is not `set`.
        bound: the setting that bounds the KL in nats; empty where none does.
        terms: parts of the loss that it logs, drawn with the loss.
        clock: what moves while it trains, drawn on a picture of its own that is called `clock_title`.
        module: that of `models` which holds its class.
        topic: the topic of the page Theory that shows it; empty where none does.
        hint: what tells it from the others, where they stand in one line.
        wakes: what helps where no latent carries information, of settings in words.
        eases: what holds the KL down at a step of so many and goes by itself, in words; empty where nothing does.
        rests: whether the rate of the weights falls to 0 at the end, whatever the schedule.
        between: the settings that bound the βs of one that trains a model for every β; None of others.
        least_batch: the fewest images a step that it can be computed on.
        paired: whether the second half of a batch are partners of the first, which differ from it in some factors: it
            takes data that holds every combination of its factors.
        labelled: whether the second half of a batch are images whose factors are told.
    """

    title: str
    hint: str
    source: str
    formula: str
    about: str
    loss: str
    short: str
    label: str
    settings: tuple[Setting, ...]
    role: Role
    wakes: Callable[[Values], list[str]] = field(repr=False)
    beta: str = ""
    bound: str = ""
    terms: tuple[Logged, ...] = ()
    clock: tuple[Panel, ...] = ()
    clock_title: str = "β"
    module: str = "objectives"
    topic: str = ""
    eases: Callable[[Values, int, int], str] = field(default=_nothing, repr=False)
    rests: bool = False
    between: tuple[str, str] | None = None
    least_batch: int = 1
    paired: bool = False
    labelled: bool = False

    @property
    def swept(self) -> Setting | None:
        """The setting that a sweep goes over: the first that has a sign."""
        return next((setting for setting in self.settings if setting.sign), None)

    def schedules(self, values: Values) -> dict[str, Schedule]:
        """How its numbers move, by the number's name. Raises ValueError on one that can't be read."""
        return {
            setting.moves: schedules.read(values.get(setting.name, setting.usual))
            for setting in self.settings
            if setting.moves
        }

    def motion(self, values: Values) -> str:
        """How its numbers move, in words, with a comma before each; empty where none does."""
        of = settings_of(self)
        told = (s.words(of[name].letter, values[name]) for name, s in self.schedules(values).items())
        return "".join(f", {words}" for words in told if words)


def _still(name: str) -> Callable[[Values, int, int], str]:
    """Whether the schedule of the setting `name` still holds the KL down: β before it has fallen, C before it rose."""

    def eases(values: Values, step: int, steps: int) -> str:
        schedule = schedules.read(values[f"{name}_schedule"])
        now, end = (schedule.at(values[name], at, steps) for at in (step, steps))
        if not schedule.moves(step, steps):
            return ""
        if name == "beta":
            return "while β still falls" if now > end else ""
        return "while C still rises" if now < end else ""

    return eases


def _descending(values: Values, step: int, steps: int) -> str:
    return "while β still comes down to where KL = ε" if values["epsilon"] else ""


_FORM_TWO = r"-\mathbb{E}_{q(z|x)}[\log p(x|z)] \;+\; \beta \, \mathrm{KL}(q(z|x)\,\|\,p(z))"
_KL = Logged("kl", "KL")
_BETA = Panel("β", (Logged("beta", "β"),))
_COST = Logged("reconstruction", "−log p(x|z)")


def _lower_target(words: Values) -> list[str]:
    return [f"a target κ below {words['kappa']} nats, which asks for a code"]


def _smaller_stride(words: Values) -> list[str]:
    return [f"a smaller dynamic_step than {words['dynamic_step']}, or more steps"]


def _waiting(values: Values, step: int, steps: int) -> str:
    return "while β still waits" if step < 26 * values["window"] else ""


def _pressed_less(ways: str) -> Callable[[Values], list[str]]:
    def wakes(words: Values) -> list[str]:
        found = [f"a lower β than {words['beta']}"]
        if words["beta_schedule"] == "constant":
            found.append(f"a schedule, in which β {ways}")
        asks = "an objective that asks for nats: capacity with a C, or constrained with an ε"
        return [*found, asks]

    return wakes


def _later(words: Values) -> list[str]:
    return [f"a later rise of the highest β ({words['beta_high_schedule']}), or a start from a trained model"]


def _larger_epsilon(words: Values) -> list[str]:
    return [f"a larger ε than {words['epsilon']} nats, or more steps for β to come down"]


def _larger_capacity(words: Values) -> list[str]:
    slow = "with a slow rise (capacity_schedule), and a larger γ"
    return [f"a C above {words['capacity']} nats {slow}"]


OBJECTIVES: dict[str, Objective] = {
    "beta": Objective(
        title="β-VAE",
        hint="β chosen by hand",
        source="Higgins et al. 2017, eq. 4",
        formula=_FORM_TWO,
        about="β = 1 is the evidence lower bound; a larger β presses the posterior towards the prior, and "
        "dimensions that do not save what their nats cost fall asleep",
        loss="−E[log p(x|z)] + β·KL",
        short="β = {beta:g}",
        label="beta{beta:g}",
        settings=(BETA, BETA_SCHEDULE),
        role="set",
        clock=(_BETA,),
        topic="beta",
        wakes=_pressed_less("rises from 0 or falls from a large one"),
        eases=_still("beta"),
    ),
    "constrained": Objective(
        title="Constraint KL < ε",
        hint="ε chosen, β found as its multiplier",
        source="Higgins et al. 2017, eq. 3",
        formula=r"-\mathbb{E}_{q(z|x)}[\log p(x|z)] \;+\; \beta \,(\mathrm{KL} - \varepsilon),"
        r"\quad \beta \ge 0 \text{ found by dual ascent}",
        about="You choose how many nats of KL the code may cost; β is the constraint's multiplier "
        "and moves until KL = ε, or falls to 0 where the constraint is slack",
        loss="−E[log p(x|z)] subject to KL < {epsilon:g} nats",
        short="ε = {epsilon:g} nats",
        label="eps{epsilon:g}",
        settings=(EPSILON, DUAL_RATE),
        role="found",
        beta="found by the constraint",
        bound="epsilon",
        clock=(Panel("nats", (_KL,), "epsilon", "ε"), _BETA),
        clock_title="The KL and ε, and β, the multiplier",
        module="constraints",
        topic="epsilon",
        wakes=_larger_epsilon,
        eases=_descending,
        rests=True,
    ),
    "capacity": Objective(
        title="Capacity C",
        hint="γ·|KL − C|",
        source="Burgess et al. 2018, eq. 8",
        formula=r"-\mathbb{E}_{q(z|x)}[\log p(x|z)] \;+\; \gamma \,|\mathrm{KL} - C(t)|",
        about="C rises from 0: the code is given its nats bit by bit, and dimensions wake one after the other",
        loss="−E[log p(x|z)] + {gamma:g}·|KL − {capacity:g} nats|",
        short="γ = {gamma:g}, C = {capacity:g} nats",
        label="C{capacity:g}",
        settings=(CAPACITY, CAPACITY_SCHEDULE, GAMMA, GAMMA_SCHEDULE),
        role="none",
        beta="γ = {gamma:g} in place of β",
        clock=(Panel("nats", (Logged("capacity", "C"), _KL)), Panel("γ", (Logged("gamma", "γ"),))),
        clock_title="C and the KL",
        topic="capacity",
        wakes=_larger_capacity,
        eases=_still("capacity"),
    ),
    "tc": Objective(
        title="β-TCVAE",
        hint="β-TCVAE, β on the total correlation",
        source="Chen et al. 2018, eq. 4",
        formula=r"-\mathbb{E}_{q(z|x)}[\log p(x|z)] \;+\; \alpha \, I_q(x;z) \;+\; \beta \, \mathrm{TC}(z)"
        r" \;+\; \gamma \sum_j \mathrm{KL}(q(z_j)\,\|\,p(z_j))",
        about="The KL in three parts, of which only the total correlation, the dependence between "
        "dimensions, is pressed by β",
        loss="β-TCVAE: the total correlation weighted by β",
        short="TC, β = {beta:g}",
        label="tc{beta:g}",
        settings=(BETA, BETA_SCHEDULE, TC_ALPHA, TC_GAMMA),
        role="part",
        beta="on the total correlation alone",
        terms=(
            Logged("mutual_information", "mutual information"),
            Logged("total_correlation", "total correlation"),
            Logged("dimension_wise_kl", "dimension wise kl"),
        ),
        clock=(_BETA,),
        topic="tc",
        wakes=_pressed_less("rises"),
        least_batch=3,
    ),
    "any": Objective(
        title="Every β",
        hint="every β of a range in one model",
        source="Dosovitskiy and Djolonga 2020; Bae et al. 2023",
        formula=r"\mathbb{E}_{\beta}\left[-\mathbb{E}_{q_\beta(z|x)}[\log p_\beta(x|z)] \;+\; "
        r"\beta \, \mathrm{KL}(q_\beta(z|x)\,\|\,p(z))\right]",
        about="One model that is a Beta-VAE at every β of a range: β is told to the network, and each image of a batch "
        "has a β of its own. The lowest come first, since a dimension that a high β has put to sleep stays asleep",
        loss="−E[log p(x|z)] + β·KL, for every β from {beta_low:g} to {beta_high:g} at once",
        short="β = {beta_low:g} to {beta_high:g}",
        label="any-beta",
        settings=(BETA_LOW, BETA_HIGH, BETA_HIGH_SCHEDULE),
        role="none",
        beta="every β from {beta_low:g} to {beta_high:g}",
        clock=(
            Panel("nats", (Logged("kl_low", "KL, lowest quarter of β"), Logged("kl_high", "KL, highest quarter of β"))),
            Panel("β", (Logged("beta_high", "highest β"),)),
        ),
        clock_title="The KL at low and at high β, and the highest β",
        module="any_beta",
        between=("beta_low", "beta_high"),
        wakes=_later,
    ),
    "hsic": Objective(
        title="HSIC",
        hint="β on the KL, λ on the dependence",
        source="after Lopez et al. 2018",
        formula=_FORM_TWO + r" \;+\; \lambda \sum_{i<j} \mathrm{HSIC}(z_i, z_j)",
        about="The KL pressed by β, and with it the dependence between any two dimensions, measured by kernels: "
        "unlike the total correlation it is measured well however many nats the code has",
        loss="−E[log p(x|z)] + β·KL + {hsic_weight:g}·(dependence of dimensions)",
        short="β = {beta:g}, HSIC {hsic_weight:g}",
        label="hsic{beta:g}",
        settings=(BETA, BETA_SCHEDULE, HSIC_WEIGHT),
        role="set",
        terms=(Logged("dependence", "dependence"),),
        clock=(_BETA,),
        module="dependence",
        wakes=_pressed_less("falls from a large one"),
        eases=_still("beta"),
        least_batch=4,
    ),
    "pairs": Objective(
        title="Pairs",
        hint="β on the KL, images in pairs that differ in few factors",
        source="Locatello et al. 2020, GVAE",
        formula=r"\sum_{i=1}^{2} \left( -\mathbb{E}_{\tilde q(z|x_i)}[\log p(x_i|z)] \;+\; "
        r"\beta \, \mathrm{KL}(\tilde q(z|x_i)\,\|\,p(z)) \right)",
        about="Weak supervision: a batch is made of pairs of images, in each pair a few factors differ, and nobody "
        "says which. As many dimensions, those whose posteriors differ most, stay each image's own; in all others both "
        "images share the mean of their posteriors. No label is used",
        loss="−E[log p(x|z)] + β·KL of pairs that differ in {changes} factor(s) and share all other dimensions",
        short="pairs, β = {beta:g}",
        label="pairs{beta:g}",
        settings=(BETA, BETA_SCHEDULE, CHANGES),
        role="set",
        terms=(),
        clock=(_BETA,),
        module="pairs",
        wakes=_pressed_less("falls from a large one"),
        eases=_still("beta"),
        least_batch=2,
        paired=True,
    ),
    "labels": Objective(
        title="Few labels",
        hint="β on the KL, and a few images with labels",
        source="after Locatello et al. 2020, Few labels",
        formula=_FORM_TWO + r" \;+\; \lambda \sum_k (\mu_k(x) - y_k)^2 \text{ of labelled } x",
        about="Semi-supervised: of a few images the factors are told, and the mean of dimension k is drawn to the "
        "class of factor k, on the prior's scale. All other images have no labels; half of each batch has them",
        loss="−E[log p(x|z)] + β·KL + {label_weight:g}·(squared error from the labels of {labelled:,} images)",
        short="β = {beta:g}, {labelled:,} labels",
        label="labels{labelled:g}",
        settings=(BETA, BETA_SCHEDULE, LABELLED, LABEL_WEIGHT),
        role="set",
        clock=(_BETA, Panel("squared error", (Logged("label_error", "error of the labels"),))),
        clock_title="β, and the error of the labels",
        module="few_labels",
        wakes=_pressed_less("falls from a large one"),
        eases=_still("beta"),
        least_batch=2,
        labelled=True,
    ),
    "geco": Objective(
        title="GECO",
        hint="κ chosen, β found so that the cost is κ",
        source="Rezende and Viola 2018",
        formula=r"\mathrm{KL}(q(z|x)\,\|\,p(z)) \quad \text{where} \quad"
        r" -\mathbb{E}_{q(z|x)}[\log p(x|z)] \le \kappa",
        about="You choose how well pictures are to be reconstructed, and the code is made as short as that "
        "allows: 1/β is the constraint's multiplier, and β moves by how far the cost is off, as a part of κ. The "
        "objective with ε bounds the KL, this one the reconstruction",
        loss="KL subject to −E[log p(x|z)] ≤ {kappa:g} nats",
        short="κ = {kappa:g} nats",
        label="geco{kappa:g}",
        settings=(KAPPA, GECO_RATE),
        role="found",
        beta="found by the bound on the reconstruction",
        clock=(Panel("nats", (_COST,), "kappa", "κ"), Panel("nats", (_KL,)), _BETA),
        clock_title="The cost and κ, the KL, and β",
        module="constraints",
        wakes=_lower_target,
        rests=True,
    ),
    "rewo": Objective(
        title="REWO",
        hint="κ chosen, β rises to at most 1 once the cost is below it",
        source="Klushyn et al. 2019, algorithm 1",
        formula=_FORM_TWO + r", \; \beta \le 1",
        about="First only the reconstruction counts, until it costs less than κ; from then on β goes towards 1 "
        "while the cost is below κ, and falls while it is above. Where β stays near 0, κ is below what the network "
        "reaches",
        loss="−E[log p(x|z)] + β·KL, β ≤ 1 found at −E[log p(x|z)] = {kappa:g} nats",
        short="κ = {kappa:g} nats, β ≤ 1",
        label="rewo{kappa:g}",
        settings=(KAPPA, REWO_RATE, REWO_SLOPE),
        role="found",
        beta="found by the bound on the reconstruction",
        clock=(Panel("nats", (_COST,), "kappa", "κ"), Panel("nats", (_KL,)), _BETA),
        clock_title="The cost and κ, the KL, and β",
        module="constraints",
        wakes=_lower_target,
        rests=True,
    ),
    "dynamic": Objective(
        title="Dynamic β",
        hint="β goes up and down by a rule",
        source="Rydhmer and Selvan 2021",
        formula=_FORM_TWO,
        about="After 24 windows without a KL term β starts at 0.001. It goes up where the reconstruction is near "
        "its best, down where it is not, and rests for ten windows after each move; up to 2",
        loss="−E[log p(x|z)] + β·KL, β moved by a rule every {window:,} steps",
        short="dynamic β",
        label="dynamic",
        settings=(WINDOW, DYNAMIC_STEP),
        role="found",
        beta="found by its rule",
        clock=(Panel("nats", (_COST,)), Panel("nats", (_KL,)), _BETA),
        clock_title="The cost, the KL, and β",
        module="constraints",
        wakes=_smaller_stride,
        eases=_waiting,
    ),
}


@dataclass(frozen=True)
class Likelihood:
    """p(x|z) of a sample.

    Attributes:
        title: its name in sentences.
        about: one sentence for who chooses it.
        family: "probability" where nats are those of pixels as probabilities, "density" where they are of a density;
            nats of two families can't be compared.
        variance: whether its squared errors have a σ: "none", "set" (the setting "sigma") or "learned" (the tensor
            "likelihood.log_sigma" beside the weights).
        expression: Python, with torch, that makes images in [0, 1] of `raw`, for programs without this one.
        nodes: the same as ONNX: (operator, constants behind its first input), one after another.
    """

    title: str
    about: str
    family: Literal["probability", "density"]
    variance: Literal["none", "set", "learned"]
    expression: str
    nodes: tuple[tuple[str, tuple[float, ...]], ...]
    settings: tuple[Setting, ...] = ()
    wakes: str = ""

    def sigma(self, config_sigma: float) -> str:
        """Its σ as a bracket behind its name; empty where none is set."""
        return f" (σ = {config_sigma:g})" if self.variance == "set" else ""


_CUT = (("Max", (0.0,)), ("Min", (1.0,)))

LIKELIHOODS: dict[str, Likelihood] = {
    "bernoulli": Likelihood(
        title="Bernoulli",
        about="Grey pixels count as probabilities.",
        family="probability",
        variance="none",
        expression="torch.sigmoid(raw)",
        nodes=(("Sigmoid", ()),),
        wakes="the likelihood optimal-gaussian, where pixels are not nearly black or white",
    ),
    "gaussian": Likelihood(
        title="Gaussian",
        about="σ is set.",
        family="density",
        variance="set",
        expression="raw.clamp(0, 1)",
        nodes=_CUT,
        settings=(SIGMA,),
        wakes="a smaller σ than {sigma}, or the likelihood optimal-gaussian: only βσ² counts",
    ),
    "optimal-gaussian": Likelihood(
        title="Gaussian",
        about="learns its σ (σ-VAE).",
        family="density",
        variance="learned",
        expression="raw.clamp(0, 1)",
        nodes=_CUT,
    ),
}


@dataclass(frozen=True)
class Network:
    """Encoder and decoder.

    Attributes:
        title: where it is from, in words.
        sizes: heights in pixels of the square images that it takes; None: any, square or not.
        lengths: fewest and most values of the signals that it takes, where it is for signals only.
        source: "here" where this program builds it from its name, else what the checkpoint has to bring: "layers" or
            "graph" (the fields `encoder`, `decoder`, or `encoder_graph`, `decoder_graph` of config.json).
        trains: whether it has weights that can be trained on.
    """

    title: str
    sizes: tuple[int, ...] | None = None
    lengths: tuple[int, int] | None = None
    source: Literal["here", "layers", "graph"] = "here"
    trains: bool = True

    def takes(self, height: int, width: int) -> bool:
        """Whether it is made for such images, or signals, which are one pixel high."""
        if self.lengths is not None:
            return height == 1 and self.lengths[0] <= width <= self.lengths[1]
        return self.sizes is None or (height == width and height in self.sizes)

    @property
    def wanted(self) -> str:
        """What it takes, in words."""
        if self.lengths is not None:
            return f"signals of {self.lengths[0]} to {self.lengths[1]:,} values"
        return f"square images of {' or '.join(str(size) for size in self.sizes or ())} pixels"


NETWORKS: dict[str, Network] = {
    "burgess": Network("Burgess et al. 2018", (32, 64)),
    "locatello": Network("Locatello et al. 2019", (64,)),
    "mlp": Network("fully connected (Higgins et al. 2017)"),
    "compact": Network("compact", (28, 32, 64, 128)),
    "linear": Network("linear"),
    "dense": Network("fully connected, 128-128 tanh"),
    "conv1d": Network("convolutions along a signal", lengths=(64, 4096)),
    "layers": Network("layers as they were imported", source="layers"),
    "graph": Network("ONNX as it was imported", source="graph", trains=False),
}


def built_here() -> dict[str, Network]:
    """The networks that a run can start with fresh weights."""
    return {name: network for name, network in NETWORKS.items() if network.source == "here"}


def settings_of(*kinds: Objective | Likelihood) -> dict[str, Setting]:
    """The settings of kinds by name, each once."""
    return {setting.name: setting for kind in kinds for setting in kind.settings}


def values_of(kind: Objective | Likelihood, given: Values) -> dict[str, Any]:
    """The values of a kind's settings: those `given`, else the usual."""
    return {setting.name: given.get(setting.name, setting.usual) for setting in kind.settings}


def normalised(beta: float, latents: int, shape: tuple[int, ...]) -> float:
    """β·D/(C·H·W) (Higgins et al. 2017, section 4.2)."""
    return beta * latents / math.prod(shape)
