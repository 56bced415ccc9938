"""The training loop: reads from top to bottom, and can be killed at any line.

Everything random is a function of (seed, step), so a run that resumes at a step sees the very batches
and noise that it would have seen, and on the same CPU with the same threads it ends in the same bytes.
"""

from __future__ import annotations

import math
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from explorer import roots
from explorer.analysis.beta_curve import measured_curve
from explorer.analysis.evaluation import evaluate
from explorer.analysis.first_image import first_image
from explorer.checkpoints import Checkpoint, Evaluation, load, save
from explorer.checkpoints.labels import Labels, write_labels
from explorer.checkpoints.store import build_model
from explorer.datasets import open_dataset
from explorer.datasets.base import Dataset
from explorer.errors import UserError, out_of_memory
from explorer.recipe.run import DEVICE_PATTERN, TrainConfig
from explorer.training.directory import RunDirectory, RunState
from explorer.training.equivalence import prove
from explorer.training.progress_pictures import Painter
from explorer.training.run_lock import how_to_go_on, note_end, own_run
from explorer.training.sampling import Batches, batches_of, seed_of, split
from explorer.training.snapshot import Diverged, recipe_of, restore_run, save_run
from explorer.training.speed import autocast, choose_step, memory_in_use, use_device
from explorer.training.stepper import Stepper
from explorer.training.stop_signal import STOPPING, asked, noting
from explorer.training.warm_start import check_start
from models import objectives, schedules
from models.any_beta import AnyBetaVAE
from models.beta_vae import BetaVAE
from models.constraints import settling
from models.kinds import OBJECTIVES
from models.objectives import Objective, Terms

SAY_EVERY = 0.5  # seconds between states that are written while all goes well


class Stopped(KeyboardInterrupt):
    """The run was asked to stop, and has saved. The message says how to go on."""


def train(
    config: TrainConfig,
    run_directory: str | Path,
    resume: bool = False,
    progress: bool = False,
    after_step: Callable[[int], None] | None = None,
) -> Checkpoint:
    """Train one model as `config` says, in `run_directory`, and return its checkpoint.

    Args:
        resume: go on from the directory's last save; without one, begin again.
        progress: show a bar on stderr, where that is a terminal, with the rate and the time left.
        after_step: called with the number of steps done, after each.

    Raises:
        UserError: the data, the device or the directory can't be used; the run is going on elsewhere.
        Diverged: NaN; the last good checkpoint is kept.
        Stopped: SIGINT or SIGTERM came; everything is saved.
    """
    run = RunDirectory(run_directory)
    with own_run(run, config, resume) as before:
        try:
            return _train(config, run, before, progress, after_step)
        except BaseException as error:
            small = out_of_memory(error)
            note_end(run, small or error, before)
            if small is not None:
                raise small from error
            raise


