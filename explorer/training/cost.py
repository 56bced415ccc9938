"""What a run will cost on this machine, measured: a few of its own steps, timed."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import BaseModel, ConfigDict

from explorer.recipe.model import OF_LIKELIHOODS, ModelConfig
from explorer.recipe.run import OF_OBJECTIVES, TrainConfig

SECONDS = 2.0  # of steps that are timed
WARM = 5  # steps before the clock starts
TOGETHER = 20  # steps between two looks at a device that is asked ahead: each look waits for it


class Estimate(BaseModel):
    """Cost of a run: rate in images a second, the network's parameters, and its arithmetic an image.

    `flops` are of one image forward and backward, as PyTorch counts them: multiplications and additions
    of matrices and convolutions.
    """

    model_config = ConfigDict(frozen=True)

    images_per_second: float
    parameters: int
    flops: int
    device: str
    threads: int
    shape: tuple[int, int, int]
    beside: int = 0  # runs that trained on this machine meanwhile

    def seconds(self, config: TrainConfig) -> float:
        """How long the whole run of `config` takes at this rate."""
        return config.total_steps * config.batch_size / self.images_per_second


def cost_key(config: TrainConfig) -> str:
    """The same for two configs whose steps cost the same."""
    free = {
        *OF_OBJECTIVES, *OF_LIKELIHOODS, "steps", "images", "seed", "learning_rate", "rate_schedule",
        "log_every", "eval_every", "eval_images", "save_every", "download",
    }  # fmt: skip
    return json.dumps(config.model_dump(mode="json", exclude=free), sort_keys=True)


def estimate(config: TrainConfig, seconds: float = SECONDS) -> Estimate:
    """Run the run's own loop for about `seconds` and count. Raises UserError as `train` does."""
    import torch

    from explorer.checkpoints.description import read_config
    from explorer.training import loop
    from explorer.training.directory import RunDirectory

    device = loop.choose_device(config.device)
    timed: list[float] = []
    every = 1 if device.type == "cpu" else TOGETHER

    def clock(step: int) -> None:
        if step < WARM or step % every:
            return
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        elif device.type == "mps":
            torch.mps.synchronize()
        timed.append(time.perf_counter())
        if len(timed) > 2 and timed[-1] - timed[0] >= seconds:
            raise _Enough

    short = config.model_copy(
        update={"steps": 10**6, "images": None, "log_every": 10**9, "eval_every": 10**9, "save_every": 10**9}
    )
    with TemporaryDirectory() as folder:
        run = RunDirectory(Path(folder) / "run")
        with suppress(_Enough):
            loop.train(short, run.path, after_step=clock)
        model = read_config(run.checkpoint).model
    parameters, flops = arithmetic(model)
    return Estimate(
        images_per_second=(len(timed) - 1) * every * config.batch_size / (timed[-1] - timed[0]),
        parameters=parameters,
        flops=flops,
        device=str(device),
        threads=torch.get_num_threads(),
        shape=model.shape,
    )


def arithmetic(model: ModelConfig) -> tuple[int, int]:
    """Parameters of a model, and the FLOPs of one image forward and backward; nothing is computed.

    Raises:
        UserError: its network doesn't take images of that shape.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from explorer.checkpoints.store import build_model

    with torch.device("meta"):
        built = build_model(model)
        images = torch.zeros(1, *model.shape)
        with FlopCounterMode(display=False) as counter:
            built.nll(built.encode(images).mean, images).sum().backward()
    return sum(parameter.numel() for parameter in built.parameters()), counter.get_total_flops()


class _Enough(Exception):
    """The clock has seen enough steps."""
