"""A model that is explored while its run goes on."""

from __future__ import annotations

from explorer import paths
from explorer.training import train
from explorer.training.directory import RunDirectory

from .conftest import Opener, tiny


def test_a_model_that_still_trains_is_explored_and_says_so(open_app: Opener) -> None:
    train(tiny(), paths.runs() / "growing")
    labels = [link.proto.label for link in open_app(model="growing").get("page_link")]
    assert not any("step" in label for label in labels)
    RunDirectory(paths.runs() / "growing").write_state(status="running", step=2, steps=3)
    at = open_app(model="growing")
    assert not at.exception
    labels = [link.proto.label for link in at.get("page_link")]
    assert "running, step 2 of 3" in labels
