"""Train the shipped models (recipes/shipped.toml), measure them, and put them into models/pretrained/.

    python recipes/ship.py                         # all; runs that are finished already are only measured again
    python recipes/ship.py scene-beta4             # this one
    python recipes/ship.py --scores scene-beta4    # only its scores, as after a change of the code that computes them

Weights are stored in half precision where that leaves every picture the same to the eye.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from explorer import paths  # noqa: E402
from explorer.analysis import measurement, metrics, score_cache  # noqa: E402
from explorer.analysis.beta_curve import measured_curve  # noqa: E402
from explorer.analysis.evaluation import choose, encode_all, evaluate  # noqa: E402
from explorer.analysis.first_image import first_image, started_from  # noqa: E402
from explorer.analysis.scores import OF_ONE_MODEL  # noqa: E402
from explorer.checkpoints import Evaluation, load, save  # noqa: E402
from explorer.checkpoints.config import CurvePoint  # noqa: E402
from explorer.checkpoints.labels import FILE, Labels  # noqa: E402
from explorer.checkpoints.recipe import source_of  # noqa: E402
from explorer.datasets import open_dataset  # noqa: E402
from explorer.datasets.names import DATASETS  # noqa: E402
from explorer.errors import UserError  # noqa: E402
from explorer.export.onnx import write_onnx  # noqa: E402
from explorer.files import write_atomic, write_json  # noqa: E402
from explorer.training import TrainConfig  # noqa: E402
from explorer.training.directory import RunDirectory  # noqa: E402
from explorer.training.log_reader import keep_log  # noqa: E402
from explorer.training.sweep_recipe import Outcome, PlannedRun, read_recipe, run_sweep  # noqa: E402
from models.beta_vae import BetaVAE  # noqa: E402

COUNT = 10_000
SAME_PICTURE = 1 / 255  # a grey level


CHOSEN = {
    "dsprites-disentangled": "Chosen from two runs: this one (seed 1), whose fourth dimension woke and turns "
    "the sprite, and one with seed 0 and β = 3 at the end, which kept three dimensions (MIG 0.38).",
    "scene-disentangled": "The factors of 1,000 of the 480,000 pictures were told (0.2 %), those of all others not. "
    "Tried without labels, some two dozen runs of 0.5 to 2.5 million pictures, MIG on 4,000 of them: β = 4 throughout "
    "0.23; β falling from 300 or from 110 0.20 to 0.30; with a price on dependence (HSIC) and β from 110 to 3 0.36, "
    "then at β = 2 0.44; that and then pairs of pictures that differ in one factor 0.56, three hues and the view one "
    "dimension each, the shape with the object's hue; pairs from the start 0.36.",
}

# What a slider visibly does, in a word or two.
NAMES = {
    "dsprites-disentangled": {8: "up and down", 3: "left and right", 5: "size", 0: "turn"},
    "scene-disentangled": {0: "floor hue", 1: "wall hue", 2: "object hue", 3: "size", 4: "shape", 5: "view"},
}

# Shown first from this image, though the picture at the prior's mean is no poor one: its hues lie far apart.
FIRST_IMAGES = {"scene-disentangled": 77_139}

# The dSprites rows of a published sweep over β (the logs of carlodenardin/PML2025, validation images of the
# epoch with the lowest loss): epochs of 2,304 batches of 256, reconstruction and KL in nats an image.
PUBLISHED = {
    "dsprites-beta1": (61, 24.6, 27.4),
    "dsprites-beta2": (98, 32.8, 18.8),
    "dsprites-beta4": (66, 49.1, 14.1),
    "dsprites-beta8": (80, 71.8, 9.9),
    "dsprites-beta16": (51, 113.5, 6.5),
}


def beside(name: str, config: TrainConfig) -> str:
    """What the published sweep has at this β, and why a model of minutes differs from it."""
    if name not in PUBLISHED:
        return ""
    epochs, reconstruction, kl = PUBLISHED[name]
    times = epochs * 2304 * 256 / (config.total_steps * config.batch_size)
    return (
        f"A published sweep (carlodenardin/PML2025) has reconstruction {reconstruction} and KL {kl} nats at "
        f"this β, from {times:.0f} times as many images; so much less training leaves pictures less sharp "
        "and the reconstruction higher."
    )


def measure(model: BetaVAE, config: TrainConfig) -> tuple[Evaluation, list[CurvePoint] | None]:
    """The numbers of a model on 10,000 images of its data set; MIG where they are drawn from factors.

    Of a model for every β also its curve, on the same images.
    """
    data = open_dataset(config.data, size=model.shape[1], split=config.split)
    indices = choose(data, COUNT, seed=0)
    result = evaluate(model, data, COUNT, seed=0)
    curve = None if model.source is None else measured_curve(model.source, data, indices)
    mig = None
    if DATASETS[config.data].grid:
        codes = encode_all(model, data, indices).mean
        mig = metrics.mig(codes, data.factors(indices), seed=0, preset="full").value
    evaluation = Evaluation(
        data=config.data,
        split=config.split,
        count=result.count,
        seed=0,
        reconstruction=result.reconstruction,
        kl=result.kl,
        kl_per_dimension=tuple(float(kl) for kl in result.kl_per_dimension),
        active_units=result.active_units,
        activity=tuple(float(v) for v in result.activity),
        mig=mig,
    )
    return evaluation, curve


def ship(run: PlannedRun) -> None:
    """Put a finished run into models/pretrained/, with its card."""
    trained, config, state = load(run.path), run.config, RunDirectory(run.path).state()
    target, recipe = paths.PRETRAINED / run.name, trained.config.training
    recipe = {name: value for name, value in (recipe or {}).items() if name != "root"}
    save(trained.model.source or trained.model, target, training=recipe, half=True)
    shipped = load(target).model
    z = torch.randn(500, shipped.latents, generator=torch.Generator().manual_seed(0))
    difference = float((shipped.decode(z) - trained.model.decode(z)).abs().max())
    if difference > SAME_PICTURE:
        shipped = trained.model
    evaluation, curve = measure(shipped, config)
    note = (
        f"Trained on {config.total_steps * config.batch_size:,} images in {state.seconds / 60:.0f} minutes "
        f"on one core of a busy two-core {state.device.upper()}. "
        f"{CHOSEN.get(run.name, beside(run.name, config))}"
    ).strip()
    half = difference <= SAME_PICTURE
    data = open_dataset(config.data, size=shipped.shape[1], split=config.split)
    if run.name in FIRST_IMAGES:
        first = started_from(shipped, data, FIRST_IMAGES[run.name])
    else:
        first = first_image(shipped, data, choose(data, COUNT, seed=0))
    save(shipped.source or shipped, target, recipe, evaluation, curve, first, half=half, note=note)
    if run.name in NAMES:
        write_json(target / FILE, Labels(names=NAMES[run.name]).model_dump(mode="json"))
    keep_log(RunDirectory(run.path).metrics_file, target)  # the way of training, for the page Compare
    for old in target.glob("*.onnx"):
        old.unlink()
    ready = load(target)  # the page need not make them
    write_onnx(ready, target / f"{ready.content}.onnx", every_beta=True)
    keep_scores(run.name)
    stored = "half" if half else "single"
    mig = "" if evaluation.mig is None else f", MIG {evaluation.mig:.3f}"
    print(
        f"{run.name}: reconstruction {evaluation.reconstruction:.2f}, KL {evaluation.kl:.2f}{mig}; "
        f"{stored} precision, largest difference of a pixel {difference:.5f}"
    )


def keep_scores(name: str) -> str:
    """Put the scores of a shipped model beside it, as the page Measure wants them first; what was done, in a line.

    They have the names that the cache of scores gives them, so that they count for these weights, images and
    settings, and as long as the code that computes them is the same. What is known by its name is not computed again.

    Raises:
        UserError: its images are not on this machine.
    """
    checkpoint = load(paths.PRETRAINED / name)
    source, (channels, size, _) = source_of(checkpoint.config), checkpoint.config.shape
    data = open_dataset(source.name, size=size, split=source.split, channels=channels)
    wanted = tuple(score for score in OF_ONE_MODEL if measurement.can_be_measured(score, data, 1) is None)
    plan = measurement.Plan(wanted, "fast")
    subject = measurement.Subject(name, checkpoint.hash, lambda: checkpoint.model)
    found = measurement.measure([subject], data, plan)[name]
    kept = {measurement.key_of([checkpoint.hash], data, score, plan): found[score].as_json() for score in wanted}
    lines = ",\n".join(f"{json.dumps(key)}: {json.dumps(result, allow_nan=False)}" for key, result in kept.items())
    write_atomic(checkpoint.path / score_cache.SHIPPED, f"{{\n{lines}\n}}\n".encode())
    return f"{name}: {len(kept)} scores"


def train_and_ship(runs: Sequence[PlannedRun]) -> list[str]:
    """Train what is not finished, then measure and ship each; what went wrong, a sentence a run."""
    wrong: dict[str, str] = {}

    def tell(outcome: Outcome, number: int) -> None:
        click.echo(f"{number}/{len(runs)} {outcome.run.name}: {outcome.status}; {outcome.message}")
        if outcome.status in ("failed", "elsewhere"):
            wrong[outcome.run.name] = outcome.message

    run_sweep(list(runs), progress=sys.stderr.isatty(), tell=tell)
    for run in runs:
        if run.name not in wrong:
            ship(run)
    return [f"{name}: {message}" for name, message in wrong.items()]


def score_all(names: Sequence[str]) -> list[str]:
    """Put the scores of each beside it; what went wrong, a sentence a model."""
    wrong = []
    for name in names:
        try:
            click.echo(keep_scores(name))
        except UserError as error:
            wrong.append(f"{name}: {error}")
    return wrong


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--scores", is_flag=True, help="Train nothing: only measure the scores that the page Measure shows first."
)
def main(names: tuple[str, ...], scores: bool) -> None:
    """Train each run NAME of recipes/shipped.toml, measure it, and put it into models/pretrained/; without a NAME all.

    Runs that are finished already are only measured again. Scores whose model, images, settings and code are those of
    the file that is there are kept as they are.

    \b
        python recipes/ship.py scene-beta4
        python recipes/ship.py --scores
    """
    try:
        runs = {run.name: run for run in read_recipe(ROOT / "recipes" / "shipped.toml", paths.runs() / "shipped")}
        if strange := [name for name in names if name not in runs]:
            raise click.UsageError(f"there is no run {strange[0]!r:.80}; there are {', '.join(runs)}")
        chosen = list(dict.fromkeys(names)) or list(runs)
        wrong = score_all(chosen) if scores else train_and_ship([runs[name] for name in chosen])
    except UserError as error:
        raise click.ClickException(str(error)) from error
    for sentence in wrong:
        click.echo(sentence, err=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
