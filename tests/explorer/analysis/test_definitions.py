"""Scores of codes that nobody has seen equal the definitions as they are written, one by one.

The peers of `benchmarks/metrics.py` are those definitions with scikit-learn's own functions, a pair or a
classifier at a time; what has none there is written out here.
"""

import importlib.util
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.stats import spearmanr
from sklearn.linear_model import Lasso
from threadpoolctl import threadpool_limits

from explorer.analysis import metrics

FEW = settings(max_examples=8, deadline=None, derandomize=True)
QUICK = {
    "mig": 1e-9,
    "mig_sup": 1e-9,
    "modularity": 1e-9,
    "irs": 1e-6,
    "gaussian_total_correlation": 1e-9,
    "infomec": 1e-6,
    "explicitness": 1e-6,
}
LEARNT = {"dci": 1e-9, "sap": 1e-9}


def peers() -> ModuleType:
    """The benchmark, as a module."""
    file = Path(__file__).resolve().parents[3] / "benchmarks" / "metrics.py"
    spec = importlib.util.spec_from_file_location("benchmark_of_metrics", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PEERS = peers().PEERS


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with threadpool_limits(1):  # small fits that wait for threads are slow
        yield


def ours_and_theirs(name: str, codes: np.ndarray, factors: np.ndarray) -> tuple[float | None, float]:
    """The score, during which nothing may warn, and its definition's value, which may."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = metrics.BY_NAME[name](codes, factors).value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return value, PEERS[name](codes, factors)


def unseen(seed: int, rows: int = 240) -> tuple[np.ndarray, np.ndarray]:
    """Codes that mix, bend, blur and ignore three factors, each table in a way of its own."""
    random = np.random.default_rng(seed)
    sizes = random.integers(2, 7, size=3)
    factors = np.stack([random.integers(size, size=rows) for size in sizes], axis=1)
    latents = int(random.integers(2, 6))
    codes = factors @ random.normal(size=(3, latents)) * random.random((1, latents))
    codes = np.where(random.random((1, latents)) < 0.3, np.tanh(codes), codes)
    codes = codes + random.normal(size=codes.shape) * random.choice([0.02, 0.3, 2.0])
    kind = np.float32 if seed % 2 else np.float64
    return codes.astype(kind), factors


@pytest.mark.parametrize("name", sorted(QUICK))
@FEW
@given(seed=st.integers(0, 10**6))
def test_a_score_is_its_definition(name: str, seed: int) -> None:
    codes, factors = unseen(seed)
    value, expected = ours_and_theirs(name, codes, factors)
    if name == "infomec":  # a latent that tells nothing is 0 over 0 there, and even shares here
        assume(np.isfinite(expected))
    assert value == pytest.approx(expected, abs=QUICK[name])


@pytest.mark.parametrize("name", sorted(LEARNT))
@settings(FEW, max_examples=3)
@given(seed=st.integers(0, 10**6))
def test_a_learnt_score_is_its_definition(name: str, seed: int) -> None:
    codes, factors = unseen(seed)
    value, expected = ours_and_theirs(name, codes, factors)
    assert value == pytest.approx(expected, abs=LEARNT[name])


@pytest.mark.parametrize("name", ["factor_vae", "beta_vae"])
def test_a_score_that_draws_is_near_its_definition(name: str) -> None:
    codes, factors = unseen(4, 2_000)
    value, expected = ours_and_theirs(name, codes, factors)
    assert value == pytest.approx(expected, abs=0.03)


@FEW
@given(seed=st.integers(0, 10**6))
def test_wasserstein_correlation_is_the_distance_of_two_gaussians(seed: int) -> None:
    codes, _ = unseen(seed)
    whole = np.cov(codes.astype(np.float64), rowvar=False)
    apart = np.diag(np.diag(whole))
    root = sqrtm(apart)
    cross = sqrtm(root @ whole @ root)
    expected = np.trace(whole + apart - 2 * np.real(cross))
    assert metrics.wasserstein_correlation(codes).value == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("likeness", ["lasso", "spearman"])
@settings(FEW, max_examples=4)
@given(seed=st.integers(0, 10**6))
def test_udr_is_its_definition(likeness: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.normal(size=(300, 3))
    models = [truth @ random.normal(size=(3, 4)) + random.normal(size=(300, 4)) for _ in range(3)]
    kls = [random.choice([0.001, 2.0], size=4, p=[0.3, 0.7]) for _ in models]
    scores = []
    for j in range(3):
        pairs = []
        for i in range(3):
            if i == j:
                continue
            left, right = ((m - m.mean(axis=0)) / m.std(axis=0) for m in (models[i], models[j]))
            left, right = left * (kls[i] > 0.01), right * (kls[j] > 0.01)
            matrix = np.zeros((4, 4))
            for b in np.flatnonzero(kls[j] > 0.01):
                if likeness == "lasso":
                    matrix[:, b] = np.abs(Lasso(alpha=0.1).fit(left, right[:, b]).coef_)
                else:
                    for a in np.flatnonzero(kls[i] > 0.01):
                        matrix[a, b] = abs(spearmanr(left[:, a], right[:, b]).statistic)
            some = matrix[np.ix_(kls[i] > 0.01, kls[j] > 0.01)]
            halves = [
                np.mean([max(v) ** 2 / sum(v) if sum(v) > 0 else 0.0 for v in lines]) if len(lines) else 0.0
                for lines in (some, some.T)
            ]
            pairs.append(np.mean(halves) if some.size else 0.0)
        scores.append(np.median(pairs))
    result = metrics.udr(models, kls, likeness=likeness)  # type: ignore[arg-type]
    np.testing.assert_allclose(result.parts["model_scores"], scores, atol=1e-4)


@FEW
@given(seed=st.integers(0, 10**6))
def test_kl_and_the_polarised_share_are_their_definitions(seed: int) -> None:
    random = np.random.default_rng(seed)
    means = random.normal(size=(200, 5)) * random.choice([0.05, 0.4, 1.5], size=5)
    logs = random.normal(size=(200, 5)) * 0.5 - random.choice([0, 4], size=5)
    kl = 0.5 * (means**2 + np.exp(logs) - logs - 1)
    result = metrics.kl_per_dimension(means, logs)
    np.testing.assert_allclose(result.parts["kl"], kl.mean(axis=0), rtol=1e-12)
    active = means.std(axis=0) > 0.5
    sharp = 0.5 * (means**2 - logs - 1)[:, active].sum(axis=1).mean()
    whole = kl.sum(axis=1).mean()
    value = metrics.polarised_regime(means, logs).value
    assert value == pytest.approx(abs(whole - sharp) / whole, abs=1e-9)
    assert metrics.active_units(means).value == (means.var(axis=0) > 0.01).sum()
