"""Residual blocks of a state dict: what comes out computes what their own code did, everywhere a model goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer.checkpoints import load, save
from explorer.errors import UserError
from explorer.export.onnx import decoder_onnx
from explorer.export.plain import plain_torch
from explorer.importing.finding import read_names
from explorer.recipe.layer_config import Activation, Conv, Residual, check_layers
from models.batches import width
from models.layers import KINDS

LATENTS = 3


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty library of this test's own."""
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path / "home"))
    torch.set_num_threads(1)
    torch.manual_seed(0)


class Behind(nn.Module):
    """The activation behind the sum; a shortcut's own layer where channels or sides change (He et al. 2015)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if inputs != outputs:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        h = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(h + self.shortcut(x))


class Before(nn.Module):
    """Norm and activation before each layer; the shortcut's layer takes the same (He et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.bn2, self.conv2 = nn.BatchNorm2d(outputs), nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        a = F.relu(self.bn1(x))
        h = self.conv2(F.relu(self.bn2(self.conv1(a))))
        return h + (x if self.shortcut is None else self.shortcut(a))


class Bare(nn.Module):
    """x + block(x), with a 1 x 1 convolution at its end and nothing behind the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = nn.Conv2d(channels, channels, 1, bias=False)
        self.resblock = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.ReLU(), narrow)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.resblock(x)


class InPlace(nn.Module):
    """A VQ-VAE's: the first activation changes x itself, so that the sum takes it too."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.ReLU(True),
            nn.Conv2d(channels, 4, 3, 1, 1, bias=False),
            nn.ReLU(True),
            nn.Conv2d(4, channels, 1, bias=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


class Dense(nn.Module):
    """A residual block of dense layers."""

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(numbers, numbers), nn.Linear(numbers, numbers)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.fc2(F.relu(self.fc1(x))))


