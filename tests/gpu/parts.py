"""What is tried on the device, each part in a process of its own: PARTS, by name, with seconds for each at the most."""

from __future__ import annotations

import contextlib
import copy
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from explorer.analysis import metrics
from explorer.analysis.evaluation import evaluate, whole_floats
from explorer.analysis.implied_beta import read_beta
from explorer.analysis.measurement import Subject, encoded, jacobians
from explorer.analysis.summary import summarise
from explorer.checkpoints import Checkpoint, load
from explorer.checkpoints.store import build_model
from explorer.datasets import open_dataset
from explorer.errors import UserError
from explorer.training import TrainConfig
from explorer.training.cost import estimate
from explorer.training.directory import RunDirectory
from explorer.training.equivalence import difference, watched
from explorer.training.loop import build_objective, train
from explorer.training.stepper import Stepper
from tests.gpu.rows import ABSENT, DIFFERS, SAME, Row, below, holds, near


@dataclass(frozen=True)
class Place:
    """The device, a folder for runs, and whether all is done small."""

    device: str
    folder: Path
    small: bool

    @property
    def on_cuda(self) -> bool:
        return self.device.startswith("cuda")

    def config(self, **more: Any) -> TrainConfig:
        """A run of this size on this device."""
        small = {"size": 32, "steps": 30, "batch_size": 16, "eval_images": 64, "threads": 1}
        large = {"size": 64, "steps": 600, "batch_size": 64, "eval_images": 512}
        common = {
            "data": "dsprites",
            "device": self.device,
            "beta": 1.0,
            "step": "plain",
            "network": "compact",
            "log_every": 10,
            "eval_every": 100,
            "save_every": 10_000,
        }
        return TrainConfig.model_validate(common | (small if self.small else large) | more)


def machine(place: Place) -> Iterator[Row]:
    yield Row("machine", "Python, torch", f"{platform.python_version()}, {torch.__version__}")
    if place.on_cuda:
        about = torch.cuda.get_device_properties(torch.device(place.device))
        memory = f"{about.total_memory / 2**30:.1f} GiB"
        yield Row("machine", "GPU", f"{about.name}, {memory}, CUDA {torch.version.cuda}")
    else:
        yield Row("machine", "GPU", "none: its own logic, small", verdict=ABSENT)


def images(place: Place) -> Iterator[Row]:
    """Pixels drawn on the device, and on the CPU."""
    for name in ("dsprites",) if place.small else ("dsprites", "scene"):
        data = open_dataset(name)
        chosen = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))[:200]
        there = data.to(place.device).images(chosen)
        same_place = there.device.type == torch.device(place.device).type
        yield holds("images", f"{name} lies on", there.device.type, place.device, same_place)
        off = float((there.cpu() != data.images(chosen)).float().mean())
        yield below("images", f"{name}: part of pixels that differ from the CPU's", off, 1e-4)


def steps(place: Place) -> Iterator[Row]:
    """Three steps on the device and on the CPU from the same weights and noise: costs, gradients."""
    torch.backends.cudnn.allow_tf32 = False  # so that what differs is a fault, and no rounding
    cases = [
        ("compact", "bernoulli", "constrained"),
        ("burgess", "gaussian", "capacity"),
        ("mlp", "optimal-gaussian", "beta"),
        ("compact", "bernoulli", "tc"),
    ]
    if not place.small:
        cases += [("locatello", "bernoulli", "beta"), ("linear", "gaussian", "beta")]
    for network, likelihood, objective in cases:
        config = place.config(network=network, likelihood=likelihood, objective=objective)
        data = open_dataset("dsprites", size=config.size)
        cpu = _stepper(config, data, "cpu")
        first = copy.deepcopy(cpu.model)
        there = _stepper(config, data, place.device, first)
        why = difference(watched(there, 0), watched(cpu, 0), "float32")
        what = f"three steps: {network}, {likelihood}, {objective}"
        yield holds("steps", what, why or "costs and gradients of the CPU", "CPU", not why)


def _stepper(config: TrainConfig, data: Any, device: str, model: Any = None) -> Stepper:
    torch.manual_seed(0)
    model = build_model(config.model(data.shape)) if model is None else model
    model = model.to(device).to(memory_format=torch.channels_last)
    data = data.to(device)
    order = torch.randperm(len(data), generator=torch.Generator().manual_seed(1)).split(config.batch_size)
    return Stepper(
        model,
        build_objective(config, len(data)).to(device),
        torch.optim.Adam(model.parameters(), lr=config.learning_rate, fused=True),
        torch.Generator(),  # of the CPU: the same noise everywhere
        images=lambda step: data.images(order[step]).float() / 255,
        seed=lambda step: step,
        rate=lambda step: config.learning_rate,
        clip=1.0,
        precision=torch.autocast(torch.device(device).type, enabled=False),
    )


