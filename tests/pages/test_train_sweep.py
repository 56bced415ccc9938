"""A sweep on the page Train, without a browser: launched, watched, stopped, resumed and deleted as one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from explorer import launch, paths
from explorer.training import train
from explorer.training.directory import RunDirectory, find_runs
from explorer.training.sweep_recipe import read_recipe
from explorer.ui.train import sweep as train_sweep

from .conftest import Opener, said, tiny

PAGE = "pages/train.py"
pytestmark = pytest.mark.usefixtures("nothing_is_measured_or_started")


def test_a_sweep_is_one_group(
    open_app: Opener, nothing_is_measured_or_started: list[tuple[Path, bool]], tmp_path: Path
) -> None:
    at = open_app(PAGE, vary="beta", values="1, 4", seeds="0 1 2", size="32", name="mine")
    assert not at.exception
    recipe = tmp_path / "recipe.toml"  # the page's own words for a shell say the same
    recipe.write_text(next(code.value for code in at.code if "[sweep]" in code.value))
    assert any("sweep sweep.toml --out runs/mine" in code.value for code in at.code)
    told = {(run.name, run.config) for run in read_recipe(recipe, tmp_path / "out")}
    at.button(key="train.launch").click().run()
    assert told == {(run.path.name, run.config()) for run in find_runs(paths.runs() / "mine")}
    paths_started = [path for path, _ in nothing_is_measured_or_started]
    assert [path.name for path in paths_started] == [f"beta-{b}_seed-{s}" for b in (1, 4) for s in (0, 1, 2)]
    assert {path.parent.name for path in paths_started} == {"mine"}
    assert at.query_params["run"] == "mine" and "0 of 6 runs finished" in said(at)
    assert "Sweep of 6 runs · β = 1, 4 · seeds 0, 1, 2" in said(at)


def test_the_runs_of_a_sweep_are_one_line_of_the_list(open_app: Opener) -> None:
    for seed in (0, 1):
        train(tiny(seed=seed), paths.runs() / "g" / f"seed-{seed}")
    train(tiny(), paths.runs() / "alone")
    at = open_app(PAGE)
    targets = [link.proto.query_string for link in at.get("page_link")]
    assert targets.count("run=g") == targets.count("run=alone") == 1 and not any("run=g%2F" in t for t in targets)
    assert "Sweep of 2 runs · seeds 0, 1" in said(at)


def test_a_setting_that_some_runs_leave_out_is_sorted_behind_the_numbers(open_app: Opener) -> None:
    for place, clip in enumerate((None, 2.0, 0.5)):
        train(tiny(clip=clip), paths.runs() / "g" / f"clip-{place}")
    at = open_app(PAGE, run="g")
    assert not at.exception and "Sweep of 3 runs · clip = 0.5, 2, None · seed 0" in said(at)


def test_the_page_of_a_sweep_lists_its_folder_once_a_rerun(open_app: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in (0, 1):
        train(tiny(seed=seed), paths.runs() / "g" / f"seed-{seed}")
    at = open_app(PAGE, run="g")
    listed: list[Path] = []
    monkeypatch.setattr(train_sweep, "find_runs", lambda root: listed.append(root) or find_runs(root))
    at.run()
    assert not at.exception and "2 of 2 runs finished" in said(at) and len(listed) == 1
    at.query_params = {}
    at.run()
    assert not at.exception and at.button(key="train.launch") and len(listed) == 1  # the form belongs to no sweep


def test_a_sweep_is_watched_as_one(open_app: Opener) -> None:
    held_out: dict[int, list[dict[str, float]]] = {1: [], 4: []}
    for beta in (4, 1):
        for seed in (0, 1):
            run = paths.runs() / "g" / f"beta-{beta}_seed-{seed}"
            train(tiny(beta=beta, seed=seed, steps=6), run)
            held_out[beta].append([r for r in RunDirectory(run).metrics() if r["kind"] == "eval"][-1])
    at = open_app(PAGE, run="g")
    assert not at.exception and "4 of 4 runs finished" in said(at)
    charts = [json.loads(chart.proto.spec) for chart in at.get("plotly_chart")]
    assert len(charts) == 2
    for chart, name in zip(charts, ("reconstruction", "kl"), strict=True):
        assert [line["name"] for line in chart["data"]] == ["β = 1", "β = 1", "β = 4", "β = 4"]
        assert [line["showlegend"] for line in chart["data"]] == [True, False, True, False]
        first, _, other, _ = [line["line"]["color"] for line in chart["data"]]
        assert first != other
        log = [r for r in RunDirectory(paths.runs() / "g" / "beta-4_seed-1").metrics() if r["kind"] == "train"]
        assert chart["data"][3]["y"][-1] == pytest.approx(log[-1][name], abs=1e-5)
    table = at.table[0].value
    for place, (beta, records) in enumerate(held_out.items()):
        costs = [record["reconstruction"] for record in records]
        middle, half = sum(costs) / 2, abs(costs[0] - costs[1]) / 2**0.5  # of two, n − 1 = 1
        assert table.iloc[place]["Runs of"] == f"β = {beta}" and table.iloc[place]["Finished"] == "2 of 2"
        assert table.iloc[place]["Reconstruction"] == f"{middle:.2f} ± {half:.2f}"


def test_a_sweep_is_stopped_resumed_and_deleted_as_one_and_says_what_came_of_each(
    open_app: Opener, nothing_is_measured_or_started: list[tuple[Path, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = []

    def stop(run: RunDirectory) -> None:
        stopped.append(run.path.name)
        run.write_state(status="stopped", step=1, steps=3)

    monkeypatch.setattr(launch, "stop", stop)
    for beta in (2, 16):
        train(tiny(beta=beta), paths.runs() / "g" / f"beta-{beta}")
    for beta, word in ((1, "running"), (4, "waiting"), (32, "waiting")):
        run = RunDirectory(paths.runs() / "g" / f"beta-{beta}")
        run.path.mkdir(parents=True)
        (run.path / "config.json").write_text(tiny(beta=beta).model_dump_json())
        run.write_state(status=word, step=1, steps=3)
    at = open_app(PAGE, run="g/beta-2")
    assert [link for link in at.get("page_link") if link.proto.query_string == "run=g"]
    at = open_app(PAGE, run="g")
    assert not at.exception and "2 of 5 runs finished" in said(at)
    targets = [link.proto.query_string for link in at.get("page_link")]
    links = [target for target in targets if target.startswith("run=g%2F")]
    assert [link.partition("%2F")[2] for link in links] == [f"beta-{beta}" for beta in (1, 2, 4, 16, 32)]
    found = [r for r in RunDirectory(paths.runs() / "g/beta-16").metrics() if r["kind"] == "eval"]
    assert f"reconstruction {found[-1]['reconstruction']:.2f}" in said(at)
    at.button(key="train.sweep.stop").click().run()
    assert stopped == ["beta-4", "beta-32", "beta-1"]  # none begins because another one ended
    at.button(key="train.sweep.resume").click().run()
    started = [path.name for path, _ in nothing_is_measured_or_started]
    assert started == ["beta-1", "beta-4", "beta-32"]
    train_sweep.stop_all("g")
    at.run()
    at.button(key="train.sweep.delete").click().run()
    assert not at.exception and not (paths.runs() / "g").exists()
    assert "run" not in at.query_params and at.button(key="train.launch")
    assert len(launch.trashed()) == 5
