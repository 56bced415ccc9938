"""Try the project on the first machine that has a GPU, or on the CPU, small, where there is none.

    python -m tests.gpu [--device cuda:1] [--only steps,runs] > table.md

Needs torch and numpy, and no network; where other libraries are missing, stand-ins of tests/gpu/standins take their
places. Takes less than eight minutes: each part runs in a process of its own, which is ended when its time is over.
Prints a Markdown table, and ends with 1 where a row differs or failed.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

STANDINS = Path(__file__).parent / "standins"
sys.path.append(str(STANDINS))  # last: what is installed is used

from tests.gpu.rows import FAILED, Row, table  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
SECONDS = 460.0  # of the whole; the rest of eight minutes is for starting and ending


def main(arguments: list[str] | None = None) -> int:
    """Run the parts and print what they found; 1 where anything differs."""
    options = _parser().parse_args(arguments)
    device = options.device or _device()
    if options.part:
        return _one(options, device)
    small = device == "cpu"
    print(f"On {device}, {'small' if small else 'whole'}.\n", flush=True)
    ends = time.monotonic() + options.seconds
    names = options.only.split(",") if options.only else list(_parts(options.parts))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            began = time.monotonic()
            rows += _apart(name, options, device, Path(folder), ends)
            print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(table(rows), flush=True)
    bad = [row for row in rows if row.bad]
    print(f"\n{len(rows)} rows, {len(bad)} that differ or failed.")
    return 1 if bad else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--device", help="cuda where there is one, else cpu, if left out")
    parser.add_argument("--only", metavar="PARTS", help="names of parts, with commas")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for all parts together")
    parser.add_argument("--limit", type=float, help="seconds for a part, at the most")
    parser.add_argument("--parts", default="tests.gpu.parts", help=argparse.SUPPRESS)
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    return parser


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _parts(module: str) -> dict[str, Any]:
    return importlib.import_module(module).PARTS


def _one(options: argparse.Namespace, device: str) -> int:
    """In the process of a part: write its rows down, one a line, as they come."""
    from tests.gpu.parts import Place

    place = Place(device, options.out.with_suffix(""), device == "cpu")
    with options.out.open("a") as file:
        for row in _parts(options.parts)[options.part][0](place):
            file.write(json.dumps(dataclasses.asdict(row)) + "\n")
            file.flush()
    return 0


def _apart(name: str, options: argparse.Namespace, device: str, folder: Path, ends: float) -> list[Row]:
    """The rows of a part, run in a process of its own; one more where it fell or took too long."""
    limit = options.limit or _parts(options.parts)[name][1]
    limit = min(limit, ends - time.monotonic())
    if limit <= 0:
        return [Row(name, "the whole part", "no time was left for it", verdict=FAILED)]
    out = folder / f"{name}.jsonl"
    out.touch()
    command = [
        sys.executable,
        *(["-S"] if sys.flags.no_site else []),
        "-m",
        "tests.gpu",
        "--part",
        name,
        "--parts",
        options.parts,
        "--out",
        str(out),
        "--device",
        device,
    ]
    environment = os.environ | {"BETA_VAE_HOME": str(folder / "home"), "PYTHONUNBUFFERED": "1"}
    with (folder / f"{name}.txt").open("w+b") as said:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=said, start_new_session=True)
        fell = ""
        try:
            code = process.wait(limit)
            if code:
                said.seek(0)
                lines = said.read().decode(errors="replace").strip().splitlines()
                fell = f"ended with {code}: {lines[-1][-300:] if lines else 'said nothing'}"
                print("\n".join(lines[-15:]), file=sys.stderr)
        except subprocess.TimeoutExpired:
            fell = f"was ended after {limit:.0f} s"
        finally:  # and what it started
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    rows = [Row(**json.loads(line)) for line in out.read_text().splitlines()]
    if fell:
        rows.append(Row(name, "the whole part", fell, verdict=FAILED))
    elif not rows:
        rows.append(Row(name, "the whole part", "gave no row", verdict=FAILED))
    return rows


if __name__ == "__main__":
    sys.exit(main())
