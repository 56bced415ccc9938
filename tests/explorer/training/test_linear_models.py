"""The linear models of the page Theory really are trained, and land where the closed form says."""

import numpy as np
import pytest

from explorer.analysis import linear_oracle as oracle
from explorer.training import linear_models
from explorer.training.linear_models import pixels_of_spectrum, train_linear

EIGENVALUES, VARIANCE = (4.0, 2.0, 1.0, 0.4, 0.15), 0.1


def test_the_pictures_have_exactly_the_eigenvalues_asked_for() -> None:
    pixels = pixels_of_spectrum(EIGENVALUES, seed=3)
    np.testing.assert_allclose(pixels.mean(0), 0, atol=1e-12)
    found = np.linalg.eigvalsh(pixels.T @ pixels / len(pixels))[::-1]
    np.testing.assert_allclose(found, EIGENVALUES, rtol=1e-10)


def test_models_trained_together_land_on_the_closed_form_and_die_at_their_beta() -> None:
    betas = [0.8, 3.0, 12.0, 60.0]
    run = train_linear(EIGENVALUES, VARIANCE, betas)
    for row, beta in enumerate(betas):
        best = oracle.optimum(EIGENVALUES, beta, VARIANCE)
        np.testing.assert_allclose(run.kl[row], best.kl, atol=0.03)
        np.testing.assert_allclose(run.distortion[row], best.distortion, atol=0.05 * (1 + beta / 4))
    np.testing.assert_array_equal((run.kl > 0.05).sum(1), [5, 4, 2, 0])


def test_the_dots_come_from_training_and_not_from_the_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_models, "STEPS", 3)
    run = train_linear(EIGENVALUES, VARIANCE, [1.0])
    best = oracle.optimum(EIGENVALUES, 1.0, VARIANCE)
    assert np.abs(run.kl[0] - best.kl).max() > 0.5
