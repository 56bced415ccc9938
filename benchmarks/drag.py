"""Pictures a second while a latent is dragged: in the page, by Streamlit's slider, by asking the server.

    python benchmarks/drag.py [--training | --busy] [--linked 4 | --beta] [--rounds 1] [--json]

One 64 px `burgess` decoder (untrained: its speed is the same), three pages, one after the other in one
run. Values move every 8 ms for 3 seconds by events fired inside the page; Streamlit's own slider, which
takes no such events, is dragged with the mouse (today's tells its value only when it is let go). At each
frame of the screen the value of the picture shown is noted. The yardstick is an empty requestAnimationFrame
loop on an empty page.

--training runs a training on all cores meanwhile; --busy keeps one core busy by a process of the lowest priority, and
measures this project's page alone, idle and so. --linked measures only the page Compare, with as many models under one
slider, where a picture counts once all of them show it. --beta measures only the shipped model for every β: its β, a
latent of it, and a latent of a plain model. Each drag of these has an empty loop of its own before it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from browser import IDLE, PROJECT, chromium, serving
from playwright.sync_api import Browser, Page

sys.path.insert(0, str(PROJECT))

from explorer.checkpoints import save
from explorer.checkpoints.store import build_model
from explorer.recipe.model import ModelConfig

SECONDS = 3
EMPTY = """seconds => new Promise(done => {
    let frames = 0; const end = performance.now() + 1000 * seconds;
    requestAnimationFrame(function count() {
        frames += 1;
        if (performance.now() < end) requestAnimationFrame(count); else done(frames);
    });
})"""

# Values rise, so that the value that a picture shows says how old it is.
DRAG = """([seconds, dimension, input, shown]) => new Promise(done => {
    const slider = document.querySelector(input);
    const low = +slider.min, high = +slider.max;
    const steps = Math.floor(1000 * seconds / 8);
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
    const read = new Function(`return (${shown})`)();
    let sent = 0, newest = low;
    const frames = [];
    const began = performance.now();
    const timer = setInterval(() => {
        const due = Math.min(steps, Math.floor((performance.now() - began) / 8) + 1);
        if (due <= sent) return;
        sent = due;
        newest = low + (high - low) * sent / steps;
        set.call(slider, newest);
        slider.dispatchEvent(new Event('input', {bubbles: true}));
        if (sent === steps) {
            clearInterval(timer);
            slider.dispatchEvent(new Event('change', {bubbles: true}));
        }
    }, 4);
    let left = 40;
    requestAnimationFrame(function look() {
        const asked = newest, moving = sent < steps;
        frames.push({asked, shown: read(dimension), moving});
        if (moving || (left -= 1) > 0) requestAnimationFrame(look); else done({frames, last: newest});
    });
})"""
OURS = "d => { const s = document.querySelector('.bv-picture').dataset.shown; return s ? JSON.parse(s)[d] : null }"
LINKED = """d => { const all = [...document.querySelectorAll('.bv-picture')].map((c) => c.dataset.shown);
    return all.every(Boolean) ? Math.min(...all.map((z) => JSON.parse(z)[d])) : null }"""
BETA = "() => Math.log(+document.querySelector('.bv-picture').dataset.beta)"
SERVED = "() => document.querySelector('[data-testid=stImage] img')?.alt ?? null"

PEER = """
import sys
sys.path.insert(0, "PROJECT")
import streamlit as st
from explorer.analysis.inspection import decode
from explorer.checkpoints import load
from explorer.figures.image_grid import png, to_uint8, enlarge

@st.cache_resource
def model():
    return load("burgess").model

def picture(value):
    z = [0.0] * 10
    z[3] = value
    st.image(png(enlarge(to_uint8(decode(model(), z)), 6)), output_format="PNG", alt=str(value))
"""
THUMB = "[data-testid=stSlider] [role=slider], [data-testid=stSlider] :has(> [data-testid=stSliderThumbValue])"
STOCK = (
    PEER
    + """
@st.fragment
def page():
    picture(st.slider("z3", -2.0, 2.0, 0.0, 0.001))
page()
"""
)
ROUND_TRIP = (
    PEER
    + """
SLIDER = "<input type=range min=-2 max=2 step=any value=0>"
ask = st.components.v2.component("ask", html=SLIDER, isolate_styles=False, js='''
export default function (component) {
  const input = component.parentElement.querySelector("input");
  input.oninput = () => component.setStateValue("z", input.valueAsNumber);
}
''')
@st.fragment
def page():
    value = ask(key="ask", on_z_change=lambda: None).z
    picture(value or 0.0)
