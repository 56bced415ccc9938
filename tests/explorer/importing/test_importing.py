"""Checkpoints from elsewhere: what is taken, what it then gives, and what is refused."""

from __future__ import annotations

import csv
import json
import os
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner
from safetensors.torch import save_file
from torch import Tensor

from explorer import paths
from explorer.analysis.evaluation import evaluate
from explorer.checkpoints import load
from explorer.cli import main
from explorer.datasets import open_dataset
from explorer.errors import UserError
from explorer.importing import torchfile
from explorer.importing.preview import import_checkpoint
from explorer.recipe.run import TrainConfig

SHARED = paths.PROJECT.parent / "shared"
PUBLISHED = SHARED / "checkpoints" / "disentangling-vae"
LATENTS = 3


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty library of this test's own."""
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path / "home"))
    torch.set_num_threads(1)
    return tmp_path / "home"


def library() -> list[str]:
    """Every name in the library, hidden ones too, but for the lock."""
    return sorted(path.name for path in paths.library().glob("*") if path.name != ".changing")


def a_state(size: int = 64, channels: int = 1) -> dict[str, Tensor]:
    """Random weights with the names and shapes that disentangling-vae writes."""
    generator = torch.Generator().manual_seed(size + channels)
    convolutions = {"conv1": channels, "conv2": 32, "conv3": 32} | ({"conv_64": 32} if size == 64 else {})
    transposed = ({"convT_64": 32} if size == 64 else {}) | {"convT1": 32, "convT2": 32, "convT3": channels}
    shapes: dict[str, tuple[int, ...]] = {}
    for name, inputs in convolutions.items():
        shapes |= {f"encoder.{name}.weight": (32, inputs, 4, 4), f"encoder.{name}.bias": (32,)}
    for name, outputs in transposed.items():
        shapes |= {f"decoder.{name}.weight": (32, outputs, 4, 4), f"decoder.{name}.bias": (outputs,)}
    dense = {
        "encoder.lin1": (256, 512),
        "encoder.lin2": (256, 256),
        "encoder.mu_logvar_gen": (2 * LATENTS, 256),
        "decoder.lin1": (256, LATENTS),
        "decoder.lin2": (256, 256),
        "decoder.lin3": (512, 256),
    }
    for name, shape in dense.items():
        shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return {key: 0.1 * torch.randn(shape, generator=generator) for key, shape in shapes.items()}


def a_folder(path: Path, state: Any, specs: dict[str, Any] | None = None, **options: Any) -> Path:
    path.mkdir(parents=True)
    torch.save(state, path / "model.pt", **options)
    if specs is not None:
        (path / "specs.json").write_text(json.dumps(specs))
    return path


