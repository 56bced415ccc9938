"""Shapes that annotations state are held to in every test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.analysis.metrics.information import mutual_information
from models.beta_vae import Posterior
from models.objectives import Beta

jaxtyping = pytest.importorskip("jaxtyping")


def test_a_wrong_shape_is_refused_where_it_is_given_and_a_right_one_is_not() -> None:
    posterior = Posterior(torch.zeros(3, 2), torch.zeros(3, 2))
    z = torch.zeros(3, 2)
    assert Beta(1.0)(torch.zeros(3), posterior, z, 0).loss == 0
    with pytest.raises(jaxtyping.TypeCheckError):
        Beta(1.0)(torch.zeros(4), posterior, z, 0)  # a cost for each of 4 images, latents of 3
    assert mutual_information(np.zeros((9, 2)), np.zeros((9, 3))).shape == (2, 3)
    with pytest.raises(jaxtyping.TypeCheckError):
        mutual_information(np.zeros((9, 2)), np.zeros((8, 3)))


def test_the_product_runs_where_the_package_is_not() -> None:
    code = "import sys; sys.modules['jaxtyping'] = None; from models.beta_vae import Posterior; print(Posterior.kl)"
    root = Path(__file__).resolve().parents[2]
    told = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert "Posterior.kl" in told.stdout, told.stderr
