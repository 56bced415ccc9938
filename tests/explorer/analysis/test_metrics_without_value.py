"""Input that a metric gives no value for, each with its sentence, and arrays that are no table."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from explorer.analysis import metrics
from explorer.analysis.scores import SCORES

from .code_sets import noisy_table

pytestmark = pytest.mark.usefixtures("no_warning_in_the_log")


COSINE: Any = "cosine"  # no likeness that udr knows


def test_a_factor_that_never_changes_is_left_out_of_the_mean() -> None:
    codes, factors = noisy_table()
    still = np.c_[factors, np.full(len(factors), 7)]
    for name in ("mig", "modularity", "irs", "factor_vae", "explicitness"):
        with_it = metrics.BY_NAME[name](codes, still, preset="fast")
        without = metrics.BY_NAME[name](codes, factors, preset="fast")
        assert with_it.value == pytest.approx(without.value, abs=1e-12), name
        assert with_it.parts["factors_used"].tolist() == [0, 1, 2]


def test_torch_tensors_and_lists_are_taken_as_they_are() -> None:
    class Tensor:
        """As much of a torch tensor on a GPU as matters here."""

        def __init__(self, array: np.ndarray) -> None:
            self.array = array

        def detach(self) -> "Tensor":
            return self

        def cpu(self) -> np.ndarray:
            return self.array

    codes, factors = noisy_table(60)
    expected = metrics.mig(codes, factors).value
    assert metrics.mig(Tensor(codes), Tensor(factors)).value == expected
    assert metrics.mig(codes.tolist(), factors.tolist()).value == expected


def broken_tables() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    codes, factors = noisy_table(60)
    with_nan, infinite = codes.copy(), codes.copy()
    with_nan[5, 1], infinite[5, 1] = np.nan, np.inf
    return {
        "not a number": (with_nan, factors),
        "infinite": (infinite, factors),
        "too large": (codes * 1e20, factors),
        "one row": (codes[:1], factors[:1]),
        "no rows": (codes[:0], factors[:0]),
        "no latents": (codes[:, :0], factors),
        "nothing varies": (codes, np.zeros_like(factors)),
        "no factors": (codes, factors[:, :0]),
    }


@pytest.mark.parametrize("name", sorted(metrics.BY_NAME))
@pytest.mark.parametrize("case", sorted(broken_tables()))
def test_input_without_a_score_gives_none_and_one_sentence(name: str, case: str) -> None:
    result = metrics.BY_NAME[name](*broken_tables()[case])
    if case in ("nothing varies", "no factors") and SCORES[name].needs != "factors":
        assert result.value is not None and result.reason is None
        return
    assert result.value is None
    assert result.reason is not None and result.reason.endswith(".")


@pytest.mark.parametrize("name", ["dci", "factor_vae", "beta_vae", "modularity"])
def test_scores_that_compare_factors_are_undefined_for_one(name: str) -> None:
    codes, factors = noisy_table(60)
    result = metrics.BY_NAME[name](codes, factors[:, :1])
    assert result.value is None and "one factor" in str(result.reason)


@pytest.mark.parametrize("name", ["mig", "sap"])
def test_scores_that_compare_latents_are_undefined_for_one(name: str) -> None:
    codes, factors = noisy_table(60)
    result = metrics.BY_NAME[name](codes[:, :1], factors)
    assert result.value is None and "latents" in str(result.reason)


@pytest.mark.parametrize("name", ["dci", "sap", "explicitness", "factor_vae", "beta_vae", "irs", "infomec"])
def test_a_factor_whose_values_never_repeat_is_not_scored(name: str) -> None:
    rows = 15 if name == "irs" else 30  # irs puts more values than 20 into bins
    codes, _ = noisy_table(rows)
    serial = np.stack([np.arange(rows), np.arange(rows)[::-1]], axis=1)
    result = metrics.BY_NAME[name](codes, serial)
    assert result.value is None and result.reason


@pytest.mark.parametrize("name", ["dci", "sap", "explicitness"])
def test_two_rows_are_said_to_be_too_few_to_learn_from_and_to_judge_by(name: str) -> None:
    codes, factors = noisy_table(30)
    result = metrics.BY_NAME[name](codes[:2], factors[[0, 1]] * 0 + [[0], [1]])
    assert result.value is None and "2 rows are too few" in str(result.reason)


def test_total_correlation_of_a_repeated_latent_is_undefined_but_its_parts_stand() -> None:
    codes, _ = noisy_table()
    result = metrics.gaussian_total_correlation(np.c_[codes, codes[:, 0]])
    assert result.value is None and "infinite" in str(result.reason)
    assert result.parts["mean_mutual_information"] > 0


@pytest.mark.parametrize(
    "call",
    [
        lambda codes, factors: metrics.mig(codes, factors, preset="quick"),
        lambda codes, factors: metrics.mig(codes[:-1], factors),
        lambda codes, factors: metrics.mig(codes[:, 0], factors),
        lambda codes, factors: metrics.mig(codes, factors[:, 0]),
        lambda codes, factors: metrics.mig(codes, factors + 0.5),
        lambda codes, factors: metrics.mig(codes.astype(str), factors),
        lambda codes, factors: metrics.sap(codes, factors, test=(codes[:, 1:], factors)),
        lambda codes, factors: metrics.udr([codes, codes[:-1]], np.ones((2, 4))),
        lambda codes, factors: metrics.udr([codes, codes], np.ones((2, 3))),
        lambda codes, factors: metrics.udr([codes, codes], np.ones((3, 4))),
        lambda codes, factors: metrics.udr([codes] * 2, np.ones((2, 4)), likeness=COSINE),
    ],
)
def test_arrays_that_are_no_table_are_refused(call: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"\.$|;"):
        call(*noisy_table(20))


def test_udr_needs_two_models_and_finite_codes_and_kl() -> None:
    codes, _ = noisy_table(50)
    kl = np.ones((2, 4))
    broken = codes.copy()
    broken[0, 0] = np.nan
    for models, kls in (([codes], kl[:1]), ([codes, broken], kl), ([codes, codes], kl * np.nan)):
        result = metrics.udr(models, kls)
        assert result.value is None and result.reason


def test_udr_of_a_collapsed_model_is_zero_and_of_twins_with_other_signs_is_high() -> None:
    codes, _ = noisy_table(500)
    twin = -codes[:, [3, 0, 2, 1]]
    kl = np.ones((2, 4))
    assert metrics.udr([codes, twin], kl).value == pytest.approx(0.9, abs=0.01)
    result = metrics.udr([codes, twin], kl, likeness="spearman")
    assert result.value is not None and result.value > 0.9
    assert metrics.udr([codes, twin], [kl[0], kl[1] * 0]).value == 0


def test_udr_compares_models_with_different_numbers_of_latents() -> None:
    codes, _ = noisy_table(500)
    wide = np.c_[codes, np.random.default_rng(1).normal(size=500) * 0.01]
    result = metrics.udr([codes, wide], [np.ones(4), np.r_[np.ones(4), 0.001]])
    assert result.value == pytest.approx(0.9, abs=0.01)
    assert result.parts["likeness"][0][1].shape == (4, 5)
