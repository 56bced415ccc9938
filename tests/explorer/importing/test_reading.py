"""State dicts under names that others use: the model that comes out computes what theirs did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from safetensors.torch import save_file

from explorer import paths
from explorer.analysis.evaluation import choose
from explorer.checkpoints import load, save
from explorer.datasets import open_dataset
from explorer.export.onnx import decoder_onnx, encoder_onnx
from explorer.importing.choices import TITLES
from explorer.importing.finding import read_names
from explorer.importing.preview import import_checkpoint, preview
from explorer.importing.trial import settle_choices
from tests.explorer.importing import layouts
from tests.explorer.importing.plain_layouts import LATENTS

PUBLISHED = paths.PROJECT.parent / "shared" / "checkpoints"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty library of this test's own."""
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path / "home"))
    torch.set_num_threads(1)
    return tmp_path / "home"


@pytest.mark.parametrize("order", ["as it was", "sorted"])
@pytest.mark.parametrize("layout", layouts.LAYOUTS, ids=lambda layout: layout.__name__)
def test_a_state_dict_gives_a_model_that_computes_what_its_own_program_did(
    layout: Any, order: str, tmp_path: Path
) -> None:
    theirs = layouts.make(layout)
    state = theirs.state_dict()
    if order == "sorted":  # as text: layer 10 stands before layer 2
        state = dict(sorted(state.items()))
    torch.save(layout.state(state), tmp_path / "theirs.pt")
    said = dict(layout.said)
    if layout.paddings:
        with preview(tmp_path / "theirs.pt") as found:
            paddings = [tuple(s.padding for s in g.encoder) for g in found.reading.geometries]
        said["geometry"] = paddings.index(layout.paddings)
    import_checkpoint(tmp_path / "theirs.pt", **said)
    ours = load("theirs").model
    assert ours.shape == layout.shape
    images, z = torch.rand(4, *layout.shape), torch.randn(4, LATENTS)
    with torch.no_grad():
        mean, log_var = theirs.encode(images)
        decoded = theirs.decode(z)
    posterior = ours.encode(images)
    torch.testing.assert_close(posterior.mean, mean, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(posterior.log_var, log_var, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(ours.decode(z), decoded, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("layout", "open_"),
    [
        (layouts.BareEnds, {"head_activation", "entry_activation"}),
        (layouts.DenseExample, {"head_activation", "entry_activation"}),
        (layouts.SmoothSizes, {"pooling", "upsampling"}),
        (layouts.WorldModel, {"head_activation", "bridge"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_names_leave_open_is_asked_and_nothing_else(layout: Any, open_: set[str]) -> None:
    shown = {what for what, _, _ in read_names(layouts.make(layout).state_dict()).table()}
    asked = {"head_activation", "entry_activation", "bridge", "pooling", "upsampling"}
    assert {name for name in asked if TITLES[name] in shown} == open_


@pytest.mark.parametrize("layout", [layouts.NormedBlocks, layouts.SmoothSizes])
def test_an_imported_model_is_like_any_other_it_runs_in_the_browser_and_comes_back_as_it_went(
    layout: Any, tmp_path: Path
) -> None:
    theirs = layouts.make(layout)
    torch.save(layout.state(theirs.state_dict()), tmp_path / "theirs.ckpt")
    import_checkpoint(tmp_path / "theirs.ckpt", **layout.said)
    checkpoint = load("theirs")
    z, images = torch.randn(3, LATENTS), torch.rand(3, *layout.shape)
    with torch.no_grad():
        for content, given, wanted in (
            (decoder_onnx(checkpoint), {"z": z}, [theirs.decode(z)]),
            (encoder_onnx(checkpoint), {"images": images}, theirs.encode(images)),
        ):
            session = onnxruntime.InferenceSession(content)
            made = session.run(None, {name: value.numpy() for name, value in given.items()})
            for ours, expected in zip(made, wanted, strict=True):
                torch.testing.assert_close(torch.from_numpy(ours), expected, atol=1e-4, rtol=1e-4)
    again = import_checkpoint(save(checkpoint, tmp_path / "again"), "again")
    assert load(again).hash == checkpoint.hash
    assert torch.equal(load(again).model.decode(z), checkpoint.model.decode(z))


def test_half_the_names_in_a_safetensors_file_stand_in_another_order_and_still_fit(tmp_path: Path) -> None:
    theirs = layouts.make(layouts.NumberedConvolutions)
    save_file(theirs.state_dict(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"model_type": "vae"}')  # somebody else's
    model = load(import_checkpoint(tmp_path, "theirs")).model
    z = torch.randn(2, LATENTS)
    with torch.no_grad():
        torch.testing.assert_close(model.decode(z), theirs.decode(z), atol=1e-4, rtol=1e-4)


# The latents that a published model's encoder finds again in what its decoder draws decide what names leave open.
@pytest.mark.parametrize("name", ["VAE_mnist", "betaH_celeba"])
def test_a_trial_finds_mean_and_log_variance_in_turn_without_being_told(name: str, tmp_path: Path) -> None:
    file = PUBLISHED / "disentangling-vae" / name / "model.pt"
    if not file.is_file():
        pytest.skip(f"the published checkpoint {name} is not on this machine")
    state = torch.load(file, weights_only=True)
    renamed = {key.replace("mu_logvar_gen", "out").replace("conv_64", "conv4"): value for key, value in state.items()}
    reading = settle_choices(read_names(renamed))
    choices = reading.choices
    assert (choices.halves, choices.activation, choices.decoder_activation) == ("interleaved", "relu", "relu")
    assert (choices.output, choices.pixels, choices.bridge) == ("sigmoid", "0..1", True)
    assert reading.basis["halves"].startswith("by trial") and (reading.found or 0) > 5


def test_a_checkpoint_without_a_config_costs_on_its_images_what_its_author_measured() -> None:
    file = PUBLISHED / "kinwaicheuk-beta-vae" / "dSprites-model-500.pt"
    if not file.is_file():
        pytest.skip("kinwaicheuk's published checkpoint is not on this machine")
    import_checkpoint(file)
    checkpoint = load("dSprites-model-500")
    assert checkpoint.model.shape == (1, 64, 64) and checkpoint.config.data == "dsprites"
    data = open_dataset("dsprites", size=64)
    images = data.images(choose(data, 1000, 0)).float() / 255
    posterior = checkpoint.model.encode(images)
    assert posterior.kl().sum(1).mean() == pytest.approx(15.2, rel=0.03)
    assert checkpoint.model.nll(posterior.mean, images).mean() == pytest.approx(16.8, rel=0.05)
    assert int((posterior.kl().mean(0) > 0.1).sum()) == 7
