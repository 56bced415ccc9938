"""What makes a training process fast on the machine it is on, and none of what it computes.

Measured with benchmarks/training.py. On a CPU most of the gain is memory that is kept instead of given
back to the system after every step, and layouts that convolutions like; compiling the step gained
nothing there. On CUDA the networks' launches are recorded once and replayed.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import psutil

from explorer.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from explorer.recipe.run import TrainConfig
    from models.beta_vae import BetaVAE

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
LARGEST_MMAP_THRESHOLD = 1 << 25  # glibc takes no more


def prepare_process() -> None:
    """Set up a process that will train and do nothing else; call it before torch is imported.

    Freed memory stays with the process: else glibc hands every large tensor back to the system and
    faults its pages in again a step later, a third of the time of a small network's step. OpenMP's
    threads sleep while they wait instead of taking the core from the page beside them.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if sys.platform == "linux":
        try:
            mallopt = ctypes.CDLL(None).mallopt
        except (OSError, AttributeError):  # a C library without it
            return
        mallopt(M_MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)
        mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


def choose_step(wanted: str, device: torch.device) -> str:
    """How the networks are run: "plain", "compiled" or "graphed"; "auto" is what pays on `device`.

    Raises:
        UserError: graphs of CUDA on another device.
    """
    if wanted == "auto":
        return "graphed" if device.type == "cuda" else "plain"
    if wanted == "graphed" and device.type != "cuda":
        raise UserError(f"step graphed records the launches of CUDA, and this run is on {device}")
    return wanted


def use_device(device: torch.device) -> None:
    """Make it the process's own, on which graphs are recorded, and begin to count its memory anew."""
    import torch

    if device.type == "cuda":
        if device.index is not None:
            torch.cuda.set_device(device)
        torch.cuda.reset_peak_memory_stats(device)


def hasten(model: BetaVAE, step: str, config: TrainConfig) -> None:
    """Have `model` run its encoder and decoder as `step` says, while it trains and in whole batches.

    Weights, names and results stay those of the plain model, and evaluation runs it plain.
    """
    import torch

    if step == "compiled":
        for part in (model.network.encoder, model.network.decoder):
            part.forward = _while_training(part, torch.compile(part.forward, dynamic=False))
    elif step == "graphed":
        network, device = model.network, model.device
        images = torch.zeros(config.batch_size, *model.shape, device=device)
        z = torch.zeros(config.batch_size, model.latents, device=device, requires_grad=True)
        model.train()
        with autocast(config, device, cache=False):  # a cached cast would be recorded once for all
            torch.cuda.make_graphed_callables((network.encoder, network.decoder), ((images,), (z,)))


def slow(model: BetaVAE) -> None:
    """Have `model` run plain again, whatever `hasten` had made of it, and however far it came."""
    import torch

    for part in (model.network.encoder, model.network.decoder):
        part.__dict__.pop("forward", None)
    if model.device.type == "cuda":
        gc.collect()
        torch.cuda.empty_cache()


def _while_training(part: nn.Module, fast: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    plain = part.forward
    return lambda values: fast(values) if part.training else plain(values)


def autocast(config: TrainConfig, device: torch.device, cache: bool = True) -> Any:
    """The context in which the networks of a run of that precision are computed."""
    import torch

    if config.precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=cache)


def memory_in_use(device: torch.device) -> int:
    """Bytes that this process holds: on CUDA the most it had of the device's memory, else its own."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    if device.type == "mps":
        return int(torch.mps.driver_allocated_memory())
    return int(psutil.Process().memory_info().rss)
