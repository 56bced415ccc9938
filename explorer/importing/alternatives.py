"""Other choices around a reading's own, group by group, for the trial: those that explain the most come first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from explorer.importing.choices import EDGES, HALVES, POOLING, UPSAMPLING, Choices
from explorer.importing.reading import Reading
from explorer.importing.residual_layers import OWN, PRE

LIKELY = 10  # geometries that are tried before anything else
ACTS = ("bridge", "head_activation", "entry_activation")
BOTH = ("activation", "decoder_activation")
TRIED = ("relu", "leaky-relu", "elu", "tanh", "silu", "gelu", "mish", "selu", "softplus", "hardswish")
Options = dict[str, Any]
# What is used together, tried before each choice by itself.
TOGETHER: tuple[Options, ...] = (
    *(dict.fromkeys(BOTH, kind) for kind in TRIED),
    {**dict.fromkeys(BOTH, "leaky-relu"), "slope": 0.2},
    {**dict.fromkeys(BOTH, "leaky-relu"), "output": "tanh", "pixels": "-1..1"},
    {**dict.fromkeys(BOTH, "relu"), "output": "tanh", "pixels": "-1..1"},
    {**dict.fromkeys(BOTH, "relu"), "output": "none", "pixels": "0..1"},
    {"bridge": False},
)


def product() -> Iterator[Options]:
    """Each activation with each output."""
    kinds: list[Options] = [dict.fromkeys(BOTH, kind) for kind in TRIED]
    kinds.append({**dict.fromkeys(BOTH, "leaky-relu"), "slope": 0.2})
    for kind in kinds:
        for output, pixels in (("sigmoid", "0..1"), ("none", "0..1"), ("tanh", "-1..1")):
            yield kind | {"output": output, "pixels": pixels}


def groups(reading: Reading, at: Choices) -> Iterator[list[Options]]:
    """Other choices around `at`, group by group, those that explain the most first."""
    if "names" not in reading.basis.get("halves", ""):
        halves = HALVES if len(reading.chains.heads) == 1 else HALVES[:2]
        yield [{"halves": value} for value in halves]
    sizes: list[Options] = [
        {"geometry": number, "height": geometry.height, "width": geometry.width}
        for number, geometry in enumerate(reading.geometries)
    ]
    if reading.leaves_open("residual"):
        yield list(_residuals(reading))
    yield [{name: not getattr(at, name)} for name in ACTS if reading.leaves_open(name)]
    yield sizes[:LIKELY]
    standards = ["mnist", "fashion-mnist"] if at.channels == 1 else ["imagenet", "cifar10"]
    yield [
        {"output": "sigmoid", "pixels": "0..1", "exit_activation": False},
        {"output": "none", "pixels": "0..1", "exit_activation": False},
        {"output": "tanh", "pixels": "-1..1", "exit_activation": False},
        {"output": "none", "pixels": "-1..1", "exit_activation": False},
        {"output": "tanh", "pixels": "0..1", "exit_activation": False},
        {"output": "sigmoid", "pixels": "-1..1", "exit_activation": False},
        {"output": "sigmoid", "pixels": "0..1", "exit_activation": True},
        {"output": "none", "pixels": "0..1", "exit_activation": True},
        *({"output": "none", "pixels": p, "exit_activation": False} for p in standards),
        *({"output": "sigmoid", "pixels": p, "exit_activation": False} for p in standards),
    ]
    yield [*TOGETHER]
    for name, values in (
        ("pooling", POOLING),
        ("upsampling", UPSAMPLING),
        ("edges", EDGES),
        ("encoder_edges", EDGES),
        ("mean_activation", ("none", "relu")),
    ):
        if reading.leaves_open(name) or name == "mean_activation":
            yield [{name: value} for value in values]
    yield [{"decoder_activation": kind} for kind in TRIED]
    yield [{"activation": kind} for kind in TRIED]
    yield [{"activation_at": one} for one in _exceptions(reading, at)]
    yield sizes[LIKELY:]


def _residuals(reading: Reading) -> Iterator[Options]:
    """Where the activations of residual blocks may stand, within, before and behind them."""
    yield from styles(reading)
    stems = (True, False) if reading.leaves_open("stem_activation") else (True,)
    stacks = (False, True) if reading.leaves_open("stack_activation") else (False,)
    for style in dict.fromkeys(options["residual"] for options in styles(reading)):
        for stem in stems:
            for stack in (False,) if style in OWN else stacks:
                yield {"residual": style, "stem_activation": stem, "stack_activation": stack}


def styles(reading: Reading) -> list[Options]:
    """Where the activations of residual blocks may stand, each with what goes with it before and behind them."""
    blocks = [x.layer.inside for x in (*reading.chains.encoder, *reading.chains.decoder)]
    styles = ["after", "none", "inside", "before", "in-place", "chain"]
    if any(block and block.shortcut for block in blocks):
        styles.append("before-shared")
    if any(block and block.slots[0][-1] for block in blocks):
        styles.append("normed")
    found: list[Options] = [
        {"residual": style, "stem_activation": style not in PRE, "stack_activation": style in PRE} for style in styles
    ]
    return [*found, {"residual": "none", "stem_activation": True, "stack_activation": True}]


def _exceptions(reading: Reading, at: Choices) -> list[tuple[tuple[str, str], ...]]:
    """One layer with another activation than its neighbours: a plain ReLU among leaky ones, and the like."""
    found: list[tuple[tuple[str, str], ...]] = [()]
    chains = reading.chains
    for part, kind in ((chains.encoder, at.activation), (chains.decoder[:-1], at.decoder_activation)):
        if kind in ("relu", "none") or len(part) < 2:
            continue
        found += [((link.layer.name, "relu"),) for link in part if link.layer.kind != "norm"]
    return found[:20]
