"""What a model for every β costs along its range."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from explorer.analysis.evaluation import evaluate
from explorer.checkpoints.config import CurvePoint
from explorer.datasets.base import Dataset
from models.any_beta import AnyBetaVAE

POINTS = 25  # of six octaves four each, and the ends


def measured_curve(model: AnyBetaVAE, data: Dataset, indices: Tensor, count: int = POINTS) -> list[CurvePoint]:
    """Cost, KL and activity at `count` βs, even on a log scale, on the same images with the same noise."""
    found = []
    for even in np.geomspace(*model.betas, count).clip(*model.betas):
        beta = float(f"{even:.6g}")
        result = evaluate(model.at(beta), data, indices=indices)
        found.append(
            CurvePoint(
                beta=beta,
                reconstruction=result.reconstruction,
                kl_per_dimension=tuple(float(value) for value in result.kl_per_dimension),
                activity=tuple(float(value) for value in result.activity),
            )
        )
    return found
