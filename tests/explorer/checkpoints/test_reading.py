"""State dicts under names that others use: the model that comes out computes what theirs did."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from explorer.checkpoints import load
from explorer.checkpoints.importing import import_checkpoint, look

spec = importlib.util.spec_from_file_location("layouts", Path(__file__).with_name("layouts.py"))
assert spec is not None and spec.loader is not None
layouts = importlib.util.module_from_spec(spec)
sys.modules["layouts"] = layouts
spec.loader.exec_module(layouts)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty library of this test's own."""
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path / "home"))
    torch.set_num_threads(1)
    return tmp_path / "home"


@pytest.mark.parametrize("layout", layouts.LAYOUTS, ids=lambda layout: layout.__name__)
def test_a_state_dict_gives_a_model_that_computes_what_its_own_program_did(
    layout, tmp_path: Path
) -> None:
    theirs = layouts.make(layout)
    torch.save(layout.state(theirs.state_dict()), tmp_path / "theirs.pt")
    said = dict(layout.said)
    if layout.paddings:
        with look(tmp_path / "theirs.pt") as found:
            paddings = [tuple(s.padding for s in g.encoder) for g in found.reading.geometries]
        said["geometry"] = paddings.index(layout.paddings)
    import_checkpoint(tmp_path / "theirs.pt", **said)
    ours = load("theirs").model
    assert ours.shape == layout.shape
    images, z = torch.rand(4, *layout.shape), torch.randn(4, layouts.LATENTS)
    with torch.no_grad():
        mean, log_var = theirs.encode(images)
        decoded = theirs.decode(z)
    posterior = ours.encode(images)
    torch.testing.assert_close(posterior.mean, mean, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(posterior.log_var, log_var, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(ours.decode(z), decoded, atol=1e-4, rtol=1e-4)
