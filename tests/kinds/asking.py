"""Runs in a copy of the project that has a kind more in each table, and asks everything that speaks of kinds."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

COPY = Path.cwd()
sys.path.insert(0, str(COPY))

from explorer import paths  # noqa: E402
from explorer.checkpoints import card, load, recipe  # noqa: E402
from explorer.cli import main  # noqa: E402
from explorer.export.onnx import decoder_onnx  # noqa: E402
from explorer.export.plain import plain_torch  # noqa: E402
from explorer.recipe.model import ModelConfig  # noqa: E402
from explorer.training import TrainConfig, train  # noqa: E402
from explorer.training.cost import cost_key  # noqa: E402
from explorer.ui.train.state import TrainState  # noqa: E402

CHOSEN = {
    "data": "stripes",
    "network": "narrow",
    "likelihood": "laplace",
    "objective": "centred",
    "pull": 3.0,
    "spread": 0.5,
    "latents": 2,
    "size": 16,
    "steps": 8,
    "batch_size": 4,
    "eval_images": 4,
    "log_every": 1,
    "eval_every": 4,
    "save_every": 2,
    "device": "cpu",
    "threads": 1,
}


class _Enough(Exception):
    pass


def shell(*words: str) -> str:
    """What a command says. Raises where it fails."""
    result = CliRunner().invoke(main, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def app(page: str, **params: str | list[str]) -> AppTest:
    """A page, open and without a complaint."""
    at = AppTest.from_file(str(COPY / "app.py"), default_timeout=400)
    at.run().switch_page(f"pages/{page}.py")
    at.query_params.clear()
    for name, value in params.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception, (page, at.exception)
    return at


def words(at: AppTest) -> str:
    """All that a page says, without the strokes that keep Markdown from taking effect."""
    said = [e.value for e in (*at.markdown, *at.caption, *at.latex, *at.error, *at.warning, *at.info)]
    return "\n".join(map(str, said)).replace("\\", "")


def trains_and_resumes() -> None:
    """Stopped after five steps and resumed, the run ends in the bytes of one that was not."""
    config = TrainConfig(**CHOSEN)
    assert TrainConfig.model_validate(config.model_dump()) == config
    assert "pull" in config.model_dump() and "beta" not in config.model_dump()
    assert cost_key(config) == cost_key(config.model_copy(update={"pull": 5.0}))
    older = ModelConfig(network="linear", shape=(1, 4, 4), latents=2).model_dump()
    assert older["sigma"] == 0.1 and "spread" not in older  # what is counted of older files stays the same
    train(config, paths.runs() / "whole")

    def stop(done: int) -> None:
        if done == 5:
            raise _Enough

    with suppress(_Enough):
        train(config, paths.runs() / "parts", after_step=stop)
    train(config, paths.runs() / "parts", resume=True)
    one, other = (paths.runs() / name / "checkpoint/model.safetensors" for name in ("whole", "parts"))
    assert one.read_bytes() == other.read_bytes()


def shells_know_it() -> None:
    """Options, choices, the library, and the table of Compare."""
    told = shell("train", "--help")
    for said in ("--pull", "centred: λ·Σ|µ|, for a test", "--spread", "laplace: errors count", "|narrow"):
        assert said in " ".join(told.split()), said
    assert "λ = 3" in shell("library", "list")
    listed = [json.loads(line) for line in shell("library", "list", "--json").splitlines()]
    assert {row["objective"] for row in listed} == {"centred"}
    assert {row["beta"] for row in listed} == {None}
    [row, _] = json.loads(shell("compare", "whole", "parts", "--json", "--count", "20"))["models"]
    assert row["objective"] == "−E[log p(x|z)] + 3·Σ|µ|" and row["beta"] is None


def words_are_true() -> None:
    """The card, and what Explore and the library say of the model."""
    model = load("whole")
    assert model.config.objective == "λ = 3"
    assert recipe.objective(model.config) == "−E[log p(x|z)] + 3·Σ|µ|"
    assert recipe.price(model.config, model.path).words == "λ = 3 in place of β"
    text = card.card("whole", model.config)
    assert "Objective: centred (λ = 3)" in text and "--pull 3.0" in text and "--beta" not in text


def exports_are_right() -> None:
    """A program without this one, and ONNX, make the very pixels."""
    import onnxruntime

    model = load("whole")
    z = torch.linspace(-2, 2, 6).reshape(3, 2)
    right = model.model.decode(z)
    assert right.std() > 1e-4
    home = paths.runs() / "whole" / "checkpoint"
    names: dict[str, object] = {"__file__": str(home / "modeling.py")}
    exec(plain_torch(model), names)
    torch.testing.assert_close(names["load"](home).decode(z), right)  # type: ignore[operator]
    told = shell("export", "whole", "--to", "npy", "--z", "1,-1", "--out", str(home / "picture"))
    assert "picture.npy" in told
    torch.testing.assert_close(
        torch.from_numpy(np.load(home / "picture.npy")), model.model.decode(torch.tensor([[1.0, -1.0]]))
    )
    session = onnxruntime.InferenceSession(decoder_onnx(model))
    torch.testing.assert_close(torch.from_numpy(session.run(None, {"z": z.numpy()})[0]), right)


def pages_know_it() -> None:
    """The form offers it, and every page speaks of the run as it is."""
    form = app("train", objective="centred", pull="5", likelihood="laplace", network="narrow", data="stripes")
    said = words(form)
    assert "Means are pulled to the middle (nobody 2026, eq. 0)" in said and r"lambda sum_j" in said
    labels = {field.label: field for field in form.number_input}
    assert labels["λ of the means"].value == 5.0 and labels["b of a pixel"].value == 0.25
    offered = {box.label: box.options for box in form.selectbox}
    assert "narrow: one hidden layer" in offered["Network"] and "Stripes" in offered["Data set"]
    state = TrainState(settings=dict(CHOSEN), vary="pull", values="1, 2")
    assert [config.pull for _, config in state.planned()] == [1.0, 2.0]
    assert TrainState(settings=dict(CHOSEN)).called() == "stripes-pull3"

    watched = app("train", run="whole")
    assert "λ = 3" in words(watched) and "the offset of the means" in words(watched)
    assert "λ = 3 in place of β" in words(app("library"))
    explored = app("explore", model="whole")
    assert "λ = 3 in place of β" in words(explored)
    assert "Picture, numbers" in {button.label for button in explored.get("download_button")}
    table = app("compare", model=["whole", "parts"]).dataframe[0].value
    assert set(table["Objective"]) == {"−E[log p(x|z)] + 3·Σ|µ|"} and table["β"].isna().all()
    app("theory", topic="beta")
    app("measure", model="whole")
    assert not app("insight", model="whole", count="10").error


if __name__ == "__main__":
    trains_and_resumes()
    for ask in (shells_know_it, words_are_true, exports_are_right, pages_know_it):
        ask()
    print("all asked")
