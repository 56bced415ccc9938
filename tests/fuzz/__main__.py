"""Feed mutated and forged checkpoints, images and runs to all that reads them.

    python -m tests.fuzz --count 10000 --seed 0 [--format torch]

Prints a line a format, and for each failure the number that makes it again (`--only NUMBER`). Ends with 1 where a
file was neither refused in a sentence nor loaded correctly, took more than 2 seconds of the processor, grew the
memory by more than 200 MB, ran code, or left something outside its folder.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.fuzz import forged, graphs, images, runs
from tests.fuzz.trying import Asked, tried

FORMATS = (
    "own",
    "layers",
    "graph",
    "torch",
    "torch-legacy",
    "torch-convolutions",
    "safetensors",
    "specs",
    *forged.FORMATS,
    *graphs.FORMATS,
    *runs.FORMATS,
    *images.FORMATS,
)


def run(asked: Asked) -> dict[str, Any]:
    """Try the inputs of a format; what came of them."""
    os.environ["BETA_VAE_HOME"] = str(asked.base / "home")
    for others in (images, forged, graphs, runs):
        if asked.name in others.FORMATS:
            return others.run(asked)
    import torch

    torch.set_num_threads(1)
    from explorer.checkpoints import load
    from explorer.importing.preview import import_checkpoint
    from tests.fuzz.formats import change_bytes, make_formats

    base = asked.base
    trap, source = base / "trap", base / "case"
    chosen = make_formats(base / "valid", trap)[asked.name]
    expected = {"home", "valid", "case", "last"}

    def make(number: int, rng: random.Random) -> Path:
        files = dict(chosen.files)
        if number >= 0:
            victim = rng.choice(list(chosen.mutations))
            ways = chosen.mutations[victim]
            way = change_bytes if rng.random() < 0.4 else rng.choice(ways)
            files[victim] = way(files[victim], rng)
        shutil.rmtree(source, ignore_errors=True)
        source.mkdir()
        for file, content in files.items():
            (source / file).write_bytes(content)
        return source

    def attempt(folder: Path) -> None:
        kept = import_checkpoint(folder, "fuzzed")
        model = load(kept).model
        with torch.inference_mode():
            image = model.decode(torch.zeros(1, model.latents))
        assert tuple(image.shape[1:]) == model.shape
        shutil.rmtree(kept)

    def left() -> list[str]:
        there = {path.name for path in base.iterdir()} - expected
        shelf = base / "home" / "library"
        kept = [p.name for p in shelf.glob("*") if p.name != ".changing"]  # the library's lock stays
        if there or kept:
            shutil.rmtree(base / "home", ignore_errors=True)
            for extra in there:
                shutil.rmtree(base / extra, ignore_errors=True)
        return sorted(there) + kept

    return tried(asked, make, attempt, left)


def main() -> int:
    """Run each format in a process of its own, so that a crash is seen and named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--format", choices=FORMATS)
    parser.add_argument("--only", type=int, help="one mutation by its number")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        asked = Asked(options.format, options.count, options.seed, Path(options.inside), options.only)
        print(json.dumps(run(asked)))
        return 0
    bad = 0
    for name in [options.format] if options.format else FORMATS:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            command = [sys.executable, "-m", "tests.fuzz", "--format", name, "--inside", folder]
            command += ["--count", str(options.count), "--seed", str(options.seed)]
            command += [] if options.only is None else ["--only", str(options.only)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                last = Path(folder, "last").read_text() if Path(folder, "last").exists() else "none"
                print(f"{name}: the process ended with {done.returncode} at {last}: {done.stderr[-500:]}")
                bad += 1
                continue
        result = json.loads(done.stdout.splitlines()[-1])
        failures = result.pop("failures")
        print(result, *failures[:20], sep="\n  ", flush=True)
        bad += len(failures)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
