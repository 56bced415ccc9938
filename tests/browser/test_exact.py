"""The picture in the browser is torch's: on random latents, extreme ones and after many moves."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import torch
from playwright.sync_api import Page

from explorer import paths
from explorer.checkpoints import ModelConfig, describe, load, save
from explorer.checkpoints.store import build_model
from explorer.export.onnx import write_onnx
from explorer.importing.preview import import_checkpoint
from models.beta_vae import BetaVAE
from models.kinds import built_here

from .conftest import Opener, Server
from .driving import live

# Of images; dense has no layer that mlp has not.
SQUARE = [name for name, network in built_here().items() if network.takes(64, 64) and name != "dense"]


def _kinds() -> list[str]:
    """A shipped model of each kind: weights alone make no difference to how the browser computes."""
    found: dict[object, str] = {}
    for path in sorted(path for path in paths.PRETRAINED.iterdir() if path.is_dir()):
        config = describe(path).config
        found.setdefault((config.network, config.shape, config.likelihood, config.latents, config.betas), path.name)
    return list(found.values())


SHIPPED = _kinds()
PUBLISHED = {
    path.stem if path.suffix else path.name: path
    for path in (
        *(paths.PROJECT.parent / "shared" / "checkpoints" / "disentangling-vae").glob("*_*"),
        *(paths.PROJECT.parent / "shared" / "checkpoints" / "kinwaicheuk-beta-vae").glob("*.pt"),
    )
}
RANDOM = 200  # latents, each of them ten moves or more

# Puts the sliders at each of the latents (their ends are out of the way meanwhile), waits for the frame that
# shows them, and notes what was decoded there and how far the canvas's own pixels are from it.
AT_EACH = """async (latents) => {
    const picture = document.querySelector('.bv-picture');
    const sliders = [...document.querySelectorAll('.bv-rows .bv-slider')];
    const frame = () => new Promise(requestAnimationFrame);
    const texts = [], shown = [];
    let worst = 0;
    for (const z of latents) {
        for (const slider of sliders) {
            Object.assign(slider, { min: -1000, max: 1000, value: z[slider.dataset.dimension] });
            slider.dispatchEvent(new Event('input', { bubbles: true }));
        }
        const wanted = JSON.stringify(z.map((value) => +Math.fround(value).toFixed(4)));
        for (let k = 0; picture.dataset.shown !== wanted; k += 1) {
            if (k > 2000) throw new Error(`${picture.dataset.shown} is shown, not ${wanted}`);
            await frame();
        }
        const { values, width, height } = picture, area = width * height;
        const { data } = picture.getContext('2d').getImageData(0, 0, width, height);
        for (let at = 0; at < 4 * area; at += 1) {
            const channel = at % 4, from = values.length === area ? 0 : channel * area;
            const level = channel === 3 ? 255 : 255 * values[from + (at >> 2)];
            worst = Math.max(worst, Math.abs(data[at] - level));
        }
        const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
        let text = '';
        for (let at = 0; at < bytes.length; at += 8192)
            text += String.fromCharCode(...bytes.subarray(at, at + 8192));
        texts.push(btoa(text));
        shown.push(JSON.parse(picture.dataset.shown));
    }
    return { texts, shown, worst };
}"""

# By the fields of numbers, which take what is beyond the sliders: what a person can type.
TYPED = """async (latents) => {
    const picture = document.querySelector('.bv-picture');
    for (const row of document.querySelectorAll('.bv-rows .bv-row')) {
        const field = row.querySelector('.bv-number');
        field.value = latents[row.querySelector('.bv-slider').dataset.dimension];
        field.dispatchEvent(new Event('change', { bubbles: true }));
    }
}"""


@pytest.fixture(scope="module")
def untrained(server: Server) -> Server:
    """A model of each network, with one channel and with three, in the server's library."""
    for seed, (network, channels) in enumerate((n, c) for n in SQUARE for c in (1, 3)):
        torch.manual_seed(seed)
        size = {"locatello": (64, 64), "mlp": (20, 28), "linear": (20, 28)}.get(network, (32, 32))
        config = ModelConfig(network=network, shape=(channels, *size), latents=6)
        model = build_model(config)
        place = server.home / "library" / f"{network}-{channels}"
        checkpoint = load(save(model, place))
        write_onnx(checkpoint, server.home / "cache" / f"{checkpoint.hash}.onnx")
    return server


@pytest.fixture(scope="module")
def imported(server: Server) -> Server:
    """The published checkpoints, brought into the server's library as a person would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BETA_VAE_HOME", str(server.home))
        for name, path in PUBLISHED.items():
            checkpoint = load(import_checkpoint(path, name))
            write_onnx(checkpoint, server.home / "cache" / f"{checkpoint.hash}.onnx")
    return server


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_checkpoint_is_decoded_and_dragged(open_page: Opener, imported: Server, name: str) -> None:
    model = load(imported.home / "library" / name).model
    assert_exact(live(open_page(f"/?model={name}"), name), model)


@pytest.mark.parametrize("name", [*SHIPPED, *(f"{network}-{channels}" for network in SQUARE for channels in (1, 3))])
def test_the_picture_is_what_torch_decodes(open_page: Opener, untrained: Server, name: str) -> None:
    place = untrained.home / "library" / name
    model = load(place if place.is_dir() else name).model
    page = live(open_page(f"/?model={name}"), name)
    assert_exact(page, model)


def assert_exact(page: Page, model: BetaVAE) -> None:
    """Moved by its sliders to many latents, the page shows what `model` decodes there."""
    generator = np.random.default_rng(0)
    latents = generator.standard_normal((RANDOM, model.latents)).round(4)
    extremes = 1000.0 * np.stack(
        [
            np.ones(model.latents),
            -np.ones(model.latents),
            (-1.0) ** np.arange(model.latents),
            *np.eye(model.latents)[:2],
            *-np.eye(model.latents)[:2],
        ]
    )
    found = page.evaluate(AT_EACH, [*latents.tolist(), *extremes.tolist(), [0.0] * model.latents])
    assert found["worst"] <= 0.5 + 1e-3, "the canvas shows other values than those decoded"
    shown = torch.tensor(found["shown"], dtype=torch.float32)
    assert np.abs(shown.numpy()[:RANDOM] - latents).max() < 1e-4
    with torch.inference_mode():
        wanted = model.decode(shown).numpy()
    given = np.stack([np.frombuffer(base64.b64decode(text), np.float32) for text in found["texts"]])
    assert np.abs(given.reshape(wanted.shape) - wanted).max() < 1e-3
    assert wanted.std(axis=0).max() > 1e-3, "all pictures are the same: nothing was compared"


def test_what_is_typed_beyond_the_sliders_is_decoded(open_page: Opener) -> None:
    page = live(open_page("/?model=dsprites-beta4"), "dsprites-beta4")
    model = load("dsprites-beta4").model
    for latents in ([1000.0] * 10, [-1000.0] * 10, [5.5, -5.5] * 5):
        page.evaluate(TYPED, latents)
        page.wait_for_function(
            "z => document.querySelector('.bv-picture').dataset.shown === JSON.stringify(z)", arg=latents
        )
        found = page.locator(".bv-picture").evaluate("c => Array.from(c.values)")
        with torch.inference_mode():
            wanted = model.decode(torch.tensor([latents]))[0].flatten().numpy()
        assert np.abs(np.array(found) - wanted).max() < 1e-3
