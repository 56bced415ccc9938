"""What the page Train costs: opening it with 300 runs against 3, what 20 watchers take from a run, and how
soon a click is answered while a run trains on all cores.

    python benchmarks/watching.py [--rounds 3] [--lines 10000] [--watchers 20] [--seconds 60] [--clicks 10]
                                  [--only opening|watching|answering] [--json]

Runs are made up of a real one's files with a log of that many lines. Opening is the time from the request
until the list of runs stands on the page, in a fresh browser session each, both kinds in turn. For the
watchers, the browser is not the server's business and takes its own part of this machine, so what is
measured is the processor time of the server while they watch a run that goes on, as a part of the
machine's cores: so much, at the most, the run is deprived of. A click is one on another objective, and
answered when its formula stands on the page; every one of them also lets the page measure what it costs.
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
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"


@contextmanager
def app(home: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The app on a home: its address and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.headless", "true"],
        cwd=PROJECT,
        env={**os.environ, "BETA_VAE_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", psutil.Process(server.pid)
    finally:
        server.terminate()
        server.wait(20)


def runs_of(home: Path, real: Path, count: int, lines: int) -> None:
    """`count` finished runs with `lines` logged steps each."""
    record = next(line for line in (real / "metrics.jsonl").open() if '"train"' in line)
    log = "".join(json.dumps(json.loads(record) | {"step": n + 1}) + "\n" for n in range(lines))
    for number in range(count):
        run = home / "runs" / f"run-{number:03d}"
        shutil.copytree(real, run)
        (run / "metrics.jsonl").write_text(log)


def seconds_to_open(browser: Browser, url: str) -> float:
    """From the request to the list of runs."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(120_000)
    began = time.perf_counter()
    page.goto(f"{url}/train", wait_until="commit")
    page.get_by_text("run-").first.wait_for()
    spent = time.perf_counter() - began
    context.close()
    return spent


def opening(browser: Browser, real: Path, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds to open with 3 and with 300 runs, and their ratio."""
    few, many = folder / "few", folder / "many"
    runs_of(few, real, 3, options.lines)
    runs_of(many, real, 300, options.lines)
    times: dict[str, list[float]] = {"few": [], "many": []}
    with app(few) as (few_url, _), app(many) as (many_url, _):
        for url in (few_url, many_url):
            seconds_to_open(browser, url)  # torch is imported once a server
            time.sleep(10)
        for _ in range(options.rounds):
            times["few"].append(seconds_to_open(browser, few_url))
            times["many"].append(seconds_to_open(browser, many_url))
    medians = {name: statistics.median(found) for name, found in times.items()}
    shutil.rmtree(many)
    return {
        "open with 3 runs, seconds": round(medians["few"], 2),
        "open with 300 runs, seconds": round(medians["many"], 2),
        "ratio": round(medians["many"] / medians["few"], 2),
    }


def watching(browser: Browser, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The server's processor time while many sessions watch one run."""
    home = folder / "watched"
    trainer = subprocess.Popen(
        [sys.executable, "-m", "explorer", "train", "--steps", "10000000", "--threads", "1",
         "--out", str(home / "runs" / "watched")],
        cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not (home / "runs" / "watched" / "metrics.jsonl").is_file():
            time.sleep(0.2)
        with app(home) as (url, server):
            context = browser.new_context()
            # Twenty pages that draw their charts take this machine whole; what they ask for stays the same.
            context.route("**/PlotlyChart*", lambda route: route.abort())
            for _ in range(options.watchers):
                page = context.new_page()
                page.set_default_timeout(120_000)
                page.goto(f"{url}/train?run=watched")
                page.get_by_text("Loss and its terms").wait_for()
            page.wait_for_timeout(45_000)  # until their pace is found
            before, began = server.cpu_times(), time.perf_counter()
            page.wait_for_timeout(1000 * options.seconds)
            after, spent = server.cpu_times(), time.perf_counter() - began
            context.close()
    finally:
        trainer.kill()
        trainer.wait()
    used = (after.user + after.system - before.user - before.system) / spent
    return {
        f"server with {options.watchers} watchers, cores": round(used, 3),
        "part of the machine": round(used / (os.cpu_count() or 1), 4),
    }


def answering(browser: Browser, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds from a click until its answer, with no run and with one that takes all cores."""
    home = folder / "answering"
    found = {}
    with app(home) as (url, _):
        context = browser.new_context()
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.goto(f"{url}/train")
        page.wait_for_selector(IDLE)
        found["no run"] = _clicks(page, options.clicks)
        page.get_by_role("button", name="Launch").click()
        page.locator(".st-key-train-state").get_by_text("running").wait_for()
        page.goto(f"{url}/train")
        page.wait_for_selector(IDLE)
        found["a run on all cores"] = _clicks(page, options.clicks)
        context.close()
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if str(home) in " ".join(process.cmdline()):
                process.kill()
    return {
        f"click answered with {name}, seconds (median, slowest)": [
            round(statistics.median(times), 3),
            round(max(times), 3),
        ]
        for name, times in found.items()
    }


def _clicks(page: Page, count: int) -> list[float]:
    names = {"Capacity C": "C rises from 0", "β-TCVAE": "The KL in three parts"}
    times = []
    for number in range(count):
        name, answer = list(names.items())[number % 2]
        began = time.perf_counter()
        page.get_by_role("radio", name=name).or_(page.get_by_role("button", name=name)).first.click()
        page.get_by_text(answer).wait_for()
        times.append(time.perf_counter() - began)
        page.wait_for_timeout(1500)
    return times


def main() -> None:
    """Measure, and print one line a quantity or one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--watchers", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--clicks", type=int, default=10)
    parser.add_argument("--only", choices=("opening", "watching", "answering"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    from explorer.training import TrainConfig, train

    chromium = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        folder = Path(place)
        train(TrainConfig(size=32, steps=4, batch_size=8, eval_images=8, log_every=1), folder / "real")
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        result: dict[str, Any] = {}
        if options.only in (None, "opening"):
            result |= opening(browser, folder / "real", folder, options)
        if options.only in (None, "watching"):
            result |= watching(browser, folder, options)
        if options.only in (None, "answering"):
            result |= answering(browser, folder, options)
        browser.close()
    result |= {"load": round(os.getloadavg()[0], 2)}
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:40} {value}")


if __name__ == "__main__":
    main()
