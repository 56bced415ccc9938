"""A model of some kilobytes, within all caps, one of whose pictures takes hundreds of megabytes on its way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WIDE = "wide"
SIDE, CHANNELS, LATENTS = 512, 64, 2


def keep_wide(home: Path, latents: int = LATENTS, name: str = WIDE) -> Path:
    """Put it into the library of a home, as a member would by an import."""
    import torch

    from explorer.checkpoints import ModelConfig, save
    from explorer.checkpoints.store import build_model

    small = SIDE // 64
    encoder: list[dict[str, Any]] = [
        {"kind": "average-pool", "size": 64},
        {"kind": "flatten"},
        {"kind": "linear", "inputs": small * small, "outputs": 2 * latents},
    ]
    decoder: list[dict[str, Any]] = [
        {"kind": "linear", "inputs": latents, "outputs": small * small},
        {"kind": "unflatten", "shape": (1, small, small)},
        {"kind": "upsample", "factor": 8},
        {"kind": "upsample", "factor": 8},
        {"kind": "conv", "inputs": 1, "outputs": CHANNELS, "kernel": 1},
        {"kind": "relu"},
        {"kind": "conv", "inputs": CHANNELS, "outputs": 1, "kernel": 1},
    ]
    torch.manual_seed(0)
    config = {"network": "layers", "shape": (1, SIDE, SIDE), "latents": latents, "encoder": encoder, "decoder": decoder}
    model = build_model(ModelConfig.model_validate(config))
    training = {"objective": "beta", "beta": 4.0, "data": "dsprites", "latents": latents}
    return Path(save(model, home / "library" / name, training=training))
