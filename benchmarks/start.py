"""From the command to the first decoded picture, against the bare import of the same libraries.

    python benchmarks/start.py [--rounds 3] [--json]

Each round measures, one after the other on the same machine: `python -c "import torch, streamlit"`, and
`streamlit run app.py` until Chromium shows the picker, and the picture with all its pixels. Memory is
the resident set of each process at its end. Times are medians of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

PROJECT = Path(__file__).resolve().parent.parent
BARE = "import torch, streamlit; print('ready', flush=True); input()"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
PICTURE = """() => {
    const image = document.querySelector('.st-key-picture img');
    return image !== null && image.complete && image.naturalWidth > 0;
}"""
MEGA = 2**20


def bare_import() -> tuple[float, float]:
    """Seconds of the bare import, and its resident memory in MiB."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", BARE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin and process.stdout
    process.stdout.readline()
    seconds = time.perf_counter() - begin
    memory = psutil.Process(process.pid).memory_info().rss / MEGA
    process.communicate(b"\n")
    return seconds, memory


def app_start(page: Page) -> tuple[float, float, float]:
    """Seconds to the picker and to the picture, and the server's resident memory in MiB."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    begin = time.perf_counter()
    server = subprocess.Popen(
        [*command, "--server.headless", "true"],
        cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if server.poll() is not None or time.perf_counter() - begin > 120:
                    raise SystemExit("the server did not start") from None
                time.sleep(0.02)
        page.goto(f"http://127.0.0.1:{port}/", wait_until="commit")
        page.wait_for_selector("[data-testid=stSelectbox]", timeout=120_000)
        picker = time.perf_counter() - begin
        page.wait_for_function(PICTURE, timeout=120_000, polling=20)
        picture = time.perf_counter() - begin
        page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
        page.wait_for_timeout(1000)
        return picker, picture, psutil.Process(server.pid).memory_info().rss / MEGA
    finally:
        server.terminate()
        server.wait(20)


def main() -> None:
    """Measure, and print one line a quantity or one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    browser_path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    bare, app = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        for _ in range(options.rounds):
            bare.append(bare_import())
            context = browser.new_context()
            app.append(app_start(context.new_page()))
            context.close()
        browser.close()
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
