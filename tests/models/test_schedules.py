"""Schedules: where a number stands at each step, as text and back, and exactly as older versions had it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.recipe.versions import Older, current
from models.schedules import SCHEDULES, Scheduled, read


@pytest.mark.parametrize(
    ("text", "number", "expected"),  # at steps 0, 25, 50, 75, 100 of 100
    [
        ("constant", 3, [3, 3, 3, 3, 3]),
        ("linear", 8, [0, 2, 4, 6, 8]),
        ("linear over=50", 8, [0, 4, 8, 8, 8]),
        ("linear from=4 to=x0.5 begin=25 over=50%", 2, [4, 4, 2.5, 1, 1]),
        ("cosine to=0 begin=50%", 2, [2, 2, 2, 1, 0]),
        ("factors from=16", 1, [16, 8, 4, 2, 1]),
        ("factors from=1 over=50", 100, [1, 10, 100, 100, 100]),
        ("cyclical cycles=2", 6, [0, 6, 0, 6, 0]),
        ("sigmoid middle=50 width=25", 2, [2 / (1 + math.exp(2 - step / 25)) for step in (0, 25, 50, 75, 100)]),
        ("stages 0:25 0.5:75%", 1.5, [0, 0.5, 0.5, 1.5, 1.5]),
    ],
)
def test_a_number_is_where_its_schedule_says(text: str, number: float, expected: list[float]) -> None:
    found = [Scheduled(number, text, 100).at(step) for step in (0, 25, 50, 75, 100)]
    assert found == pytest.approx(expected, abs=1e-12)


def test_stages_of_the_published_rounds_of_spivae() -> None:
    """β′ = 0 for 64 of 144 epochs, then 16 epochs each of five levels, here in multiples of the last."""
    text = "stages 0:64 x0.025:80 x0.15:96 x0.25:112 x0.5:128"
    beta = Scheduled(1.468, text, 144)
    rounds = [beta.at(epoch) for epoch in (0, 63, 64, 80, 96, 112, 128, 143)]
    assert rounds == pytest.approx([0, 0, 0.0367, 0.2202, 0.367, 0.734, 1.468, 1.468], rel=1e-3)


LEVELS = st.one_of(
    st.integers(0, 1000).map(str), st.floats(1e-6, 1e5).map(repr), st.floats(0, 9).map(lambda v: f"x{v!r}")
)
PLACES = st.one_of(st.integers(1, 10**6).map(str), st.integers(1, 999).map(lambda tenths: f"{tenths / 10}%"))
VALUES = {"from": LEVELS, "to": LEVELS, "cycles": st.integers(1, 1000).map(str)}


@st.composite
def texts(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(list(SCHEDULES)))
    if kind == "stages":
        stages = draw(st.lists(st.tuples(LEVELS, PLACES).map(":".join), min_size=1, max_size=5))
        return " ".join([kind, *stages])
    keys = draw(st.lists(st.sampled_from(SCHEDULES[kind].takes), unique=True)) if SCHEDULES[kind].takes else []
    return " ".join([kind, *(f"{key}={draw(VALUES.get(key, PLACES))}" for key in keys)])


@given(texts(), st.floats(1e-3, 1e3), st.integers(1, 10**6), st.data())
def test_any_schedule_is_written_read_told_and_followed(
    text: str, number: float, steps: int, data: st.DataObject
) -> None:
    schedule = read(text)
    assert read(str(schedule)) == schedule
    assert bool(schedule.words("β", number)) == (schedule.kind != "constant")
    for key in SCHEDULES[schedule.kind].takes:  # a form that gives a detail back changes nothing
        assert read(schedule.told(key, schedule.argument(key))) == schedule
    step = data.draw(st.integers(0, steps))
    assert math.isfinite(schedule.at(number, step, steps)) and schedule.at(number, step, steps) >= 0
    levels = [schedule.first, schedule.last, *(level for level, _ in schedule.stages)]
    highest = max(number, *(level.of(number) for level in levels))
    assert schedule.at(number, step, steps) <= highest * (1 + 1e-12)


OLDER = st.builds(
    Older,
    warmup=st.sampled_from(["none", "linear", "cyclical", "falling"]),
    warmup_steps=st.integers(1, 50_000),
    beta_start=st.floats(1e-3, 1e6),
    cycles=st.integers(1, 20),
    capacity_steps=st.one_of(st.none(), st.integers(0, 50_000)),
    schedule=st.sampled_from(["constant", "linear", "cosine"]),
    decay_from=st.floats(0, 0.99),
    final_rate=st.floats(0, 1),
)


@given(OLDER, st.floats(1e-3, 1e3), st.integers(1, 10**6), st.data())
def test_older_settings_move_their_numbers_to_the_last_bit(
    older: Older, number: float, steps: int, data: st.DataObject
) -> None:
    step = data.draw(st.integers(0, steps))
    part = min(1.0, step / older.warmup_steps)
    period = steps / older.cycles
    beta = {
        "none": number,
        "linear": number * part,
        "cyclical": number * min(1.0, 2 * (step % period) / period),
        "falling": older.beta_start ** (1 - part) * number**part,
    }[older.warmup]
    begin = older.decay_from * steps
    fallen = min(max((step - begin) / max(steps - begin, 1), 0.0), 1.0)
    fallen = {"constant": 0.0, "linear": fallen, "cosine": 0.5 * (1 - math.cos(math.pi * fallen))}[older.schedule]
    ramp = round(0.7 * steps) if older.capacity_steps is None else older.capacity_steps
    told = current(older.model_dump() | {"objective": "beta"})
    assert read(told["beta_schedule"]).at(number, step, steps) == beta
    assert read(told["rate_schedule"]).at(number, step, steps) == number * (1 - (1 - older.final_rate) * fallen)
    capacity = number * min(1.0, step / ramp) if ramp else number
    assert read(told["capacity_schedule"]).at(number, step, steps) == capacity


def test_an_older_rise_of_the_total_correlation_began_at_one() -> None:
    told = current({"objective": "tc", "warmup": "linear", "warmup_steps": 10})
    assert [read(told["beta_schedule"]).at(6.0, step, 100) for step in (0, 5, 10)] == [1, 3.5, 6]
