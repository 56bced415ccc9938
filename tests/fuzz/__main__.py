"""Feed mutated checkpoints to the importer, and mutated images to their intake.

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
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tests.fuzz import images

SECONDS, MEGABYTES = 2.0, 200
FORMATS = (
    "own",
    "layers",
    "torch",
    "torch-legacy",
    "torch-convolutions",
    "safetensors",
    "specs",
    *images.FORMATS,
)


def run(
    name: str, count: int, seed: int, base: Path, only: int | None = None, seconds: float = SECONDS
) -> dict[str, object]:
    """Try `count` mutations of a format in the folder `base`; what came of them."""
    if name in images.FORMATS:
        return images.run(name, count, seed, base, only, seconds, MEGABYTES, _forget_peak)
    import torch

    os.environ["BETA_VAE_HOME"] = str(base / "home")
    torch.set_num_threads(1)
    from explorer.checkpoints import load
    from explorer.checkpoints.importing import import_checkpoint
    from explorer.errors import UserError
    from tests.fuzz.formats import change_bytes, make_formats

    trap, last = base / "trap", base / "last"
    chosen = make_formats(base / "valid", trap)[name]
    source = base / "case"
    failures: list[str] = []
    loaded, slowest, baseline = 0, 0.0, 0
    expected = {"home", "valid", "case", "last"}
    for number in [-2, -1, *range(count)] if only is None else [-1, only]:
        rng = random.Random(f"{name} {seed} {number}")
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
        last.write_text(str(number))
        files.clear()
        _forget_peak()  # what making the case took is not the importer's
        began = time.process_time()
        try:
            kept = import_checkpoint(source, "fuzzed")
            model = load(kept).model
            with torch.inference_mode():
                image = model.decode(torch.zeros(1, model.latents))
            assert tuple(image.shape[1:]) == model.shape
            loaded += 1
            shutil.rmtree(kept)
        except UserError as error:
            if "\n" in str(error) or not 10 < len(str(error)) < 3000:
                failures.append(f"{number}: not a sentence: {str(error)[:200]!r}")
            if number < 0:
                failures.append(f"{number}: the valid one is refused: {error}")
        except BaseException as error:
            failures.append(f"{number}: {type(error).__name__}: {str(error)[:200]}")
        took = time.process_time() - began
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        if number == -1:
            baseline = grown
        elif number >= 0:
            slowest = max(slowest, took)
            if took > seconds:
                failures.append(f"{number}: took {took:.1f} s")
            if grown - baseline > MEGABYTES:
                failures.append(f"{number}: {grown - baseline} MB more")
                baseline = grown
        there = {path.name for path in base.iterdir()} - expected
        shelf = base / "home" / "library"
        left = [
            p.name for p in shelf.glob("*") if p.name != ".changing"
        ]  # the library's lock stays
        if trap.exists() or there or left:
            failures.append(f"{number}: left behind: {sorted(there) + left}")
            shutil.rmtree(base / "home", ignore_errors=True)
            for extra in there:
                shutil.rmtree(base / extra, ignore_errors=True)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 - baseline
    return {"format": name, "tried": count, "loaded": loaded, "slowest": round(slowest, 2), "megabytes": grown,
            "failures": failures}  # fmt: skip


def _forget_peak() -> None:
    """Let the peak of this process's memory begin anew; elsewhere than on Linux it goes on."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def main() -> int:
    """Run each format in a process of its own, so that a crash is seen and named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--format", choices=FORMATS)
    parser.add_argument("--only", type=int, help="one mutation by its number")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        print(
            json.dumps(
                run(options.format, options.count, options.seed, Path(options.inside), options.only)
            )
        )
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
                print(
                    f"{name}: the process ended with {done.returncode} at {last}: {done.stderr[-500:]}"
                )
                bad += 1
                continue
        result = json.loads(done.stdout.splitlines()[-1])
        failures = result.pop("failures")
        print(result, *failures[:20], sep="\n  ", flush=True)
        bad += len(failures)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
