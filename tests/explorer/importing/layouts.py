"""Small VAEs under the names that others give to their layers, each with its own way of computing."""

from __future__ import annotations

import torch
from torch import nn

from tests.explorer.importing.odd_layouts import (
    BareEnds,
    ConvolutionalHeads,
    InTurn,
    NamedWithOnePixel,
    NormBehindActivation,
    OddSizes,
    PoolAndUpsample,
    ShortNames,
    SmoothSizes,
    WorldModel,
)
from tests.explorer.importing.plain_layouts import (
    DenseExample,
    DenseTanh,
    Layout,
    NamedConvolutions,
    NestedNorms,
    NormedBlocks,
    NumberedConvolutions,
    WidePadding,
)

__all__ = [
    "LAYOUTS",
    "BareEnds",
    "ConvolutionalHeads",
    "DenseExample",
    "DenseTanh",
    "InTurn",
    "Layout",
    "NamedConvolutions",
    "NamedWithOnePixel",
    "NestedNorms",
    "NormBehindActivation",
    "NormedBlocks",
    "NumberedConvolutions",
    "OddSizes",
    "PoolAndUpsample",
    "ShortNames",
    "SmoothSizes",
    "WidePadding",
    "WorldModel",
    "make",
]

LAYOUTS = [
    DenseExample, DenseTanh, NumberedConvolutions, NormedBlocks, NestedNorms, WidePadding, NamedConvolutions,
    WorldModel, PoolAndUpsample, ConvolutionalHeads, NormBehindActivation, InTurn,
    NamedWithOnePixel, OddSizes, ShortNames, BareEnds, SmoothSizes,
]  # fmt: skip


def make(layout: type[Layout], seed: int = 0) -> Layout:
    """One with random weights, its batch norms as if they had been trained."""
    torch.manual_seed(seed)
    model = layout().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return model
