"""Published checkpoints of others that were tried with this program: where they lie, and what they show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from explorer import access, paths, stages
from explorer.errors import UserError
from explorer.importing.preview import keep_import, preview
from explorer.importing.remote_files import download

_DUBOIS = (
    "https://raw.githubusercontent.com/YannDubs/disentangling-vae/fe65e197e73691233120498cefe1d9e2953f6ee9/results"
)
_CHEUK = "https://raw.githubusercontent.com/KinWaiCheuk/Beta-VAE/57f538320fed76b54e8489656b11dc83c06d1584/runs"


@dataclass(frozen=True)
class File:
    """A file of a checkpoint: its name, address, size in bytes and SHA-256."""

    name: str
    url: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Published:
    """A checkpoint that can be fetched."""

    name: str
    source: str
    licence: str
    shows: str
    files: tuple[File, ...]

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(file.bytes for file in self.files)


def _dubois(name: str, size: int, sha256: str, specs: int, specs_sha256: str, shows: str) -> Published:
    return Published(
        name,
        "YannDubs/disentangling-vae on GitHub",
        "MIT",
        shows,
        (
            File("model.pt", f"{_DUBOIS}/{name}/model.pt", size, sha256),
            File("specs.json", f"{_DUBOIS}/{name}/specs.json", specs, specs_sha256),
        ),
    )


PUBLISHED: dict[str, Published] = {
    entry.name: entry
    for entry in (
        _dubois(
            "VAE_dsprites", 2_012_328, "d59cf8691ecf38e99784beabfd664c92543bec2232135da8dda07b7d8fb69154",
            737, "4582396254835b49787d037f8ae39872c1c6281bf519636086fcadbba90aa2db",
            "dSprites at β = 1: reconstruction 18.0, KL 25.4 nats an image in its log, ten dimensions in use",
        ),
        _dubois(
            "betaH_dsprites", 2_012_328, "44ba28f86d772e428b592c3131fc690d8ea28f415a842673dfd9b7637bef5203",
            743, "c3419b4211c3db6985d767e093c0d842a9167b225b8c4e1202f2a4b9b1eed18b",
            "dSprites at β = 4: reconstruction 35.6, KL 15.4 nats an image in its log, ten dimensions in use",
        ),
        _dubois(
            "btcvae_dsprites_a5", 2_012_328, "091df99bb2b95072a91c0ddf846838d717adbb4dedf06cf74f1be69479f20161",
            752, "abc299cc24ebbac7d48fef66e21c21ff6fae9240b0292ef88e5f0348b234e3f3",
            "dSprites, β-TCVAE with α = 5, β = 6.4: reconstruction 53.7, KL 12.8 nats, six dimensions in use",
        ),
        _dubois(
            "VAE_mnist", 1_880_389, "8ea62efbadb2dec11c5e9bd33b21d9045e010ba331fece62b635a6abb90a20a2",
            730, "59609740cbe7a4aac66aeb7d3003668a1af9f4bba08f01ba61337f4af9c03785",
            "MNIST at β = 1: reconstruction 118.8, KL 19.7 nats an image in its log",
        ),
        _dubois(
            "betaH_mnist", 1_880_389, "2fb877b4d1634dce97f4afe7bb2f03e705c8306d0e149f33293d50bec96fb2a5",
            736, "4679fb4dd93fe059551c8bc285746204cbf100974a054d8416d5559177fbfb8c",
            "MNIST at β = 4: reconstruction 138.8, KL 11.0 nats an image in its log",
        ),
        _dubois(
            "betaH_celeba", 2_020_528, "39f29f54a3287219fe30e676e0bc8ba8dbf024b3e648d5be633177814bdb0ab7",
            740, "6ae2849d8bdb0cb706e7558fb6c23869b67f1a107dbd1d1c1945be7ef97e1d60",
            "CelebA at β = 10: reconstruction 6569.7, KL 16.9 nats an image in its log",
        ),
        _dubois(
            "betaH_chairs", 2_012_328, "1a9aef4d2cf748c7f7df6f0eb774f15c0eeac9341f864bb2a03eb673f187fbf5",
            739, "35cbdd9d873a5482b9329d4a97cee2e91c197964a30e6217e7b4f47a67dec7f0",
            "3D chairs at β = 4: reconstruction 226.1, KL 10.4 nats an image in its log",
        ),
        Published(
            "kinwaicheuk-dsprites", "KinWaiCheuk/Beta-VAE on GitHub", "MIT",
            "dSprites, convolutions without padding: seven of ten dimensions cost more than 0.1 nats",
            (
                File(
                    "dSprites-model-500.pt", f"{_CHEUK}/dSprites/model-500.pt", 958_162,
                    "f56b64069ca5cab7ea9ac7e725455aecc7d252d22c6e87e2f70b7866cbba3d38",
                ),
            ),
        ),
    )
}  # fmt: skip


def fetch_published(name: str, as_name: str | None = None) -> Path:
    """Fetch a published checkpoint, check its hash, and put it into the library. Returns its directory.

    Raises:
        UserError: no such entry, no network, another content than was published, or a name that is taken.
    """
    access.require("download")
    entry = PUBLISHED.get(name)
    if entry is None:
        raise UserError(f"there is no published checkpoint {name[:80]!r}; there are {', '.join(PUBLISHED)}")
    access.room(entry.bytes)
    with stages.staged(paths.library()) as folder:
        access.mark_owner(folder)
        root = folder.resolve() / entry.name
        root.mkdir()
        for file in entry.files:
            download(file.url, root / file.name, file.bytes, file.sha256)
        weights = root / entry.files[0].name
        with preview(weights) as found:
            return keep_import(found, as_name or entry.name)
