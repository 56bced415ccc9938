"""From the command to the first decoded picture, against the bare import of the same libraries.

    python benchmarks/start.py [--rounds 3] [--json]

Each round measures, one after the other on the same machine: `python -c "import torch, streamlit"`, and
`streamlit run app.py` until Chromium shows the picker, and the decoded picture. Memory is
the resident set of each process at its end. Times are medians of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import psutil
from browser import IDLE, PROJECT, chromium, serving
from playwright.sync_api import Browser

sys.path.insert(0, str(PROJECT))

from explorer import paths

BARE = "import torch, streamlit; print('ready', flush=True); input()"
PICTURE = ".bv-picture[data-shown]"
MEGA = 2**20


def bare_import() -> tuple[float, float]:
    """Seconds of the bare import, and its resident memory in MiB."""
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", BARE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin and process.stdout
    process.stdout.readline()
    seconds = time.perf_counter() - begin
    memory = psutil.Process(process.pid).memory_info().rss / MEGA
    process.communicate(b"\n")
    return seconds, memory


def app_start(browser: Browser) -> tuple[float, float, float]:
    """Seconds to the picker and to the picture, and the server's resident memory in MiB."""
    page = browser.new_context().new_page()
    begin = time.perf_counter()
    with serving(PROJECT / "app.py", paths.home()) as (url, server):
        page.goto(url, wait_until="commit")
        page.wait_for_selector("[data-testid=stSelectbox]", timeout=120_000)
        picker = time.perf_counter() - begin
        page.wait_for_selector(PICTURE, timeout=120_000)
        picture = time.perf_counter() - begin
        page.wait_for_selector(IDLE)
        page.wait_for_timeout(1000)
        memory = psutil.Process(server.pid).memory_info().rss / MEGA
    page.context.close()
    return picker, picture, memory


def main() -> None:
    """Measure, and print one line a quantity or one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    bare, app = [], []
    with chromium() as browser:
        for _ in range(options.rounds):
            bare.append(bare_import())
            app.append(app_start(browser))
    bare_seconds, bare_memory = (statistics.median(v) for v in zip(*bare, strict=True))
    picker, picture, memory = (statistics.median(v) for v in zip(*app, strict=True))
    allowed = 2 * bare_seconds + 2
    result = {
        "rounds": options.rounds,
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "bare_import_seconds": round(bare_seconds, 2),
        "picker_seconds": round(picker, 2),
        "picture_seconds": round(picture, 2),
        "picture_allowed_seconds": round(allowed, 2),
        "picture_over_import": round(picture / bare_seconds, 2),
        "bare_memory_mib": round(bare_memory),
        "server_memory_mib": round(memory),
        "memory_above_bare_mib": round(memory - bare_memory),
        "memory_allowed_above_mib": 300,
    }
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:26} {value}")


if __name__ == "__main__":
    main()
