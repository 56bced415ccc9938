"""This trainer against pythae's, disent's and a textbook PyTorch loop: same network, batch and images.

    python benchmarks/training.py [--peers PYTHON] [--rounds 3] [--steps 200] [--threads 1] [--json]
    python benchmarks/training.py --elbo [--steps 2000]

The first prints images a second of each, in turn and in one run; every contender is a process of its own
that sets itself up as its authors have it, and steps are timed after the first twenty. `--peers` is the
Python that has pythae and disent (`pip install pythae disent`, which may want an environment of their
own beside this project's requirements); without them the textbook loop stays. The second trains the
textbook loop with `burgess`, and prints after how many seconds this trainer with `compact` has the same
held-out ELBO (β = 1); its recipe is its own: fewer steps, a rate that comes down, β that comes up.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

BATCH, LATENTS, RATE, COUNT, WARM = 64, 10, 1e-3, 20_000, 20
HELD_OUT = 512


# Of compact, in the second comparison: three fifths of the steps, at a rate that comes down meanwhile.
SHORT = {"learning_rate": 3 * RATE, "rate_schedule": "cosine to=x0.05 begin=30%", "beta_schedule": "linear over=500"}


def ours(images: Path, steps: int, network: str = "burgess", every: int = 10**9) -> dict[str, Any]:
    """This trainer, as `python -m explorer train` sets it up."""
    from explorer.training.speed import prepare_process

    prepare_process()
    import torch

    from explorer.training import TrainConfig, train
    from explorer.training.directory import RunDirectory

    recipe = SHORT if network == "compact" else {"learning_rate": RATE}
    config = TrainConfig.model_validate(
        {
            "data": "npz",
            "root": str(images),
            "network": network,
            "latents": LATENTS,
            "beta": 1.0,
            "steps": steps,
            "batch_size": BATCH,
            "threads": torch.get_num_threads(),
            "device": "cpu",
            "eval_images": HELD_OUT,
            "eval_every": every,
            "log_every": 50,
            **recipe,
        }
    )
    ticks: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        train(config, folder + "/run", after_step=lambda step: ticks.append(time.perf_counter()))
        costs = [
            (record["step"], record["reconstruction"] + record["kl"])
            for record in RunDirectory(folder + "/run").metrics()
            if record["kind"] == "eval"
        ]
    return {"rate": _rate(ticks), "costs": [(ticks[s - 1] - began, s, c) for s, c in costs]}


def textbook(images: Path, steps: int) -> dict[str, Any]:
    """The loop of the tutorials: a Dataset, a DataLoader, Adam, zero_grad, backward, step, loss.item()."""
    import torch
    import torch.nn.functional as F
    from torch.utils.data import DataLoader, TensorDataset

    from explorer.analysis.evaluation import evaluate
    from explorer.checkpoints import ModelConfig
    from explorer.checkpoints.store import build_model

    data, training, held_out = _split(images)
    model = build_model(ModelConfig(network="burgess", shape=(1, 64, 64), latents=LATENTS))
    began = time.perf_counter()
    loader = DataLoader(TensorDataset(data.images(training).float() / 255), BATCH, shuffle=True, drop_last=True)
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    ticks: list[float] = []
    for (batch,) in _for(steps, loader):
        mean, log_var = model.network.encode(batch)
        z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
        raw = model.network.decode(z)
        reconstruction = F.binary_cross_entropy_with_logits(raw, batch, reduction="sum") / len(batch)
        kl = -0.5 * torch.sum(1 + log_var - mean**2 - log_var.exp()) / len(batch)
        loss = reconstruction + kl
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.item()
        ticks.append(time.perf_counter())
    spent = ticks[-1] - began
    result = evaluate(model.eval(), data, indices=held_out)
    return {"rate": _rate(ticks), "seconds": spent, "cost": result.reconstruction + result.kl}


def pythae(images: Path, steps: int) -> dict[str, Any]:
    """pythae's BaseTrainer on its BetaVAE, with the burgess encoder and decoder."""
    import logging

    import torch
    from pythae.data.datasets import BaseDataset
    from pythae.models import BetaVAE, BetaVAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder
    from pythae.trainers import BaseTrainer, BaseTrainerConfig
    from pythae.trainers.training_callbacks import TrainingCallback

    from models.networks import burgess

    logging.disable(logging.CRITICAL)
    network = burgess((1, 64, 64), LATENTS)
    ticks: list[float] = []

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.body = network.encoder

        def forward(self, x: torch.Tensor) -> Any:
            mean, log_var = self.body(x).chunk(2, 1)
            return ModelOutput(embedding=mean, log_covariance=log_var)

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.body = network.decoder

        def forward(self, z: torch.Tensor) -> Any:
            return ModelOutput(reconstruction=torch.sigmoid(self.body(z)))

    class Clock(TrainingCallback):
        def on_train_step_end(self, training_config: Any, **kwargs: Any) -> None:
            ticks.append(time.perf_counter())
            if len(ticks) >= steps:
                raise KeyboardInterrupt

    data, training, _ = _split(images)
    pixels = data.images(training).float() / 255
    settings = BetaVAEConfig(input_dim=(1, 64, 64), latent_dim=LATENTS, beta=1.0, reconstruction_loss="bce")
    model = BetaVAE(settings, encoder=Encoder(), decoder=Decoder())
    with tempfile.TemporaryDirectory() as folder:
        trainer = BaseTrainer(
            model,
            BaseDataset(pixels, torch.zeros(len(pixels))),
            training_config=BaseTrainerConfig(
                output_dir=folder, num_epochs=1000, per_device_train_batch_size=BATCH, learning_rate=RATE, no_cuda=True
            ),
            callbacks=[Clock()],
        )
        with suppress(KeyboardInterrupt):
            trainer.train()
    return {"rate": _rate(ticks)}


