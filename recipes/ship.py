"""Train the shipped models (recipes/shipped.toml), measure them, and put them into models/pretrained/.

    python recipes/ship.py                  # runs that are finished already are only measured again

Of runs that differ in one last letter (NAME-a, NAME-b, ...) the one with the highest MIG is shipped as
NAME, and its card says of how many it is the best. Weights are stored in half precision where that
leaves every picture the same to the eye.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from explorer import paths  # noqa: E402
from explorer.analysis import metrics  # noqa: E402
from explorer.analysis.evaluation import choose, encode_all, evaluate  # noqa: E402
from explorer.checkpoints import Checkpoint, Evaluation, load, save  # noqa: E402
from explorer.datasets import open_dataset  # noqa: E402
from explorer.training.directory import RunDirectory  # noqa: E402
from explorer.training.sweep import PlannedRun, read_recipe, run_sweep  # noqa: E402

COUNT = 10_000
SAME_PICTURE = 1 / 255  # a grey level


@dataclass(frozen=True)
class Measured:
    """A finished run with its numbers."""

    run: PlannedRun
    checkpoint: Checkpoint
    evaluation: Evaluation


def measure(run: PlannedRun) -> Measured:
    """The numbers of a run on 10,000 images of its data set; MIG where the factors are dSprites'."""
    checkpoint, config = load(run.path), run.config
    data = open_dataset(config.data, size=checkpoint.model.shape[1], split=config.split)
    result = evaluate(checkpoint.model, data, COUNT, seed=0)
    mig = None
    if config.data == "dsprites":
        indices = choose(data, COUNT, seed=0)
        codes = encode_all(checkpoint.model, data, indices).mean
        mig = metrics.mig(codes, data.factors(indices), seed=0, preset="full").value
    evaluation = Evaluation(
        data=config.data, split=config.split, count=result.count, seed=0,
        reconstruction=result.reconstruction, kl=result.kl,
        kl_per_dimension=tuple(float(kl) for kl in result.kl_per_dimension),
        active_units=result.active_units, mig=mig,
    )  # fmt: skip
    return Measured(run, checkpoint, evaluation)


def ship(name: str, candidates: list[Measured]) -> None:
    """Put the best candidate into models/pretrained/`name`, with its card."""
    best = max(candidates, key=lambda m: m.evaluation.mig or 0)
    state = RunDirectory(best.run.path).state()
    images = best.run.config.total_steps * best.run.config.batch_size
    note = (
        f"Trained on {images:,} images in {state.seconds / 60:.0f} minutes of one core of a shared "
        f"two-core {state.device.upper()} machine."
    )
    if len(candidates) > 1:
        others = ", ".join(f"{m.evaluation.mig:.3f}" for m in candidates)
        note += f" The best by MIG of {len(candidates)} runs in recipes/shipped.toml: {others}."
    model, target = best.checkpoint.model, paths.PRETRAINED / name
    recipe = best.checkpoint.config.training
    save(model, target, training=recipe, evaluation=best.evaluation, half=True, note=note)
    z = torch.randn(500, model.latents, generator=torch.Generator().manual_seed(0))
    difference = float((load(target).model.decode(z) - model.decode(z)).abs().max())
    if difference > SAME_PICTURE:
        save(model, target, training=recipe, evaluation=best.evaluation, note=note)
    stored = "half" if difference <= SAME_PICTURE else "single"
    mig = "" if best.evaluation.mig is None else f", MIG {best.evaluation.mig:.3f}"
    print(
        f"{name}: reconstruction {best.evaluation.reconstruction:.2f}, KL {best.evaluation.kl:.2f}{mig}; "
        f"{stored} precision, largest difference of a pixel {difference:.5f}"
    )


def main() -> None:
    """Train what is not finished, then measure and ship all."""
    runs = read_recipe(ROOT / "recipes" / "shipped.toml", paths.runs() / "shipped")
    run_sweep(runs, progress=True)
    groups: dict[str, list[Measured]] = {}
    for run in runs:
        groups.setdefault(re.sub(r"-[a-z]$", "", run.name), []).append(measure(run))
    for name, candidates in groups.items():
        ship(name, candidates)


if __name__ == "__main__":
    main()
