"""How far from the truth the parts of the KL are that few images give: against Gaussians, where it is known.

    python benchmarks/aggregate.py [--images 2000] [--draws 4]

Posteriors N(µ, s²) of D dimensions with µ drawn so that the aggregate is N(0, I): the mutual information is
D ln(1/s), the total correlation 0. A row is a mutual information, told by how far it lies from ln(images), and what the
estimate has too much of it (total correlation has as much too little): by the plain mixture of the images, and by the
one in which a sample's own posterior counts 0.3 of its share (`explorer.analysis.decomposition.OWN`), which
`evaluate --enough` and the page Compare take. Ends with 1 where the second is not much nearer to the truth.

Measured:

| MI − ln 2,000 | D | plain | own counts 0.3 |
|---|---|---|---|
| -3 | 2 | -0.086 | -0.005 |
| -3 | 5 | -0.134 | -0.004 |
| -3 | 10 | -0.186 | -0.024 |
| -2 | 2 | -0.182 | -0.007 |
| -2 | 5 | -0.285 | -0.039 |
| -2 | 10 | -0.383 | -0.098 |
| -1 | 2 | -0.373 | -0.016 |
| -1 | 5 | -0.543 | -0.131 |
| -1 | 10 | -0.689 | -0.247 |
| +0 | 2 | -0.744 | -0.118 |
| +0 | 5 | -0.944 | -0.326 |
| +0 | 10 | -1.126 | -0.509 |
| +1 | 2 | -1.341 | -0.444 |
| +1 | 5 | -1.516 | -0.685 |
| +1 | 10 | -1.700 | -0.911 |
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

from explorer.analysis.decomposition import OWN, decompose
from models.beta_vae import Posterior


def main() -> None:
    """Print a Markdown table of biases in nats."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=4)
    asked = parser.parse_args()
    print(f"| MI − ln {asked.images:,} | D | plain | own counts {OWN:g} |\n|---|---|---|---|")
    worse = False
    for off in (-3.0, -2.0, -1.0, 0.0, 1.0):
        for latents in (2, 5, 10):
            truth = math.log(asked.images) + off
            plain, better = biases(truth, latents, asked.images, asked.draws)
            print(f"| {off:+.0f} | {latents} | {plain:+.3f} | {better:+.3f} |", flush=True)
            worse |= abs(better) > 0.8 * abs(plain)
    sys.exit(1 if worse else 0)


def biases(truth: float, latents: int, images: int, draws: int) -> tuple[float, float]:
    """What both estimates have too much of a mutual information of `truth` nats, on average over `draws`."""
    generator = torch.Generator().manual_seed(0)
    scale = math.exp(-truth / latents)
    found = torch.zeros(2, dtype=torch.float64)
    for _ in range(draws):
        mean = (1 - scale**2) ** 0.5 * torch.randn(images, latents, generator=generator)
        posterior = Posterior(mean, torch.full_like(mean, 2 * math.log(scale)))
        z = posterior.sample(generator)
        for place, own in enumerate((1.0, OWN)):
            found[place] += decompose(posterior, z, share=own).mutual_information - truth
    plain, better = (found / draws).tolist()
    return plain, better


if __name__ == "__main__":
    main()
