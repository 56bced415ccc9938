"""A state dict read as a Beta-VAE: what was inferred, on what grounds, and how a person corrects it.

A `Reading` holds the layers' order, the possible geometries and the choices that names and shapes leave open;
`model` builds what it says. `explorer.importing.trial` finds the choices out by trying them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from explorer.errors import UserError, in_words
from explorer.importing.building import Built, bridges, build_decoder, build_encoder, is_open
from explorer.importing.chain import ChainLink, Chains
from explorer.importing.choices import TITLES, Choices
from explorer.importing.geometry import SHOWN, Geometry
from explorer.importing.strides import Step, free_pixels
from explorer.recipe import layer_config as lay
from explorer.recipe.model import ModelConfig

if TYPE_CHECKING:
    from models.beta_vae import BetaVAE

SAID = "as you say"
FEW = 0.25  # of the latents, below which a reading is not believed
STEPS = {"stride": (1, 64), "padding": (0, 64), "output_padding": (0, 63), "pool": (1, 8), "upsample": (1, 8)}


@dataclass(frozen=True)
class Reading:
    """What was inferred. `basis` says of each choice what it rests on; `found` what a trial gave."""

    chains: Chains
    geometries: list[Geometry]
    choices: Choices
    basis: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    found: float | None = None  # latents that the encoder finds again in what the decoder draws
    tried: str = ""  # the images that a trial used
    steps: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # a person's, by layer
    data: str | None = None  # the data set that its name speaks of
    doubts: Mapping[str, str] = field(default_factory=dict)  # by what they are about

    @property
    def latents(self) -> int:
        """D."""
        return self.chains.latents

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the images."""
        return self.choices.channels, self.choices.height, self.choices.width

    def leaves_open(self, name: str) -> bool:
        """Whether a choice changes anything: names of a Sequential's places may settle it, or nothing is there."""
        encoder, heads, decoder = self.chains.encoder, self.chains.heads, self.chains.decoder
        pairs = list(pairwise(decoder))
        steps = self.geometries[self.choices.geometry] if self.geometries else None
        match name:
            case "geometry":
                return bool(self.geometries)
            case "slope":
                return "leaky-relu" in (self.choices.activation, self.choices.decoder_activation)
            case "head_activation":
                return bool(encoder) and is_open(encoder[-1], heads[0])
            case "entry_activation":
                return bool(pairs) and is_open(*pairs[0]) and not bridges(*pairs[0])
            case "bridge":
                return any(is_open(*pair) and bridges(*pair) for pair in pairs)
            case "pooling":
                return steps is not None and any(step.pool > 1 for step in steps.encoder)
            case "upsampling":
                return steps is not None and (steps.resized or any(step.upsample > 1 for step in steps.decoder))
            case "edges" | "encoder_edges":
                inward = len(steps.encoder) if steps else 0
                part = self.convolutions()[:inward] if name != "edges" else self.convolutions()[inward:]
                return any(step.padding and not link.transposed for step, link in part)
            case "residual":
                return any(x.layer.inside for x in (*encoder, *decoder))
            case "stem_activation" | "stack_activation":
                inside = name == "stack_activation"
                return any(
                    bool(a.layer.inside) == inside != bool(b.layer.inside)
                    and not bridges(a, b)
                    and free_pixels(a, b) is None
                    for a, b in (*pairwise((*encoder, heads[0])), *pairs)
                )
            case "activation_at" | "mean_activation" | "exit_activation":
                usual = Choices.model_fields[name].default
                return getattr(self.choices, name) != usual or name in self.basis
        return True

    def convolutions(self) -> list[tuple[Step, ChainLink]]:
        """The convolutions, those of the encoder first, each with its step under the choices."""
        if not self.geometries:
            return []
        geometry, chains = self.geometries[self.choices.geometry], self.chains
        heads = chains.heads[:1]
        inward = [x for x in (*chains.encoder, *heads) if x.layer.kind == "conv"]
        outward = [x for x in chains.decoder if x.layer.kind == "conv"]
        return [*zip(geometry.encoder, inward, strict=True), *zip(geometry.decoder, outward, strict=True)]

    def corrected(self, **changes: Any) -> Reading:
        """The reading with other choices, which then rest on the person's word.

        Raises:
            UserError: a choice that doesn't exist, or that the shapes don't allow.
        """
        changes = {name: value for name, value in changes.items() if value is not None}
        reading, steps = self, changes.pop("steps", None)
        sized = {"height", "width"} & changes.keys()
        if self.geometries and (steps or (sized and not self._fits(changes))):
            reading = self._given(steps or self.steps, changes)
            self = reading
        try:
            choices = Choices.model_validate(self.choices.model_dump() | changes)
        except ValidationError as error:
            raise UserError(in_words(error)) from error
        names = {link.layer.name for link in (*self.chains.encoder, *self.chains.decoder)}
        for name, _ in choices.activation_at:
            if name not in names:
                known = ", ".join(sorted(names)[:12])
                raise UserError(f"there is no layer {name[:80]!r} of it; there are {known}")
        if "geometry" in changes and choices.geometry >= max(1, len(self.geometries)):
            raise UserError(f"geometry must be between 0 and {len(self.geometries) - 1}")
        if self.geometries and "geometry" in changes and not sized:
            chosen = self.geometries[choices.geometry]
            choices = choices.model_copy(update={"height": chosen.height, "width": chosen.width})
        elif self.geometries and sized:
            wanted = choices.height, choices.width
            sizes = [(g.height, g.width) for g in self.geometries]
            if wanted not in sizes:
                allowed = " or ".join(f"{h} x {w}" for h, w in dict.fromkeys(sizes))
                raise UserError(f"the layers allow images of {allowed} pixels, not {wanted[0]} x {wanted[1]}")
            if sizes[choices.geometry] != wanted:
                choices = choices.model_copy(update={"geometry": sizes.index(wanted)})
        same = (self.choices.height, self.choices.width) == (choices.height, choices.width)
        said = dict.fromkeys(changes, SAID)
        if steps:
            said["geometry"] = SAID
        if sized and not same:
            said["size"] = SAID
        doubts = {k: v for k, v in self.doubts.items() if k not in said}
        reading = replace(reading, choices=choices, basis={**self.basis, **said}, found=None, doubts=doubts)
        reading.config()  # raises where the layers don't allow it
        return reading

    def _fits(self, changes: Mapping[str, Any]) -> bool:
        wanted = (changes.get("height", self.choices.height), changes.get("width", self.choices.width))
        return any((g.height, g.width) == wanted for g in self.geometries)

    def _given(self, steps: Mapping[str, Mapping[str, int]], changes: Mapping[str, Any]) -> Reading:
        """The same chains with the geometries that what a person says leaves."""
        from explorer.importing.finding import sizes_of

        check_steps(steps, [link.layer.name for _, link in self.convolutions()])
        merged = {**self.steps, **{name: {**self.steps.get(name, {}), **s} for name, s in steps.items()}}
        said = {k: changes[k] for k in ("height", "width", "channels") if k in changes}
        if len(said.keys() & {"height", "width"}) == 1:
            said = {"height": self.choices.height, "width": self.choices.width} | said
        found = sizes_of(self.chains, said, merged)[2]
        if not found:
            raise UserError("with these strides and paddings the layers don't fit together")
        choices = self.choices.model_copy(update={"geometry": 0, "height": found[0].height, "width": found[0].width})
        return replace(self, geometries=found, choices=choices, steps=merged)

    def config(self) -> ModelConfig:
        """The config of the model that it describes.

        Raises:
            UserError: its layers don't fit together under these choices.
        """
        try:
            encoder, decoder = (part.layers for part in self._build())
            return ModelConfig(
                network="layers",
                shape=self.shape,
                latents=self.latents,
                encoder=encoder,
                decoder=decoder,
                likelihood=self.choices.kind,
                sigma=self.choices.sigma,
            )
        except ValidationError as error:
            raise UserError(in_words(error)) from error

    def model(self) -> BetaVAE:
        """The model that it describes, ready to use.

        Raises:
            UserError: its layers don't fit together, or its weights are not finite.
        """
        import torch

        from explorer.checkpoints.store import build_model

        config = self.config()
        encoder, decoder = (part.weights for part in self._build())
        weights = {f"encoder.{k}": v for k, v in encoder.items()}
        weights |= {f"decoder.{k}": v for k, v in decoder.items()}
        with torch.device("meta"):
            model = build_model(config)
        model.to_empty(device="cpu")
        model.load_state_dict({f"network.{name}": t for name, t in weights.items()})
        for name, tensor in weights.items():
            if not bool(torch.isfinite(tensor).all()):
                raise UserError(f"{name} holds numbers that are not finite")
        return model.requires_grad_(False).eval()

    def work(self) -> int:
        """Multiplications that one image takes through both parts."""
        config = self.config()
        return lay.work(config.encoder or (), config.decoder or (), self.shape, self.latents)

    def words(self) -> dict[str, list[str]]:
        """Encoder and decoder in words, a line a layer."""
        config = self.config()
        return {part: [lay.layer_words(layer) for layer in getattr(config, part)] for part in ("encoder", "decoder")}

    def table(self) -> list[tuple[str, str, str]]:
        """Each choice in words: the part, what it is read as, and why."""
        chosen = self.choices
        found = [("image size", f"{chosen.height} x {chosen.width}", self.basis.get("size", ""))]
        for name in TITLES:
            if not self.leaves_open(name):
                continue
            value = getattr(chosen, name)
            if name == "geometry":
                value = f"{chosen.geometry + 1} of {len(self.geometries)}"
            elif isinstance(value, bool):
                value = "yes" if value else "no"
            elif name == "activation_at":
                value = ", ".join(f"{layer}: {kind}" for layer, kind in value) or "none"
            elif value == "standardised":
                value = f"(x - {chosen.pixel_mean:g}) / {chosen.pixel_std:g}"
            found.append((TITLES[name], str(value), self.basis.get(name, "a guess: the usual one")))
        return [*found, self._likelihood()]

    def _likelihood(self) -> tuple[str, str, str]:
        config = self.config()
        said = self.basis.get("likelihood", self.basis.get("sigma"))
        if config.likelihood == "bernoulli":
            usual = "the usual one where the decoder ends in a sigmoid"
            return "likelihood", "Bernoulli", said or usual
        scale = "a guess: weights don't tell σ, and every cost in nats rests on it"
        return "likelihood", f"Gaussian, σ = {config.sigma:.4g} of pixels 0 to 1", said or scale

    def found_words(self) -> str:
        """How many latents the encoder finds again, and whether that is enough to believe the reading."""
        if self.found is None:
            return "nothing was tried out: too much arithmetic, or another reading was given"
        text = f"found {self.found:.1f} of {self.latents} latents again in what the decoder draws from the prior"
        text += f", tried on {self.tried}" if self.tried else ""
        return text + (f": {self.doubts['found']}" if "found" in self.doubts else "")

    def geometry_words(self) -> list[str]:
        """The likeliest geometries in words, such as "64 x 64; in 2/1, 2/1; out 2/1, 2/1 (stride/padding)"."""

        def steps(part: tuple[Step, ...]) -> str:
            texts = []
            for s in part:
                text = f"upsample {s.upsample}{' inside' * s.inner}, " * (s.upsample > 1)
                text += f"{s.stride}/{s.padding}"
                text += f"/{s.output_padding}" if s.output_padding else ""
                texts.append(text + (f" + pool {s.pool}" if s.pool > 1 else ""))
            return ", ".join(texts)

        found = []
        for g in self.geometries[: max(SHOWN, self.choices.geometry + 1)]:
            parts = [f"{g.height} x {g.width} px"]
            parts += [f"in {steps(g.encoder)}"] if g.encoder else []
            parts += [f"out {steps(g.decoder)}"] if g.decoder else []
            parts += ["resized"] if g.resized else []
            found.append("; ".join(parts) + " (stride/padding)")
        return found

    # --- building -----------------------------------------------------------------------------------

    def _build(self) -> tuple[Built, Built]:
        """Layers of both parts, and their weights by name."""
        geometry = self.geometries[self.choices.geometry] if self.geometries else None
        return (build_encoder(self.chains, geometry, self.choices), build_decoder(self.chains, geometry, self.choices))


