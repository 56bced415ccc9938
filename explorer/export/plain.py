"""A model as a file of plain PyTorch: what a person needs who has torch and safetensors, and not this program."""

from __future__ import annotations

import inspect
import textwrap

from torch import nn

from explorer.checkpoints import Checkpoint
from explorer.errors import UserError
from models import layers, networks
from models.kinds import LIKELIHOODS

FILE = "modeling.py"
OWN: dict[str, type[nn.Module]] = {
    "Affine": layers.Affine,
    "Rescale": layers.Rescale,
    "Resize": layers.Resize,
    "Heads": layers.Heads,
    "Residual": layers.Residual,
    "DiagonalLinear": networks.DiagonalLinear,
}

GRAPH = '''"""A Beta-VAE as two graphs of ONNX, written by Beta-VAE Explorer. Needs torch and onnxruntime.

The graphs lie beside this file: decoder.onnx (z -> images) and decoder.encoder.onnx (images -> mean, log_var).
"""

from pathlib import Path

import onnxruntime
import torch
from torch import Tensor


class BetaVAE:
    """Images {channels} x {height} x {width} in [0, 1], {latents} latent dimensions."""

    shape, latents = {shape!r}, {latents}

    def __init__(self, folder: Path) -> None:
        self.decoder, self.encoder = (
            onnxruntime.InferenceSession(folder / name) for name in ("decoder.onnx", "decoder.encoder.onnx")
        )

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the posterior, both (n, {latents})."""
        mean, log_var = self.encoder.run(["mean", "log_var"], {{"images": images.numpy()}})
        return torch.from_numpy(mean), torch.from_numpy(log_var)

    def decode(self, z: Tensor) -> Tensor:
        """Images (n, {channels}, {height}, {width}) in [0, 1]."""
        return torch.from_numpy(self.decoder.run(["images"], {{"z": z.numpy()}})[0])


def load(folder: str | Path = Path(__file__).parent) -> BetaVAE:
    """The model, ready to use."""
    return BetaVAE(Path(folder))
'''


def plain_torch(checkpoint: Checkpoint) -> str:
    """The source of `modeling.py`: the network layer by layer, and `load` for the weights beside it.

    Of a model that came as ONNX it runs the graphs that `write_onnx` puts beside it.

    Raises:
        UserError: a layer that can't be written down (of a network that was added since).
    """
    model = checkpoint.model
    channels, height, width = model.shape
    if model.network.name == "graph":
        return GRAPH.format(channels=channels, height=height, width=width, latents=model.latents, shape=model.shape)
    parts = {"encoder": model.network.encoder, "decoder": model.network.decoder}
    used = {type(m).__name__ for part in parts.values() for m in part.modules()} & OWN.keys()
    own = "".join(f"\n\n\n{_source(OWN[name]).rstrip()}" for name in sorted(used))
    built = "\n".join(f"        self.{name} = {_expression(part)}" for name, part in parts.items())
    image = LIKELIHOODS[checkpoint.config.likelihood].expression
    return f'''"""A Beta-VAE in plain PyTorch, written by Beta-VAE Explorer. Needs torch and safetensors.

The weights lie beside this file, in model.safetensors.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn{own}


class BetaVAE(nn.Module):
    """Images {channels} x {height} x {width} in [0, 1], {model.latents} latent dimensions."""

    shape, latents = {model.shape!r}, {model.latents}

    def __init__(self) -> None:
        super().__init__()
{built}

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the posterior, both (n, {model.latents})."""
        mean, log_var = self.encoder(images).chunk(2, dim=1)
        return mean, log_var

    def decode(self, z: Tensor) -> Tensor:
        """Images (n, {channels}, {height}, {width}) in [0, 1]."""
        raw = self.decoder(z)
        return {image}


def load(folder: str | Path = Path(__file__).parent) -> BetaVAE:
    """The model with its weights, ready to use."""
    stored = load_file(Path(folder) / "model.safetensors")
    weights = {{
        name.removeprefix("network."): tensor.float()
        for name, tensor in stored.items()
        if name.startswith("network.")
    }}
    model = BetaVAE()
    model.load_state_dict(weights)
    return model.requires_grad_(False).eval()
'''


def card_section(checkpoint: Checkpoint) -> str:
    """The section of the card that shows how the model is loaded."""
    channels, height, width = checkpoint.model.shape
    needed = "onnxruntime" if checkpoint.model.network.name == "graph" else "safetensors"
    return f"""
## Load it

With torch and {needed}, in the folder of these files (`{FILE}` builds the network):

```python
import torch
from modeling import load
model = load()
images = model.decode(torch.zeros(1, {checkpoint.model.latents}))  # (1, {channels}, {height}, {width}), in [0, 1]
mean, log_var = model.encode(images)
```

Or in Beta-VAE Explorer: `python -m explorer import FOLDER`.
"""


def _expression(module: nn.Module) -> str:
    """The call that makes a module, as it would stand in the constructor."""
    if not isinstance(module, nn.Sequential):
        return _call(module)
    inside = "".join(f"            {_call(layer)},\n" for layer in module)
    return f"nn.Sequential(\n{inside}        )"


def _call(module: nn.Module) -> str:
    name = type(module).__name__
    if isinstance(module, layers.Residual):
        return f"Residual({_line(module.block)}, {_line(module.shortcut)})"
    if name in OWN:
        return f"{name}({module.extra_repr()})"
    if not isinstance(getattr(nn, name, None), type) or list(module.children()):
        raise UserError(f"{name} can't be written as plain PyTorch")
    if isinstance(module, nn.Upsample):  # whose repr leaves out how corners lie
        factor, corners = float(module.scale_factor), module.align_corners  # type: ignore[arg-type]
        return f"nn.Upsample(scale_factor={factor}, mode={module.mode!r}, align_corners={corners})"
    text = repr(module)
    if isinstance(module, nn.Conv2d) and module.padding_mode != "zeros":
        text = text.replace(f"padding_mode={module.padding_mode}", f"padding_mode={module.padding_mode!r}")
    return f"nn.{text}"


def _line(module: nn.Sequential) -> str:
    return f"nn.Sequential({', '.join(_call(layer) for layer in module)})"


def _source(kind: type[nn.Module]) -> str:
    text = textwrap.dedent(inspect.getsource(kind))
    start = text.index("    def extra_repr")  # only for writing itself down
    return text[:start] + text[text.index("    def forward") :]
