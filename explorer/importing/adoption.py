"""A person's own torch modules, in their own process, as a model of this project that is saved like any other.

The modules are written as ONNX graphs by torch's own exporter and taken as these graphs say, so that what is saved
needs none of the person's code.
"""

from __future__ import annotations

import io
import logging
import warnings
from typing import TYPE_CHECKING, Any, Literal

from explorer.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from models.beta_vae import BetaVAE

Spread = Literal["log-variance", "log-std", "std", "variance"]
CHECKED = 4  # images on which the modules and the model are held against each other
CLOSE = 1e-4  # relative, and of pixel values in [0, 1]


def adopt(
    encoder: nn.Module,
    decoder: nn.Module,
    *,
    shape: tuple[int, int, int],
    likelihood: Literal["bernoulli", "gaussian"] = "bernoulli",
    sigma: float = 0.1,
    spread: Spread = "log-variance",
    pixels: Literal["0..1", "-1..1"] = "0..1",
    output: Literal["pixels", "logits"] | None = None,
) -> BetaVAE:
    """The model of an encoder and a decoder, whatever they are made of; `explorer.checkpoints.save` keeps it.

    Args:
        encoder: images `(n, C, H, W)` to mean and spread, both `(n, D)`: two tensors, a distribution with `mean` and
            `stddev`, or one tensor `(n, 2D)` with the means first.
        decoder: latents `(n, D)` to pixels, or to logits.
        shape: (C, H, W) of the images.
        likelihood: what the decoder's numbers are the parameters of.
        sigma: of a Gaussian, in pixel values in [0, 1].
        spread: what stands beside the mean; of a distribution it is known.
        pixels: how the modules' images are scaled; the model's are in [0, 1] either way.
        output: what the decoder gives for "bernoulli"; by its last operator and its range if left out.

    Raises:
        UserError: the modules can't be written as graphs, or the model does not compute what they do; one sentence.
    """
    import torch

    from explorer.importing.onnx_file import read_onnx_bytes
    from explorer.importing.onnx_model import build_from_graphs
    from explorer.importing.onnx_parts import GraphChoices

    images = torch.rand(CHECKED, *shape, generator=torch.Generator().manual_seed(0))
    images = images * 2 - 1 if pixels == "-1..1" else images
    states = [(module, module.training) for part in (encoder, decoder) for module in part.modules()]
    devices = {id(part): next((t.device for t in part.parameters()), None) for part in (encoder, decoder)}
    try:
        for part in (encoder, decoder):
            part.eval().to("cpu")
        wrapped = _wrapped(encoder)
        try:
            with torch.no_grad():
                posterior = wrapped(images)
                width = posterior[0].shape[-1] if len(posterior) == 2 else posterior[0].shape[-1] // 2
                z = torch.randn(CHECKED, width, generator=torch.Generator().manual_seed(1))
                made = decoder(z)
        except Exception as error:  # the person's own code
            raise UserError(f"the modules can't be run on images of shape {shape}: {error}") from error
        graphs = [
            read_onnx_bytes(_exported(wrapped, images, "images", _names(len(posterior)))),
            read_onnx_bytes(_exported(decoder, z, "z", ["pixels"])),
        ]
        choices = GraphChoices(
            height=shape[1], width=shape[2], channels=shape[0], spread=spread if wrapped.spread is None else "std",
            pixels=pixels, output=output, likelihood=likelihood, sigma=sigma, halves="mean-first",
        )  # fmt: skip
        model = build_from_graphs(graphs, choices).model
    finally:
        for module, training in states:
            module.training = training
        for part in (encoder, decoder):
            if devices[id(part)] is not None:
                part.to(devices[id(part)])
    _hold_against(model, images, pixels, posterior, z, made, likelihood)
    return model


def _names(count: int) -> list[str]:
    return ["mean", "spread"] if count == 2 else ["posterior"]


def _wrapped(encoder: nn.Module) -> Any:
    from torch import nn

    class Encoder(nn.Module):
        """Gives a tuple of plain tensors, whatever the module gives."""

        spread: str | None = None

        def __init__(self) -> None:
            super().__init__()
            self.inner = encoder

        def forward(self, images: Tensor) -> tuple[Tensor, ...]:
            given = self.inner(images)
            if hasattr(given, "stddev") and hasattr(given, "mean") and not callable(given.mean):
                self.spread = "std"
                return given.mean, given.stddev
            if isinstance(given, dict):
                given = tuple(given.values())
            return tuple(given) if isinstance(given, tuple | list) else (given,)

    return Encoder()


def _exported(part: nn.Module, example: Tensor, given: str, outputs: list[str]) -> bytes:
    """A module as the bytes of an ONNX file, with the number of rows free."""
    import torch
    from torch.distributions import Distribution

    buffer = io.BytesIO()
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    checks = Distribution._validate_args
    Distribution.set_default_validate_args(False)  # its checks look at numbers, which a graph does not have
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                part,
                (example,),
                dynamo=True,
                verbose=False,
                external_data=False,
                input_names=[given],
                output_names=outputs,
                dynamic_shapes=({0: torch.export.Dim("n")},),
            )
        assert program is not None
        buffer.write(program.model_proto.SerializeToString())
    except Exception as error:  # of torch's exporter, of many kinds
        cause = error.__cause__ or error
        said = next(iter(str(cause).strip().splitlines()), type(cause).__name__)
        raise UserError(
            f"{type(part).__name__} can't be written as a graph by torch.onnx.export: {said[:300]}"
        ) from error
    finally:
        log.setLevel(level)
        Distribution.set_default_validate_args(checks)
    return buffer.getvalue()


def _hold_against(
    model: BetaVAE, images: Tensor, pixels: str, posterior: tuple[Tensor, ...], z: Tensor, made: Tensor, likelihood: str
) -> None:
    """Hold the model against what the modules themselves gave for the same images and latents."""
    import torch

    with torch.inference_mode():
        unit = (images + 1) / 2 if pixels == "-1..1" else images
        mean = model.encode(unit).mean
        theirs = posterior[0].reshape(len(images), -1)[:, : model.latents]
        drawn = model.raw(z).reshape(len(z), -1), model.decode(z).reshape(len(z), -1)
        made = made.reshape(len(z), -1)
        made = (made + 1) / 2 if pixels == "-1..1" else made
        off = float((mean - theirs).abs().max() / theirs.abs().max().clamp(min=1))
        off_pixels = min(float((d - made).abs().max() / made.abs().max().clamp(min=1)) for d in drawn)
    if not max(off, off_pixels) < CLOSE:
        raise UserError(
            f"the graph does not compute what the modules do: means are off by {off:.1e}, pixels by {off_pixels:.1e}"
        )
