"""The state of the page Explore as a value: from a URL and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from explorer.ui.explore.session import from_params, to_params
from explorer.ui.explore.state import ExploreState

states = some.builds(
    ExploreState,
    model=some.text(max_size=40),
    start=some.sampled_from(["mean", "sample", "image"]),
    seed=some.integers(0, 2**31 - 1),
    image=some.integers(0, 10**9),
    range=some.sampled_from(["prior", "aggregate", "fixed"]),
    quantile=some.floats(0.001, 0.4).map(lambda v: round(v, 6)),
    span=some.floats(0.1, 100).map(lambda v: round(v, 6)),
    count=some.integers(10, 100_000),
    z=some.lists(some.none() | some.floats(-1000, 1000), max_size=20).map(tuple),
    locked=some.lists(some.integers(0, 511), max_size=20).map(tuple),
)


@given(states)
def test_a_link_shows_exactly_what_it_was_copied_from(state: ExploreState) -> None:
    assert from_params(to_params(state)) == (state, [])


@given(some.dictionaries(some.text(max_size=10), some.lists(some.text(max_size=50), max_size=3)))
def test_whatever_is_in_a_url_there_is_a_state_and_short_sentences(params: dict[str, list[str]]) -> None:
    state, complaints = from_params(params)
    assert isinstance(state, ExploreState)
    assert all(len(sentence) < 500 and "\n" not in sentence for sentence in complaints)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("z", "nan,1e999"), ("z", "1,zwei"), ("z", "," * 5000), ("z", "1e4"), ("z", "x" * 500_000),
        ("locked", "-1"), ("locked", "1,zwei"), ("locked", "512"), ("locked", "1.5"), ("locked", ",1"),
        ("range", "foo"), ("range", ""), ("start", "<b>"), ("start", "Mean"),
        ("image", "-1"), ("image", "1.5"), ("image", "1e999"), ("image", "9" * 5000),
        ("seed", "nan"), ("seed", str(2**31)), ("span", "inf"), ("span", "0"), ("span", "-3"),
        ("quantile", "0.5"), ("quantile", "None"), ("count", "0"), ("count", "100001"),
        ("model", "m" * 301),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_once_and_the_usual_one_is_used(name: str, value: str) -> None:
    state, complaints = from_params({name: [value], "seed": ["7"], **{name: [value]}})
    assert len(complaints) == 1
    assert name in complaints[0]
    assert len(complaints[0]) < 500
    assert getattr(state, name) == getattr(ExploreState(), name)
    if name != "seed":
        assert state.seed == 7


def test_every_bad_latent_is_named() -> None:
    _, complaints = from_params({"z": ["nan,1e999"]})
    assert "nan" in complaints[0] and "1e999" in complaints[0]


def test_a_parameter_that_is_given_twice_or_unknown_is_named() -> None:
    _, complaints = from_params({"span": ["3", "4"], "<script>": ["1"]})
    assert len(complaints) == 2
    assert "span" in complaints[0] and "script" in complaints[1]


def test_a_url_of_many_unknown_parameters_gets_few_sentences() -> None:
    _, complaints = from_params({f"p{i}": ["1"] for i in range(900)})
    assert len(complaints) <= 8


def test_only_moved_dimensions_leave_the_start() -> None:
    state = ExploreState(z=(None, None, 0.5))
    assert state.place([1.0, 2.0, 3.0]) == [1.0, 2.0, 0.5]
    assert ExploreState(z=(None, None, None)) == ExploreState()
    assert to_params(state) == {"z": [",,0.5"]}


def test_more_latents_than_the_model_has_are_left_out_of_the_place() -> None:
    assert ExploreState(z=(1.0, 2.0, 3.0)).place([0.0]) == [1.0]
