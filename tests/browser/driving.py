"""The live explorer on a page: how a test moves it, and what it shows."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from playwright.sync_api import Locator, Page

from explorer import paths
from explorer.checkpoints import load
from explorer.checkpoints.labels import read_labels

from .conftest import IDLE, Opener

PICTURE = ".bv-picture"
MODEL = "dsprites-disentangled"
NAMES = read_labels(paths.PRETRAINED / MODEL).names

# The latents of the picture, where they are the values that the sliders have now.
SHOWN = """() => {
    const text = document.querySelector('.bv-picture')?.dataset.shown;
    if (!text) return false;
    const z = JSON.parse(text);
    return [...document.querySelectorAll('.bv-rows .bv-slider')].every(
        ({dataset}) => Math.abs(z[dataset.dimension] - dataset.value) < 2e-4) && z;
}"""


def live(page: Page, name: str = "") -> Page:
    """Wait until the browser decodes the model of that name."""
    page.wait_for_function(
        """name => document.querySelector('.bv-badge')?.textContent.startsWith('decoded in this page')
            && document.querySelector('.bv-picture').getAttribute('aria-label')
                .startsWith(`Picture decoded by ${name}`)""",
        arg=f"{name} at " if name else "",
    )
    page.wait_for_selector(IDLE)
    return page


def slider(page: Page, dimension: int) -> Locator:
    return page.locator(f".bv-slider[data-dimension='{dimension}']")


def title(dimension: int) -> str:
    """What the controls of a dimension of MODEL are called, as it is shipped."""
    return f"{NAMES[dimension]}, z{dimension}" if dimension in NAMES else f"z{dimension}"


def row(page: Page, dimension: int) -> Locator:
    """The row of a dimension."""
    return page.locator(".bv-row").filter(has=slider(page, dimension))


def order(page: Page) -> list[int]:
    """Dimensions from top to bottom."""
    found = page.locator(".bv-rows .bv-slider").evaluate_all("all => all.map(s => +s.dataset.dimension)")
    return [int(dimension) for dimension in found]


def values(page: Page) -> list[float]:
    """The values of the sliders, by dimension, also beyond their ends."""
    found = page.locator(".bv-rows .bv-slider").evaluate_all(
        "all => all.map(s => [+s.dataset.dimension, +s.dataset.value])"
    )
    return [value for _, value in sorted(found)]


def shown(page: Page) -> list[float]:
    """The latents of the picture, once it is of the values that the sliders have."""
    return [float(value) for value in page.wait_for_function(SHOWN).json_value()]


def pixels(page: Page, canvas: str = PICTURE) -> np.ndarray:
    """What a canvas shows `(H, W, 3)`, in its own pixels."""
    width, height, text = page.locator(canvas).evaluate(
        """c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
            let text = ''; for (const byte of d) text += String.fromCharCode(byte);
            return [c.width, c.height, btoa(text)] }"""
    )
    flat = np.frombuffer(base64.b64decode(text), np.uint8)
    return flat.reshape(height, width, 4)[..., :3]


def release(page: Page, **to: float) -> None:
    """Put sliders (z3=1.5) where they are wanted, as a pointer does, and let go once."""
    page.evaluate(
        """wanted => { let slider; for (const [name, value] of Object.entries(wanted)) {
            slider = document.querySelector(`.bv-slider[data-dimension="${name.slice(1)}"]`);
            slider.value = value;
            slider.dispatchEvent(new Event('input', {bubbles: true})); }
            slider.dispatchEvent(new Event('change', {bubbles: true})); }""",
        to,
    )


def decoded(model: str | Path, z: list[float]) -> np.ndarray:
    """Torch's picture at `z`, `(H, W, 3)` from 0 to 255."""
    with torch.inference_mode():
        image = load(model).model.decode(torch.tensor([z], dtype=torch.float32))[0]
    return np.broadcast_to(np.moveaxis(image.numpy() * 255, 0, -1), (*image.shape[1:], 3))


def same(picture: np.ndarray, expected: np.ndarray) -> bool:
    """Whether a canvas shows the picture: grey levels are rounded, and 1e-3 is allowed."""
    return picture.shape == expected.shape and bool(np.abs(picture - expected).max() <= 0.5 + 255e-3)


def true_picture(page: Page, model: str | Path) -> bool:
    """Whether the picture, once it is of the sliders' values, is what torch decodes there."""
    z = shown(page)
    return same(pixels(page), decoded(model, z))


def posterior_mean(model: str | Path, image: np.ndarray) -> list[float]:
    """Torch's posterior mean of an image `(C, H, W)` in [0, 1]."""
    with torch.inference_mode():
        given = torch.tensor(image, dtype=torch.float32)[None]
        return load(model).model.encode(given).mean[0].tolist()


def overflow(page: Page) -> list[str]:
    """Elements that stick out of the window at its right."""
    return page.evaluate("""() => [...document.querySelectorAll('[data-testid=stMain] *')]
        .filter(e => e.getBoundingClientRect().right > innerWidth + 1
            && !e.closest('.js-plotly-plot') && getComputedStyle(e).position !== 'fixed')
        .map(e => e.outerHTML.slice(0, 120))""")


def settle(page: Page) -> None:
    """Wait for the time after which a key counts as released, and for the answer."""
    page.wait_for_timeout(450)
    page.wait_for_selector(IDLE)


def opened(open_page: Opener, model: str = MODEL, more: str = "", **how: Any) -> Page:
    return live(open_page(f"/?model={model}{more}", **how), model)


def wait_until(
    holds: Callable[[], object], otherwise: Callable[[], str] = lambda: "it did not come true", seconds: float = 240
) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, otherwise()
        time.sleep(0.05)