def _disent_model() -> Any:
    from disent.model import AutoEncoder, DisentDecoder, DisentEncoder

    from models.networks import burgess

    network = burgess((1, 64, 64), LATENTS)

    class Encoder(DisentEncoder):
        def __init__(self) -> None:
            super().__init__(x_shape=(1, 64, 64), z_size=LATENTS, z_multiplier=2)
            self.body = network.encoder

        def encode(self, x: Any) -> Any:
            return self.body(x)

    class Decoder(DisentDecoder):
        def __init__(self) -> None:
            super().__init__(x_shape=(1, 64, 64), z_size=LATENTS, z_multiplier=1)
            self.body = network.decoder

        def decode(self, z: Any) -> Any:
            return self.body(z)

    return AutoEncoder(Encoder(), Decoder())


def disent(images: Path, steps: int) -> dict[str, Any]:
    """disent's BetaVae framework under its own trainer, Lightning's, with the burgess networks."""
    import logging
    import warnings

    import lightning
    from disent.frameworks.vae import BetaVae
    from torch.utils.data import DataLoader, Dataset

    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    data, training, _ = _split(images)
    pixels = data.images(training).float() / 255

    class Images(Dataset[Any]):
        def __len__(self) -> int:
            return len(pixels)

        def __getitem__(self, index: int) -> Any:
            return {"x_targ": (pixels[index],)}

    ticks: list[float] = []

    class Clock(lightning.Callback):
        def on_train_batch_end(self, *args: Any, **kwargs: Any) -> None:
            ticks.append(time.perf_counter())

    framework = BetaVae(
        _disent_model(),
        BetaVae.cfg(
            optimizer="adam", optimizer_kwargs={"lr": RATE}, recon_loss="bce", loss_reduction="mean_sum", beta=1.0
        ),
    )
    trainer = lightning.Trainer(
        max_steps=steps,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        accelerator="cpu",
        callbacks=[Clock()],
    )
    trainer.fit(framework, DataLoader(Images(), BATCH, shuffle=True, drop_last=True))
    return {"rate": _rate(ticks)}


CONTENDERS: dict[str, Callable[..., dict[str, Any]]] = {
    "ours": ours,
    "textbook": textbook,
    "pythae": pythae,
    "disent": disent,
}


def _split(images: Path) -> tuple[Any, Any, Any]:
    """The data set, and the training and held-out images that this project's trainer makes of it."""
    from explorer.datasets import open_dataset
    from explorer.training import TrainConfig
    from explorer.training.sampling import split

    data = open_dataset("npz", root=images)
    return data, *split(data, TrainConfig(eval_images=HELD_OUT, batch_size=BATCH))


