"""The page Library and its list with 2,000 models, against 20 models in the same run.

    python benchmarks/library.py

A line each: the list of names (what every page asks for), the list with recipes and numbers, a rerun of the
whole page with its twelve cards, and a search. "first" is a fresh process, "again" the shortest of further looks.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))
FEW, MANY, AGAIN = 20, 2000, 5


def make(home: Path, count: int) -> None:
    """`count` models in the library of `home`; their weights are links to one file."""
    import torch

    from explorer.checkpoints import Evaluation, ModelConfig, save
    from explorer.checkpoints.store import build_model

    os.environ["BETA_VAE_HOME"] = str(home)
    torch.manual_seed(0)
    evaluation = Evaluation(
        data="dsprites", count=1000, seed=0, reconstruction=50, kl=6, kl_per_dimension=(1, 2, 3, 0), active_units=3
    )
    training = {"objective": "beta", "beta": 1.0, "data": "dsprites"}
    model = build_model(ModelConfig(network="compact", shape=(1, 32, 32), latents=4))
    first = save(model, "model 0", training=training, evaluation=evaluation)
    config = json.loads((first / "config.json").read_text())
    for number in range(1, count):
        folder = first.with_name(f"model {number}")
        folder.mkdir()
        os.link(first / "model.safetensors", folder / "model.safetensors")
        config["training"]["beta"] = number / 10
        (folder / "config.json").write_text(json.dumps(config))
        os.utime(folder, (number, number))
    os.utime(first, (1, 1))


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """The first time, and the shortest of those after it."""
    taken = []
    for _ in range(1 + AGAIN):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return taken[0], min(taken[1:])


def measure() -> dict[str, tuple[float, float]]:
    """Each thing in this process's home."""
    from streamlit.testing.v1 import AppTest

    from explorer.checkpoints import catalogue
    from explorer.checkpoints.overview import overviews

    found = {"names": seconds(catalogue), "recipes and numbers": seconds(overviews)}
    at = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=300)
    at.run()
    at.switch_page("pages/library.py")
    found["the page"] = seconds(lambda: at.run())
    words = iter(range(100))
    found["a search"] = seconds(lambda: at.text_input(key="library.q").set_value(f"model {next(words)}").run())
    return found


def main() -> None:
    """Measure both homes in processes of their own and print the ratios."""
    import subprocess

    if len(sys.argv) == 2:
        logging.disable(logging.WARNING)
        print(json.dumps(measure()))
        return
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for count in (FEW, MANY):
            home = Path(folder) / str(count)
            make(home, count)
            done = subprocess.run(
                [sys.executable, __file__, "measure"],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "BETA_VAE_HOME": str(home)},
                cwd=PROJECT,
            )
            results.append(json.loads(done.stdout.splitlines()[-1]))
    print(f"{'':22s}{f'{FEW} models':>22s}{f'{MANY:,} models':>22s}{'ratio':>16s}   (milliseconds)")
    for name, few in results[0].items():
        many = results[1][name]
        for part, which in enumerate(("first", "again")):
            ratio = many[part] / few[part]
            print(f"{name + ', ' + which:26s}{few[part] * 1e3:18.1f}{many[part] * 1e3:22.1f}{ratio:16.1f}")


if __name__ == "__main__":
    main()