page()
"""
)


def judged(frames: list[dict[str, Any]], last: float, empty: float) -> dict[str, Any]:
    """What the frames of a drag come to; `empty` frames a second has a loop that does nothing."""
    moving = [frame for frame in frames if frame["moving"]]
    shown = [None if f["shown"] in (None, "") else float(f["shown"]) for f in frames]
    new = sum(1 for a, b in zip(shown, shown[1 : len(moving)], strict=False) if a != b)
    fresh = sum(1 for k in range(2, len(moving)) if shown[k] is not None and shown[k] >= frames[k - 2]["asked"] - 1e-3)
    after = shown[len(moving) :]
    settled = next((k for k, v in enumerate(after) if v is not None and abs(v - last) < 1e-3), None)
    return {
        "new pictures a second": new / SECONDS,
        "of an empty loop": new / SECONDS / empty,
        "no older than two frames": fresh / max(1, len(moving) - 2),
        "frames from release to its value": settled,
    }


def ours(browser: Browser, home: Path, empty: float, path: str, input: str) -> dict[str, Any]:
    """A drag in this project's page."""
    with serving(PROJECT / "app.py", home) as (url, _):
        page = opened(browser, url + path)
        result = page.evaluate(DRAG, [SECONDS, 3, input, OURS])
        page.close()
    return judged(result["frames"], result["last"], empty)


def linked(browser: Browser, home: Path, models: int, rounds: int) -> list[dict[str, Any]]:
    """Drags of one slider that moves several models, and before each of them an empty loop."""
    names = [f"burgess{number}" for number in range(models)]
    for seed, name in enumerate(names):
        torch.manual_seed(seed)
        config = ModelConfig(network="burgess", shape=(1, 64, 64), latents=10)
        save(build_model(config), home / "library" / name)
    path = "compare?start=mean&" + "&".join(f"model={name}" for name in names)
    found = []
    with serving(PROJECT / "app.py", home) as (url, _):
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(url + path, timeout=120_000)
        page.wait_for_function(
            "n => document.querySelectorAll('.bv-picture[data-shown]').length === n", arg=models, timeout=300_000
        )
        page.wait_for_function(
            """() => document.querySelector('.bv-badge[role=status]')?.textContent.match(/a frame$/)
                && [...document.querySelectorAll('.bv-column .bv-badge')].every((badge) => badge.hidden)""",
            timeout=300_000,
        )
        page.wait_for_selector(IDLE, timeout=120_000)
        page.wait_for_timeout(4000)
        blank = browser.new_page()
        for _ in range(rounds):
            blank.bring_to_front()
            empty = blank.evaluate(EMPTY, SECONDS) / SECONDS
            page.bring_to_front()
            page.wait_for_timeout(500)
            result = page.evaluate(DRAG, [SECONDS, 3, ".bv-slider[data-dimension='3']", LINKED])
            said = page.locator(".bv-badge[role=status]").inner_text()
            found.append(
                {"empty loop, frames a second": empty}
                | judged(result["frames"], result["last"], empty)
                | {"the page says": said}
            )
            page.evaluate("""() => [...document.querySelectorAll('.bv-buttons button')]
                .find((button) => button.textContent === 'Reset all').click()""")
            page.wait_for_timeout(1500)
        page.close()
    return found


def alone(browser: Browser, home: Path, path: str, drags: dict[str, tuple[str, str]], rounds: int) -> None:
    """Print drags on one page of Explore, each behind an empty loop of its own.

    `drags`: the slider's selector and what its picture shows, by what is said of it.
    """
    with serving(PROJECT / "app.py", home) as (url, _):
        page = opened(browser, url + path)
        blank = browser.new_page()
        for _ in range(rounds):
            for title, (slider, shown) in drags.items():
                blank.bring_to_front()
                empty = blank.evaluate(EMPTY, SECONDS) / SECONDS
                page.bring_to_front()
                page.wait_for_timeout(1500)
                result = page.evaluate(DRAG, [SECONDS, 3, slider, shown])
                numbers = {"empty loop, frames a second": empty} | judged(result["frames"], result["last"], empty)
                print(f"{title}: {said(numbers)}", flush=True)
        page.close()
        blank.close()


def opened(browser: Browser, url: str) -> Page:
    """A page whose pictures are decoded in it. A model that is new to the app is first exported."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.goto(url, timeout=120_000)
    page.wait_for_selector(".bv-picture[data-shown]", timeout=120_000)
    page.wait_for_selector(IDLE, timeout=120_000)
    page.wait_for_function(
        "document.querySelector('.bv-badge').textContent.startsWith('decoded in this page')", timeout=120_000
    )
    page.wait_for_timeout(4000)
    return page


def round_trip(browser: Browser, folder: Path, home: Path, empty: float) -> dict[str, Any]:
    """A drag that asks the server for each picture."""
    script = folder / "round_trip.py"
    script.write_text(ROUND_TRIP.replace("PROJECT", str(PROJECT)))
    with serving(script, home) as (url, _):
        page = browser.new_page()
        page.goto(url)
        page.wait_for_selector("[data-testid=stImage] img", timeout=120_000)
        page.wait_for_timeout(2000)
        result = page.evaluate(DRAG, [SECONDS, 3, "input[type=range]", SERVED])
        page.close()
    return judged(result["frames"], result["last"], empty)


def stock(browser: Browser, folder: Path, home: Path, empty: float) -> dict[str, Any]:
    """A drag of Streamlit's own slider, with the mouse."""
    script = folder / "stock.py"
    script.write_text(STOCK.replace("PROJECT", str(PROJECT)))
    with serving(script, home) as (url, _):
        page = browser.new_page()
        page.goto(url)
        page.wait_for_selector("[data-testid=stImage] img", timeout=120_000)
        page.wait_for_timeout(2000)
        found, after = _mouse(page)
        page.close()
    return {
        "new pictures a second": found / SECONDS,
        "of an empty loop": found / SECONDS / empty,
        "no older than two frames": None,
        "frames from release to its value": after,
    }