def _train(
    config: TrainConfig,
    run: RunDirectory,
    before: RunState | None,
    progress: bool,
    after_step: Callable[[int], None] | None,
) -> Checkpoint:
    steps = config.total_steps
    opening = {"step": before.step, "seconds": before.seconds} if before else {"step": 0}
    run.write_state(status="running", steps=steps, message="opening the data", **opening)
    device = choose_device(config.device)
    use_device(device)
    if config.threads:
        torch.set_num_threads(config.threads)

    data = open_dataset(
        config.data,
        size=config.size,
        root=config.root,
        split=config.split,
        download=config.download,
        channels=config.channels,
    ).to(device)
    if config.root:  # whoever started this run named the place
        roots.remember(config.root)
    for note in data.notes:
        run.log(note)
        if progress:
            tqdm.write(note, file=sys.stderr)
    training, held_out = split(data, config)
    batches = batches_of(config, data, training.to(device), held_out)

    model = _new_model(config, data, run).to(device)
    model = model.to(memory_format=torch.channels_last)
    objective = build_objective(config, len(training)).to(device)
    optimiser = torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True)
    noise = torch.Generator(device)
    start, spent, refused = restore_run(run, data, model, objective, optimiser)
    run.forget_after(start)
    if start == 0:
        save_run(run, config, data, model, objective, optimiser, 0, 0.0)
        _name_dimensions(run, batches)
    how = "plain" if model.betas else choose_step(config.step, device)  # a recording would have one β for ever
    stepper = Stepper(
        model,
        objective,
        optimiser,
        noise,
        images=lambda step: data.unit(batches.at(step)),
        seed=lambda step: seed_of(config.seed, "noise", step),
        rate=lambda step: learning_rate(config, step),
        clip=config.clip,
        precision=autocast(config, device, cache=how != "graphed"),
        labels=batches.labels,
    )
    this_way = f"{how} on {device.type}"
    if how != "plain" and start < steps:
        # What was refused once stays so: a run that is resumed goes on as it began.
        why = "it was not used before" if refused == this_way else prove(stepper, how, config, start)
        if why:
            run.log(f"the {how} step is not used: {why}; plain steps go on from the same state")
            refused, how = this_way, "plain"
            stepper.precision = autocast(config, device)
    run.log(f"step {start} of {steps} on {device}, {torch.get_num_threads()} threads, {how} step")
    state = {"steps": steps, "device": str(device)}
    run.write_state(status="running", step=start, seconds=spent, memory=memory_in_use(device), **state)

    watch = _Watch(device, config.latents)
    painter = Painter(run, data, held_out, start)
    painter.paint(model, start)
    began = said = time.monotonic()
    bar = tqdm(
        total=steps, initial=start, unit="step", disable=None if progress else True, dynamic_ncols=True, mininterval=0.5
    )
    with bar, noting(signal.SIGINT, *STOPPING):
        for step in range(start, steps):
            terms = stepper.take(step)
            watch.see(step, terms)
            done = step + 1
            bar.update()
            if after_step is not None:
                after_step(done)

            stop = asked.is_set()  # looked at once: a signal that comes later is the next step's
            last = done == steps or stop
            if done % config.log_every == 0 or last:
                watch.check()
                now = time.monotonic()
                rate = (done - start) * config.batch_size / max(now - began, 1e-9)
                run.append(_record("train", done, terms, learning_rate(config, step)))
                if last or now - said >= SAY_EVERY:  # a flushed file costs as much as some steps
                    run.write_state(
                        status="running",
                        step=done,
                        images_per_second=rate,
                        seconds=spent + now - began,
                        memory=memory_in_use(device),
                        **state,
                    )
                    said = now
                bar.set_postfix_str(_in_short(terms, rate))
                painter.paint_if_cheap(model, done)
            if done % config.eval_every == 0 or done == steps:
                watch.check()
                run.append({"kind": "eval", "step": done} | _evaluate(model, data, held_out))
            if done % config.save_every == 0 or last:
                watch.check()
                seconds = spent + time.monotonic() - began
                save_run(run, config, data, model, objective, optimiser, done, seconds, refused)
            if stop and done < steps:
                raise Stopped(f"stopped at step {done} of {steps}, saved; {how_to_go_on(run)}")

    painter.paint(model, steps)
    final = _evaluate(model, data, held_out)
    evaluation = Evaluation(data=config.data, split=f"{config.split}, held out", count=len(held_out), seed=0, **final)
    curve = measured_curve(model, data, held_out) if isinstance(model, AnyBetaVAE) else None
    save(
        model,
        run.checkpoint,
        training=recipe_of(config),
        evaluation=evaluation,
        curve=curve,
        first_image=first_image(model.usual(), data, held_out),
        samples=data.samples,
    )
    here = time.monotonic() - began
    overall = (steps - start) * config.batch_size / here if steps > start else None
    run.reserve.unlink(missing_ok=True)
    run.log(f"finished {steps} steps in {spent + here:.0f} s")
    run.write_state(
        status="finished",
        step=steps,
        images_per_second=overall,
        seconds=spent + here,
        memory=memory_in_use(device),
        **state,
    )
    return load(run.checkpoint)


# --- what a step is made of -------------------------------------------------------------------------


def _new_model(config: TrainConfig, data: Dataset, run: RunDirectory) -> BetaVAE:
    """The model as it is before the first step: fresh weights, or those of the model that the run starts from.

    Raises:
        UserError: that model is gone before anything was saved, or takes other images.
    """
    if config.start is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            return build_model(config.model(data.shape))
    saved = run.resume_file.is_file()  # then all that is needed is in the run, whatever became of the model
    if not saved:
        check_start(config)
    start = load(run.checkpoint if saved else config.start)
    model: BetaVAE = start.model
    if config.betas is not None and model.source is not None:
        if model.source.betas == config.betas:
            model = model.source
        else:
            run.log(f"starts from the plain model that {config.start} is at β = {start.beta:g}: its range is another")
    if config.betas is not None and model.betas is None:
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(config.seed)
                model = AnyBetaVAE(model.network, model.likelihood, *config.betas)
        except ValueError as error:
            raise UserError(f"{config.start}: {error}") from error
    if model.shape != data.shape:
        raise UserError(
            f"{config.start} takes images of shape {model.shape}, {data.name} has {data.shape}: "
            "choose images of the size that it was trained with"
        )
    return model.requires_grad_(True).train()


