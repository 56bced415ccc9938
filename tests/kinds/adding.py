"""A kind of each table, added to a copy of the project as a person would add it: by its places and no others."""

from __future__ import annotations

import shutil
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
PARTS = ("app.py", "pages", "explorer", "models", "static", ".streamlit")

OBJECTIVE = '''

class Centred(Objective):
    """−E[log p(x|z)] + λ · Σ|mean of a dimension|, which no paper proposes."""

    name = "centred"

    def __init__(self, pull: float) -> None:
        super().__init__()
        self.pull = pull

    @classmethod
    def of(cls, settings: Mapping[str, Any], steps: int, dataset_size: int) -> Self:
        return cls(settings["pull"])

    def forward(self, nll: Tensor, posterior: Posterior, z: Tensor, step: int) -> Terms:
        reconstruction, kl = nll.mean(), posterior.kl().mean(0)
        offset = posterior.mean.abs().mean(0).sum()
        return Terms(reconstruction + self.pull * offset, reconstruction, kl, {"offset": offset.detach()})
'''
LIKELIHOOD = '''

class Laplace(Likelihood):
    """p(x|z) of density exp(−|x − m|/b) / 2b, where m is the square of the raw output."""

    name = "laplace"

    def __init__(self, spread: float) -> None:
        super().__init__()
        self.spread = spread

    def images(self, raw: Tensor) -> Tensor:
        return raw.clamp(0, 1).square()

    def raw(self, images: Tensor) -> Tensor:
        return images.sqrt()

    def nll(self, raw: Tensor, images: Tensor) -> Tensor:
        off = (raw.square() - images).abs().flatten(1)
        return off.sum(1) / self.spread + off.shape[1] * math.log(2 * self.spread)
'''
NETWORK = '''

@_named
def narrow(shape: Shape, latents: int) -> Network:
    """One hidden layer of 16."""
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), 16), nn.ReLU(), nn.Linear(16, 2 * latents))
    decoder = nn.Sequential(
        nn.Linear(latents, 16), nn.ReLU(), nn.Linear(16, prod(shape)), nn.Unflatten(1, shape)
    )
    return Network(encoder, decoder, shape, latents)
'''
DATA = '''"""Stripes that turn."""

import torch

from explorer.datasets.base import ArrayDataset
from explorer.datasets.names import Request


def opened(request: Request) -> ArrayDataset:
    """Sixty stripes at as many places."""
    size = request.size or 16
    images = torch.zeros(60, 1, size, size, dtype=torch.uint8)
    for place in range(60):
        images[place, :, place % size] = 255
    factors = torch.arange(60)[:, None] % size
    return ArrayDataset("stripes", images, f"stripes-{size}", factors, ("row",), (size,))
'''
FORMAT = '''"""The picture at a point, as numbers."""

import io

import numpy as np
import torch

from explorer.export.formats import ExportRequest


def numbers_of(scene: ExportRequest) -> bytes:
    """Pixels in [0, 1] as an .npy file."""
    file = io.BytesIO()
    np.save(file, scene.checkpoint.model.decode(torch.tensor(scene.z).float()[None]).numpy())
    return file.getvalue()
'''
FORMAT_ENTRY = """
FORMATS["npy"] = Format("Picture, numbers", "the picture as numbers", ".npy", "numbers.numbers_of")
"""
ENTRIES = """
OBJECTIVES["centred"] = Objective(
    title="Centred means",
    hint="λ·Σ|µ|, for a test",
    source="nobody 2026, eq. 0",
    formula=r"-\\log p \\;+\\; \\lambda \\sum_j |\\mu_j|",
    about="Means are pulled to the middle",
    loss="−E[log p(x|z)] + {pull:g}·Σ|µ|",
    short="λ = {pull:g}",
    label="pull{pull:g}",
    settings=(Setting("pull", 2.0, "λ of the objective centred.", "λ of the means", least=0, most=99, sign="λ"),),
    role="none",
    beta="λ = {pull:g} in place of β",
    clock=(Panel("units", (Logged("offset", "Σ|µ|"),)),),
    clock_title="the offset of the means",
    wakes=lambda words: [f"a lower λ than {words['pull']}"],
)
LIKELIHOODS["laplace"] = Likelihood(
    title="Laplace",
    about="errors count by their size.",
    family="density",
    variance="none",
    expression="raw.clamp(0, 1).square()",
    nodes=(*_CUT, ("Pow", (2.0,))),
    settings=(Setting("spread", 0.25, "b of the laplace likelihood.", "b of a pixel", above=0, most=9),),
)
NETWORKS["narrow"] = Network("one hidden layer")
"""
DATA_ENTRY = """
DATASETS["stripes"] = DatasetInfo("stripes", "Stripes", "sixty stripes", 16)
"""


def copy(to: Path) -> Path:
    """The project, with a kind more in each table."""
    to.mkdir()
    for part in PARTS:
        source = PROJECT / part
        if source.is_dir():
            skip = shutil.ignore_patterns("__pycache__", "node_modules", "pretrained")
            shutil.copytree(source, to / part, ignore=skip)
        elif source.exists():
            shutil.copy(source, to / part)
    _append(to / "models" / "objectives.py", OBJECTIVE)
    _append(to / "models" / "likelihoods.py", LIKELIHOOD)
    _append(to / "models" / "networks.py", NETWORK)
    _append(to / "models" / "kinds.py", ENTRIES)
    (to / "explorer" / "datasets" / "stripes.py").write_text(DATA)
    _append(to / "explorer" / "datasets" / "names.py", DATA_ENTRY)
    (to / "explorer" / "export" / "numbers.py").write_text(FORMAT)
    _append(to / "explorer" / "export" / "formats.py", FORMAT_ENTRY)
    return to


def _append(file: Path, text: str) -> None:
    file.write_text(file.read_text() + text)
