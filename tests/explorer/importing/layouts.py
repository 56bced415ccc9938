"""Small VAEs under the names that others give to their layers, each with its own way of computing."""

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


class WorldModel(Layout):
    """Convolutions without padding, and a decoder that begins at one pixel with odd kernels."""

    shape = (3, 64, 64)

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Module(), nn.Module()
        for i, (a, b) in enumerate([(3, 4), (4, 8), (8, 8), (8, 16)], 1):
            setattr(self.encoder, f"conv{i}", nn.Conv2d(a, b, 4, stride=2))
        self.encoder.fc_mu, self.encoder.fc_logvar = nn.Linear(64, LATENTS), nn.Linear(64, LATENTS)
        self.decoder.fc1 = nn.Linear(LATENTS, 64)
        for i, (a, b, k) in enumerate([(64, 8, 5), (8, 8, 5), (8, 4, 6), (4, 3, 6)], 1):
            setattr(self.decoder, f"deconv{i}", nn.ConvTranspose2d(a, b, k, stride=2))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        for i in (1, 2, 3, 4):
            x = F.relu(getattr(self.encoder, f"conv{i}")(x))
        return self.encoder.fc_mu(x.flatten(1)), self.encoder.fc_logvar(x.flatten(1))

    def decode(self, z: Tensor) -> Tensor:
        x = F.relu(self.decoder.fc1(z)).view(-1, 64, 1, 1)
        for i in (1, 2, 3):
            x = F.relu(getattr(self.decoder, f"deconv{i}")(x))
        return torch.sigmoid(self.decoder.deconv4(x))


class PoolAndUpsample(Layout):
    """Pooling on the way in, nearest-neighbour upsampling on the way out; two parts saved apart."""

    shape = (1, 32, 32)
    pool: type[nn.Module] = nn.MaxPool2d
    mode = "nearest"
    state = staticmethod(
        lambda state: {
            part: {n.removeprefix(f"{part}."): v for n, v in state.items() if n.startswith(part)}
            for part in ("encoder", "decoder")
        }
    )

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1),
            nn.ReLU(),
            self.pool(2),
            nn.Conv2d(4, 8, 3, padding=1),
            nn.ReLU(),
            self.pool(2),
            nn.Flatten(),
            nn.Linear(512, 2 * LATENTS),
        )
        self.decoder = nn.Sequential(
            nn.Linear(LATENTS, 512),
            nn.ReLU(),
            nn.Unflatten(1, (8, 8, 8)),
            nn.Upsample(scale_factor=2, mode=self.mode),
            nn.Conv2d(8, 4, 3, padding=1),
            nn.ReLU(),
            nn.Upsample(scale_factor=2, mode=self.mode),
            nn.Conv2d(4, 1, 3, padding=1),
        )


class SmoothSizes(PoolAndUpsample):
    """Averages on the way in, and bilinear upsampling on the way out."""

    said = {"pooling": "average", "upsampling": "bilinear"}
    pool = nn.AvgPool2d
    mode = "bilinear"


class ConvolutionalHeads(Layout):
    """Heads that are convolutions, a decoder that takes the latents as one pixel, outputs that are pixels."""

    shape = (3, 32, 32)
    said = {"output": "none"}

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(3, 4, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(4, 8, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(8, 8, 4, 2, 1),
            nn.ReLU(),
        )
        self.conv_mu, self.conv_logvar = nn.Conv2d(8, LATENTS, 4), nn.Conv2d(8, LATENTS, 4)
        self.up = nn.Sequential(
            nn.ConvTranspose2d(LATENTS, 8, 4),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 8, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 4, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(4, 3, 4, 2, 1),
        )

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.down(x)
        return self.conv_mu(h).flatten(1), self.conv_logvar(h).flatten(1)

    def decode(self, z: Tensor) -> Tensor:
        return self.up(z.view(-1, LATENTS, 1, 1)).clamp(0, 1)


class NormBehindActivation(Layout):
    """Batch norms behind the activation, where they can't be taken into the convolution; a dense decoder."""

    shape = (1, 32, 32)
    said = {"activation": "elu", "decoder_activation": "elu"}

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 4, 4, 2, 1), nn.ELU(), nn.BatchNorm2d(4), nn.Conv2d(4, 8, 4, 2, 1), nn.ELU(),
            nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(512, 2 * LATENTS),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(LATENTS, 40), nn.BatchNorm1d(40), nn.ELU(), nn.Linear(40, 1024), View(1, 32, 32)
        )


class InTurn(Layout):
    """Mean and log-variance in turn, and a weight norm."""

    shape = (1, 16, 16)
    said = {"halves": "interleaved"}

    def __init__(self) -> None:
        super().__init__()
        self.recognition = nn.Sequential(
            nn.Flatten(), nn.utils.weight_norm(nn.Linear(256, 20)), nn.ReLU(), nn.Linear(20, 2 * LATENTS)
        )
        self.generator = nn.Sequential(nn.Linear(LATENTS, 20), nn.ReLU(), nn.Linear(20, 256), View(1, 16, 16))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.recognition(x).view(-1, LATENTS, 2).unbind(-1)

    def decode(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.generator(z))


