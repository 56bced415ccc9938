"""Built-in signals and tables: made as their sources say, in units, the same for everybody."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from explorer.datasets import DATASETS, open_dataset
from explorer.datasets.ecg import HIGH, LOW, beats
from explorer.datasets.elements import SYMBOLS, called, madelung, occupations
from explorer.datasets.peaks import CENTRES, WIDTHS, curves
from explorer.datasets.random_graphs import adjacency
from explorer.datasets.spectra import recordings, spectra
from explorer.datasets.trajectories import STEPS, covariance, fractional_noise, scaled_noise, ta_msd
from explorer.errors import UserError

HERE = [name for name, info in DATASETS.items() if not info.root and not info.downloadable]


def in_units(name: str, count: int = 40) -> np.ndarray:
    """The first samples of a data set in their units, `(n, channels, values)`."""
    data = open_dataset(name)
    assert data.samples is not None
    offset, gain = (np.array(values) for values in data.samples.scale())
    held = data.unit(range(min(count, len(data)))).numpy()
    if data.samples.kind == "vector":
        return np.asarray(offset + gain * held[:, :, 0])
    return np.asarray(offset[:, None] + gain[:, None] * held[:, :, 0])


@pytest.mark.parametrize("name", HERE)
def test_what_is_made_on_the_spot_keeps_the_promises_of_its_entry(name: str) -> None:
    info, data = DATASETS[name], open_dataset(name)
    assert (data.samples is None) == (info.kind == "image")
    assert data.samples is None or (data.samples.kind == info.kind and data.samples.fits(data.shape))
    some = data.unit(range(0, len(data), max(1, len(data) // 50)))
    assert some.dtype == torch.float32 and 0 <= float(some.min()) <= float(some.max()) <= 1
    assert data.samples is None or len(data.samples.columns(data.shape)) == some[0].numel()
    if data.factor_names is not None and data.factor_sizes is not None:
        classes = data.factors(range(len(data))) if len(data) < 10_000 else data.factors(range(100))
        assert classes.shape[1] == len(data.factor_names) == len(data.factor_sizes)
        assert all(0 <= int(top) < size for top, size in zip(classes.amax(0), data.factor_sizes, strict=True))


def test_peaks_are_gaussians_of_their_factors_with_little_noise() -> None:
    data = open_dataset("peaks")
    factors = data.factors(range(40)).numpy()
    clean = curves(CENTRES[factors[:, 0]], WIDTHS[factors[:, 1]])
    assert np.sqrt(np.square(in_units("peaks")[:, 0] - clean).mean(1)).max() < 0.12  # noise: σ of at most 0.099
    t = np.linspace(-12, 12, 100)
    assert clean[0] == pytest.approx(
        np.exp(-((t - CENTRES[factors[0, 0]]) ** 2) / (2 * WIDTHS[factors[0, 1]] ** 2)), rel=1e-12
    )


def test_increments_of_fractional_motion_have_the_covariance_of_their_formula() -> None:
    for alpha in (0.3, 1.0, 1.7):
        steps = fractional_noise(alpha, 20_000, np.random.default_rng(1))[:, :8]
        found = steps.T @ steps / len(steps)
        apart = np.abs(np.arange(8)[:, None] - np.arange(8))
        assert found == pytest.approx(covariance(alpha, apart), abs=0.06)
    assert covariance(1.5, np.array([1]))[0] / covariance(1.5, np.array([0]))[0] == pytest.approx(2**0.5 - 1)


@pytest.mark.parametrize("noise", [fractional_noise, scaled_noise])
def test_trajectories_spread_with_the_power_of_their_exponent(noise: object) -> None:
    for alpha in (0.5, 1.4):
        steps = noise(alpha, 4000, np.random.default_rng(2))  # type: ignore[operator]
        spread = np.square(np.cumsum(steps, axis=1)).mean(0)
        t = np.array([1, 10, 100, STEPS - 1])
        assert spread[t - 1] == pytest.approx(2 * t**alpha, rel=0.15)


def test_a_line_of_constant_speed_moves_by_the_square_of_the_lag() -> None:
    assert ta_msd(np.arange(20.0)[None], np.array([1, 2, 5])) == pytest.approx(np.array([[1, 4, 25]]))


def test_logarithms_of_displacements_lie_on_two_parameters() -> None:
    """ln TA-MSD ≈ ln 2D + α·ln k: a plane holds nearly all of it."""
    values = in_units("fbm-msd", 5000)[:, 0]
    power = np.linalg.svd(values - values.mean(0), compute_uv=False) ** 2
    assert power[:2].sum() / power.sum() > 0.99


def test_a_plain_beat_is_highest_at_r_and_scaled_to_millivolts() -> None:
    plain = beats(np.array([60.0]), np.ones((1, 5)))[0]
    scaled = (plain - plain.min()) / np.ptp(plain) * (HIGH - LOW) + LOW
    phase = np.linspace(-180, 180, 256, endpoint=False)
    assert abs(phase[scaled.argmax()]) < 8  # R stands at 0°, and z answers a little later
    p, t = scaled[(phase > -90) & (phase < -40)], scaled[(phase > 60) & (phase < 150)]
    assert p.max() > p[0] + 0.05 and t.max() > t[0] + 0.05
    slow = beats(np.array([60.0]), np.array([[1, 1, 0.5, 1, 1.0]]))[0]
    assert slow.max() < 0.75 * plain.max()


def test_a_beat_is_periodic() -> None:
    """What z is at the end of a turn is what it began with: the step over the seam is like its neighbours'."""
    beat = beats(np.array([50.0, 110.0]), np.ones((2, 5)))
    seam = np.abs(beat[:, 0] - beat[:, -1])
    assert (seam < 3 * np.abs(np.diff(beat[:, :10])).max(1) + 1e-9).all()


