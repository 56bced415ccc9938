"""From names and shapes of a state dict to a `Reading`: what they say, and the usual where they say nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import pairwise
from math import isqrt
from typing import TYPE_CHECKING, Any, Literal

from explorer.errors import UserError
from explorer.importing.building import bridges
from explorer.importing.chain import ChainLink, Chains
from explorer.importing.choices import Choices
from explorer.importing.geometry import Geometry, geometries
from explorer.importing.named_layers import find_layers
from explorer.importing.reading import SAID, Reading, check_steps
from explorer.importing.refusals import arranged, discrete
from explorer.importing.strides import Said, Sides, free_pixels

if TYPE_CHECKING:
    from torch import Tensor

GUESS = "a guess: the usual one"


def read_names(state: Mapping[str, Tensor], said: Mapping[str, Any] | None = None, data: str | None = None) -> Reading:
    """What names and shapes say of a state dict, with the usual choice where they say nothing.

    Args:
        state: named tensors.
        said: choices of the person (`Choices`; `steps` of layers, see `geometries`), which stand.
        data: the data set that a file's name speaks of, which has a vote in the size.

    Raises:
        UserError: no encoder and decoder can be made of it; one sentence.
    """
    found = find_layers(state)
    if not found.layers:
        raise UserError("it holds no layers: no convolution and no dense layer has a name that ends in .weight")
    discrete(state)
    chains, apart = arranged(found.layers)
    said = {k: v for k, v in (said or {}).items() if v is not None}
    steps = said.pop("steps", {})
    if steps:
        links = [*chains.encoder, *chains.heads[:1], *chains.decoder]
        check_steps(steps, [link.layer.name for link in links if link.layer.kind == "conv"])
    channels, size, possible = sizes_of(chains, said, steps, data)
    if possible is not None and not possible:
        raise UserError(
            "no strides and paddings make an image of its convolutions that is as large as the one they take"
        )
    basis = {"size": "read from the shapes"}
    if possible:
        others = {(g.height, g.width) for g in possible} - {size}
        alike = len(possible) > 1
        basis["geometry"] = "a guess: the most usual that fits" if alike else "the only one that fits"
        basis["size"] = "a guess: the most usual that fits" if others else basis["size"]
        if steps:
            basis["geometry"] = SAID
    usual, notes = _usual(chains, state)
    doubts = {}
    if usual.get("exit_activation"):
        doubts["output"] = (
            "its last block has a norm like those before it, so that an activation may stand behind it as well"
        )
    basis |= notes
    out = [*found.left_out, *apart]
    left = [f"left out: {', '.join(out[:6])}"] if out else []
    reading = Reading(
        chains,
        possible or [],
        Choices(height=size[0], width=size[1], channels=channels, **usual),
        basis,
        tuple(left),
        steps=steps,
        data=data,
        doubts=doubts,
    )
    reading.config()
    return reading.corrected(**said) if said else reading


def sizes_of(
    chains: Chains, said: Mapping[str, Any], steps: Said, data: str | None = None
) -> tuple[Literal[1, 3], Sides, list[Geometry] | None]:
    """Channels, height and width, and the geometries where there are convolutions (None without).

    `said` may hold the height and the width that a person gives, `steps` strides and paddings.
    """
    entry = [*chains.encoder, *chains.heads]
    first, last = entry[0], chains.decoder[-1]
    conv_in = [link for link in entry if link.layer.kind == "conv"]
    if len(chains.heads) == 2 and chains.heads[1].layer.kind == "conv":
        conv_in.pop()
    conv_out = [link for link in chains.decoder if link.layer.kind == "conv"]
    dense = first.inputs if first.layer.kind != "conv" and first.layer.kind == "linear" else None
    back = last.outputs if last.layer.kind == "linear" else None
    if dense is not None and back is not None and dense != back:
        raise UserError(f"its encoder takes {dense:,} numbers and its decoder gives {back:,}")
    channels: int | None = None
    for count in (first.inputs if dense is None else None, last.outputs if back is None else None):
        if count is not None:
            if count not in (1, 3) or channels not in (None, count):
                raise UserError(f"its images have {count} channels; 1 or 3 can be imported")
            channels = count
    numbers = dense or back
    if channels is None or not (conv_in or conv_out):
        assert numbers is not None
        channels, size = guess_sides(numbers)
        if "height" in said and "width" in said:
            channels, size = said.get("channels", channels), (said["height"], said["width"])
        if size is None:
            raise UserError(
                f"its images are {numbers:,} numbers, and which height and width that is, nothing says: "
                "give it (--size HEIGHTxWIDTH)"
            )
        if not (conv_in or conv_out):
            return 3 if channels == 3 else 1, size, None
    sides: list[Sides] = []
    if numbers is not None:
        _, square = guess_sides(numbers // channels) if numbers % channels == 0 else (1, None)
        sides = [square] if square else []
    if "height" in said and "width" in said:
        sides = [(said["height"], said["width"])]
    one: Literal[1, 3] = 3 if channels == 3 else 1
    flat = next((link.area for link in entry if link.layer.kind == "linear"), None)
    if conv_in and flat is None:
        flat = 1
    behind = next((link for link in entry if link.layer.kind == "linear"), None) if conv_in else None
    before = [link for link in chains.decoder if link.layer.kind == "linear"]
    dense_layers = behind, before[-1] if before and conv_out else None
    possible = geometries(conv_in, flat, conv_out, sides, dense_layers, steps, VOTES.get(data or ""))
    if not possible and not sides and flat and conv_in and conv_out:
        raise UserError(
            f"no strides and paddings make an image of its convolutions that is as large as the one they take: "
            f"its dense layer takes {flat:,} pixels of each channel; if its images aren't square, give their "
            "size (--size HEIGHTxWIDTH), or the strides (--geometry)"
        )
    size = (possible[0].height, possible[0].width) if possible else (1, 1)
    return one, size, possible


# Height and width of the images of a data set, which has a vote where a name speaks of it.
VOTES = {"mnist": (28, 28), "fashion-mnist": (28, 28), "cifar10": (32, 32), "dsprites": (64, 64), "celeba": (64, 64)}


def guess_sides(numbers: int) -> tuple[int, tuple[int, int] | None]:
    """Channels and sides of an image of that many numbers, where it is square."""
    for channels in (1, 3):
        side = isqrt(numbers // channels)
        if channels * side * side == numbers:
            return channels, (side, side)
    for height, width in ((28, 20), (218, 178), (112, 92), (64, 48), (48, 64), (192, 168)):
        for channels in (1, 3):
            if channels * height * width == numbers:
                return channels, (height, width)
    return 1, None


Choice = tuple[dict[str, Any], dict[str, str]]  # choices, and what each rests on


def _usual(chains: Chains, state: Mapping[str, Tensor]) -> Choice:
    """Choices that names suggest, and what each rests on."""
    usual = (
        "activation", "decoder_activation", "output", "pixels", "spread", "bridge", "head_activation",
        "entry_activation", "pooling", "upsampling",
    )  # fmt: skip
    chosen: dict[str, Any] = {}
    basis = dict.fromkeys(usual, GUESS)
    for said, why in (_usual_heads(chains), _usual_pixels(chains, state), _usual_blocks(chains), _usual_names(chains)):
        chosen |= said
        basis |= why
    return chosen, basis


def _usual_heads(chains: Chains) -> Choice:
    """What the names of the encoder's last layers say of mean and spread."""
    heads = [link.layer for link in chains.heads]
    if len(heads) == 1:
        if heads[0].says_log_var and heads[0].says_log_std:
            return {"spread": "log-std"}, {"halves": GUESS}
        read = heads[0].says_log_var and heads[0].says_log
        return {}, {"halves": GUESS} | ({"spread": "read from its name"} if read else {})
    basis = {"halves": "two layers, read from their names"}
    if heads[1].says_log_std:
        what = (
            "read from its name" if heads[1].says_log else "a guess: its name speaks of a deviation, not of a logarithm"
        )
        return {"spread": "log-std"}, basis | {"spread": what}
    if heads[1].says_log_var:
        what = (
            "read from its name" if heads[1].says_log else "a guess: its name speaks of a variance, not of a logarithm"
        )
        return {}, basis | {"spread": what}
    return {}, {"halves": "two layers alike, the first is taken for the mean: a guess"}


