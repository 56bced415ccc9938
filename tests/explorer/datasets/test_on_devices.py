"""Images are drawn on an accelerator without waiting for it, and are the same."""

from __future__ import annotations

import torch

from explorer.datasets import dsprites, open_dataset


def test_sprites_drawn_the_way_of_an_accelerator_are_those_of_the_cpu() -> None:
    data = open_dataset("dsprites")
    factors = data.factors(torch.randperm(len(data), generator=torch.Generator().manual_seed(0))[:300])
    there = dsprites._in_any(factors[:, 0], *dsprites._placed(factors, 64))
    assert torch.equal(there, dsprites._inside(factors, 64))
    assert dsprites._inside(factors.to("meta"), 64).shape == (300, 64, 64)  # nothing is read back
