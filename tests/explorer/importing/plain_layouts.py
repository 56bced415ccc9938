"""Small VAEs as others name their layers, the usual ones: dense, convolutions, norms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LATENTS = 3


class View(nn.Module):
    """Reshapes, as a layer of a Sequential."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return x.view(-1, *self.shape)


class Layout(nn.Module):
    """A VAE: `encode` gives mean and log-variance, `decode` pixels as they were trained."""

    shape = (1, 28, 28)
    said: dict[str, Any] = {}  # what names and shapes can't say
    paddings: tuple[int, ...] = ()  # of the encoder, where others would fit as well
    encoder: Any
    decoder: Any
    state: Callable[[dict[str, Tensor]], Any] = staticmethod(lambda state: state)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.encoder(x).chunk(2, 1)

    def decode(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.decoder(z))


class DenseExample(Layout):
    """Two heads without a word in their names, and no part's name anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc21, self.fc22 = (nn.Linear(784, 40), nn.Linear(40, LATENTS), nn.Linear(40, LATENTS))
        self.fc3, self.fc4 = nn.Linear(LATENTS, 40), nn.Linear(40, 784)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = F.relu(self.fc1(x.flatten(1)))
        return self.fc21(h), self.fc22(h)

    def decode(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))).view(-1, 1, 28, 28)


class DenseTanh(Layout):
    """Sequentials by number; the decoder's activation is another than the encoder's."""

    shape = (1, 20, 20)
    said = {"decoder_activation": "tanh"}

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(400, 30), nn.ReLU(), nn.Linear(30, 30), nn.ReLU(), nn.Linear(30, 2 * LATENTS)
        )
        self.decoder = nn.Sequential(
            nn.Linear(LATENTS, 30), nn.Tanh(), nn.Linear(30, 30), nn.Tanh(), nn.Linear(30, 400), View(1, 20, 20)
        )


class NumberedConvolutions(Layout):
    """Convolutions down to one pixel and back, in one Sequential each, wrapped by a training program."""

    shape = (3, 64, 64)
    state = staticmethod(
        lambda state: {"iter": 7, "model_states": {"net": state}, "optim_states": {"optim": {"state": {}}}}
    )

    def __init__(self) -> None:
        super().__init__()
        act = nn.ReLU
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 8, 4, 2, 1), act(), nn.Conv2d(8, 8, 4, 2, 1), act(), nn.Conv2d(8, 16, 4, 2, 1), act(),
            nn.Conv2d(16, 16, 4, 2, 1), act(), nn.Conv2d(16, 32, 4, 1), act(), View(32), nn.Linear(32, 2 * LATENTS),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(LATENTS, 32), View(32, 1, 1), act(), nn.ConvTranspose2d(32, 16, 4), act(),
            nn.ConvTranspose2d(16, 16, 4, 2, 1), act(), nn.ConvTranspose2d(16, 8, 4, 2, 1), act(),
            nn.ConvTranspose2d(8, 8, 4, 2, 1), act(), nn.ConvTranspose2d(8, 3, 4, 2, 1),
        )  # fmt: skip


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, 2, 1), nn.BatchNorm2d(outputs), nn.LeakyReLU())


def _back(inputs: int, outputs: int) -> nn.Sequential:
    convolution = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, padding=1, output_padding=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU())


class NormedBlocks(Layout):
    """Blocks with batch norms, pixels from -1 to 1, in a Lightning checkpoint."""

    shape = (3, 64, 64)
    state = staticmethod(
        lambda state: {
            "epoch": 3,
            "pytorch-lightning_version": "2.4.0",
            "hyper_parameters": {"kld_weight": 2.5e-4},
            "state_dict": {f"model.{name}": value for name, value in state.items()},
        }
    )

    def __init__(self) -> None:
        super().__init__()
        sizes = [4, 8, 8, 16, 16]
        self.encoder = nn.Sequential(*(_block(a, b) for a, b in zip([3, *sizes], sizes, strict=False)))
        self.fc_mu, self.fc_var = nn.Linear(64, LATENTS), nn.Linear(64, LATENTS)
        self.decoder_input = nn.Linear(LATENTS, 64)
        back = sizes[::-1]
        self.decoder = nn.Sequential(*(_back(a, b) for a, b in zip(back, back[1:], strict=False)))
        self.final_layer = nn.Sequential(*_back(4, 4), nn.Conv2d(4, 3, 3, padding=1), nn.Tanh())

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.encoder(2 * x - 1).flatten(1)
        return self.fc_mu(h), self.fc_var(h)

    def decode(self, z: Tensor) -> Tensor:
        x = self.final_layer(self.decoder(self.decoder_input(z).view(-1, 16, 2, 2)))
        return (x + 1) / 2


class NestedNorms(Layout):
    """Lists of blocks; the dense layer of the decoder stands bare before them."""

    state = staticmethod(lambda state: {"model_state_dict": state})

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Module(), nn.Module()
        sizes = [4, 8, 8, 16]
        self.encoder.layers = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 4, 2, padding=1), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in zip([1, *sizes], sizes, strict=False)
        )
        self.encoder.embedding, self.encoder.log_var = (nn.Linear(16, LATENTS), nn.Linear(16, LATENTS))
        self.decoder.layers = nn.ModuleList(
            [
                nn.Linear(LATENTS, 16 * 16),
                nn.Sequential(nn.ConvTranspose2d(16, 8, 3, 2, padding=1), nn.BatchNorm2d(8), nn.ReLU()),
                nn.Sequential(
                    nn.ConvTranspose2d(8, 4, 3, 2, padding=1, output_padding=1), nn.BatchNorm2d(4), nn.ReLU()
                ),
                nn.Sequential(nn.ConvTranspose2d(4, 1, 3, 2, padding=1, output_padding=1), nn.Sigmoid()),
            ]
        )

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        for layer in self.encoder.layers:
            x = layer(x)
        return self.encoder.embedding(x.flatten(1)), self.encoder.log_var(x.flatten(1))

    def decode(self, z: Tensor) -> Tensor:
        x = self.decoder.layers[0](z).view(-1, 16, 4, 4)
        for layer in list(self.decoder.layers)[1:]:
            x = layer(x)
        return x


class WidePadding(Layout):
    """Kernels of 4 and 2, padded by 2 and 1, under names with underscores; other paddings would fit as well."""

    shape = (1, 64, 64)
    paddings = (2, 2, 1, 1)
    state = staticmethod(
        lambda state: {"state_dict": {f"_model.{n.replace('coder.', 'coder.model.')}": v for n, v in state.items()}}
    )

    def __init__(self) -> None:
        super().__init__()
        self._encoder = nn.Sequential(
            nn.Conv2d(1, 4, 4, 2, 2), nn.ReLU(), nn.Conv2d(4, 4, 4, 2, 2), nn.ReLU(),
            nn.Conv2d(4, 8, 2, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 2, 2, 1), nn.ReLU(),
            nn.Flatten(), nn.Linear(200, 32), nn.ReLU(), nn.Linear(32, 2 * LATENTS),
        )  # fmt: skip
        self._decoder = nn.Sequential(
            nn.Linear(LATENTS, 32), nn.ReLU(), nn.Linear(32, 128), nn.ReLU(), nn.Unflatten(1, (8, 4, 4)),
            nn.ConvTranspose2d(8, 8, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(8, 4, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(4, 4, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(4, 1, 4, 2, 1),
        )  # fmt: skip

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._encoder(x).chunk(2, 1)

    def decode(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self._decoder(z))


class NamedConvolutions(Layout):
    """conv1, bn1, …: defined in an order of their own, and computed in another; a standard deviation's logarithm."""

    shape = (3, 32, 32)
    state = staticmethod(lambda state: {f"module.{name}": value for name, value in state.items()})

    def __init__(self) -> None:
        super().__init__()
        self.fc_mu, self.fc_logstd = nn.Linear(32, LATENTS), nn.Linear(32, LATENTS)
        self.enc_fc = nn.Linear(8 * 4 * 4, 32)
        self.enc_conv1, self.enc_conv2 = nn.Conv2d(3, 8, 5, 2, 2), nn.Conv2d(8, 8, 5, 2, 2)
        self.enc_conv3 = nn.Conv2d(8, 8, 5, 2, 2)
        self.enc_bn1, self.enc_bn2, self.enc_bn3 = (nn.BatchNorm2d(8), nn.BatchNorm2d(8), nn.BatchNorm2d(8))
        self.dec_fc = nn.Linear(LATENTS, 8 * 4 * 4)
        self.dec_deconv1 = nn.ConvTranspose2d(8, 8, 5, 2, 2, output_padding=1)
        self.dec_deconv2 = nn.ConvTranspose2d(8, 8, 5, 2, 2, output_padding=1)
        self.dec_deconv3 = nn.ConvTranspose2d(8, 3, 5, 2, 2, output_padding=1)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        for i in (1, 2, 3):
            x = F.relu(getattr(self, f"enc_bn{i}")(getattr(self, f"enc_conv{i}")(x)))
        h = F.relu(self.enc_fc(x.flatten(1)))
        return self.fc_mu(h), 2 * self.fc_logstd(h)

    def decode(self, z: Tensor) -> Tensor:
        x = F.relu(self.dec_fc(z)).view(-1, 8, 4, 4)
        x = F.relu(self.dec_deconv2(F.relu(self.dec_deconv1(x))))
        return torch.sigmoid(self.dec_deconv3(x))
