"""A recipe of 12,600 runs: how long it takes to plan, to check, and to list with the state of each, in whole processes.

    python benchmarks/plans.py

The peer of the same run is a process that checks as many settings one by one with pydantic alone, and lists nothing.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECIPE = f"""
network = "compact"
steps = 300000
[sweep]
data = ["dsprites", "scene"]
seed = {list(range(50))}
[[part]]
name = "beta"
objective = "beta"
sweep.beta = [1, 2, 4, 6, 8, 16]
[[part]]
name = "tc"
objective = "tc"
sweep.beta = [1, 2, 4, 6, 8, 10]
[[part]]
name = "capacity"
objective = "capacity"
sweep.capacity = [5, 10, 25, 50, 75, 100]
[[part]]
name = "drawn"
objective = "beta"
[part.random]
count = 108
beta = {{ low = 0.5, high = 32, log = true }}
learning_rate = {{ low = 1e-4, high = 1e-3, log = true }}
"""
PEER = """
from explorer.recipe.run import TrainConfig
for seed in range(12600):
    TrainConfig.model_validate({"seed": seed, "beta": 4.0, "steps": 300000, "network": "compact", "data": "dsprites"})
"""
ROUNDS = 3


def seconds(*words: str) -> float:
    """Of the fastest of some processes."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        subprocess.run([sys.executable, *words], cwd=ROOT, check=True, capture_output=True)
        times.append(time.perf_counter() - begun)
    return min(times)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        recipe = Path(folder) / "study.toml"
        recipe.write_text(RECIPE)
        command = ["-m", "explorer", "sweep", str(recipe), "--out", str(Path(folder) / "runs")]
        peer = seconds("-c", PEER)
        print(f"peer: 12,600 settings checked by pydantic alone: {peer:.2f} s")
        for what, words in (
            ("planned (--count)", ["--count"]),
            ("planned, checked and listed (--dry-run)", ["--dry-run"]),
            ("one run by its index (--index 12345 --dry-run)", ["--index", "12345", "--dry-run"]),
        ):
            taken = seconds(*command, *words)
            print(f"{what}: {taken:.2f} s, {taken / peer:.2f} of the peer")


if __name__ == "__main__":
    main()
