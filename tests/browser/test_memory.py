"""The memory of the page and of the server stays what it is, however long somebody plays."""

from __future__ import annotations

import re
import shutil

import psutil
import pytest
import torch
from playwright.sync_api import CDPSession, Page

from explorer.checkpoints import ModelConfig, load, save
from explorer.checkpoints.store import build_model
from explorer.export.onnx import write_onnx

from .conftest import Opener, Server
from .driving import live, shown, slider

FIRST = "dsprites-beta1"
MANY = 10  # models; the page keeps the networks of 8 that it does not show
MEGA = 2**20
# A tensor that stayed behind at each frame of 10,000 moves would be 40 MiB of pixels (2,500 frames of 64 x 64
# floats), a decoder at each of 50 switches 30 MiB. What is allowed is noise: the collector's, the allocator's.
PAGE_MOVES, PAGE_SWITCHES = 15 * MEGA, 10 * MEGA
SERVER = 60 * MEGA
WASM = 20 * MEGA  # where sessions live: 50 of them would be 60 MiB

# Notes the memories that WebAssembly modules make for themselves.
MEMORIES = """window.memories = [];
for (const name of ['instantiate', 'instantiateStreaming']) {
    const own = WebAssembly[name];
    WebAssembly[name] = async (...given) => {
        const made = await own.apply(WebAssembly, given);
        for (const part of Object.values((made.instance ?? made).exports))
            if (part instanceof WebAssembly.Memory) window.memories.push(part);
        return made;
    };
}
const Own = WebAssembly.Memory;
WebAssembly.Memory = function (wanted) { const made = new Own(wanted); window.memories.push(made); return made; };
WebAssembly.Memory.prototype = Own.prototype;
"""

MOVE = """async ([selector, moves]) => {
    const slider = document.querySelector(selector);
    const frame = () => new Promise(requestAnimationFrame);
    const low = +slider.min, high = +slider.max;
    for (let k = 0; k < moves; k += 1) {
        slider.value = low + (high - low) * ((k * 7919) % 1000) / 1000;
        slider.dispatchEvent(new Event('input', { bubbles: true }));
        if (k % 4 === 3) await frame();
    }
    slider.dispatchEvent(new Event('change', { bubbles: true }));
}"""


def held(page: Page, session: CDPSession) -> tuple[int, int]:
    """Bytes that the page's scripts hold, buffers outside of the heap included, and its DOM nodes."""
    session.send("HeapProfiler.collectGarbage")
    session.send("HeapProfiler.collectGarbage")
    usage = session.send("Runtime.getHeapUsage")
    counters = session.send("Memory.getDOMCounters")
    return int(usage["usedSize"] + usage.get("backingStorageSize", 0)), int(counters["nodes"])


def resident(server: Server) -> int:
    """Bytes of the server's process."""
    return int(psutil.Process(server.pid).memory_info().rss)


def switch(page: Page, name: str) -> None:
    box = page.get_by_role("combobox", name=re.compile("Model"))
    box.fill(name)
    box.press("Enter")
    live(page, name)


def test_ten_thousand_moves_leave_nothing_behind(open_page: Opener, server: Server) -> None:
    page = live(open_page(f"/?model={FIRST}"), FIRST)
    session = page.context.new_cdp_session(page)
    selector = ".bv-slider[data-dimension='3']"
    page.evaluate(MOVE, [selector, 1000])
    page.wait_for_timeout(2000)  # the details have caught up
    before, nodes = held(page, session)
    resident_before = resident(server)
    for _ in range(10):
        page.evaluate(MOVE, [selector, 1000])
    page.wait_for_timeout(2000)
    after, nodes_after = held(page, session)
    assert shown(page)[3] == round(float(slider(page, 3).input_value()), 4)
    assert after - before < PAGE_MOVES, f"{(after - before) / MEGA:.1f} MiB more in the page"
    assert nodes_after <= nodes + 50
    assert resident(server) - resident_before < SERVER


@pytest.fixture(scope="module")
def many(server: Server) -> list[str]:
    """More models than the page keeps networks of; exported once, since only their weights differ."""
    config = ModelConfig(network="burgess", shape=(1, 64, 64), latents=10)
    names, exported = [f"copy-{number}" for number in range(MANY)], None
    for seed, name in enumerate(names):
        torch.manual_seed(seed)
        checkpoint = load(save(build_model(config), server.home / "library" / name))
        target = server.home / "cache" / f"{checkpoint.hash}.onnx"
        if exported is None:
            exported, _ = write_onnx(checkpoint, target)
        else:
            for suffix in (".onnx", ".encoder.onnx"):
                shutil.copyfile(exported.with_suffix(suffix), target.with_suffix(suffix))
    return names


def test_fifty_switches_of_the_model_leave_nothing_behind(open_page: Opener, server: Server, many: list[str]) -> None:
    page = live(open_page(f"/?model={many[0]}", before=lambda page: page.add_init_script(MEMORIES)), many[0])
    session = page.context.new_cdp_session(page)

    def through(switches: int) -> None:
        for number in range(1, switches + 1):
            switch(page, many[number % MANY])

    def wasm() -> int:
        return int(page.evaluate("memories.reduce((sum, m) => sum + m.buffer.byteLength, 0)"))

    through(2 * MANY)
    page.wait_for_timeout(2000)
    before, nodes = held(page, session)
    wasm_before, resident_before = wasm(), resident(server)
    assert wasm_before > 16 * MEGA, "the runtime's memory is not the one that is watched"
    through(50)
    page.wait_for_timeout(2000)
    after, nodes_after = held(page, session)
    assert after - before < PAGE_SWITCHES, f"{(after - before) / MEGA:.1f} MiB more in the page"
    assert wasm() - wasm_before < WASM, f"{(wasm() - wasm_before) / MEGA:.1f} MiB more of networks"
    assert nodes_after <= nodes + 300
    assert resident(server) - resident_before < SERVER
