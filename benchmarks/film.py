"""The film at the head of the README: sliders of the first model, then β of a model for every β, dragged in the app.

    python benchmarks/film.py docs/film.webp

A Chromium shows the app as anybody sees it; each frame is a screenshot behind a movement of the mouse. The film is told
in numbers: frames, seconds, bytes.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from browser import IDLE, PROJECT, chromium, serving
from PIL import Image
from playwright.sync_api import Page

sys.path.insert(0, str(PROJECT))

from explorer.ui.first_model import FIRST

WIDE, TOP, HIGH = 1280, 64, 580  # of what is shown of the window, below its menu
FILM = (960, 435)
PACE = 90  # milliseconds that a frame stands
STILL = 8  # frames before each part
QUALITY = 60  # of WebP
STEPS = 6  # frames from one place of a slider to the next
EVERY_BETA = "dsprites-any-beta"


class Camera:
    """Takes the frames."""

    def __init__(self, page: Page) -> None:
        self.page, self.frames = page, list[Image.Image]()

    def shoot(self, count: int = 1) -> None:
        """What is on the screen now, for so many frames."""
        whole = Image.open(io.BytesIO(self.page.screenshot(clip={"x": 0, "y": TOP, "width": WIDE, "height": HIGH})))
        self.frames += [whole.convert("RGB").resize(FILM, Image.Resampling.LANCZOS)] * count

    def drag(self, selector: str, places: tuple[float, ...], steps: int = STEPS) -> None:
        """Drag a slider from where it is to each place, 0 its left and 1 its right end, and back."""
        slider = self.page.locator(selector).first
        start: float = slider.evaluate("s => (s.value - s.min) / (s.max - s.min)")
        box = slider.bounding_box()
        assert box
        y = box["y"] + box["height"] / 2
        mouse = self.page.mouse
        mouse.move(box["x"] + box["width"] * start, y)
        mouse.down()
        for low, high in pairwise((start, *places, start)):
            for step in range(1, steps + 1):
                mouse.move(box["x"] + box["width"] * (low + (high - low) * step / steps), y)
                self.page.wait_for_timeout(60)
                self.shoot()
        mouse.up()
        mouse.move(WIDE - 4, 4)


def opened(page: Page, url: str) -> None:
    """Wait until pictures are decoded in the page and every strip is drawn."""
    page.goto(url, timeout=120_000)
    page.wait_for_selector(IDLE, timeout=120_000)
    page.wait_for_function(
        "document.querySelector('.bv-badge')?.textContent.startsWith('decoded in this page')", timeout=120_000
    )
    page.wait_for_timeout(3000)


def parts(page: Page, url: str) -> Iterator[Camera]:
    """The film's parts, one after another."""
    camera = Camera(page)
    opened(page, f"{url}?model={FIRST[0]}")
    camera.shoot(STILL)
    for slider in page.locator(".bv-rows input.bv-slider").all():
        camera.drag(f".bv-rows input[data-dimension='{slider.get_attribute('data-dimension')}']", (0.95, 0.05))
    yield camera
    opened(page, f"{url}?model={EVERY_BETA}&beta=1")
    camera.shoot(STILL)
    camera.drag("input[data-dimension=beta]", (0.97,), steps=14)
    camera.shoot(STILL)
    yield camera


def main() -> None:
    """Make the film."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    target: Path = parser.parse_args().target
    with (
        tempfile.TemporaryDirectory() as home,
        serving(PROJECT / "app.py", Path(home)) as (url, _),
        chromium() as browser,
    ):
        page = browser.new_page(viewport={"width": WIDE, "height": TOP + HIGH + 40})
        camera = list(parts(page, url))[-1]
    first, *rest = camera.frames
    first.save(target, save_all=True, append_images=rest, duration=PACE, loop=0, quality=QUALITY, method=6)
    count = len(camera.frames)
    print(f"{target}: {count} frames, {count * PACE / 1000:.0f} s, {target.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
