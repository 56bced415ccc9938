"""The layout of disentangling-vae (Dubois et al.): `model.pt` and `specs.json`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.checkpoints.store import build_model
from explorer.errors import UserError
from explorer.importing.specs import Specs, read_specs
from explorer.recipe.model import ModelConfig

if TYPE_CHECKING:
    from torch import Tensor

    from models.beta_vae import BetaVAE


def disentangling_state(state: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """The table where its names are those that the program writes, without what a wrapper puts before them."""
    last = "encoder.mu_logvar_gen.weight"
    for name in state:
        if name == last or name.endswith(f".{last}"):
            before = name.removesuffix(last)
            bare = {key.removeprefix(before): value for key, value in state.items() if key.startswith(before)}
            if "encoder.conv1.weight" in bare:
                return bare
    return None


def read_disentangling(
    file: Path, state: Mapping[str, Tensor], root: Path | None = None
) -> tuple[BetaVAE, Specs | None]:
    """The model of such a checkpoint, and what its specs.json says.

    Its network is `burgess` under other names, but for one thing: the encoder's last layer gives mean
    and log-variance in turn (rows 0, 2, 4, … and 1, 3, 5, …), ours all means before all log-variances.

    Raises:
        UserError: names, shapes or types that the layout doesn't have, or specs that contradict them.
    """
    import torch

    size = 64 if "encoder.conv_64.weight" in state else 32
    convolutions = ["conv1", "conv2", "conv3"] + ["conv_64"] * (size == 64)
    transposed = ["convT_64"] * (size == 64) + ["convT1", "convT2", "convT3"]
    layers = {
        "encoder": [*convolutions, "lin1", "lin2", "mu_logvar_gen"],
        "decoder": ["lin1", "lin2", "lin3", *transposed],
    }
    config = _burgess_of(file, state, size)
    with torch.random.fork_rng(devices=[]):
        model = build_model(config)
    theirs: dict[str, str] = {}  # our name -> their name
    for part, names in layers.items():
        children = getattr(model.network, part).named_children()
        ours = [number for number, layer in children if list(layer.parameters())]
        for number, layer_name in zip(ours, names, strict=True):
            for kind in ("weight", "bias"):
                theirs[f"network.{part}.{number}.{kind}"] = f"{part}.{layer_name}.{kind}"
    expected = model.state_dict()
    _check(file, state, {theirs[key]: tuple(value.shape) for key, value in expected.items()})

    taken = {mine: state[key].detach().float().contiguous() for mine, key in theirs.items()}
    for mine, key in theirs.items():
        if key.startswith("encoder.mu_logvar_gen."):
            taken[mine] = torch.cat([taken[mine][0::2], taken[mine][1::2]])
    model.load_state_dict(taken)
    specs = read_specs(file.with_name("specs.json"), config, root)
    return model.requires_grad_(False).eval(), specs


def _burgess_of(file: Path, state: Mapping[str, Tensor], size: int) -> ModelConfig:
    """The config of a disentangling-vae model, read from the shapes of its first and last layer."""
    first, last = state["encoder.conv1.weight"], state["encoder.mu_logvar_gen.weight"]
    if first.ndim != 4 or first.shape[1] not in (1, 3):
        raise UserError(f"{file}: encoder.conv1.weight is not a convolution of 1 or 3 channels")
    if last.ndim != 2 or last.shape[0] % 2 or not 2 <= last.shape[0] <= 1024:
        raise UserError(
            f"{file}: encoder.mu_logvar_gen.weight has shape {tuple(last.shape)}; it should have two "
            "rows a latent, for 1 to 512 latents"
        )
    return ModelConfig(network="burgess", shape=(first.shape[1], size, size), latents=last.shape[0] // 2)


def _check(file: Path, state: Mapping[str, Tensor], expected: dict[str, tuple[int, ...]]) -> None:
    """Hold names and shapes of every tensor against what the layout promises."""
    missing, strange = expected.keys() - state.keys(), state.keys() - expected.keys()
    if missing:
        raise UserError(f"{file} lacks {min(missing)!r}, which its layout asks for")
    if strange:
        raise UserError(f"{file} holds {min(strange)[:80]!r}, which its layout has no place for")
    for key, shape in expected.items():
        if tuple(state[key].shape) != shape:
            raise UserError(f"{file}: {key} has shape {tuple(state[key].shape)}, not {shape}")