def their_model(state: dict[str, Tensor], images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, log-variance and reconstruction as the published code computes them, layer by layer."""
    deep = "encoder.conv_64.weight" in state

    def apply(function: Any, name: str, x: Tensor, **options: Any) -> Tensor:
        return function(x, state[f"{name}.weight"], state[f"{name}.bias"], **options)

    x = images
    for name in ["conv1", "conv2", "conv3"] + ["conv_64"] * deep:
        x = apply(F.conv2d, f"encoder.{name}", x, stride=2, padding=1).relu()
    x = x.flatten(1)
    for name in ["lin1", "lin2"]:
        x = apply(F.linear, f"encoder.{name}", x).relu()
    mean, log_var = apply(F.linear, "encoder.mu_logvar_gen", x).view(-1, LATENTS, 2).unbind(-1)
    x = mean
    for name in ["lin1", "lin2", "lin3"]:
        x = apply(F.linear, f"decoder.{name}", x).relu()
    x = x.view(-1, 32, 4, 4)
    for name in ["convT_64"] * deep + ["convT1", "convT2"]:
        x = apply(F.conv_transpose2d, f"decoder.{name}", x, stride=2, padding=1).relu()
    return (mean, log_var, apply(F.conv_transpose2d, "decoder.convT3", x, stride=2, padding=1).sigmoid())


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
@pytest.mark.parametrize(("size", "channels"), [(64, 1), (32, 1), (64, 3)])
def test_an_imported_model_computes_what_the_published_code_computes(
    tmp_path: Path, size: int, channels: int, legacy: bool
) -> None:
    state = a_state(size, channels)
    folder = a_folder(tmp_path / "theirs", state, _use_new_zipfile_serialization=not legacy)
    import_checkpoint(folder)
    model = load("theirs").model
    images = torch.rand(5, channels, size, size)
    mean, log_var, decoded = their_model(state, images)
    posterior = model.encode(images)
    torch.testing.assert_close(posterior.mean, mean)
    torch.testing.assert_close(posterior.log_var, log_var)
    torch.testing.assert_close(model.decode(mean), decoded)
    assert "how it was trained is not known" in (load("theirs").config.note or "")


@pytest.mark.parametrize("before", ["module.", "_orig_mod.vae."])
@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_what_a_wrapper_puts_before_the_names_changes_nothing(tmp_path: Path, before: str, ending: str) -> None:
    state = a_state(64, 1)
    wrapped = {before + name: tensor for name, tensor in sorted(state.items())}
    wrapped["beta"] = torch.ones(())
    if ending == "pt":
        folder = a_folder(tmp_path / "theirs", {"state_dict": wrapped}, SPECS)
        import_checkpoint(folder)
        assert (load("theirs").config.training or {})["objective"] == "beta"
    else:
        save_file(wrapped, tmp_path / "theirs.safetensors")
        import_checkpoint(tmp_path / "theirs.safetensors")
    images = torch.rand(3, 1, 64, 64)
    mean, _, decoded = their_model(state, images)
    torch.testing.assert_close(load("theirs").model.encode(images).mean, mean)
    torch.testing.assert_close(load("theirs").model.decode(mean), decoded)


# Last-epoch training values (nats an image) of the published logs: means over the weights of a whole epoch at a
# constant rate. What the last weights cost lies a little lower (dSprites at β = 1: 17.2 on 20,000 images, for 18.0;
# real and drawn images of the same factors agree within 0.5 %).
@pytest.mark.parametrize(
    ("name", "data", "reconstruction", "kl", "active", "tolerance"),
    [
        ("VAE_dsprites", "dsprites", 17.99, 25.40, 10, 0.06),
        ("betaH_dsprites", "dsprites", 35.61, 15.36, 10, 0.03),
        ("btcvae_dsprites_a5", "dsprites", 53.71, 12.83, 6, 0.03),
        ("VAE_mnist", "mnist", 118.8, 19.7, 10, 0.03),
        ("betaH_mnist", "mnist", 138.8, 11.0, None, 0.03),
    ],
)
def test_published_checkpoints_cost_what_their_logs_say(
    name: str, data: str, reconstruction: float, kl: float, active: int | None, tolerance: float
) -> None:
    if not (PUBLISHED / name / "model.pt").is_file():
        pytest.skip(f"the published checkpoint {name} is not on this machine")
    root = None
    if data == "mnist":
        root = SHARED / "data" / "mnist"
        if not root.is_dir():
            pytest.skip("MNIST is not on this machine")
    import_checkpoint(PUBLISHED / name)
    checkpoint = load(name)
    images = open_dataset(data, size=checkpoint.model.shape[1], root=root)
    result = evaluate(checkpoint.model, images, count=2000, seed=0)
    assert result.reconstruction == pytest.approx(reconstruction, rel=tolerance)
    assert result.kl == pytest.approx(kl, rel=0.03)
    with (PUBLISHED / name / "train_losses.log").open() as log:
        last = {row["Loss"]: float(row["Value"]) for row in csv.DictReader(log)}  # later epochs win
    for dimension, nats in enumerate(result.kl_per_dimension):
        assert nats == pytest.approx(last[f"kl_loss_{dimension}"], rel=0.07, abs=0.1)
    if active is not None:
        assert int((result.kl_per_dimension > 0.1).sum()) == active


SPECS = {
    "loss": "betaH", "betaH_B": 4, "dataset": "dsprites", "epochs": 30, "batch_size": 64, "lr": 5e-4,
    "seed": 1234, "reg_anneal": 10000, "rec_dist": "bernoulli", "model_type": "Burgess",
    "img_size": [1, 64, 64], "latent_dim": LATENTS, "no_cuda": False, "name": "whatever",
}  # fmt: skip


@pytest.mark.parametrize(
    ("specs", "expected"),
    [
        ({"loss": "VAE"}, {"objective": "beta", "beta": 1, "beta_schedule": "linear over=10000"}),
        ({}, {"objective": "beta", "beta": 4, "data": "dsprites", "steps": 345_600, "batch_size": 64}),
        (
            {"loss": "betaB", "betaB_G": 100, "betaB_initC": 0, "betaB_finC": 25},
            {"objective": "capacity", "gamma": 100, "capacity": 25, "capacity_schedule": "linear over=10000"},
        ),
        (
            {"loss": "btcvae", "btcvae_A": -5, "btcvae_B": 6.4, "btcvae_G": 1},
            {"objective": "tc", "beta": 6.4, "tc_alpha": -5, "tc_gamma": 1},
        ),
    ],
)
def test_what_specs_say_is_recorded_as_settings_of_a_run(
    tmp_path: Path, specs: dict[str, Any], expected: dict[str, Any]
) -> None:
    import_checkpoint(a_folder(tmp_path / "theirs", a_state(), SPECS | specs))
    training = load("theirs").config.training
    assert training is not None
    assert training | expected == training
    TrainConfig.model_validate(training)  # only settings that exist, with values that they may have


def test_what_specs_say_is_left_out_where_nothing_here_means_the_same(tmp_path: Path) -> None:
    import_checkpoint(a_folder(tmp_path / "factor", a_state(), SPECS | {"loss": "factor", "factor_G": 6}))
    config = load("factor").config
    assert config.training is None
    assert config.note is not None and "'factor', γ = 6, has no counterpart" in config.note
    import_checkpoint(a_folder(tmp_path / "chairs", a_state(), SPECS | {"dataset": "chairs"}))
    config = load("chairs").config
    assert config.training is not None and config.objective == "β = 4"
    assert not {"data", "steps"} & config.training.keys()
    text = (paths.library() / "chairs" / "README.md").read_text()
    assert "| dataset | chairs |" in text and "python -m explorer train" not in text
    assert "license: mit" not in text  # not ours to say


@pytest.mark.parametrize(
    ("specs", "sentence"),
    [
        ({"rec_dist": "gaussian"}, "rec_dist is 'gaussian'"),
        ({"model_type": "Other"}, "model_type is 'Other'"),
        ({"img_size": [1, 32, 32]}, "the weights are for (1, 64, 64)"),
        ({"latent_dim": 4}, "the weights have 3 latents"),
        ({"lr": "fast"}, "lr: "),
        ({"epochs": 10**30}, "epochs: "),
        ({"loss": "<img src=x>"}, "loss: "),
    ],
)
def test_specs_that_contradict_the_weights_are_refused(tmp_path: Path, specs: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        import_checkpoint(a_folder(tmp_path / "theirs", a_state(), SPECS | specs))
    assert sentence in str(caught.value)
    assert library() == []


# --- refusals ---------------------------------------------------------------------------------------


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


def changed(**tensors: Tensor | None) -> dict[str, Tensor]:
    state = a_state() | {key.replace("__", "."): value for key, value in tensors.items()}
    return {key: value for key, value in state.items() if value is not None}


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (changed(encoder__lin1__weight=None), "lacks 'encoder.lin1.weight'"),
        (changed(encoder__lin9__weight=torch.zeros(2)), "holds 'encoder.lin9.weight'"),
        (changed(encoder__conv_64__weight=None), "holds 'decoder.convT_64"),
        (changed(decoder__lin1__bias=torch.zeros(7)), "decoder.lin1.bias has shape (7,), not (256,)"),
        (changed(decoder__lin1__bias=torch.full((256,), torch.nan)), "not finite"),
        (changed(decoder__lin1__bias=torch.zeros(256, dtype=torch.int32)), "torch.int32"),
        (changed(encoder__mu_logvar_gen__weight=torch.zeros(7, 256)), "two rows a latent"),
        (changed(encoder__mu_logvar_gen__weight=torch.zeros(1).expand(10**9, 256)), "more numbers than the file"),
        (changed(encoder__conv1__weight=torch.zeros(32, 2, 4, 4)), "1 or 3 channels"),
        (changed(decoder__lin2__weight=torch.zeros(256, 256).to_sparse()), "not plain"),
        ({"weight": torch.zeros(3)}, "is not a layout that can be imported"),
        ([torch.zeros(3)], "not a table of named tensors"),
        ({"epoch": 3, "state": [torch.zeros(3)]}, "not a table of named tensors"),
        (
            {"encoder.conv2d_1.weight": torch.zeros(1, 1, 1, 1), "encoder.linear.weight": torch.zeros(1, 1)},
            "can't be put in an order",
        ),
        ({"encoder.norm.weight": torch.zeros(3), "encoder.norm.bias": torch.zeros(3)}, "looks like a layer norm"),
        ({"encoder.0.weight": torch.zeros(4, 1, 3, 5)}, "only square ones"),
        ({"encoder.0.weight": torch.zeros(4, 1, 3)}, "has 3 axes"),
    ],
)
def test_weights_that_are_not_as_promised_are_refused_in_a_sentence(tmp_path: Path, state: Any, sentence: str) -> None:
    folder = a_folder(tmp_path / "theirs", state)
    with pytest.raises(UserError) as caught:
        import_checkpoint(folder)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert library() == []


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_code_in_a_checkpoint_is_never_run(tmp_path: Path, legacy: bool) -> None:
    sprung = tmp_path / "sprung"
    state = a_state() | {"encoder.lin1.weight": Trap(str(sprung))}
    folder = a_folder(tmp_path / "theirs", state, SPECS, _use_new_zipfile_serialization=not legacy)
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "model.pt").write_bytes(pickle.dumps(Trap(str(sprung))))
    for source in (folder, tmp_path / "bare"):
        result = CliRunner().invoke(main, ["import", str(source)])
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1 and "never run" in result.stderr
    assert not sprung.exists()
    assert library() == []


@pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])
def test_a_truncated_file_is_refused_wherever_it_was_cut(tmp_path: Path, legacy: bool) -> None:
    folder = a_folder(tmp_path / "theirs", a_state(), _use_new_zipfile_serialization=not legacy)
    whole = (folder / "model.pt").read_bytes()
    for length in (0, 1, 20, 1000, len(whole) // 2, len(whole) - 1000):
        (folder / "model.pt").write_bytes(whole[:length])
        with pytest.raises(UserError, match="can't be read|cut short"):
            import_checkpoint(folder)
    assert library() == []


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    for content in (b"<!doctype html><title>404</title>", b"PK\x03\x04 no archive", bytes(range(256)) * 16):
        (folder / "model.pt").write_bytes(content)
        with pytest.raises(UserError, match="not a layout that can be imported"):
            import_checkpoint(folder)
    for name in ("device", "pipe", "folder"):
        (tmp_path / name).mkdir()
    (tmp_path / "device" / "model.pt").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe" / "model.pt")
    (tmp_path / "folder" / "model.pt").mkdir()
    for name, why in (("device", "leads out"), ("pipe", "is not a file"), ("folder", "is not a file")):
        with pytest.raises(UserError, match=why):
            import_checkpoint(tmp_path / name)
        with pytest.raises(UserError, match="is not a file|holds no model"):
            import_checkpoint(tmp_path / name / "model.pt")
    for missing in (tmp_path / "nowhere", tmp_path / ("x" * 5000), "nul\0byte"):
        with pytest.raises(UserError):
            import_checkpoint(missing)


def test_sizes_are_capped_before_a_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = a_folder(tmp_path / "theirs", a_state())
    small = folder / "small.pt"  # a few kB that would unpack to more than is allowed
    with zipfile.ZipFile(folder / "model.pt") as archive, zipfile.ZipFile(small, "w", zipfile.ZIP_DEFLATED) as packed:
        for item in archive.infolist():
            packed.writestr(item.filename, bytes(item.file_size))
    monkeypatch.setattr(torchfile, "MAX_FILE_BYTES", 1_000_000)
    assert small.stat().st_size < 1_000_000

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("the file was read")

    monkeypatch.setattr(torch, "load", never)
    for file in (folder, small):
        with pytest.raises(UserError, match="more than the 1,000,000 allowed"):
            import_checkpoint(file)


def test_a_storage_that_claims_more_than_the_file_holds_is_refused(tmp_path: Path) -> None:
    state = {"encoder.mu_logvar_gen.weight": torch.zeros(70_000)}
    folder = a_folder(tmp_path / "theirs", state, _use_new_zipfile_serialization=False)
    content = (folder / "model.pt").read_bytes()
    number = b"J" + (70_000).to_bytes(4, "little")  # how a pickle writes it
    assert content.count(number) >= 2
    huge = b"\x8a\x06" + (2**40).to_bytes(6, "little")
    (folder / "model.pt").write_bytes(content.replace(number, huge))
    with pytest.raises(UserError):
        import_checkpoint(folder)


def test_links_may_lead_about_in_a_folder_or_in_the_hubs_cache_and_nowhere_else(tmp_path: Path) -> None:
    outside = a_folder(tmp_path / "outside", a_state()) / "model.pt"
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "model.pt").symlink_to(outside)
    (tmp_path / "specs").mkdir()
    shutil.copyfile(outside, tmp_path / "specs" / "model.pt")
    (tmp_path / "secret.json").write_text('{"loss": "betaH"}')
    (tmp_path / "specs" / "specs.json").symlink_to(tmp_path / "secret.json")
    for name in ("linked", "specs"):
        with pytest.raises(UserError, match="leads out of its folder"):
            import_checkpoint(tmp_path / name)
    assert library() == []
    cache = tmp_path / "models--somebody--vae"
    snapshot = cache / "snapshots" / "0123abc"
    (cache / "blobs").mkdir(parents=True)
    snapshot.mkdir(parents=True)
    shutil.copyfile(outside, cache / "blobs" / "77")
    (snapshot / "model.pt").symlink_to("../../blobs/77")
    assert import_checkpoint(snapshot, "cached").name == "cached"


# --- the library ------------------------------------------------------------------------------------
