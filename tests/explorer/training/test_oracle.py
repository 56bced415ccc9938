"""The very training loop, against the one Beta-VAE whose optimum is known exactly."""

from pathlib import Path

import numpy as np
import pytest

from explorer.analysis.evaluation import evaluate
from explorer.datasets import open_dataset
from explorer.training import TrainConfig, train

SIGMA = 0.07
PIXELS = 16


@pytest.fixture(scope="module")
def gaussian_images(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """4 x 4 images of correlated Gaussian pixels, and the eigenvalues of their own covariance."""
    rng = np.random.default_rng(0)
    eigenvalues = SIGMA**2 * np.array([60, 24, 10, 4] + [0.2] * (PIXELS - 4))
    rotation = np.linalg.qr(rng.normal(size=(PIXELS, PIXELS)))[0]
    pixels = 0.5 + (rng.normal(size=(8000, PIXELS)) * np.sqrt(eigenvalues)) @ rotation.T
    images = np.clip(np.round(pixels * 255), 0, 255).astype(np.uint8)
    path = tmp_path_factory.mktemp("gaussian") / "images.npz"
    np.savez(path, images=images.reshape(-1, 1, 4, 4))
    found = np.linalg.eigvalsh(np.cov(images.T / 255.0))[::-1]
    return path, found


@pytest.mark.parametrize("beta", [1.0, 4.0, 16.0])
def test_a_linear_beta_vae_lands_on_the_closed_form_kl_of_every_dimension(
    beta: float, gaussian_images: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    """KL_j = max(0, ½ ln(λ_j / (βσ²))), with two dimensions too many, which must be dead."""
    path, eigenvalues = gaussian_images
    config = TrainConfig(
        data="npz", root=str(path), network="linear", latents=6, likelihood="gaussian", sigma=SIGMA,
        objective="beta", beta=beta, steps=8000, batch_size=256, learning_rate=0.03,
        rate_schedule="cosine to=x0.001 begin=50%", eval_images=256, eval_every=8000,
        save_every=8000, log_every=1000, threads=1,
    )  # fmt: skip
    checkpoint = train(config, tmp_path / "run")
    found = evaluate(checkpoint.model, open_dataset("npz", root=str(path))).kl_per_dimension
    expected = np.maximum(0, 0.5 * np.log(eigenvalues[:6] / (beta * SIGMA**2)))
    assert (expected == 0).sum() >= 2
    np.testing.assert_allclose(np.sort(found)[::-1], expected, atol=0.02)
