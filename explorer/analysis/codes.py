"""From a model and a data set to the table that disentanglement metrics take: codes and factors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.analysis.evaluation import choose, encode_all
from explorer.analysis.score_inputs import Representation, sampled
from explorer.datasets.base import Dataset
from explorer.errors import UserError
from models.beta_vae import BetaVAE

COUNT = 10_000  # images, where there are as many: the reference's own number


@dataclass(frozen=True)
class Codes:
    """Codes `(n, D)` float32 and factor classes `(n, K)` int64 of the same `count` images.

    `representation` says what a code is: the posterior's mean, or one sample of the posterior.
    """

    codes: np.ndarray
    factors: np.ndarray
    factor_names: tuple[str, ...]
    count: int
    seed: int
    representation: Representation


def codes_of(
    model: BetaVAE, data: Dataset, count: int | None = None, seed: int = 0, representation: Representation = "mean"
) -> Codes:
    """Encode `count` images of `data`, drawn with `seed` (see `evaluation.choose`), and look up their factors.

    Args:
        count: 10,000 if left out, or all where there are fewer.
        seed: of the choice of images, and of the noise of sampled codes.

    Raises:
        UserError: data without known factors, images of another shape, or more images than there are.
    """
    if data.factor_names is None:
        raise UserError(
            f"{data.name} has no known factors, and the scores compare codes with factors; "
            "dsprites and scene have them, mnist has its digit"
        )
    indices = choose(data, min(COUNT, len(data)) if count is None else count, seed)
    posterior = encode_all(model, data, indices)
    codes = posterior.mean.numpy()
    if representation == "sampled":
        codes = sampled(codes, posterior.log_var.numpy(), seed)
    return Codes(codes, data.factors(indices).cpu().numpy(), data.factor_names, len(indices), seed, representation)