def _mouse(page: Page) -> tuple[int, int]:
    """Drag for some seconds; how many pictures came before the release, and in which frame after it the last one."""
    value = page.locator("[data-testid=stSliderThumbValue]").first
    before, box = value.inner_text(), page.locator(THUMB).first.bounding_box()
    track = page.locator("[data-testid=stSlider]").bounding_box()
    assert box and track
    page.evaluate("""() => { window.changes = window.frames = window.came = 0; let last = null;
        (function look() {
            const now = document.querySelector('[data-testid=stImage] img')?.alt;
            window.frames += 1;
            if (last !== null && now !== last) { window.changes += 1; window.came = window.frames; }
            last = now; requestAnimationFrame(look);
        })(); }""")
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, y)
    page.mouse.down()
    begin = time.monotonic()
    while (passed := time.monotonic() - begin) < SECONDS:
        page.mouse.move(track["x"] + track["width"] * (0.1 + 0.8 * passed / SECONDS), y)
    moved = value.inner_text()
    if moved == before:
        raise SystemExit(f"Streamlit's slider did not move: {THUMB} is no longer what the mouse has to take hold of")
    found, released = page.evaluate("[window.changes, window.frames]")
    page.mouse.up()
    page.wait_for_function(
        "value => (+document.querySelector('[data-testid=stImage] img').alt).toFixed(2) === value", arg=moved
    )
    return int(found), int(page.evaluate("window.came")) - int(released)


@contextmanager
def training(home: Path, wanted: bool) -> Iterator[None]:
    """A run on all cores in the background."""
    if not wanted:
        yield
        return
    command = ["train", "--data", "dsprites", "--network", "burgess", "--steps", "1000000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "explorer", *command, "--out", str(home / "runs" / "busy")],
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "BETA_VAE_HOME": str(home)},
    )
    try:
        while not (home / "runs" / "busy" / "metrics.jsonl").exists():
            time.sleep(0.2)
            assert process.poll() is None, "the training run ended"
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def one_core(wanted: bool) -> Iterator[None]:
    """One core kept busy by a process of the lowest priority."""
    if not wanted:
        yield
        return
    process = subprocess.Popen(["nice", "-n", "19", sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Measure all three, and print them as one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--training", action="store_true", help="with a training run on all cores")
    parser.add_argument("--busy", action="store_true", help="with one core kept busy by a process of lowest priority")
    parser.add_argument("--beta", action="store_true", help="the model for every β, its β and a latent")
    parser.add_argument("--linked", type=int, default=0, help="so many models on the page Compare")
    parser.add_argument("--rounds", type=int, default=1, help="drags of each")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        home = Path(name)
        latent = (".bv-slider[data-dimension='3']", OURS)
        if given.beta:
            of_every = {"β": ("input[data-dimension=beta]", BETA), "a latent of it": latent}
            with one_core(given.busy):
                alone(browser, home, "?model=dsprites-any-beta&start=mean", of_every, given.rounds)
                alone(browser, home, "?model=dsprites-beta4&start=mean", {"a plain model's": latent}, given.rounds)
            return
        if given.linked:
            with training(home, given.training):
                for numbers in linked(browser, home, given.linked, given.rounds):
                    print(json.dumps(numbers) if given.json else said(numbers))
            return
        torch.manual_seed(0)
        config = ModelConfig(network="burgess", shape=(1, 64, 64), latents=10)
        save(build_model(config), home / "library" / "burgess")
        if given.busy:
            for wanted in (False, True):
                with one_core(wanted):
                    title = "one core busy" if wanted else "idle"
                    alone(browser, home, "?model=burgess", {title: latent}, given.rounds)
            return
        blank = browser.new_page()
        empty = blank.evaluate(EMPTY, SECONDS) / SECONDS
        blank.close()
        with training(home, given.training):
            found = {
                "in the page": ours(browser, home, empty, "?model=burgess", ".bv-slider[data-dimension='3']"),
                "Streamlit's slider": stock(browser, home, home, empty),
                "the server, each value": round_trip(browser, home, home, empty),
            }
    if given.json:
        print(json.dumps({"empty loop, frames a second": empty} | found))
        return
    print(f"an empty loop: {empty:.1f} frames a second")
    for title, numbers in found.items():
        print(f"{title}: {said(numbers)}")


def said(numbers: dict[str, Any]) -> str:
    """Numbers by their names, as one line."""
    words = {k: "–" if v is None else v if isinstance(v, str) else f"{v:.3g}" for k, v in numbers.items()}
    return ", ".join(f"{name} {word}" for name, word in words.items())


if __name__ == "__main__":
    main()
