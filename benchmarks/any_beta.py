"""What one model for every β costs against models that were trained for one each: python benchmarks/any_beta.py.

D + βR in nats an image at β = 1, 2, 4, 8, 16, the model for every β less the dedicated one of the same network and
number of steps, on the same images with the same noise; and of the model for every β, along 40 steps of its range:
whether R falls and D rises, −dD/dR over β, how well each dimension's means agree over an octave, and β as it is read
off the model (`multiplier`). By default the shipped models, on 4,096 images of which the trainings have seen most.

    python benchmarks/any_beta.py --every runs/any --one runs/b1 runs/b2 runs/b4 runs/b8 runs/b16

The shipped models of dSprites, one seed (the model for every β had 12,000 steps after the 12,000 of its start, 2.2
times the time of one dedicated run): D + βR less the dedicated model's +1.61, -2.88, -9.48, -2.56, +2.44 at the five β,
-2.18 on average; R falls and D rises at all 40 steps; −dD/dR is 0.948 to 1.034 of β; from β = 8 to 16 the means of each
dimension that is awake correlate by at least 0.950, from 16 to 32 by 0.926, below by 0.994; β is read off to +4.8, 0.0,
+0.8, +2.2, -1.5, -2.0 % at 1, 2, 4, 8, 12, 16.
"""

from __future__ import annotations

import argparse
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from explorer.analysis.evaluation import choose, encode_all, evaluate
from explorer.analysis.implied_beta import read_beta
from explorer.checkpoints import load
from explorer.checkpoints.recipe import source_of
from explorer.datasets import open_dataset

BETAS = (1.0, 2.0, 4.0, 8.0, 16.0)
AWAKE = 0.05  # nats


def main() -> None:
    """Print both tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--every", default="dsprites-any-beta", help="the model for every β")
    options.add_argument("--one", nargs=len(BETAS), default=[f"dsprites-beta{beta:g}" for beta in BETAS])
    options.add_argument("--count", type=int, default=4096, help="images")
    given = options.parse_args()

    every = load(given.every)
    source = source_of(every.config)
    data = open_dataset(source.name, size=source.size, root=source.root, split=source.split, channels=source.channels)
    indices = choose(data, given.count, seed=0)
    print(f"{every.name} on {given.count:,} images of {data.name}\n\n| β | dedicated D + βR | for every β | less |")
    print("|---|---|---|---|")
    differences = []
    for beta, name in zip(BETAS, given.one, strict=True):
        own, found = (evaluate(m, data, indices=indices) for m in (load(name).model, every.model.at(beta)))
        costs = [result.reconstruction + beta * result.kl for result in (own, found)]
        differences.append(costs[1] - costs[0])
        print(f"| {beta:g} | {costs[0]:.2f} | {costs[1]:.2f} | {differences[-1]:+.2f} |")
    print(f"\non average {np.mean(differences):+.2f}\n")

    low, high = every.config.betas or (1.0, 16.0)
    walk = np.geomspace(low, high, 41).clip(low, high)
    results = [evaluate(every.model.at(beta), data, indices=indices) for beta in walk.tolist()]
    rates = np.array([r.kl for r in results])
    distortions = np.array([r.reconstruction for r in results])
    print(f"R falls at {(np.diff(rates) < 0).sum()} of 40 steps, D rises at {(np.diff(distortions) > 0).sum()}")
    slopes = (distortions[2:] - distortions[:-2]) / (rates[:-2] - rates[2:]) / walk[1:-1]
    inside = (walk[1:-1] >= 1) & (walk[1:-1] <= 16)
    print(f"−dD/dR over β, from 1 to 16: {slopes[inside].min():.3f} to {slopes[inside].max():.3f}")
    means = {beta: encode_all(every.model.at(beta), data, indices).mean.numpy() for beta in (0.5, *BETAS, 32.0)}
    for before, after in pairwise(means):
        awake = evaluate(every.model.at(after), data, indices=indices).kl_per_dimension > AWAKE
        same = [np.corrcoef(means[before][:, d], means[after][:, d])[0, 1] for d in np.flatnonzero(awake)]
        print(f"β {before:g} to {after:g}: means of {awake.sum()} awake dimensions correlate at least {min(same):.3f}")
    for beta in (1.0, 2.0, 4.0, 8.0, 12.0, 16.0):
        found_beta = read_beta(every.model.at(beta), data, 2048, 0)
        error = found_beta.error or 0.0
        print(f"β = {beta:g} is read off as {found_beta.beta:.2f} ± {error:.2f}, {found_beta.beta / beta - 1:+.1%}")


if __name__ == "__main__":
    main()
