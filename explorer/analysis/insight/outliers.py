"""Which images of a data set stand out: by their place among the latents, and by what their reconstruction costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata

from explorer.analysis.evaluation import choose, posteriors
from explorer.analysis.insight.progress import Tell, quiet
from explorer.datasets.base import Dataset
from models.beta_vae import BetaVAE, Posterior


@dataclass(frozen=True)
class Fit:
    """A Gaussian over latents: mean `(D,)`, covariance `(D, D)`, and of how many images."""

    mean: np.ndarray
    covariance: np.ndarray
    count: int

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Squared Mahalanobis distances d² = (µ − m)ᵀS⁻¹(µ − m) of points `(n, D)`: `(n,)`, no unit."""
        apart = np.asarray(points, dtype=np.float64) - self.mean
        found: np.ndarray = np.einsum("nd,de,ne->n", apart, np.linalg.pinv(self.covariance, hermitian=True), apart)
        return found.clip(min=0.0)


def fit(posterior: Posterior, variances: bool = True) -> Fit:
    """The Gaussian with the mean and the covariance of the aggregate posterior, S = Cov(µ) + diag(E σ²).

    Args:
        posterior: of n images. The covariance of its means is the unbiased one, and 0 of a single image.
        variances: whether E σ² is added; without it, latents that carry nothing make noise of S⁻¹.
    """
    means = posterior.mean.double().numpy()
    latents = means.shape[1]
    covariance = np.cov(means, rowvar=False).reshape(latents, latents) if len(means) > 1 else np.zeros((latents,) * 2)
    if variances:
        covariance = covariance + np.diag(posterior.log_var.double().exp().mean(0).numpy())
    return Fit(means.mean(0), covariance, len(means))


@dataclass(frozen=True)
class Outliers:
    """Two scores of each of n images, both larger the more an image stands out.

    index: `(n,)`, numbers in the data set. latent: `(n,)`, d² of the posterior's mean by the aggregate's covariance.
    reconstruction: `(n,)`, −log p(x|z=µ) in nats. The fit is over the same images.
    """

    index: np.ndarray
    latent: np.ndarray
    reconstruction: np.ndarray
    latents: int
    seed: int

    @property
    def latent_rank(self) -> np.ndarray:
        """`(n,)`, 1 for the image that is farthest; equal ones share the better rank."""
        found: np.ndarray = rankdata(-self.latent, method="min").astype(int)
        return found

    @property
    def reconstruction_rank(self) -> np.ndarray:
        """`(n,)`, 1 for the image that costs most."""
        found: np.ndarray = rankdata(-self.reconstruction, method="min").astype(int)
        return found

    def order(self, by: str = "either") -> np.ndarray:
        """Places of the images, the one that stands out most first: by "latent", "reconstruction" or either."""
        ranks = {"latent": self.latent_rank, "reconstruction": self.reconstruction_rank}
        keys = ranks.get(by, np.minimum(*ranks.values()))
        return np.lexsort((ranks["latent"] + ranks["reconstruction"], keys))

    def as_json(self, most: int | None = None) -> dict[str, Any]:
        """Plain values, the first `most` by the better of both ranks."""
        ranks = self.latent_rank, self.reconstruction_rank
        return {
            "images": [
                {
                    "image": int(self.index[place]),
                    "latent_distance": float(self.latent[place]),
                    "latent_rank": int(ranks[0][place]),
                    "reconstruction_nats": float(self.reconstruction[place]),
                    "reconstruction_rank": int(ranks[1][place]),
                }
                for place in self.order()[:most]
            ],
            "mean_latent_distance": float(self.latent.mean()),
            "count": len(self.index),
            "seed": self.seed,
        }


def outliers(model: BetaVAE, data: Dataset, count: int, seed: int = 0, tell: Tell = quiet) -> Outliers:
    """Score `count` images of `data`, drawn with `seed`.

    Raises:
        UserError: images of another shape, or a count that can't be had.
    """
    indices = choose(data, count, seed)
    means, log_vars, nlls, done = [], [], [], 0
    for images, posterior in posteriors(model, data, indices):
        with torch.inference_mode():
            nlls.append(model.nll(posterior.mean, images).double().cpu())
        means.append(posterior.mean.cpu())
        log_vars.append(posterior.log_var.cpu())
        done += len(images)
        tell(done / count)
    whole = Posterior(torch.cat(means), torch.cat(log_vars))
    latent = fit(whole).distance(whole.mean.double().numpy())
    return Outliers(indices.numpy(), latent, torch.cat(nlls).numpy(), model.latents, seed)