def _usual_pixels(chains: Chains, state: Mapping[str, Tensor]) -> Choice:
    """What the state holds of σ, and what the layers say of edges and of the last activation."""
    chosen: dict[str, Any] = {}
    basis: dict[str, str] = {}
    sigma = _stored_sigma(state)
    if sigma is not None:
        name, value = sigma
        chosen |= {"likelihood": "gaussian", "sigma": value}
        basis |= dict.fromkeys(("likelihood", "sigma"), f"read from {name}, which it holds")
    if _padded_apart(chains):
        chosen["edges"] = "replicate"
        basis["edges"] = "read from the names: a layer of its own pads before the convolutions"
    if _last_like_others(chains.decoder):
        chosen["exit_activation"] = True
        basis["exit_activation"] = "a guess: its last block has a norm like those before it"
    return chosen, basis


def _usual_blocks(chains: Chains) -> Choice:
    """Where the activation of residual blocks stands."""
    blocks = [x.layer.inside for x in (*chains.encoder, *chains.decoder) if x.layer.inside]
    if not blocks:
        return {}, {}
    if sum(block.begins_with_norm or block.leads for block in blocks) * 2 <= len(blocks):
        return {}, {"residual": GUESS}
    style = "before-shared" if any(block.shortcut for block in blocks) else "before"
    why = "a guess: the order of its layers, which is that of an activation before them"
    return {"residual": style, "stem_activation": False, "stack_activation": True}, {"residual": why}


