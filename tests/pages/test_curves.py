"""The curves that β draws, and means against samples, on the page Compare without a browser."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from explorer import paths
from explorer.analysis import score_cache, summary
from explorer.analysis.decomposition import images_for
from explorer.checkpoints import Entry, describe
from explorer.checkpoints.training_log import last_logged
from explorer.cli import main
from explorer.ui import summaries
from explorer.ui.compare import converged as compare_converged
from explorer.ui.compare import curve_panel as compare_curves
from explorer.ui.compare import families

from .conftest import DSPRITES, Opener, make

PAGE = "pages/compare.py"
SMALL = {"count": "60", "seed": "3"}


def said(at: AppTest) -> str:
    parts = [*at.markdown, *at.caption, *at.error, *at.warning, *at.info]
    return " ".join(str(element.value) for element in parts).replace("\\", "")


def figures(at: AppTest) -> dict[str, dict[str, Any]]:
    """The page's figures by the words for who can't see them."""
    return {chart.proto.alt: json.loads(chart.proto.spec) for chart in at.get("plotly_chart")}


def figure(at: AppTest, words: str) -> dict[str, Any]:
    [found] = [spec for alt, spec in figures(at).items() if words in f"{alt}."]
    return found


def asked(at: AppTest, name: str) -> list[str]:
    """The values of a parameter in the address."""
    found = at.query_params[name]
    return [found] if isinstance(found, str) else list(found)


def table_of(at: AppTest) -> Any:
    """The table below the curves."""
    [found] = [d.value for d in at.dataframe if "Mutual information" in d.value.columns]
    return found


def traces(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {trace.get("name", ""): trace for trace in spec["data"]}


def numbers(values: Any) -> list[Any]:
    """Plotly sends lists as they are, or arrays in base64."""
    if isinstance(values, dict):
        import base64

        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).tolist()
    return list(values)


def told(name: str) -> dict[str, Any]:
    ran = CliRunner().invoke(main, ["evaluate", name, "--count", "60", "--seed", "3", "--json"])
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


@pytest.fixture
def family() -> list[str]:
    """Four models: two of one recipe but for β, one with another objective, one of other images."""
    make("b1", seed=4, training=DSPRITES | {"beta": 1.0})
    make("b16", seed=5, training=DSPRITES | {"beta": 16.0})
    make("free", seed=6, training=DSPRITES | {"objective": "capacity"})
    colour = DSPRITES | {"data": "scene", "latents": 3}
    make("colour", seed=7, shape=(3, 64, 64), latents=3, training=colour)
    return ["b1", "b16", "free", "colour"]


def test_every_number_of_the_curves_is_what_evaluate_prints(open_app: Opener, family: list[str]) -> None:
    at = open_app(PAGE, model=family, **SMALL)
    assert not at.exception and not at.error
    wanted = {name: told(name) for name in ("b1", "b16", "free")}
    table = table_of(at)
    assert list(table["Model"]) == ["b1", "b16", "free"]
    for _, row in table.iterrows():
        found = wanted[row["Model"]]
        parts = found["decomposition"]
        assert row["Reconstruction"] == found["reconstruction"]
        assert row["KL"] == found["kl"] and row["ELBO"] == found["elbo"]
        assert row["Mutual information"] == parts["mutual_information"]
        assert row["Total correlation"] == parts["total_correlation"]
        assert row["Dimension-wise KL"] == parts["dimension_wise_kl"]
        assert row["KL of the samples"] == parts["kl"]
        assert row["Active units"] == found["active_units"] and row["Images"] == found["count"] == 60
        assert [row[kind.title()] for kind in ("active", "mixed", "passive")] == [
            found["regimes"].count(kind) for kind in ("active", "mixed", "passive")
        ]
    plane = traces(figure(at, "Distortion over rate"))
    assert numbers(plane["models"]["x"]) == [f["kl"] for f in wanted.values()]
    assert numbers(plane["models"]["y"]) == [f["reconstruction"] for f in wanted.values()]
    bars = traces(figure(at, "Mutual information, total"))
    assert numbers(bars["mutual information"]["y"]) == [
        f["decomposition"]["mutual_information"] for f in wanted.values()
    ]
    lines = [t for t in figure(at, "second largest")["data"] if t["mode"] == "markers"]
    ranked = sorted((sorted(numbers(t["y"])) for t in lines), key=lambda y: y[0])
    of = [sorted(wanted[name]["kl_per_dimension"]) for name in ("b1", "b16")]
    np.testing.assert_array_equal(ranked, [sorted(pair) for pair in zip(*of, strict=True)])
    heat = figure(at, "among all dimensions of b1.")["data"][0]
    np.testing.assert_array_equal(np.array([numbers(row) for row in heat["z"]]), wanted["b1"]["correlation"]["mean"])
    words = said(at)
    assert "ln 60 = 4.09" in words and "No tangent, since no β weighs the whole KL: free" in words
    assert [row == "yes" for row in table["Converged"]] == [
        wanted[name]["decomposition"]["converged"] for name in table["Model"]
    ]
    assert "not on these lines: free" in words and "No training log was kept with b1" in words


def test_models_of_other_images_have_curves_of_their_own(open_app: Opener, family: list[str]) -> None:
    at = open_app(PAGE, model=family, **SMALL)
    choice = at.selectbox(key="compare.curve_data")
    assert len(choice.options) == 2 and choice.value.startswith("dSprites, 64 × 64 grey")
    choice.select_index(1).run()
    assert not at.exception
    assert list(table_of(at)["Model"]) == ["colour"]
    assert asked(at, "curve_data") == ["Scene, 64 × 64 colour, bernoulli"]
    assert "at least two models that differ in β alone" in said(at)


def test_the_switch_shows_samples_over_a_kind_of_dimensions_and_says_where_there_is_none(open_app: Opener) -> None:
    at = open_app(PAGE, model=["alpha"], **SMALL)
    found = told("alpha")
    before = figure(at, "among all")["data"][0]["z"]
    at.segmented_control(key="compare.codes").set_value("sampled").run()
    after = np.array([numbers(row) for row in figure(at, "among all")["data"][0]["z"]])
    np.testing.assert_array_equal(after, found["correlation"]["sampled"])
    assert after.tolist() != [numbers(row) for row in before]
    kind = next(k for k in ("active", "mixed") if k not in found["regimes"])
    at.segmented_control(key="compare.kind").set_value(kind).run()
    assert not at.exception and f"It has no {kind} dimension" in said(at)
    assert asked(at, "codes") == ["sampled"] and asked(at, "kind") == [kind]
    total = found["correlation"]["gaussian_total_correlation"]["sampled"][found["regimes"][0]]
    at.segmented_control(key="compare.kind").set_value(found["regimes"][0]).run()
    assert f"samples {total:.3f} nats" in said(at)


def test_where_nobody_chose_a_number_the_kl_is_taken_apart_by_enough_images(
    open_app: Opener, family: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summary, "images_mixed", lambda found, of: 90)
    for module in (summaries, compare_curves):
        monkeypatch.setattr(module, "IMAGES", 60)  # the usual number
    at = open_app(PAGE, model=family[:2], **SMALL)
    assert list(table_of(at)["Images"]) == [60, 60] and list(table_of(at)["Images mixed"]) == [90, 90]
    assert "mixture of 90 posteriors, over 60 samples" in said(at)
    assert "--count 60 --seed 3 --enough --json" in said(at)
    ran = CliRunner().invoke(main, ["evaluate", "b1", "--count", "60", "--seed", "3", "--enough", "--json"])
    parts = json.loads(ran.stdout)["decomposition"]
    assert parts["images"] == 90
    assert table_of(at)["Total correlation"][0] == parts["total_correlation"]
    at = open_app(PAGE, model=family[:2], count="61")
    assert list(table_of(at)["Images mixed"]) == [61, 61] and "--enough" not in said(at)


def test_any_set_of_models_makes_curves_and_what_cannot_be_measured_says_why(
    open_app: Opener, family: list[str]
) -> None:
    make("silent", training={})
    make("away", training=DSPRITES | {"data": "mnist"}, shape=(1, 28, 28))
    at = open_app(PAGE, model=["alpha"], curve_set="data/dsprites", **SMALL)
    assert not at.exception
    assert set(table_of(at)["Model"]) == {"alpha", "beta", "b1", "b16", "free"}
    links = {link.proto.label for link in at.get("page_link")}
    assert {"alpha", "beta", "b1", "b16", "free"} <= links
    at.selectbox(key="compare.curve_set").set_value("any").run()
    at.multiselect(key="compare.curve_model").set_value(["silent", "away", "beta"]).run()
    assert not at.exception
    words = said(at)
    assert "Not on the curves: silent. The checkpoint does not say which images" in words
    assert asked(at, "curve_model") == ["silent", "away", "beta"]
    again = open_app(PAGE, model=["alpha"], curve_set="any", curve_model=["beta"], **SMALL)
    assert list(table_of(again)["Model"]) == ["beta"]
    gone = open_app(PAGE, model=["alpha"], curve_set="sweep/none", **SMALL)
    assert "There is no set 'sweep/none' here" in said(gone)


def test_measured_models_are_kept_over_a_restart(open_app: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    from explorer.analysis import summary

    first = table_of(open_app(PAGE, model=["alpha", "beta"], **SMALL))
    assert len(list(score_cache.CACHE.folder.glob("*.json"))) == 2
    st.cache_data.clear()
    st.cache_resource.clear()
    monkeypatch.setattr(summary, "summarise", None)  # nothing is measured again
    again = table_of(open_app(PAGE, model=["alpha", "beta"], **SMALL))
    assert first.equals(again)


def test_a_click_on_a_point_opens_its_model(open_app: Opener) -> None:
    at = open_app(PAGE, model=["alpha", "beta"], **SMALL)
    at.session_state[compare_curves.OPEN] = "beta"
    at.run()
    assert not at.exception and at.title[0].value == "Explore"
    assert asked(at, "model") == ["beta"]
    at.query_params.clear()  # the browser's way back leads to this address
    at.query_params["model"] = "beta"
    at.switch_page(PAGE).run()
    assert not at.exception and at.title[0].value == "Compare"
    assert asked(at, "model") == ["alpha", "beta"] and asked(at, "count") == ["60"]


@pytest.mark.parametrize("given", [1, [1], [[1]], "1", None, -1, 2, True])
def test_only_a_points_own_number_opens_a_model(monkeypatch: pytest.MonkeyPatch, given: Any) -> None:
    state: dict[str, Any] = {"chart": {"selection": {"points": [{"customdata": given}]}}}
    monkeypatch.setattr(st, "session_state", state)
    compare_curves.opened("chart", ["alpha", "beta"])
    assert state.get(compare_curves.OPEN) == ("beta" if given in (1, [1]) and given is not True else None)


def test_a_family_differs_in_beta_and_seed_alone() -> None:
    recipes: dict[str, dict[str, Any]] = {
        "a": {"beta": 1.0},
        "b": {"beta": 4.0, "seed": 1},
        "c": {"beta": 4.0},
        "d": {"steps": 9},
        "e": {"objective": "tc"},
        "f": {"steps": 9, "beta": 2.0, "device": "cpu", "threads": 1},
    }
    members = [
        families.CurveModel(name, describe(make(name, training=DSPRITES | recipe))) for name, recipe in recipes.items()
    ]
    found = families.families(members)
    assert [[m.name for m in group] for group in found] == [["a", "b", "c"], ["d", "f"]]
    planes, absent = families.planes([*members, families.CurveModel("g", describe(make("g", training={})))])
    [(plane, shown)] = planes.items()
    assert plane == "dSprites, 64 × 64 grey, bernoulli" and list(absent) == ["g"]
    assert [m.name for m in shown] == ["a", "f", "b", "c", "d", "e"]  # by β, those without last


def test_a_run_shows_its_way_and_a_constraint_the_beta_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "runs" / "sweep" / "one"
    (run / "checkpoint").mkdir(parents=True)
    lines = [
        {"kind": "train", "step": s, "kl": s / 10, "reconstruction": 100 - s, "beta": s / 100}
        for s in range(0, 1000, 4)
    ]
    text = "\n".join(json.dumps(line) for line in lines) + '\n{"kind": "train", "st'
    (run / "metrics.jsonl").write_text(text)
    way = families.way(run / "checkpoint")
    assert way is not None
    rates, costs = way
    assert len(rates) == 84  # means of three
    assert rates[0] == pytest.approx(0.4) and costs[0] == pytest.approx(96)
    assert rates[-1] == pytest.approx(99.6)
    assert last_logged(run / "checkpoint", "beta") == 9.96
    (tmp_path / "shipped").mkdir()
    assert families.way(tmp_path / "shipped") is None
    (tmp_path / "shipped" / "training.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines[:5]))
    assert families.way(tmp_path / "shipped") == ([0, 0.4, 0.8, 1.2, 1.6], [100, 96, 92, 88, 84])
    entries = [Entry("sweep/one", run / "checkpoint", "run"), Entry("own", tmp_path, "library")]
    assert families.model_sets(entries) == {"sweep/sweep": entries[:1]}
    assert paths.PRETRAINED.name == "none"


def test_models_whose_parts_still_move_are_named_and_offered_as_many_images_as_they_need(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def summary(kl: float, doubling: dict[str, float]) -> SimpleNamespace:
        at_rest = max(map(abs, doubling.values())) < 0.02
        return SimpleNamespace(
            evaluation=SimpleNamespace(kl=kl, count=500),
            decomposition=SimpleNamespace(converged=at_rest, doubling=doubling, images=500),
        )

    def shown(at_count: int) -> list[str]:
        said: list[str] = []
        for kind in ("caption", "button"):
            monkeypatch.setattr(st, kind, lambda text, **how: said.append(text))
        page = SimpleNamespace(state=lambda: SimpleNamespace(count=at_count), put=None)
        named = [(SimpleNamespace(name=name), result) for name, result in models.items()]
        compare_converged.unconverged(named, page)  # type: ignore[arg-type]
        return said

    still = {"mutual_information": 0.003, "total_correlation": -0.002}
    models = {"calm": summary(3.0, still)}
    assert [text[:16] for text in shown(500)] == ["Twice the images"]
    moves = {"mutual_information": 0.31, "total_correlation": -0.28}
    models |= {"low": summary(5.0, moves), "high": summary(26.0, moves)}
    said, button = shown(500)
    told = said.replace("\\", "")
    assert told.startswith("For low, high, more images") and "moved up to 0.31." in told
    assert "A KL of 26.0 nats needs more than 100,000 images" in told and button == "Measure on 1,900 images"
    assert len(shown(2000)) == 1  # there are but 500 images
    for rate in (0.0, 3.3, 8.0, 700.0, 1e9):
        assert math.log(images_for(rate)) >= min(rate, 97) + 2.5
