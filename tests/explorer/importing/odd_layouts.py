"""Small VAEs as others name their layers: with pooling, norms in odd places, sizes that are not square."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.explorer.importing.plain_layouts import LATENTS, Layout, View


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
