"""Memory of the page and of the server stays flat, however long somebody explores.

Both are measured after a warm-up in which every model has been shown, so that what is kept on purpose (the
runtime, the networks used last, the caches of the server) is there already. A page's memory is that of its
process: neither the networks nor their tensors are in JavaScript's own heap.
"""

from __future__ import annotations

import gc
import shutil

import psutil
import torch
from playwright.sync_api import Browser, CDPSession, Page

from explorer.checkpoints import ModelConfig, load, save
from explorer.checkpoints.store import build_model
from explorer.export.onnx import write_onnx

from .conftest import IDLE
from .driving import live

MODELS = 10  # more than the page keeps (8), so that each switch makes one network and drops another
SWITCHES = 50
MOVES = 10_000
PER_FRAME = 10  # moves between two frames: a thousand pictures are decoded

MB = 1e6
# One decoder left behind at each switch is 50 × 2.4 MB of weights and as much again for its session; one
# picture left behind at each frame is 1,000 × 49 kB. An allocator's own ups and downs are a few MB.
SWITCHING, MOVING = 60 * MB, 30 * MB
# One decoder (2.4 MB) left behind at each switch, as a model or as a file to be served, is 120 MB.
SERVER = 60 * MB
SCRIPTED = (
    5 * MB
)  # JavaScript's own heap; an explorer left behind at each switch has 100 kB and more
NODES = 300  # elements; one explorer has more than that

MOVE = """async ([moves, per_frame]) => {
    const sliders = [...document.querySelectorAll('.bv-slider')];
    const frame = () => new Promise(requestAnimationFrame);
    const picture = document.querySelector('.bv-picture');
    let pictures = 0, before = '';
    for (let k = 0; k < moves; k += 1) {
        const slider = sliders[k % sliders.length];
        slider.value = 3 * (Math.random() - 0.5);
        slider.dispatchEvent(new Event('input', { bubbles: true }));
        if (k % per_frame === 0) {
            await frame();
            pictures += picture.dataset.shown !== before;
            before = picture.dataset.shown;
        }
        if (k % 500 === 0) slider.dispatchEvent(new Event('change', { bubbles: true }));
    }
    return pictures;
}"""


def of_page(browser: Browser, session: CDPSession) -> tuple[float, float, float]:
    """Bytes of the process that shows the page and of its JavaScript, and the number of its elements."""
    for _ in range(2):
        session.send("HeapProfiler.collectGarbage")
    found = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    top = browser.new_browser_cdp_session()
    processes = top.send("SystemInfo.getProcessInfo")["processInfo"]
    top.detach()
    resident = [
        psutil.Process(p["id"]).memory_info().rss for p in processes if p["type"] == "renderer"
    ]
    return max(resident), found["JSHeapUsedSize"], found["Nodes"]


def show(page: Page, name: str) -> None:
    """Pick a model, and wait until its picture is decoded."""
    box = page.get_by_role("combobox", name="Model")
    box.fill(name)
    box.press("Enter")
    live(page, name)
    page.wait_for_selector(IDLE)


def test_memory_is_flat_over_moves_and_switches(open_page, fresh_server, browser):
    torch.manual_seed(0)
    config = ModelConfig(network="burgess", shape=(1, 64, 64), latents=10)
    first = load(save(build_model(config), fresh_server.home / "library" / "m0"))
    made = fresh_server.home / "cache" / f"{first.hash}.onnx"
    write_onnx(first, made)
    names = ["m0"]
    for number in range(1, MODELS):  # other weights; what memory their networks take is the same
        path = save(build_model(config), fresh_server.home / "library" / f"m{number}")
        for suffix in (".onnx", ".encoder.onnx"):
            shutil.copyfile(made.with_suffix(suffix), made.with_name(load(path).hash + suffix))
        names.append(path.name)
    gc.collect()
    page = live(open_page("/?model=m0"), "m0")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    server = psutil.Process(fresh_server.pid)
    for name in [*names, *names]:
        show(page, name)
    page.evaluate(MOVE, [1000, PER_FRAME])
    page.wait_for_selector(IDLE)

    start, serving = of_page(browser, session), server.memory_info().rss
    pictures = page.evaluate(MOVE, [MOVES, PER_FRAME])
    page.wait_for_selector(IDLE)
    moved, served = of_page(browser, session), server.memory_info().rss
    print(
        "moves", [(b - a) / MB for a, b in zip(start, moved, strict=True)], (served - serving) / MB
    )
    assert pictures > MOVES / PER_FRAME / 2, "too few pictures for a test of their memory"
    assert moved[0] - start[0] < MOVING and moved[1] - start[1] < SCRIPTED
    assert moved[2] - start[2] < NODES
    assert served - serving < SERVER / 2

    for number in range(SWITCHES):
        show(page, names[number % MODELS])
    after, end = of_page(browser, session), server.memory_info().rss
    print(
        "switches", [(b - a) / MB for a, b in zip(moved, after, strict=True)], (end - served) / MB
    )
    assert after[0] - moved[0] < SWITCHING and after[1] - moved[1] < SCRIPTED
    assert after[2] - moved[2] < NODES
    assert end - served < SERVER