def _name_dimensions(run: RunDirectory, batches: Batches) -> None:
    """Call each dimension like the factor that it is to have, where a few images have labels."""
    if batches.names:
        write_labels(run.checkpoint, Labels(names=batches.names))


def learning_rate(config: TrainConfig, step: int) -> float:
    """Adam's rate at `step`: `learning_rate`, moved by its schedule.

    A constrained run comes to rest at its end, whatever the schedule.
    """
    rate = schedules.read(config.rate_schedule).at(config.learning_rate, step, config.total_steps)
    if OBJECTIVES[config.objective].rests:
        rate *= settling(step, config.total_steps)
    return rate


def build_objective(config: TrainConfig, dataset_size: int) -> Objective:
    """The objective that `config` names, for a data set of `dataset_size` images."""
    return objectives.build(config.objective, config.of_objective, config.total_steps, dataset_size)


def choose_device(name: str) -> torch.device:
    """The device a run is asked for; "auto" is CUDA, else MPS, else the CPU.

    Raises:
        UserError: a device that this machine doesn't have.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    if not re.fullmatch(DEVICE_PATTERN, name):
        raise UserError(f"device {name!r} is not one of auto, cpu, mps, cuda and cuda:1")
    device = torch.device(name)
    there = {"cpu": True, "mps": mps, "cuda": cuda and (device.index or 0) < torch.cuda.device_count()}
    if not there[device.type]:
        raise UserError(f"device {name} is not on this machine; choose auto or cpu")
    return device


class _Watch:
    """Remembers the first step whose terms were not finite, without waiting for the device."""

    def __init__(self, device: torch.device, latents: int) -> None:
        self.step = torch.full((), -1, dtype=torch.int64, device=device)
        self.terms = torch.zeros(2 + latents, device=device)

    def see(self, step: int, terms: Terms) -> None:
        now = torch.cat([torch.stack([terms.loss, terms.reconstruction]), terms.kl_per_dimension]).detach()
        first = (self.step < 0) & ~torch.isfinite(now).all()
        self.terms = torch.where(first, now, self.terms)
        self.step = self.step.masked_fill(first, step)  # a number for `where` would be copied there

    def check(self) -> None:
        """Raise Diverged where a step was bad."""
        step = int(self.step)
        if step < 0:
            return
        values = self.terms.tolist()
        if not math.isfinite(values[1]):
            why = f"the reconstruction cost became {values[1]}"
        else:
            bad = [j for j, kl in enumerate(values[2:]) if not math.isfinite(kl)]
            why = f"the KL of dimension {bad[0]} became {values[2 + bad[0]]}" if bad else "the loss overflowed"
        raise Diverged(
            f"at step {step + 1} {why}; the last good checkpoint is kept; "
            "a lower learning_rate or a clip of the gradient usually helps"
        )


# --- what is said while it runs ---------------------------------------------------------------------


def _evaluate(model: BetaVAE, data: Dataset, held_out: Tensor) -> dict[str, Any]:
    """Costs on the held-out images, with the same noise every time."""
    result = evaluate(model.eval().usual(), data, indices=held_out)
    return {
        "reconstruction": result.reconstruction,
        "kl": result.kl,
        "kl_per_dimension": [float(value) for value in result.kl_per_dimension],
        "active_units": result.active_units,
        "activity": [float(value) for value in result.activity],
    }


def _record(kind: str, step: int, terms: Terms, rate: float) -> dict[str, Any]:
    return {
        "kind": kind,
        "step": step,
        "loss": terms.loss.item(),
        "reconstruction": terms.reconstruction.item(),
        "kl": terms.kl.item(),
        "kl_per_dimension": terms.kl_per_dimension.tolist(),
        "learning_rate": rate,
        **{name: value.item() for name, value in terms.extra.items()},
    }


def _in_short(terms: Terms, rate: float) -> str:
    extra = "".join(f" {name} {value.item():.3g}" for name, value in terms.extra.items())
    costs = f"reconstruction {terms.reconstruction.item():.1f} KL {terms.kl.item():.2f}"
    return f"{costs}{extra} {rate:.0f} images/s"