def check_steps(steps: Mapping[str, Mapping[str, int]], names: Sequence[str]) -> None:
    """Whether what a person says of strides and paddings speaks of layers that are there.

    Raises:
        UserError: another layer, another word, or a number that can't be.
    """
    for name, own in steps.items():
        if name not in names:
            raise UserError(f"there is no convolution {name[:80]!r}; there are {', '.join(names)}")
        for key, value in own.items():
            low, high = STEPS.get(key, (1, 0))
            if key not in STEPS or not low <= value <= high:
                known = ", ".join(f"{k} {a} to {b}" for k, (a, b) in STEPS.items())
                raise UserError(f"{name}: {key[:40]} {value} can't be; known are {known}")


def parse_steps(text: str) -> dict[str, dict[str, int]]:
    """Strides and paddings as a person writes them: "encoder.0: stride 2, padding 1; encoder.2: pool 2".

    Raises:
        UserError: it is written in another way.
    """
    found: dict[str, dict[str, int]] = {}
    for part in re.split(r"[;\n]", text):
        if not part.strip():
            continue
        name, colon, rest = part.partition(":")
        own = found.setdefault(name.strip(), {})
        for item in rest.split(","):
            match = re.fullmatch(r"\s*([a-z][a-z _]*?)\s*[ =]\s*(\d{1,3})\s*", item)
            if not colon or match is None:
                raise UserError(
                    f"{part.strip()[:80]!r} is no geometry; one is 'encoder.0: stride 2, padding 1, pool 2'"
                )
            own[match[1].strip().replace(" ", "_")] = int(match[2])
    return found
