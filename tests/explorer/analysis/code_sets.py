"""Code sets and tables of factors that tests of scores are made of, and the reference's numbers for them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.analysis import metrics

REFERENCE = Path(__file__).resolve().parents[4] / "shared" / "reference"
ORACLE = REFERENCE / "metrics_oracle.json"
needs_oracle = pytest.mark.skipif(not ORACLE.is_file(), reason="../shared/reference/metrics_oracle.json is not here")
SETS = (
    "a_perfect",
    "b_noisy",
    "c_rotated",
    "d_duplicated",
    "e_merged",
    "f_nonlinear",
    "g_partial",
    "h_noise",
    "i_constant_dim",
)


@cache
def oracle() -> tuple[dict[str, Any], dict[str, np.ndarray], np.ndarray]:
    """Expected values, input arrays, and the factors (9216, 5) of the oracle's world."""
    with np.load(ORACLE.with_suffix(".npz")) as stored:
        arrays = {name: stored[name] for name in stored.files}
    sizes = arrays["factor_sizes"]
    factors = np.stack(np.unravel_index(np.arange(sizes.prod()), sizes), axis=1)
    return json.loads(ORACLE.read_text()), arrays, factors


def fixed(name: str) -> tuple[dict[str, Any], np.ndarray, np.ndarray, Any]:
    """Expected fixed values, train codes, train factors, and the test sample of a code set."""
    values, arrays, factors = oracle()
    codes = arrays[f"codes_{name}"]
    train, test = arrays["fixed_train_idx"], arrays["fixed_test_idx"]
    expected = values["code_sets"][name]["fixed"]
    return expected, codes[train], factors[train], (codes[test], factors[test])


def world(sizes: tuple[int, ...] = (3, 4, 5)) -> np.ndarray:
    return np.stack(np.unravel_index(np.arange(np.prod(sizes)), sizes), axis=1)


def score(name: str, codes: np.ndarray, factors: np.ndarray, **settings: Any) -> float:
    """The value of a metric where it must have one."""
    value = metrics.BY_NAME[name](codes, factors, **settings).value
    assert value is not None
    return value


def noisy_table(rows: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Codes (rows, 4) that are three noisy factors and a latent of noise; the factors (rows, 3)."""
    rng = np.random.default_rng(seed)
    factors = world()[rng.integers(60, size=rows)]
    noise = rng.normal(size=(rows, 4))
    return np.c_[factors, np.zeros(rows)] + noise * [0.3, 0.3, 0.3, 1.0], factors