def _for(steps: int, loader: Any) -> Iterator[Any]:
    done = 0
    while True:
        for batch in loader:
            if done == steps:
                return
            done += 1
            yield batch


def _rate(ticks: list[float]) -> float:
    """Images a second between the steps after the first ones."""
    timed = ticks[min(WARM, len(ticks) // 2) :]
    return (len(timed) - 1) * BATCH / (timed[-1] - timed[0])


def _in_process(python: str, name: str, images: Path, threads: int, **more: Any) -> dict[str, Any]:
    command = [python, __file__, "--one", name, "--images", str(images), "--threads", str(threads)]
    for key, value in more.items():
        command += [f"--{key}", str(value)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT)
    if done.returncode:
        raise SystemExit(f"{name} failed: {done.stderr[-1500:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _has(python: str, name: str) -> bool:
    return subprocess.run([python, "-c", f"import {name}"], capture_output=True).returncode == 0


def main() -> None:
    """Measure, and print a line a contender or one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--elbo", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", choices=CONTENDERS)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--network", default="burgess")
    parser.add_argument("--every", type=int, default=10**9)
    options = parser.parse_args()
    if options.one:
        os.environ["OMP_NUM_THREADS"] = str(options.threads)
        more = {"network": options.network, "every": options.every} if options.one == "ours" else {}
        print(json.dumps(CONTENDERS[options.one](options.images, options.steps or 200, **more)))
        return
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images.npz"
        _write(images)
        result = _elbo(images, options) if options.elbo else _rates(images, options)
    result |= {"threads": options.threads, "load": round(os.getloadavg()[0], 2)}
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:40} {value}")


def _write(path: Path) -> None:
    import numpy as np
    import torch

    from explorer.datasets import open_dataset

    data = open_dataset("dsprites", size=64)
    chosen = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))[:COUNT]
    np.savez(path, images=data.images(chosen).numpy())


def _rates(images: Path, options: argparse.Namespace) -> dict[str, Any]:
    peers = [name for name in ("pythae", "disent") if _has(options.peers, name)]
    found: dict[str, list[float]] = {name: [] for name in ("ours", "textbook", *peers)}
    for _ in range(options.rounds):
        for name, rates in found.items():
            python = options.peers if name in peers else sys.executable
            steps = options.steps or 200
            rates.append(_in_process(python, name, images, options.threads, steps=steps)["rate"])
    medians = {name: statistics.median(rates) for name, rates in found.items()}
    fastest = max(rate for name, rate in medians.items() if name != "ours")
    return {
        **{f"{name}, images/s": round(rate) for name, rate in medians.items()},
        "ours over the fastest other": round(medians["ours"] / fastest, 2),
        "absent": ", ".join({"pythae", "disent"} - set(peers)) or "none",
    }


def _elbo(images: Path, options: argparse.Namespace) -> dict[str, Any]:
    steps = options.steps or 2000
    rounds = []
    for _ in range(options.rounds):
        book = _in_process(sys.executable, "textbook", images, options.threads, steps=steps)
        mine = _in_process(
            sys.executable, "ours", images, options.threads, steps=3 * steps // 5, network="compact", every=100
        )
        reached = next(((t, s) for t, s, cost in mine["costs"] if cost <= book["cost"]), None)
        rounds.append((book, reached))
    sooner = [book["seconds"] / reached[0] if reached else 0.0 for book, reached in rounds]
    middle = sorted(range(len(rounds)), key=sooner.__getitem__)[len(rounds) // 2]
    book, reached = rounds[middle]
    return {
        f"textbook burgess, {steps} steps, seconds": round(book["seconds"], 1),
        "its held-out cost, nats": round(book["cost"], 2),
        "ours, compact: seconds to that cost": reached and round(reached[0], 1),
        "ours, compact: steps to that cost": reached and reached[1],
        "times sooner": round(sooner[middle], 2),
        "times sooner, each round": [round(times, 2) for times in sooner],
    }


if __name__ == "__main__":
    main()