def runs(place: Place) -> Iterator[Row]:
    """Train, stop and resume, evaluate and measure."""
    config = place.config(objective="constrained", likelihood="optimal-gaussian", save_every=7)
    whole = train(config, place.folder / "whole")
    again = train(config, place.folder / "again")
    repeats = _weights(whole.path) == _weights(again.path)
    note = "byte-equal" if repeats else f"up to {_apart(whole, again):.2g} apart"
    yield Row("train", "two runs with one seed", note, verdict="measured")

    class Power(Exception):
        pass

    def cut(step: int) -> None:
        if step == config.total_steps // 2:
            raise Power

    with contextlib.suppress(Power):
        train(config, place.folder / "cut", after_step=cut)
    resumed = train(config, place.folder / "cut", resume=True)
    equal = _weights(whole.path) == _weights(resumed.path)
    cost, other = (_cost(checkpoint) for checkpoint in (resumed, whole))
    if equal or repeats:
        note = "byte-equal" if equal else f"up to {_apart(whole, resumed):.2g} apart"
        yield holds("resume", "a run that was cut and resumed", note, "the whole run", equal)
    else:  # kernels of this device add in another order each time
        yield near("resume", "cost held out of a run that was cut and resumed", cost, other, 0.05)

    # The noise of each device is its own, so these are two runs, as with two seeds.
    far, cpu = (
        train(place.config(device=device), place.folder / f"on-{device.replace(':', '-')}-{number}")
        for number, device in enumerate((place.device, "cpu"))
    )
    yield near("train", "cost held out, beside a run on the CPU", _cost(far), _cost(cpu), 0.1)

    state = RunDirectory(place.folder / "whole").state()
    total = torch.cuda.get_device_properties(place.device).total_memory if place.on_cuda else 2**44
    memory = state.memory or 0
    fits = 0 < memory <= total and state.device == place.device
    yield holds(
        "memory",
        f"read-out of a run on {state.device}",
        f"{memory / 2**20:,.0f} MB",
        "above 0, at most the device's",
        fits,
    )

    yield from _measured(place, whole)


def _measured(place: Place, whole: Checkpoint) -> Iterator[Row]:
    """Numbers of one model, on this device and on the CPU."""
    data = open_dataset("dsprites", size=place.config().size)
    here, there = load(whole.path).model, load(whole.path, place.device).model
    count = 200 if place.small else 2000
    ours, theirs = (evaluate(model, data, count) for model in (there, here))
    yield near("evaluate", "reconstruction", ours.reconstruction, theirs.reconstruction, 1e-4)
    yield near("evaluate", "KL", ours.kl, theirs.kl, 1e-4)
    tc, other_tc = (summarise(model, data, count).decomposition for model in (there, here))
    yield near("evaluate", "total correlation", float(tc.total_correlation), float(other_tc.total_correlation), 1e-3)
    beta, other_beta = _beta(there, data, count), _beta(here, data, count)
    if isinstance(beta, float) and isinstance(other_beta, float):
        yield near("evaluate", "β read off the model", beta, other_beta, 0.01)
    else:
        yield holds("evaluate", "β read off the model", str(beta), str(other_beta), beta == other_beta)

    found = [
        encoded(Subject("run", f"{whole.hash}-{i}", _given(m)), data, count, 0) for i, m in enumerate((there, here))
    ]
    yield below("measure", "largest difference of a mean", abs(found[0].means - found[1].means).max(), 1e-3)
    with whole_floats():
        slopes = [jacobians(model, found[1].means, 8) for model in (there, here)]
    size = max(abs(slopes[1]).max(initial=0.0), 1e-6)
    off = abs(slopes[0] - slopes[1]).max(initial=0.0) / size
    yield below("measure", "largest difference of a slope of the decoder, as a part", off, 1e-3)
    for name in ("mig", "mig_sup", "modularity", "factor_vae", "irs", "gaussian_total_correlation"):
        one, two = (getattr(metrics, name)(f.means, f.factors, seed=0, preset="fast").value for f in found)
        if one is None or two is None:
            yield holds("measure", name, str(one), str(two), one is two)
        else:
            yield below("measure", f"{name}: difference from the CPU's", abs(one - two), 0.01)