def _usual_names(chains: Chains) -> Choice:
    """What the names of the decoder's layers say of whose network it is."""
    names = {link.layer.name.partition(".")[0] for link in chains.decoder}
    if {"decoder_input", "final_layer"} <= names:
        chosen = {
            "activation": "leaky-relu", "decoder_activation": "leaky-relu", "output": "tanh", "bridge": False,
            "pixels": "-1..1",
        }  # fmt: skip
        return chosen, dict.fromkeys(chosen, "what PyTorch-VAE uses, whose names these are")
    if "decoder_input" in names:
        return {"bridge": False}, {"bridge": "a guess: a layer of this name mostly stands bare before the blocks"}
    if _bare_before_blocks(chains.decoder):
        return {"bridge": False}, {"bridge": "read from the names: the dense layer stands alone among blocks"}
    return {}, {}


def _bare_before_blocks(decoder: list[ChainLink]) -> bool:
    """Whether the dense layer before the convolutions is a bare `layers.0` whose neighbour is `layers.1.0`."""
    for before, after in zip(decoder, decoder[1:], strict=False):
        if bridges(before, after):
            a, b = before.layer.name.split("."), after.layer.name.split(".")
            return len(b) == len(a) + 1 and a[:-1] == b[:-2] and a[-1].isdecimal()
    return False


def _last_like_others(decoder: list[ChainLink]) -> bool:
    """Whether each of a decoder's convolutions, the last one too, has a norm right behind it in a block of its own."""
    blocks = [link for link in decoder if link.layer.kind == "conv"]
    inside = [link.layer.place for link in blocks]
    behind = [link.norm.place if link.norm else None for link in blocks]
    return (
        len(blocks) > 1
        and all(
            a is not None and b is not None and a[0] == b[0] and a[1] + 1 == b[1]
            for a, b in zip(inside, behind, strict=True)
        )
        and len({place[0] for place in inside if place}) == len(blocks)
    )


def _padded_apart(chains: Chains) -> bool:
    """Whether places in a Sequential leave room for a layer that pads before each of a decoder's convolutions."""
    pairs = [(a, b) for a, b in pairwise(chains.decoder) if b.layer.kind == "conv" and a.image]
    rooms = [free_pixels(a, b) for a, b in pairs if not b.transposed and b.kernel > 1]
    return bool(rooms) and all(free is not None and free >= 3 for free in rooms)


def _stored_sigma(state: Mapping[str, Tensor]) -> tuple[str, float] | None:
    """The logarithm of a likelihood's σ that a table holds beside the layers, as (name, σ)."""
    for name, tensor in state.items():
        if tensor.numel() == 1 and re.search(
            r"(^|[._])log_?(sigma|scale|std)(_?(x|dec|decoder|out|recon))?$", name.lower()
        ):
            value = math.exp(min(max(float(tensor.reshape(-1)[0]), -12.0), 2.3))
            return name, value
    return None
