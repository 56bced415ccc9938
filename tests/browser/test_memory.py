"""The memory of the page and of the server stays what it is, however long somebody plays."""

from __future__ import annotations

import re

import psutil
from playwright.sync_api import CDPSession, Page

from .conftest import Server
from .driving import live, release, shown, slider

FIRST, SECOND = "dsprites-beta1", "dsprites-beta4"
MEGA = 2**20
# A tensor that stayed behind at each frame of 10,000 moves would be 40 MiB of pixels (2,500 frames of 64 x 64
# floats), a decoder at each of 50 switches 30 MiB. What is allowed is noise: the collector's, the allocator's.
PAGE_MOVES, PAGE_SWITCHES = 15 * MEGA, 10 * MEGA
SERVER = 60 * MEGA

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


def test_ten_thousand_moves_leave_nothing_behind(open_page, server):
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


def test_fifty_switches_of_the_model_leave_nothing_behind(open_page, server):
    page = live(open_page(f"/?model={FIRST}"), FIRST)
    session = page.context.new_cdp_session(page)

    def there_and_back(times: int) -> None:
        for _ in range(times):
            switch(page, SECOND)
            switch(page, FIRST)

    there_and_back(4)
    release(page, z3=1.0)
    page.wait_for_timeout(2000)
    before, nodes = held(page, session)
    resident_before = resident(server)
    there_and_back(25)
    release(page, z3=-1.0)
    page.wait_for_timeout(2000)
    after, nodes_after = held(page, session)
    assert shown(page)[3] == -1.0
    assert after - before < PAGE_SWITCHES, f"{(after - before) / MEGA:.1f} MiB more in the page"
    assert nodes_after <= nodes + 300
    assert resident(server) - resident_before < SERVER
