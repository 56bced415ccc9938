"""The boosted trees of DCI are scikit-learn's own, tree for tree."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from sklearn.ensemble import GradientBoostingClassifier

from explorer.analysis.metrics import boosting
from explorer.analysis.metrics.boosting import fit_boosted
from explorer.analysis.metrics.compiled import compiled
from explorer.analysis.metrics.summation_kernel import pairwise_sum


def both(codes: np.ndarray, labels: np.ndarray, seed: int) -> tuple[float, bool]:
    """The largest difference of the importances, and whether all accuracies agree."""
    cut = len(codes) * 2 // 3
    train, test = (codes[:cut], labels[:cut]), (codes[cut:], labels[cut:])
    ours = fit_boosted(*train, *test, seed)
    trees = GradientBoostingClassifier(random_state=seed).fit(*train)
    accuracies = [float((trees.predict(x) == y).mean()) for x, y in (train, test)]
    gap = float(np.abs(ours.importance - trees.feature_importances_).max())
    return gap, accuracies == [ours.train_accuracy, ours.test_accuracy]


@pytest.mark.parametrize(("classes", "seed"), [(2, 0), (3, 1), (12, 2)])
def test_importances_and_accuracies_are_those_of_scikit_learn(classes: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(classes, size=300) * 3 - 5
    codes = random.normal(size=(300, 5)).astype(np.float32)
    codes[:, 1] += labels / 4
    gap, same = both(codes, labels, seed)
    assert gap < 1e-12 and same


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.data())
def test_no_table_is_learnt_otherwise_than_by_scikit_learn(data: st.DataObject) -> None:
    """Noise, a constant latent, a doubled one, one of few values: many splits are equally good."""
    random = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    rows, classes = data.draw(st.integers(30, 150)), data.draw(st.integers(2, 6))
    labels = np.r_[np.arange(classes), random.integers(classes, size=rows - classes)]
    codes = random.normal(size=(rows, 4)).astype(np.float32)
    codes[:, 0] += labels
    strange = data.draw(st.sampled_from(["none", "constant", "coarse"]))
    if strange == "constant":
        codes[:, 2] = 0.1
    elif strange == "coarse":  # equal values: scikit-learn's sort leaves their order open
        codes[:, 2] = np.round(codes[:, 2])
    gap, same = both(codes, labels, data.draw(st.integers(0, 5)))
    if strange == "coarse":
        assert gap < 0.05
    else:
        assert gap < 1e-9 and same


def test_codes_that_nothing_can_be_learnt_from_have_no_importance() -> None:
    labels = np.arange(40) % 3
    result = fit_boosted(np.zeros((40, 3)), labels, np.zeros((10, 3)), labels[:10])
    assert result.importance.tolist() == [0, 0, 0]
    assert result.train_accuracy == pytest.approx(14 / 40)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(1, 3000), st.integers(0, 100))
def test_sums_are_rounded_as_numpy_rounds_them(count: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=count) ** 3
    assert pairwise_sum(np.r_[7.0, values], 1, count) == values.sum()


def test_loops_are_compiled_where_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(cache: bool = False, **options: Any) -> Any:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(**options)

    monkeypatch.setattr("explorer.analysis.metrics.compiled.njit", nowhere)

    def double(value: float) -> float:
        return 2 * value

    assert compiled()(double)(1.5) == 3


def test_without_numba_scores_are_the_same_and_only_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(4)
    labels = random.integers(3, size=200)
    codes = random.normal(size=(200, 4)).astype(np.float32)
    codes[:, 0] += labels
    tables = codes[:150], labels[:150], codes[150:], labels[150:]
    fast = boosting.fit_boosted(*tables, seed=3)
    monkeypatch.setattr(boosting, "find_spec", lambda name: None)
    slow = boosting.fit_boosted(*tables, seed=3)
    assert np.abs(fast.importance - slow.importance).max() < 1e-12
    assert (fast.train_accuracy, fast.test_accuracy) == (slow.train_accuracy, slow.test_accuracy)
    monkeypatch.setattr("explorer.analysis.metrics.compiled.njit", None)
    assert compiled()(np.sum) is np.sum
