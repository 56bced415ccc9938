"""Measurements in processes of their own: one for however many clicks, and an end that is told."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from explorer import background
from explorer.analysis.jobs import JobFile


def test_many_clicks_at_once_start_one_process_and_its_error_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []
    start = background.start
    monkeypatch.setattr(background, "start", lambda *given: started.append(start(*given)))
    path = tmp_path / "jobs" / "one.json"
    with ThreadPoolExecutor(6) as clicks:
        list(clicks.map(lambda _: JobFile(path).start(["--metrics", "mig"], ["nowhere"]), range(6)))
    assert len(started) == 1
    deadline = time.monotonic() + 480
    while (job := JobFile(path).read()) is None or job.running:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    started[0].wait(60)
    assert job.status == "failed" and "nowhere" in job.message


def test_a_file_that_is_no_job_counts_as_none(tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    for text in ("", "[]", '{"status": "running"', '{"nothing": 1}'):
        path.write_text(text)
        assert JobFile(path).read() is None
