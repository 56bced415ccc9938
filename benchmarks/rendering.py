"""Drawing dSprites against training on them: seconds for 10,000 images of each, and the ratio.

python benchmarks/rendering.py
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from explorer.checkpoints import ModelConfig
from explorer.checkpoints.store import build_model
from explorer.datasets import Dataset, open_dataset
from models.objectives import Beta

COUNT, BATCH = 10_000, 64


def main() -> None:
    """Print both times, in turn and in one run, for each rendered data set."""
    for name, channels in (("dsprites", 1), ("scene", 3)):
        data = open_dataset(name, size=64)
        indices = torch.randint(0, len(data), (COUNT,), generator=torch.Generator().manual_seed(0))
        data.images(indices[:BATCH])  # what is drawn once a process, and the allocator, warm up
        drawn = _draw(data, indices)
        trained = _train(data, indices, channels)
        print(
            f"{name}: drawing {drawn:.2f} s, training compact on them once {trained:.2f} s, ratio {drawn / trained:.3f}"
        )


def _draw(data: Dataset, indices: torch.Tensor) -> float:
    began = time.perf_counter()
    for chosen in indices.split(BATCH):
        data.images(chosen)
    return time.perf_counter() - began


def _train(data: Dataset, indices: torch.Tensor, channels: int) -> float:
    """One pass over images that were drawn beforehand."""
    images = data.images(indices)
    config = ModelConfig(network="compact", shape=(channels, 64, 64), latents=10)
    model, objective = build_model(config), Beta(4.0)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    began = time.perf_counter()
    for step, chosen in enumerate(images.split(BATCH)):
        batch = chosen.float() / 255
        posterior = model.encode(batch)
        z = posterior.sample()
        terms = objective(model.nll(z, batch), posterior, z, step)
        optimiser.zero_grad()
        terms.loss.backward()
        optimiser.step()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
