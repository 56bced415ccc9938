"""The measured curve, the β that a constraint chooses on it, and the β that a model tells by itself."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from explorer.analysis import linear_oracle as oracle
from explorer.analysis.implied_beta import read_beta
from explorer.analysis.rate_distortion import Point, beaten, cheapest, convex_curve, set_beta_at
from explorer.checkpoints import load
from explorer.cli import main
from explorer.datasets import open_dataset
from explorer.errors import UserError


def measured(*pairs: tuple[float, float]) -> list[Point]:
    return [Point(f"m{i}", None, rate, distortion) for i, (rate, distortion) in enumerate(pairs)]


@pytest.fixture(scope="module")
def linear() -> tuple[tuple[float, ...], float, list[Point]]:
    """Linear Beta-VAEs at their optima: the curve on which β = −dD/dR holds exactly."""
    eigenvalues, variance = (4.0, 2.0, 1.0, 0.4, 0.15), 0.1
    points = []
    for beta in (0.5, 1, 2, 4, 8, 16, 32):
        best = oracle.optimum(eigenvalues, beta, variance)
        points.append(Point(f"beta{beta}", beta, best.rate, best.distortion))
    return eigenvalues, variance, points


def test_the_slope_of_the_linear_models_curve_is_their_beta(
    linear: tuple[tuple[float, ...], float, list[Point]],
) -> None:
    eigenvalues, variance, points = linear
    curve = convex_curve(points)
    assert not curve.above
    for epsilon in np.linspace(0.2, 6.9, 40):
        true = oracle.beta_of_rate(eigenvalues, variance, epsilon)
        choice = curve.choose(epsilon)
        assert choice.beta == pytest.approx(true, rel=0.12)
        assert choice.low <= true <= (choice.high or math.inf)
        assert choice.complementary_slackness == 0
        here = oracle.optimum(eigenvalues, true, variance)
        assert here.rate == pytest.approx(epsilon)
        assert choice.distortion == pytest.approx(here.distortion, rel=0.02, abs=0.05)


def test_a_falling_exponential_is_found_again_between_five_points() -> None:
    rates = np.linspace(1, 9, 5)
    curve = convex_curve(measured(*((r, 100 * math.exp(-0.3 * r)) for r in rates)))
    for rate in np.linspace(1, 9, 33):
        assert curve.beta(rate) == pytest.approx(30 * math.exp(-0.3 * rate), rel=0.035)
        assert curve.distortion(rate) == pytest.approx(100 * math.exp(-0.3 * rate), rel=0.01)


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 500)), min_size=2, max_size=12, unique_by=lambda p: p[0]))
def test_any_measured_points_give_a_convex_curve_through_the_best_of_them(pairs: list[tuple[float, float]]) -> None:
    pairs = [(round(rate, 2), round(distortion, 2)) for rate, distortion in pairs]
    try:
        curve = convex_curve(measured(*pairs))
    except UserError:
        assert min(d for _, d in pairs) == min(pairs)[1]  # the lowest rate is the best of all
        return
    for point in curve.points:
        assert curve.distortion(point.rate) == pytest.approx(point.distortion, abs=1e-6)
    for point in measured(*pairs):
        if point.rate <= curve.rates[-1] and point not in (*curve.above, *curve.points):
            assert curve.distortion(point.rate) == pytest.approx(point.distortion, abs=1e-6)
    grid = np.linspace(curve.rates[0], curve.rates[-1], 60)
    betas = [curve.beta(rate) for rate in grid]
    assert all(a >= b - 1e-9 * abs(a) for a, b in itertools.pairwise(betas))
    for rate, beta in zip(grid, betas, strict=True):
        low, high = curve.bracket(rate)
        assert low <= beta * (1 + 1e-9) and beta <= (math.inf if high is None else high) * (1 + 1e-9)


def bounds_by_linear_programming(points: list[Point], rate: float) -> tuple[float, float | None]:
    """Lowest and highest β of a falling convex curve through `points` at `rate`, by search over all such curves.

    The unknowns are the curve's values at many rates, where it may bend, and β; the tangent of slope −β at `rate`
    lies nowhere above it.
    """
    first, last = points[0].rate, points[-1].rate
    needed = np.array([*(p.rate for p in points), rate], dtype=float)
    more = [first - 1, last + 1, rate - 2, rate + 2, *np.linspace(first - 3, last + 3, 41)]
    apart = [node for node in more if np.abs(needed - node).min() > 1e-3]
    nodes = np.unique([*needed, *apart])
    nodes = nodes[np.diff(nodes, prepend=-np.inf) > 1e-9]
    count = len(nodes)
    here = int(np.flatnonzero(nodes == rate)[0])
    rows = []
    for i in range(1, count - 1):  # convex
        row = np.zeros(count + 1)
        left, right = nodes[i] - nodes[i - 1], nodes[i + 1] - nodes[i]
        row[[i - 1, i, i + 1]] = -1 / left, 1 / left + 1 / right, -1 / right
        rows.append(row)
    for i in range(1, count):  # falling
        row = np.zeros(count + 1)
        row[i - 1], row[i] = -1, 1
        rows.append(row)
    for i in range(count):  # over the tangent
        row = np.zeros(count + 1)
        row[here] += 1
        row[i] -= 1
        row[-1] = -(nodes[i] - rate)
        rows.append(row)
    fixed = np.zeros((len(points), count + 1))
    for row, point in zip(fixed, points, strict=True):
        row[int(np.flatnonzero(nodes == point.rate)[0])] = 1
    found: list[float | None] = []
    for sign in (1, -1):
        goal = np.zeros(count + 1)
        goal[-1] = sign
        solved = optimize.linprog(
            goal,
            np.array(rows),
            np.zeros(len(rows)),
            fixed,
            [p.distortion for p in points],
            bounds=[(None, None)] * count + [(0, None)],
        )
        assert solved.status in (0, 3), solved.message
        found.append(sign * solved.fun if solved.status == 0 else None)
    assert found[0] is not None
    return found[0], found[1]


BOUNDED = {
    "two points": [(2, 30), (7, 10)],
    "three": [(1, 40), (3, 18), (8, 5)],
    "five": [(6.5, 130.9), (9.6, 94.1), (12.9, 73.9), (19.5, 45.4), (26.7, 31.9)],
    "on one line": [(0, 10), (2, 6), (3, 4), (5, 0)],
    "a line, then a bend": [(0, 10), (1, 7), (2, 4), (4, 3), (9, 2.5)],
    "some above": [(1, 40), (2, 39), (3, 18), (4, 17.9), (8, 5), (9, 30)],
}


@pytest.mark.parametrize("pairs", BOUNDED.values(), ids=list(BOUNDED))
def test_the_brackets_bounds_are_those_that_a_search_over_all_convex_curves_finds(
    pairs: list[tuple[float, float]],
) -> None:
    curve = convex_curve(measured(*pairs))
    ends = [curve.rates[0] - 1.5, *curve.rates, curve.rates[-1] + 1.5]
    for rate in sorted({*ends, *(a + p * (b - a) for a, b in itertools.pairwise(ends) for p in (0.1, 0.5, 0.85))}):
        low, high = curve.bracket(float(rate))
        least, most = bounds_by_linear_programming(list(curve.points), float(rate))
        assert low == pytest.approx(least, rel=1e-5, abs=1e-5), rate
        assert (high is None) == (most is None), rate
        if high is not None:
            assert high == pytest.approx(most, rel=1e-5, abs=1e-5), rate
        if curve.rates[0] < rate < curve.rates[-1]:
            assert low - 1e-9 <= curve.beta(rate) <= (math.inf if high is None else high) + 1e-9


def test_a_model_below_the_curve_of_the_others_bends_it_and_who_is_above_is_told_by_how_much() -> None:
    """The shipped family: KL < 15 came out 4.5 nats below the curve of the models whose β was set."""
    betas = [Point(f"b{b}", b, r, d) for b, r, d in (
        (16, 6.473, 130.89), (8, 9.556, 94.14), (4, 12.906, 73.94), (2, 19.494, 45.41), (1, 26.748, 31.86),
    )]  # fmt: skip
    limited = Point("limited", None, 15.11, 58.2)
    alone, together = convex_curve(betas), convex_curve([*betas, limited])
    assert not alone.above and alone.distortion(15.11) - limited.distortion > 4
    assert limited in together.points
    [above] = together.above
    assert above.name == "b4" and together.excess(above) > 0
    assert together.choose(15.11).kind == "measured"
    assert together.choose(15.11).distortion == limited.distortion


def test_points_on_one_line_leave_one_slope_and_none_is_above() -> None:
    curve = convex_curve(measured((0, 10), (2, 6), (5, 0)))
    assert not curve.above and len(curve.points) == 3
    for rate in (0.5, 2, 3.7):
        assert curve.bracket(rate) == pytest.approx((2, 2))
        assert curve.beta(rate) == pytest.approx(2)
        assert curve.distortion(rate) == pytest.approx(10 - 2 * rate)


def test_the_constraint_is_slack_where_more_rate_bought_nothing() -> None:
    points = [Point("b4", 4, 5, 40), Point("b1", 1, 15, 20), Point("b0", 0.0, 30, 12)]
    curve = convex_curve(points)
    for epsilon, kind in ((30, "slack"), (45, "slack"), (10, "between"), (15, "measured")):
        choice = curve.choose(epsilon)
        assert choice.kind == kind
        assert choice.complementary_slackness == 0
        assert (choice.beta == 0) == (kind == "slack")
    dominated = convex_curve([*points[:2], Point("worse", 0.5, 25, 21)])
    assert dominated.choose(20).kind == "slack" and dominated.slack_from == 15
    twice = convex_curve([*points[:2], Point("other seed", 1, 15.2, 20.2)])
    assert twice.choose(15.1).kind == "beyond" and twice.slack_from is None


def test_outside_of_the_measured_rates_nothing_is_invented() -> None:
    curve = convex_curve([Point("b8", 8, 5, 60), Point("b4", 4, 9, 40), Point("b1", 1, 15, 28)])
    below, beyond = curve.choose(2), curve.choose(20)
    assert (below.kind, beyond.kind) == ("below", "beyond")
    for choice in (below, beyond):
        assert choice.beta is choice.rate is choice.distortion is choice.complementary_slackness is None
    assert (below.low, below.high) == (5, None)
    assert (beyond.low, beyond.high) == (0, 2)


def test_betas_that_were_set_are_log_linear_in_the_rate(linear: tuple[tuple[float, ...], float, list[Point]]) -> None:
    eigenvalues, variance, points = linear
    assert set_beta_at(points, 100) is None
    pair = [p for p in points if p.beta in (0.5, 1)]  # all five dimensions alive at both
    middle = (pair[0].rate + pair[1].rate) / 2
    assert set_beta_at(pair, middle) == pytest.approx(oracle.beta_of_rate(eigenvalues, variance, middle))


def test_the_cheapest_model_of_a_beta_is_the_one_trained_for_it(
    linear: tuple[tuple[float, ...], float, list[Point]],
) -> None:
    points = linear[2]
    assert all(cheapest(points, point.beta or 0) is point for point in points)
    assert beaten(points) == []
    spoilt = [*points[:3], Point("stuck", 4.0, points[3].rate, points[3].distortion + 9), *points[4:]]
    assert [(p.name, best.name) for p, best in beaten(spoilt)] in ([("stuck", "beta2")], [("stuck", "beta8")])


def test_the_closed_form_has_the_values_that_a_numeric_optimum_has() -> None:
    for beta, kl in ((1, 1.8444), (4, 1.1513), (16, 0.4581), (39, 0.0127), (41, 0)):
        assert oracle.optimum([4.0], beta, 0.1).rate == pytest.approx(kl, abs=5e-5)
    np.testing.assert_allclose(oracle.deaths([4.0, 1.0], 0.1), [40, 10])


@pytest.mark.parametrize("name", ["dsprites-beta1", "dsprites-beta2", "dsprites-beta4", "dsprites-beta8"])
def test_a_trained_model_tells_the_beta_it_was_trained_with(name: str) -> None:
    checkpoint = load(name)
    found = read_beta(checkpoint.model, open_dataset("dsprites", size=64), count=500, seed=1)
    true = (checkpoint.config.training or {})["beta"]
    assert found.beta == pytest.approx(true, abs=max(4 * (found.error or 0), 0.04 * true))
    assert found.error < 0.15 * true


def test_a_sleeping_model_has_no_beta(tmp_path: Path) -> None:
    checkpoint = load("dsprites-beta1")
    last = [m for m in checkpoint.model.network.encoder.children() if hasattr(m, "weight")][-1]
    for parameter in last.parameters():
        parameter.zero_()
    with pytest.raises(UserError, match="asleep"):
        read_beta(checkpoint.model, open_dataset("dsprites", size=64), count=50)


def test_a_shell_prints_the_same_beta() -> None:
    arguments = ["multiplier", "dsprites-constrained", "--count", "60", "--seed", "3", "--json"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    model = load("dsprites-constrained").model
    found = read_beta(model, open_dataset("dsprites", size=64), count=60, seed=3)
    assert (said["beta"], said["standard_error"]) == (found.beta, found.error)
    assert (said["count"], said["seed"], said["data"]) == (60, 3, "dsprites")


def test_one_image_has_no_standard_error() -> None:
    one = ["multiplier", "dsprites-constrained", "--count", "1"]
    said = json.loads(CliRunner().invoke(main, [*one, "--json"]).stdout)
    assert said["beta"] > 0 and said["standard_error"] is None
    assert "±" not in CliRunner().invoke(main, one).stdout
