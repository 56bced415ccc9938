"""What was made by version 0.1 opens for ever: runs resume to the same weights, links and words say the same.

`runs/` holds a run of each objective as that version left it after five of eight steps, and beside it what the same
version made of the rest; `said.json` what it said of them, and what its links asked for.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from explorer.checkpoints import describe, load, recipe
from explorer.recipe.versions import current
from explorer.training import train
from explorer.training.directory import RunDirectory
from explorer.ui.train.runs import about_run
from explorer.ui.train.state import from_params

HERE = Path(__file__).resolve().parent
SAID = json.loads((HERE / "said.json").read_text())


@pytest.mark.parametrize("name", SAID["runs"])
def test_a_run_of_before_resumes_to_the_weights_and_numbers_of_before(name: str, tmp_path: Path) -> None:
    shutil.copytree(HERE / "runs" / name, tmp_path / "run")
    run = RunDirectory(tmp_path / "run")
    checkpoint = train(run.config(), run.path, resume=True)
    now = load_file(checkpoint.path / "model.safetensors")
    before = load_file(run.path / "after.safetensors")
    assert now.keys() == before.keys()
    for tensor, value in before.items():
        torch.testing.assert_close(now[tensor], value, rtol=1e-6, atol=1e-7)
    told = json.loads((run.path / "after.json").read_text())
    assert checkpoint.config.evaluation is not None
    measured = checkpoint.config.evaluation.model_dump(mode="json")
    for number in ("reconstruction", "kl"):
        assert measured[number] == pytest.approx(told["evaluation"][number], rel=1e-5)


@pytest.mark.parametrize("name", SAID["runs"])
def test_a_checkpoint_of_before_says_the_same(name: str) -> None:
    path = HERE / "runs" / name / "checkpoint"
    description, said = describe(path), SAID["runs"][name]
    assert description.config.objective == said["short"]
    assert recipe.objective(description.config).startswith(said["loss"])  # a warm-up of tc was not told
    words = recipe.price(description.config, path).words
    if name == "constrained":  # it did not say the number
        log = (HERE / "runs" / name / "metrics.jsonl").read_text().splitlines()
        last = [record["beta"] for record in map(json.loads, log) if record["kind"] == "train"][-1]
        assert words.startswith(f"β = {last:.3g}, found by the constraint")
    else:
        assert words == said["beta"]
    assert load(path).model.decode(torch.zeros(1, 2)).shape == (1, 1, 8, 8)


@pytest.mark.parametrize("said", SAID["links"], ids=lambda said: said["name"])
def test_a_link_of_before_asks_for_the_same_run(said: dict[str, Any]) -> None:
    state, complaints = from_params({name: [value] for name, value in said["link"].items()})
    assert complaints == []
    assert state.called() == said["name"] and state.to_params() == current(said["params"])
    now, before = state.config().model_dump(mode="json"), current(said["settings"])
    assert now.keys() - before.keys() <= {"gamma_schedule"}  # which is new
    assert now == {name: before.get(name, "constant") for name in now}
    assert "objective" in now and len(now) > 25
    assert about_run(state.config()).split(" · ")[:2] == said["about"].split(" · ")[:2]
