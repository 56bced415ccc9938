"""Does a constrained run end at ε? Train with KL < ε, and hold the last weights against it.

    python benchmarks/constrained.py --steps 3000
    python benchmarks/constrained.py --data mnist --root data --epsilon 2 --epsilon 20

A row a run: the KL of the last weights on images that were never trained on, how far that is from ε, the β in force
at the end, and the multiplier read off the result, with z, their difference in its standard errors. Ends with 1 where
the KL is more than 2 % (and more than three of its own standard errors) off, or |z| is above 3.

Measured with 3,000 steps, on a CPU:

| data | ε | KL at the end | off | β in force | read | z |
|---|---|---|---|---|---|---|
| dSprites, 32 px | 2 | 2.018 ± 0.010 | +0.9% | 19.6 | 20.5 ± 0.6 | +1.3 |
| dSprites, 32 px | 5 | 4.954 ± 0.013 | -0.9% | 6.32 | 6.58 ± 0.19 | +1.3 |
| dSprites, 32 px | 12 | 11.900 ± 0.025 | -0.8% | 1.05 | 1.10 ± 0.03 | +1.8 |
| dSprites, 32 px | 20 | 19.960 ± 0.037 | -0.2% | 0.30 | 0.31 ± 0.01 | +0.6 |
| dSprites, 64 px | 2 | 2.006 ± 0.011 | +0.3% | 78.96 | 75.08 ± 2.08 | -1.9 |
| dSprites, 64 px | 5 | 4.977 ± 0.013 | -0.5% | 27.30 | 27.62 ± 0.76 | +0.4 |
| dSprites, 64 px | 12 | 11.988 ± 0.024 | -0.1% | 4.79 | 4.84 ± 0.14 | +0.3 |
| dSprites, 64 px | 20 | 20.128 ± 0.036 | +0.6% | 1.38 | 1.35 ± 0.03 | -1.1 |
| MNIST, 28 px | 2 | 2.030 ± 0.012 | +1.5% | 14.41 | 15.03 ± 0.31 | +2.0 |
| MNIST, 28 px | 5 | 5.066 ± 0.019 | +1.3% | 7.88 | 8.09 ± 0.14 | +1.4 |
| MNIST, 28 px | 12 | 12.089 ± 0.032 | +0.7% | 2.76 | 2.80 ± 0.04 | +1.0 |
| MNIST, 28 px | 20 | 20.113 ± 0.037 | +0.6% | 0.83 | 0.84 ± 0.01 | +1.5 |
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from explorer.analysis.evaluation import evaluate
from explorer.analysis.implied_beta import read_beta
from explorer.datasets import open_dataset
from explorer.training import TrainConfig, train
from explorer.training.directory import RunDirectory

HELD_OUT = 5000


@click.command()
@click.option("--data", default="dsprites", show_default=True)
@click.option("--root", help="Where the data lies.")
@click.option("--size", type=int, help="Pixels  [default: the data's own]")
@click.option("--epsilon", type=float, multiple=True, default=(2, 5, 12, 20), show_default=True)
@click.option("--steps", default=3000, show_default=True)
def main(data: str, root: str | None, size: int | None, epsilon: tuple[float, ...], steps: int) -> None:
    """Print a Markdown table of constrained runs."""
    print("| data | ε | KL at the end | off | β in force | read | z | at rest |\n|---|---|---|---|---|---|---|---|")
    wrong = False
    for limit in epsilon:
        config = TrainConfig(
            data=data,
            root=root,
            size=size,
            objective="constrained",
            epsilon=limit,
            steps=steps,
            eval_images=HELD_OUT,
            eval_every=steps,
            save_every=steps,
            threads=1,
        )
        with TemporaryDirectory() as folder:
            made = train(config, Path(folder) / "run", progress=True)
            records = [r for r in RunDirectory(Path(folder) / "run").metrics() if "beta" in r]
        images = open_dataset(data, root=root, size=made.model.shape[1])
        read = read_beta(made.model, images, 2000)
        measured = made.config.evaluation
        assert measured is not None and read.error is not None
        error = evaluate(made.model, images, 2000).kl_error or 0.0
        beta, off = records[-1]["beta"], measured.kl / limit - 1
        z = (read.beta - beta) / read.error
        print(
            f"| {data} | {limit:g} | {measured.kl:.3f} ± {error * (2000 / HELD_OUT) ** 0.5:.3f} | {off:+.1%} | "
            f"{beta:.2f} | {read.beta:.2f} ± {read.error:.2f} | {z:+.1f} | {'yes' if read.at_rest else 'no'} |",
            flush=True,
        )
        noise = 3 * error * (2000 / HELD_OUT) ** 0.5
        wrong |= abs(measured.kl - limit) > max(0.02 * limit, noise) or abs(z) > 3
    sys.exit(int(wrong))


if __name__ == "__main__":
    main()
