"""Groups of latents on the page Insight: chosen, kept, and from there a slider of Explore; links that lead there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from explorer.checkpoints.labels import read_labels
from explorer.cli import main

from .conftest import Opener, explorer, touch

PAGE = "pages/insight.py"
FEW = {"section": "groups", "model": "alpha", "count": "10"}


def test_a_group_is_kept_and_has_a_slider_on_explore(open_app: Opener, library: Path) -> None:
    at = open_app(PAGE, **FEW, group_latents="1,3,99")
    chosen = next(box for box in at.multiselect if box.label == "Latents of the group")
    assert not at.exception and chosen.value == [1, 3]
    keep = next(button for button in at.button if button.label == "Keep this group")
    assert keep.disabled
    next(box for box in at.text_input if box.label == "Name").set_value("place").run()
    next(button for button in at.button if button.label == "Keep this group").click().run()
    assert not at.exception and [group.name for group in read_labels(library / "alpha").groups] == ["place"]
    [table] = [frame.value for frame in at.dataframe]
    assert list(table["Group"]) == ["place", "in no group", "all latents"]
    assert table["KL, nats"][:2].sum() == pytest.approx(table["KL, nats"].iloc[2])

    there = open_app(model="alpha")
    [group] = explorer(there)["groups"]
    assert group == {"name": "place", "direction": {"1": 0.707107, "3": 0.707107}}
    touch(there, names={"0": "size"})  # a name given on Explore leaves the group alone
    assert read_labels(library / "alpha").names == {0: "size"} and len(read_labels(library / "alpha").groups) == 1

    at = open_app(PAGE, **FEW)
    next(button for button in at.button if button.label == "place").click().run()
    assert at.query_params["group_latents"] == "1,3"
    next(button for button in at.button if button.label == "Remove it").click().run()
    assert not at.exception and read_labels(library / "alpha").groups == ()


def test_explore_and_compare_link_to_the_section_that_answers(open_app: Opener) -> None:
    for page, wanted in ((None, {"intervene", "groups", "anomalies"}), ("pages/compare.py", {"first-k", "intervene"})):
        at = open_app(page, model="alpha") if page is None else open_app(page, models=["alpha", "beta"])
        links = [link.proto.query_string for link in at.get("page_link") if link.proto.page.endswith("insight")]
        asked = {part.partition("section=")[2].partition("&")[0] for part in links}
        assert not at.exception and wanted <= asked, (page, links)


def test_a_shell_sums_groups_up_and_refuses_what_is_none(tmp_path: Path) -> None:
    table, picture = tmp_path / "g.csv", tmp_path / "g.png"
    words = ["insight", "groups", "alpha", "--count", "10"]
    asked = ["--group", "place=0,3", "--group", "size=1", "--direction", "principal"]
    made = CliRunner().invoke(main, [*words, *asked, "--json", "--out", str(table), "--out", str(picture)])
    assert made.exit_code == 0, made.output
    value = json.loads(made.stdout)
    assert sum(group["kl_nats"] for group in value["groups"]) + value["rest_kl_nats"] == pytest.approx(
        value["total_kl_nats"]
    )
    assert table.read_text().count("\n") == 5 and picture.stat().st_size > 500
    for wrong, why in (
        (["--group", "place=0,9"], "latents 0 to 3"),
        (["--group", "x"], "such as place=0,3"),
        ([], "no groups"),
    ):
        refused = CliRunner().invoke(main, [*words, *wrong])
        assert refused.exit_code == 2 and why in refused.output
