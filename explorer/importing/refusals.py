"""Why layers can't be read as a Beta-VAE: one sentence that names the reason where names and shapes tell it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from explorer.errors import UserError
from explorer.importing.chain import Chains, arrange, arrange_plain
from explorer.importing.named_layers import NamedLayer, words
from explorer.importing.residual import grouped

if TYPE_CHECKING:
    from torch import Tensor

ALONE = re.compile(r"(cls|clf|classif|label|logit|pred|regress|aux|y_|task|attr|domain|disc)")
DISCRETE = {"codebook", "quantize", "quantizer", "vq", "quantise", "gumbel", "categorical"}


def arranged(layers: list[NamedLayer]) -> tuple[Chains, list[str]]:
    """The layers in order, and the names of those that belong to neither part and were left out.

    Raises:
        UserError: they make no encoder and decoder; one sentence.
    """
    layers, strange = grouped(layers)
    if strange:
        raise UserError(
            f"{strange} looks like a residual block, which adds what it was given to what it makes, but which of its "
            "layers stand on which way, names and shapes don't say"
        )
    found = arrange(layers)
    if found is None or not _ends_meet(found):
        for apart in _beside(layers):
            rest = [layer for layer in layers if layer not in apart]
            found = arrange(rest)
            if found is not None and _ends_meet(found):
                return found, [layer.name for layer in apart]
        raise UserError(_reason(layers))
    narrower = [x for x in found.decoder if x.outputs < found.latents and not x.image]
    named = any(h.layer.says_log_var or h.layer.says_mean for h in found.heads)
    if narrower and not named and len(found.heads) == 1:
        raise UserError(_plain(min(x.outputs for x in narrower)))
    return found, []


def _ends_meet(chains: Chains) -> bool:
    """Whether the decoder gives as many numbers as the encoder takes, where both ends are dense."""
    first, last = [*chains.encoder, *chains.heads][0], chains.decoder[-1]
    dense = first.layer.kind == "linear" == last.layer.kind
    return not dense or first.inputs == last.outputs


def discrete(state: Mapping[str, Tensor]) -> None:
    """Refuse tables whose names speak of discrete codes.

    Raises:
        UserError: they do; one sentence.
    """
    for name in state:
        if {word.rstrip("0123456789") for word in words(name)} & DISCRETE:
            raise UserError(
                f"{name[:80]} speaks of discrete latents (a VQ-VAE, or categories), which have no sliders here; "
                "only Gaussian latents can be imported"
            )


def _beside(layers: list[NamedLayer]) -> list[list[NamedLayer]]:
    """Groups of dense layers that may stand beside the VAE: a classifier on the latents, the likeliest first."""
    groups: dict[str, list[NamedLayer]] = {}
    for layer in layers:
        stem = layer.name.partition(".")[0] if "." in layer.name else re.sub(r"\d+$", "", layer.name)
        groups.setdefault(stem, []).append(layer)
    groups |= {layer.name: [layer] for layer in layers if layer.name not in groups}
    found = []
    for stem, group in groups.items():
        dense = [p for p in group if p.kind == "linear"]
        if dense and all(p.kind != "conv" for p in group) and dense[-1].shape[0] < 1000:
            takers = [p for p in layers if p not in group and p.kind != "norm"]
            width = dense[0].shape[1]
            if any(width in p.shape[:2] for p in takers) and len(group) <= 8:
                found.append((not ALONE.match(stem.lower()), len(group), group))
    third = [
        group
        for named, _, group in sorted(found, key=lambda item: item[:2])
        if not any(p.says_mean or p.says_log_var or p.part for p in group) and _takes_latents(group, layers)
    ]
    return third[:6]


def _takes_latents(group: list[NamedLayer], layers: list[NamedLayer]) -> bool:
    """Whether a group begins at the latents: it takes as many numbers as named means give."""
    means = {p.shape[0] for p in layers if p.says_mean and p not in group and p.kind != "norm"}
    return group[0].kind == "linear" and group[0].shape[1] in means


def _reason(layers: list[NamedLayer]) -> str:
    weighted = [p for p in layers if p.kind != "norm"]
    means = [p for p in weighted if p.says_mean and not p.says_log_var]
    spreads = [p for p in weighted if p.says_log_var and not p.says_mean]
    pairs = [(m, s) for m in means for s in spreads if m.shape == s.shape]
    if not pairs:
        alike = [
            (a, b)
            for a, b in zip(weighted, weighted[1:], strict=False)
            if a.shape == b.shape and a.shape[0] < a.shape[1] and a.kind == b.kind
        ]
        pairs = alike
    for mean, spread in pairs:
        latents = mean.shape[0]
        others = [
            p
            for p in weighted
            if p not in (mean, spread)
            and p.kind == mean.kind
            and p.shape[1] == mean.shape[1]
            and p.part != "decoder"
            and p.shape != mean.shape[::-1]
            and abs(p.order - mean.order) <= 6
            and p.order > min(x.order for x in weighted)
            and not (p.shape[0] != latents and any(q.shape[1] == p.shape[0] for q in weighted if q is not p))
        ]
        decoder = [p for p in weighted if p not in (mean, spread) and p not in others]
        entries = {n for p in decoder for n in (p.shape[1], p.shape[0] if p.kind == "conv" else 0)}
        joint = latents + sum(p.shape[0] for p in others)
        if others and joint in entries:
            names = ", ".join(p.name for p in others[:4])
            return (
                f"its latents are joint: the decoder takes {joint} = {latents} + {joint - latents} numbers, "
                f"the last of them from {names} (categories, most likely); only Gaussian latents can be imported"
            )
        behind = [p for p in decoder if p.order > mean.order]
        sentence = _conditional(weighted, behind or decoder, latents)
        if sentence:
            return sentence
        if others and latents in entries:
            return (
                f"{others[0].name} {others[0].shape} is a third head beside {mean.name} and {spread.name}: "
                "what it does to the latents, no name says, so it can't be imported from a state dict"
            )
    channels = _channels(weighted)
    if channels:
        return channels
    parts = {layer.part for layer in layers}
    plain = None if pairs or parts == {"encoder"} else arrange_plain(layers)
    if plain is not None:
        return _plain(plain)
    return (
        "its layers can't be put in an order that leads from an image to a posterior and back "
        "(convolutions, dense layers and residual blocks in a row, no other branches): "
        + ", ".join(f"{p.name} {p.shape}"[:60] for p in layers[:6])
        + (" …" if len(layers) > 6 else "")
    )


def _plain(width: int) -> str:
    return (
        f"it looks like an autoencoder without a posterior: {width} numbers lie between its encoder and its decoder, "
        "and no log-variance beside them"
    )


def _conditional(layers: Sequence[NamedLayer], decoder: Sequence[NamedLayer], latents: int) -> str:
    """That it is conditional, and on how many numbers, where shapes say so; else empty."""
    inputs = {p.shape[1] for p in decoder if p.kind == "linear"}
    inputs = inputs or {p.shape[0] for p in decoder if p.kind == "conv"}
    if latents in inputs:
        given = 0
    else:
        more = sorted(n - latents for n in inputs if 0 < n - latents <= 1000)
        given = more[0] if more else 0
    dense = [p for p in layers if p.kind == "linear"]
    first, last = layers[0], layers[-1]
    images = max((p.shape[0] for p in dense), default=0)
    embedded = next((p.name for p in layers if {"label", "embedding"} & set(p.words)), "")
    for entry in dense:
        extra = entry.shape[1] - images
        if (given and extra == given) or (0 < extra <= 1000 and entry is first and embedded):
            return _on(
                extra,
                f"its encoder takes {entry.shape[1]:,} = {images:,} + {extra:,} numbers"
                + (f" and its decoder {latents + given:,} = {latents:,} + {given:,}" if given else ""),
            )
    if first.kind == "conv" and last.kind == "conv":
        channels = last.shape[1] if len(last.shape) > 1 and last.shape[1] in (1, 3) else last.shape[0]
        extra = first.shape[1] - channels
        if given and extra > 0 and channels in (1, 3):
            return _on(
                given,
                f"its encoder takes {first.shape[1]} = {channels} + {extra} channels and its decoder "
                f"{latents + given:,} = {latents:,} + {given:,} numbers",
            )
    if given and (embedded or given <= 100):
        return _on(given, f"its decoder takes {latents + given:,} = {latents:,} + {given:,} numbers")
    return ""


def _on(count: int, shown: str) -> str:
    return (
        f"it is conditional: {shown}, the last {count:,} of which say what is wanted (a class, most likely); "
        "conditional models can't be imported"
    )


def _channels(layers: Sequence[NamedLayer]) -> str:
    """That its images have a number of channels that can't be, where the ends of the table say so."""
    convolutions = [p for p in layers if p.kind == "conv"]
    if len(convolutions) < 2:
        return ""
    first, last = convolutions[0], convolutions[-1]
    ends = set(last.shape[:2]) if last.bias is None else {len(last.bias)}
    count = first.shape[1]
    if count not in (1, 3) and count in ends and count <= 32:
        return f"its images have {count} channels; 1 or 3 can be imported"
    return ""
