"""The figures of what β does say what they were given, and their lines have the slopes they claim."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plotly.graph_objects import Figure

from explorer.figures.betas import PARTS, kl_by_rank, label, stacked
from explorer.figures.correlation_matrix import correlation_heatmap
from explorer.figures.rates import Rated, rate_distortion, tangent, ways

number = st.floats(0, 1e4, allow_nan=False).map(lambda v: round(v, 3))
models = st.lists(
    st.builds(
        Rated,
        st.just("m"),
        number,
        st.floats(-1e4, 1e4).map(lambda v: round(v, 3)),
        beta=st.none() | st.floats(0, 1000),
    ),
    min_size=1,
    max_size=6,
)


def pieces(trace: dict[str, Any]) -> list[tuple[Any, Any]]:
    """The straight pieces of a line that is broken by None, as ((x, x'), (y, y'))."""
    x, y = trace["x"], trace["y"]
    return [((x[i], x[i + 1]), (y[i], y[i + 1])) for i in range(0, len(x), 3)]


def plain(figure: Figure) -> Any:
    return json.loads(figure.to_json(engine="json"))


@given(models)
@settings(max_examples=40, deadline=None)
def test_lines_of_equal_elbo_have_slope_minus_one_and_tangents_slope_minus_beta(given_models: list[Rated]) -> None:
    spec = plain(rate_distortion(given_models))
    traces = {trace["name"]: trace for trace in spec["data"]}
    (left, right), (low, high) = (spec["layout"][a]["range"] for a in ("xaxis", "yaxis"))
    written = {float(a["text"]) for a in spec["layout"]["annotations"] if "auto" not in a["text"]}
    scale = abs(left) + abs(right) + abs(low) + abs(high)
    for (x, x2), (y, y2) in pieces(traces["same −ELBO = D + R, nats"]):
        assert x + y == pytest.approx(x2 + y2, abs=1e-9 * scale)
        assert min(abs(x + y - total) for total in written) <= 1e-5 * scale
    sloped = [model for model in given_models if model.beta is not None]
    found = pieces(traces["tangent of slope −β"]) if sloped else []
    for model, (x, y) in zip(sloped, found, strict=True):
        assert (y[1] - y[0]) == pytest.approx(-(model.beta or 0) * (x[1] - x[0]), abs=1e-9 * scale)
        assert sum(x) / 2 == pytest.approx(model.rate, abs=1e-9 * scale)
        assert sum(y) / 2 == pytest.approx(model.distortion, abs=1e-9 * scale)
        assert abs(y[1] - y[0]) <= 0.19 * (high - low) and abs(x[1] - x[0]) <= 0.19 * (right - left)
    assert traces["models"]["x"] == [model.rate for model in given_models]
    assert traces["models"]["customdata"] == list(range(len(given_models)))


def test_a_tangent_is_as_long_as_the_plot_allows() -> None:
    model = Rated("m", 10.0, 50.0, beta=4.0)
    assert tangent(model, (0, 100), (0, 100))[1] == pytest.approx((59, 41))
    assert tangent(Rated("m", 10.0, 50.0, beta=0.0), (0, 100), (0, 100)) == ((1, 19), (50, 50))


def test_bars_carry_the_parts_and_names_are_read_as_they_are_written() -> None:
    labels = [label("<b>x</b>", 4.0), label("plain", None)]
    assert labels == ["β = 4<br>&lt;b&gt;x&lt;/b&gt;", "plain"]
    parts = {name: [float(i), -float(i)] for i, name in enumerate(PARTS)}
    spec = plain(stacked(labels, parts, PARTS, "nats", (6.2, "cap")))
    assert [t["y"] for t in spec["data"]] == [*parts.values(), [6.2, 6.2]]
    assert spec["layout"]["barmode"] == "relative"
    assert spec["layout"]["xaxis"]["ticktext"] == labels
    assert "<b>" not in json.dumps(plain(ways({"<b>": ([1, 2], [3, 4])})))


def test_ranked_kl_joins_the_means_of_models_of_one_beta() -> None:
    kl = [[1.0, 3.0], [5.0, 1.0], [0.0, 2.0]]
    spec = plain(kl_by_rank([1.0, 1.0, 16.0], kl))
    lines = {t["name"]: t for t in spec["data"] if t["mode"] == "lines"}
    assert lines["1st largest"]["x"] == [1.0, 16.0]
    assert lines["1st largest"]["y"] == [4.0, 2.0]
    assert lines["2nd largest"]["y"] == [1.0, 0.0]
    assert spec["layout"]["xaxis"]["type"] == "log"
    assert "type" not in plain(kl_by_rank([0.0, 2.0], kl[:2]))["layout"]["xaxis"]  # 0 has no logarithm


def test_a_correlation_that_is_not_defined_stays_empty() -> None:
    spec = plain(correlation_heatmap(np.array([[1.0, np.nan], [np.nan, np.nan]]), ["z0", "z3"]))
    assert spec["data"][0]["z"] == [[1.0, None], [None, None]]
    assert [a["text"] for a in spec["layout"]["annotations"]] == ["1.00"]