def ways(place: Place) -> Iterator[Row]:
    """Plain beside compiled, recorded and bfloat16."""
    if place.small:  # traced, and run as it is: to make machine code takes longer than all the rest
        torch.compile = partial(torch.compile, backend="eager")
    plain = train(place.config(), place.folder / "plain")
    yield _rate("ways", "plain", place.folder / "plain")
    for how in ("graphed", "bfloat16", "compiled"):
        more = {"precision": how} if how == "bfloat16" else {"step": how}
        if how == "graphed" and not place.on_cuda:
            yield Row("ways", how, "graphs are CUDA's", verdict=ABSENT)
            continue
        run = place.folder / how
        try:
            made = train(place.config(**more), run)
        except UserError as error:
            yield Row("ways", how, str(error), verdict=DIFFERS)
            continue
        refused = [line for line in (run / "log.txt").read_text().splitlines() if "not used" in line]
        if refused:
            why = refused[0].split("  ", 1)[1]
            lacking = (
                how == "compiled"
                and "it failed with" in why
                and any(
                    word in why.lower()
                    for word in ("compiler", "triton", "python.h", "gcc", "cpp", "cuda.h", "not find")
                )
            )
            yield Row("ways", how, why, verdict=ABSENT if lacking else DIFFERS)
            continue
        bound = 0.1 if how == "bfloat16" else 0.05
        yield near("ways", f"{how}: cost held out, beside plain", _cost(made), _cost(plain), bound)
        yield _rate("ways", how, run)


def speed(place: Place) -> Iterator[Row]:
    """Images a second by network and batch, the way that `auto` goes."""
    networks = ("compact",) if place.small else ("compact", "burgess", "locatello", "mlp")
    for network in networks:
        for batch in (16,) if place.small else (64, 256, 1024):
            config = place.config(network=network, batch_size=batch, step="auto")
            found = estimate(config, 0.5 if place.small else 1.5)
            yield Row("speed", f"{network}, batch {batch}", f"{found.images_per_second:,.0f} images/s")


def target(place: Place) -> Iterator[Row]:
    """Seconds until the ELBO of held-out images is what it should be."""
    wanted, most = (-250.0, 300) if place.small else (-100.0, 20_000)
    times: dict[int, float] = {}
    every = 25 if place.small else 250
    config = place.config(step="auto", steps=most, eval_every=every)
    run = place.folder / "target"

    class Reached(Exception):
        pass

    def look(step: int) -> None:
        times[step] = time.perf_counter()
        if step % every == 1 and step > 1 and _elbos(run)[-1][1] >= wanted:
            raise Reached

    with contextlib.suppress(Reached):
        train(config, run, after_step=look)
    found = next((step for step, elbo in _elbos(run) if elbo >= wanted), None)
    what = f"{config.network}, {config.size} px: ELBO of {wanted:g} nats"
    if found is None:
        best = max(elbo for _, elbo in _elbos(run))
        yield Row("target", what, f"{best:.1f} after {most:,} steps", f"{wanted:g}", verdict=DIFFERS)
        return
    seconds = times[found] - times[1]
    yield Row("target", what, f"{seconds:.1f} s, {found:,} steps", verdict=SAME)


def _given(model: Any) -> Callable[[], Any]:
    return lambda: model


def _beta(model: Any, data: Any, count: int) -> float | str:
    try:
        return read_beta(model, data, count).beta
    except UserError:  # a run so short may not be at rest; the sentence has numbers of its own
        return "refused"


def _elbos(run: Path) -> list[tuple[int, float]]:
    return [
        (record["step"], -record["reconstruction"] - record["kl"])
        for record in RunDirectory(run).metrics()
        if record["kind"] == "eval"
    ]


def _rate(part: str, what: str, run: Path) -> Row:
    rate = RunDirectory(run).state().images_per_second or 0.0
    return Row(part, f"{what}: rate of the whole run", f"{rate:,.0f} images/s")


def _weights(checkpoint: Path) -> bytes:
    return (checkpoint / "model.safetensors").read_bytes()


def _apart(one: Any, other: Any) -> float:
    pairs = zip(one.model.parameters(), other.model.parameters(), strict=True)
    return max(float((a - b).abs().max()) for a, b in pairs)


def _cost(checkpoint: Any) -> float:
    """Nats an image, held out."""
    measured = checkpoint.config.evaluation
    return float(measured.reconstruction + measured.kl)


Part = Callable[[Place], Iterator[Row]]
PARTS: dict[str, tuple[Part, float]] = {
    "machine": (machine, 60),
    "images": (images, 60),
    "steps": (steps, 90),
    "runs": (runs, 150),
    "ways": (ways, 150),
    "speed": (speed, 120),
    "target": (target, 120),
}