class NamedWithOnePixel(Layout):
    """conv1, bn1, … in both parts, down to one pixel and from one; mean and a deviation's logarithm in turn."""

    shape = (1, 32, 32)
    said = {"halves": "interleaved", "spread": "log-std"}

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Module(), nn.Module()
        for i, (a, b, k) in enumerate([(1, 4, 4), (4, 4, 4), (4, 8, 4), (8, 16, 4)], 1):
            setattr(self.encoder, f"conv{i}", nn.Conv2d(a, b, k, 2 if i < 4 else 1, 1 if i < 4 else 0))
            setattr(self.encoder, f"bn{i}", nn.BatchNorm2d(b))
        self.encoder.conv_z = nn.Conv2d(16, 2 * LATENTS, 1)
        for i, (a, b, k) in enumerate([(LATENTS, 16, 1), (16, 8, 4), (8, 4, 4), (4, 4, 4)], 1):
            setattr(self.decoder, f"conv{i}", nn.ConvTranspose2d(a, b, k, 2 if i > 2 else 1, 1 if i > 2 else 0))
            setattr(self.decoder, f"bn{i}", nn.BatchNorm2d(b))
        self.decoder.conv_final = nn.ConvTranspose2d(4, 1, 4, 2, 1)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        for i in (1, 2, 3, 4):
            x = F.relu(getattr(self.encoder, f"bn{i}")(getattr(self.encoder, f"conv{i}")(x)))
        mean, log_std = self.encoder.conv_z(x).view(-1, LATENTS, 2).unbind(-1)
        return mean, 2 * log_std

    def decode(self, z: Tensor) -> Tensor:
        x = z.view(-1, LATENTS, 1, 1)
        for i in (1, 2, 3, 4):
            x = F.relu(getattr(self.decoder, f"bn{i}")(getattr(self.decoder, f"conv{i}")(x)))
        return torch.sigmoid(self.decoder.conv_final(x))


class OddSizes(Layout):
    """28, 14, 7 and 3 pixels by another padding in the last convolution; four Sequentials and two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder_cnn = nn.Sequential(
            nn.Conv2d(1, 4, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(4, 8, 3, 2, 1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, 2, 0),
            nn.ReLU(),
        )
        self.encoder_lin = nn.Sequential(nn.Linear(144, 20), nn.ReLU())
        self.mu, self.logvar = nn.Linear(20, LATENTS), nn.Linear(20, LATENTS)
        self.decoder_lin = nn.Sequential(nn.Linear(LATENTS, 20), nn.ReLU(), nn.Linear(20, 144), nn.ReLU())
        self.decoder_conv = nn.Sequential(
            nn.ConvTranspose2d(16, 8, 3, 2),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 4, 3, 2, 1, output_padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.ConvTranspose2d(4, 1, 3, 2, 1, output_padding=1),
        )

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.encoder_lin(self.encoder_cnn(x).flatten(1))
        return self.mu(h), self.logvar(h)

    def decode(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.decoder_conv(self.decoder_lin(z).view(-1, 16, 3, 3)))


class ShortNames(Layout):
    """Words for the decoder's part that are a letter long: dfc1, dfc2; as many numbers in both parts' rows."""

    shape = (3, 64, 64)

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 4, 4, 2, 1), nn.Conv2d(4, 4, 4, 2, 1)
        self.conv3, self.conv4 = nn.Conv2d(4, 8, 4, 2, 1), nn.Conv2d(8, 8, 4, 2, 1)
        self.fc1 = nn.Linear(128, 32)
        self.means, self.log_var = nn.Linear(32, LATENTS), nn.Linear(32, LATENTS)
        self.dfc1, self.dfc2 = nn.Linear(LATENTS, 32), nn.Linear(32, 128)
        self.deconv1, self.deconv2 = nn.ConvTranspose2d(8, 8, 4, 2, 1), nn.ConvTranspose2d(8, 4, 4, 2, 1)
        self.deconv3, self.deconv4 = nn.ConvTranspose2d(4, 4, 4, 2, 1), nn.ConvTranspose2d(4, 3, 4, 2, 1)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        for i in (1, 2, 3, 4):
            x = F.relu(getattr(self, f"conv{i}")(x))
        h = F.relu(self.fc1(x.flatten(1)))
        return self.means(h), self.log_var(h)

    def decode(self, z: Tensor) -> Tensor:
        x = F.relu(self.dfc2(F.relu(self.dfc1(z)))).view(-1, 8, 4, 4)
        for i in (1, 2, 3):
            x = F.relu(getattr(self, f"deconv{i}")(x))
        return torch.sigmoid(self.deconv4(x))


class BareEnds(Layout):
    """No activation before the heads, nor behind the decoder's first layer."""

    shape = (1, 16, 16)
    said = {"head_activation": False, "entry_activation": False}

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(256, 30), nn.ReLU(), nn.Linear(30, 20))
        self.mu, self.logvar = nn.Linear(20, LATENTS), nn.Linear(20, LATENTS)
        self.decoder_fc = nn.Linear(LATENTS, 20)
        self.decoder = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 256), View(1, 16, 16))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.encoder(x)
        return self.mu(h), self.logvar(h)

    def decode(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.decoder(self.decoder_fc(z)))


LAYOUTS = [
    DenseExample, DenseTanh, NumberedConvolutions, NormedBlocks, NestedNorms, WidePadding, NamedConvolutions,
    WorldModel, PoolAndUpsample, ConvolutionalHeads, NormBehindActivation, InTurn,
    NamedWithOnePixel, OddSizes, ShortNames, BareEnds, SmoothSizes,
]  # fmt: skip


def make(layout: type[Layout], seed: int = 0) -> Layout:
    """One with random weights, its batch norms as if they had been trained."""
    torch.manual_seed(seed)
    model = layout().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return model
