"""Long work of one visitor: others get their answers meanwhile, and it ends when its tab is closed."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

from .driving import Session
from .lab import serving
from .wide import WIDE, keep_wide

LATENTS = 96  # a picture of the wide model takes long, and a traversal of all these a thousand times as long
BURNT = 0.5  # seconds of the processor that this process takes, to see what the server takes in the same time


def worked(pid: int) -> float:
    """What the server works while this process works a little, as a ratio: it doesn't depend on who else works."""
    server = psutil.Process(pid)
    before = server.cpu_times()
    begun = time.process_time()
    while time.process_time() - begun < BURNT:
        pass
    after = server.cpu_times()
    return (after.user + after.system - before.user - before.system) / BURNT


def test_a_second_visitor_is_answered_while_the_first_computes_and_a_closed_tab_ends_that(tmp_path: Path) -> None:
    with serving(tmp_path) as lab, lab.client() as first, lab.client() as second:
        keep_wide(tmp_path, LATENTS)
        with Session(second) as session:
            session.run("", "model=mnist-beta4&start=mean")  # what pages need is loaded
        with Session(first) as busy:
            busy.run("", f"model={WIDE}&start=sample", until_file="Traversal, PNG")
            with Session(second) as session:
                assert session.run("", "model=mnist-beta4&start=sample").component[0]
            assert not busy.ended(), "the traversal was no long work"
            assert worked(lab.pid) > 0.1
        begin = time.monotonic()
        while worked(lab.pid) > 0.1:
            assert time.monotonic() - begin < 300, "the work goes on after its tab was closed"
            time.sleep(0.5)
        assert second.get("/_stcore/health").text == "ok"