def test_spectra_have_their_peaks_at_the_beat_and_lie_between_0_and_1() -> None:
    random = np.random.default_rng(0)
    sounds = recordings(np.full(30, 300.0), np.full(30, 50.0), np.full(30, 5000.0), random)
    found = spectra(sounds)
    assert found.min(1) == pytest.approx(0) and found.max(1) == pytest.approx(1)
    frequency = np.arange(193) * 10.4
    assert abs(np.median(frequency[found[:, 10:].argmax(1) + 10]) - 300) < 40


def test_elements_fill_by_the_rule_and_its_twenty_exceptions() -> None:
    names, electrons = occupations()
    assert electrons.sum(1).tolist() == list(range(1, 119)) and len(names) == 19 and len(SYMBOLS) == 118
    assert [called(shell) for shell in madelung()][:8] == ["1s", "2s", "2p", "3s", "3p", "4s", "3d", "4p"]
    row = dict(zip(names, electrons[SYMBOLS.index("Cr")], strict=True))
    assert row["4s"] == 1 and row["3d"] == 5
    assert dict(zip(names, electrons[SYMBOLS.index("Pd")], strict=True))["5s"] == 0
    assert len({tuple(row) for row in electrons}) == 118


def test_the_first_component_of_the_transposed_shares_orders_sub_shells_as_madelung_does() -> None:
    shares = open_dataset("elements").unit(range(118))[:, 0, 0].numpy().T.astype(np.float64)  # sub-shells x elements
    centred = shares - shares.mean(0)
    first = np.linalg.svd(centred, full_matrices=False)[0][:, 0]
    assert abs(spearmanr(first, np.arange(19)).statistic) == pytest.approx(1)


def test_graphs_have_as_many_edges_as_their_growth_gives() -> None:
    random = np.random.default_rng(3)
    for nodes, edges in ((4, 1), (10, 3), (16, 15)):
        ties = adjacency(nodes, edges, 1.0, random)
        assert (ties == ties.T).all() and not ties.diagonal().any()
        assert ties.sum() // 2 == edges * (edges + 1) // 2 + edges * (nodes - edges - 1)


def test_tables_of_scikit_learn_come_in_their_units() -> None:
    from sklearn.datasets import load_iris

    data = open_dataset("iris")
    assert data.samples is not None and [channel.unit for channel in data.samples.channels] == ["cm"] * 4
    assert in_units("iris", 150)[:, 0] == pytest.approx(load_iris().data, abs=1e-5)
    assert data.factor_sizes == (3,)


def test_they_are_the_same_for_everybody() -> None:
    """Their identity is a hash of the values: another one would mean that caches and runs speak of other data."""
    from explorer.datasets import peaks

    before = open_dataset("peaks").identity
    peaks._made.cache_clear()
    assert open_dataset("peaks").identity == before


def test_the_dual_of_a_table_has_its_columns_as_samples() -> None:
    data, table = open_dataset("dual:elements"), open_dataset("elements")
    assert data.shape == (1, 1, 118) and len(data) == 19
    assert torch.equal(data.unit(range(19))[:, 0, 0].T, table.unit(range(118))[:, 0, 0])
    assert data.factor_sizes == (19,) and "1s, 2s, 2p, 3s" in " ".join(data.notes)
    assert data.identity != table.identity and DATASETS["dual:elements"].usual["network"] == "dense"


@pytest.mark.parametrize("name", ["dual:dsprites", "dual:peaks", "dual:dual:elements", "dual:", "dual:nothing"])
def test_only_a_table_has_a_dual(name: str) -> None:
    with pytest.raises(UserError, match="there is no data set"):
        open_dataset(name)