class Larger(nn.Module):
    """A decoder's: made larger by a transposed convolution on both ways."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.deconv1, self.bn1 = (nn.ConvTranspose2d(inputs, outputs, 4, 2, 1), nn.BatchNorm2d(outputs))
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1), nn.BatchNorm2d(outputs)
        self.skip = nn.ConvTranspose2d(inputs, outputs, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.deconv1(x))))) + self.skip(x))


class VAE(nn.Module):
    """Encoder and decoder as Sequentials, between them an image of 16 channels."""

    def __init__(self, encoder: list[nn.Module], decoder: list[nn.Module], numbers: int = 1024) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Sequential(*encoder), nn.Sequential(*decoder)
        self.fc_mu, self.fc_logvar = nn.Linear(numbers, LATENTS), nn.Linear(numbers, LATENTS)
        self.fc_decode = nn.Linear(LATENTS, numbers)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):  # as training leaves them, not 0 and 1
                for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                    assert tensor is not None
                    nn.init.uniform_(tensor, 0.5, 1.5)
        self.eval()

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.encoder(x).flatten(1)
        return self.fc_mu(h), self.fc_logvar(h)

    def decode(self, z: Tensor) -> Tensor:
        h = F.relu(self.fc_decode(z))
        if h.shape[1] == 1024:
            h = h.view(-1, 16, 8, 8)
        return torch.sigmoid(self.decoder(h)).view(len(z), 1, *([32, 32] if h.ndim == 4 else [20, 20]))


def _plain() -> list[nn.Module]:
    return [nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 1, 4, 2, 1)]


def _stem() -> list[nn.Module]:
    return [nn.Conv2d(1, 8, 4, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 4, 2, 1)]


MODELS = {
    "behind": lambda: VAE(
        [nn.Conv2d(1, 8, 3, 1, 1), nn.BatchNorm2d(8), nn.ReLU(), Behind(8, 8), Behind(8, 12, 2), Behind(12, 16, 2)],
        [Behind(16, 16), *_plain()],
    ),
    "before": lambda: VAE(
        [nn.Conv2d(1, 8, 3, 1, 1), Before(8, 8), Before(8, 12, 2), Before(12, 16, 2), nn.BatchNorm2d(16), nn.ReLU()],
        _plain(),
    ),
    "bare": lambda: VAE([*_stem(), nn.ReLU(), Bare(16), Bare(16), nn.Flatten()], [Bare(16), *_plain()]),
    "in place": lambda: VAE([*_stem(), InPlace(16), InPlace(16), nn.ReLU()], _plain()),
    "dense": lambda: VAE(
        [nn.Flatten(), nn.Linear(400, 64), nn.ReLU(), Dense(64), Dense(64)], [Dense(64), nn.Linear(64, 400)], 64
    ),
    "larger": lambda: VAE([*_stem(), nn.ReLU()], [Larger(16, 8), Larger(8, 4), nn.Conv2d(4, 1, 3, 1, 1)]),
}
SAID: dict[str, dict[str, Any]] = {
    "bare": {"residual": "none"},
    "in place": {"residual": "in-place", "stack_activation": True},
}


@pytest.mark.parametrize("table", ["as it was", "sorted"])
@pytest.mark.parametrize("name", MODELS)
def test_a_network_with_residual_blocks_computes_what_its_own_code_does(name: str, table: str) -> None:
    theirs = MODELS[name]()
    state = theirs.state_dict()
    if table == "sorted":
        state = dict(sorted(state.items()))
    side = 20 if name == "dense" else 32
    reading = read_names(state, {"height": side, "width": side, **SAID.get(name, {})})
    if name in ("behind", "before"):  # strides of 1, 2, 2; the sides alone leave others open
        strides = [tuple(s.stride for s in g.encoder) for g in reading.geometries]
        blocks = (1, 1, 2, 2)
        reading = reading.corrected(geometry=strides.index(blocks))
    if name == "before" and table == "sorted":  # bn1, bn2, conv1, conv2 say no order
        reading = reading.corrected(residual="before-shared", stem_activation=False)
    ours = reading.model()
    x, z = torch.rand(2, 1, side, side), torch.randn(2, LATENTS)
    with torch.no_grad():
        mean, log_var = theirs.encode(x)
        images = theirs.decode(z)
    made = ours.encode(x)
    torch.testing.assert_close(made.mean, mean, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(made.log_var, log_var, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(ours.decode(z), images, atol=1e-5, rtol=1e-4)


def test_such_a_model_is_kept_written_as_plain_torch_and_as_onnx_and_can_be_trained(tmp_path: Path) -> None:
    theirs = MODELS["behind"]()
    reading = read_names(theirs.state_dict(), {"height": 32, "width": 32})
    checkpoint = load(save(reading.model(), tmp_path / "it"))
    z = torch.randn(2, LATENTS)
    want = reading.model().decode(z).detach()
    torch.testing.assert_close(checkpoint.model.decode(z), want)
    space: dict[str, object] = {"__file__": str(checkpoint.path / "modeling.py")}
    exec(plain_torch(checkpoint), space)
    again = space["load"](checkpoint.path)  # type: ignore[operator]
    torch.testing.assert_close(again.decode(z), want)
    run = onnxruntime.InferenceSession(decoder_onnx(checkpoint)).run
    images = run(None, {"z": z.numpy()})[0]
    torch.testing.assert_close(torch.from_numpy(images), want, atol=1e-5, rtol=1e-4)
    network = checkpoint.model.network.train().requires_grad_(True)
    network.decoder(z).sum().backward()
    assert all(p.grad is not None for p in network.decoder.parameters())


def _conv(inputs: int, outputs: int) -> Conv:
    return Conv(inputs=inputs, outputs=outputs, kernel=3, padding=1)


def test_two_ways_of_other_shapes_are_refused_before_anything_is_built() -> None:
    block = Residual(block=(_conv(1, 2),))
    with pytest.raises(ValueError, match=r"adds the shape \(2, 4, 4\) to \(1, 4, 4\)"):
        check_layers([block], [block], (1, 4, 4), 8)


def test_memory_of_a_residual_block_counts_what_is_kept_for_the_sum() -> None:
    deep = Residual(block=(_conv(4, 16), Activation(kind="relu"), _conv(16, 4)))
    module = KINDS["residual"](deep.model_dump())
    assert width(module, (4, 8, 8)) == (4 + 16 + 16) * 64  # x beside what the activation takes and gives


def test_what_is_called_residual_and_can_not_be_one_is_refused_by_its_name() -> None:
    state = MODELS["bare"]().state_dict()
    state["encoder.4.resblock.2.weight"] = torch.randn(5, 16, 1, 1)
    with pytest.raises(UserError, match=r"encoder\.4\.resblock looks like a residual block"):
        read_names(state)
