"""A run's files as nobody wrote them: log lines, states and settings, deep, huge, torn or of odd types."""

from __future__ import annotations

import json
import random
import shutil
from typing import Any

from tests.fuzz.formats import HUGE, change_bytes, change_json
from tests.fuzz.trying import Asked, tried

FORMATS = ("runs",)
LINES = (
    b"[" * 200_000,
    b'{"a":' * 100_000,
    b'{"kind":"train","step":' + b"9" * 5000 + b"}",
    b"\0" * 5000,
    b"\xff" * 99,
    b'{"kind":"train","step":1e999,"loss":1e999,"kl":"x","kl_per_dimension":{"a":[[[1]]]}}',
    b"x" * 5_000_000,
    b'{"kind":"eval","step":3,"reconstruction":[],"kl_per_dimension":[null,true,"1"]}',
    b'{"kind":["train"]}',
    b"NaN",
    b'{"kind":"train","step":-1,"reconstruction":-Infinity,"kl":NaN}',
    b'{"kind":"eval","step":"\\ud800"}',
)


def run(asked: Asked) -> dict[str, Any]:
    """Try the inputs of the format: everything that looks at a run is asked about each."""
    from explorer.errors import UserError
    from explorer.launch import run_status
    from explorer.launch.status import last_evaluation, last_step
    from explorer.training import TrainConfig, train
    from explorer.training.directory import RunDirectory, find_runs
    from explorer.training.log_reader import LogReader, series, vectors

    kept = asked.base / "valid" / "run"
    config = TrainConfig(
        data="dsprites", size=32, network="linear", latents=2, steps=2, batch_size=4, eval_images=4, log_every=1
    )
    train(config, kept)
    run = RunDirectory(asked.base / "case" / "run")

    def make(number: int, rng: random.Random) -> bool:
        shutil.rmtree(run.path, ignore_errors=True)
        shutil.copytree(kept, run.path)
        if number < 0:
            return True
        name = rng.choice(("metrics.jsonl", "metrics.jsonl", "state.json", "config.json", "launch.json"))
        file = run.path / name
        content = file.read_bytes() if file.is_file() else b'{"pid": 1, "at": 2.5, "owner": "a", "where": "here"}'
        file.write_bytes(_changed(content, name, rng))
        return False

    def attempt(honest: bool) -> None:
        """Only its settings may be refused: the rest of a run is passed over where it can't be read."""
        run_status(run), last_step(run), last_evaluation(run)
        found = list(run.metrics())
        assert all(isinstance(record, dict) for record in found)
        follower = LogReader(run.metrics_file)
        follower.read()
        for kind in ("train", "eval"):
            records = follower.records(kind)
            for what in ("reconstruction", "kl", "loss"):
                series(records, what)
            vectors(records, "kl_per_dimension")
        assert [one.path for one in find_runs(run.path.parent)] in ([run.path], [])
        for read in (run.state, run.config):
            try:
                read()
            except UserError as error:
                assert "\n" not in str(error)
        if honest:
            assert found and run.config() == config

    return tried(asked, make, attempt)


def _changed(content: bytes, name: str, rng: random.Random) -> bytes:
    way = rng.randrange(4)
    if name != "metrics.jsonl":
        return change_bytes(content, rng) if way == 0 else change_json(content, rng)
    lines = content.splitlines()
    at = rng.randrange(len(lines))
    match way:
        case 0:
            return change_bytes(content, rng)
        case 1:
            lines.insert(at, rng.choice(LINES))
        case 2:
            lines[at] = change_json(lines[at], rng)
        case _:
            record: dict[str, Any] = json.loads(lines[at])
            record[rng.choice(list(record))] = rng.choice((*HUGE, 1e308, None, [], {}, "x", [[1]], True))
            lines[at] = json.dumps(record).encode()
    return b"\n".join(lines) + rng.choice((b"\n", b""))
