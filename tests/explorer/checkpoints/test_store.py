"""A checkpoint opens by itself, and a damaged or dishonest one is refused in a sentence."""

import json
import os
import pickle
import random
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from explorer.checkpoints import Evaluation, ModelConfig, catalogue, describe, load, save
from explorer.checkpoints.store import build_model
from explorer.errors import UserError

CONFIG = ModelConfig(network="compact", shape=(1, 32, 32), latents=3)
EVALUATION = Evaluation(
    data="dsprites", count=100, seed=0, reconstruction=1.0, kl=3.0, kl_per_dimension=(1.0, 2.0, 0.0), active_units=2
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    return save(
        build_model(CONFIG),
        tmp_path_factory.mktemp("whole") / "model",
        training={"data": "dsprites", "objective": "beta", "beta": 4.0, "steps": 7},
        evaluation=EVALUATION,
    )


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "model")


def test_it_rebuilds_its_model_by_itself(whole: Path) -> None:
    checkpoint = load(whole)
    again = load(str(whole))
    z = torch.randn(5, 3)
    assert torch.equal(checkpoint.model.decode(z), again.model.decode(z))
    assert checkpoint.name == "model"
    assert checkpoint.config.model == CONFIG
    assert checkpoint.config.objective == "β = 4"
    assert checkpoint.config.evaluation == EVALUATION
    assert not checkpoint.model.training
    assert not any(p.requires_grad for p in checkpoint.model.parameters())


def test_its_card_says_recipe_and_numbers(whole: Path) -> None:
    text = (whole / "README.md").read_text()
    assert "python -m explorer train --data dsprites --objective beta --beta 4.0" in text
    assert "| z1 | 2.000 |" in text
    assert "100 images of dsprites" in text


def test_describe_knows_a_changed_file(copy: Path) -> None:
    before = describe(copy)
    assert before.config.latents == 3 and before.bytes > 1_000_000
    tensors = load_file(copy / "model.safetensors")
    tensors["encoder.0.bias" if "encoder.0.bias" in tensors else sorted(tensors)[0]].add_(1)
    save_file(tensors, copy / "model.safetensors")
    assert describe(copy).hash != before.hash


def test_half_precision_opens_as_single_with_nearly_the_same_pictures(whole: Path, tmp_path: Path) -> None:
    full = load(whole)
    small = load(save(full, tmp_path / "small", half=True))
    assert describe(tmp_path / "small").bytes < describe(whole).bytes * 0.55
    assert all(p.dtype == torch.float32 for p in small.model.parameters())
    z = torch.randn(50, 3)
    torch.testing.assert_close(small.model.decode(z), full.model.decode(z), atol=2e-3, rtol=0)
    assert small.config.evaluation == EVALUATION


def test_a_bare_name_goes_into_the_library_and_is_found_there(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path))
    path = save(load(whole), "my favourite")
    assert path == tmp_path / "library" / "my favourite"
    assert load("my favourite").config.model == CONFIG
    assert "my favourite" in [entry.name for entry in catalogue()]


@pytest.mark.parametrize("name", ["", " ", ".hidden", "x" * 500, "new\nline"])
def test_a_name_that_is_no_folder_is_refused(
    name: str, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path))
    with pytest.raises(UserError, match="can't be the name of a model"):
        save(load(whole), name)


@pytest.mark.parametrize(
    "name", ["nope", "../../etc/passwd", "/nowhere", "a\0b", "x" * 5000, "", "/dev", "‮evil", "<b>"]
)
def test_a_model_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(UserError) as refused:
        load(name)
    assert len(str(refused.value)) < 1000


def edit_config(path: Path, **values: Any) -> None:
    file = path / "config.json"
    config = json.loads(file.read_text())
    for key, value in values.items():
        config.pop(key) if value is ... else config.update({key: value})
    file.write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"latents": 0}, "latents"),
        ({"latents": 4}, "kl_per_dimension has 3 values for 4 latents"),
        ({"latents": "many"}, "latents"),
        ({"latents": 10**40}, "latents"),
        ({"latents": ...}, "latents"),
        ({"network": "resnet"}, "network"),
        ({"network": "burgess"}, "model.safetensors"),
        ({"network": "locatello"}, "locatello takes square images of 64"),
        ({"shape": [1, 64, 64]}, "shape"),
        ({"shape": [1, 33, 33]}, "compact takes square images"),
        ({"shape": [2, 32, 32]}, "shape"),
        ({"shape": [1, 10**9, 10**9]}, "shape"),
        ({"version": 2}, "version"),
        ({"format": "other"}, "is not the config of a Beta-VAE Explorer checkpoint"),
        ({"surprise": 1}, "surprise"),
        ({"sigma": -1}, "sigma"),
        ({"likelihood": "poisson"}, "likelihood"),
        ({"evaluation": {"kl": 1}}, "evaluation"),
        ({"evaluation": EVALUATION.model_dump() | {"kl_per_dimension": [1.0]}}, "kl_per_dimension"),
    ],
)
def test_a_config_that_can_not_be_is_refused_and_named(values: dict[str, Any], named: str, copy: Path) -> None:
    edit_config(copy, **values)
    with pytest.raises(UserError, match=named):
        load(copy)


@pytest.mark.parametrize(
    "recipe", [{"objective": "beta", "beta": "x"}, {"objective": "beta"}, {"objective": ["x"]}, {"a": {}}]
)
def test_a_strange_recipe_does_not_keep_a_model_from_opening(recipe: dict[str, Any], copy: Path) -> None:
    edit_config(copy, training=recipe)
    assert load(copy).config.objective == ""


def test_a_weight_too_large_for_half_precision_is_not_stored_as_infinity(tmp_path: Path) -> None:
    model = build_model(CONFIG)
    with torch.no_grad():
        next(model.parameters()).fill_(1e5)
    with pytest.raises(UserError, match="not finite"):
        save(model, tmp_path / "model", half=True)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"latents": NaN}', "\xff", "[" * 100_000])
def test_a_config_that_is_no_json_object_is_refused(text: str, copy: Path) -> None:
    (copy / "config.json").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=r"config\.json"):
        load(copy)


def test_weights_that_are_missing_strange_or_misshapen_are_named(copy: Path) -> None:
    tensors = load_file(copy / "model.safetensors")
    first = sorted(tensors)[0]

    def refused(changed: dict[str, Tensor], match: str) -> None:
        save_file(changed, copy / "model.safetensors")
        with pytest.raises(UserError, match=match):
            load(copy)

    refused({k: v for k, v in tensors.items() if k != first}, f"lacks '{first}'")
    refused(tensors | {"stowaway": torch.zeros(3)}, "holds 'stowaway'")
    refused(tensors | {first: torch.zeros(7)}, f"{first} has shape")
    refused(tensors | {first: tensors[first].to(torch.int32)}, f"{first} is of type I32")
    refused(tensors | {first: tensors[first] * float("nan")}, f"{first} holds numbers that are not")
    refused(tensors | {first: tensors[first] + float("inf")}, f"{first} holds numbers that are not")


def test_a_pickle_under_another_name_is_refused_and_never_run(copy: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (open, (str(tmp_path / "ran"), "w"))

    (copy / "model.safetensors").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(UserError, match="not a whole safetensors file"):
        load(copy)
    torch.save({"a": Bomb()}, copy / "model.safetensors")
    with pytest.raises(UserError):
        load(copy)
    assert not (tmp_path / "ran").exists()


def test_headers_that_lie_are_refused(copy: Path) -> None:
    weights = copy / "model.safetensors"
    whole = weights.read_bytes()
    length = struct.unpack("<Q", whole[:8])[0]
    lies = {
        "nothing": b"",
        "seven bytes": whole[:7],
        "no header": whole[:8],
        "half": whole[: len(whole) // 2],
        "one byte short": whole[:-1],
        "one byte long": whole + b"\0",
        "a huge header": struct.pack("<Q", 2**63) + whole[8:],
        "a web page": b"<!DOCTYPE html><html><body>404</body></html>" * 100,
        "not text": whole[:8] + b"\xff" * length + whole[8 + length :],
    }
    for what, content in lies.items():
        weights.write_bytes(content)
        with pytest.raises(UserError, match=r"model\.safetensors"):
            load(copy)
            pytest.fail(what)


def test_random_damage_is_refused_or_harmless(copy: Path) -> None:
    weights = copy / "model.safetensors"
    whole = weights.read_bytes()
    length = struct.unpack("<Q", whole[:8])[0]
    dice = random.Random(0)
    refused = 0
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(dice.choice([1, 2, 8])):
            damaged[dice.randrange(8 + length)] = dice.randrange(256)
        weights.write_bytes(bytes(damaged))
        try:
            load(copy)
        except UserError:
            refused += 1
    assert refused > 100


def test_a_pipe_or_a_folder_in_place_of_the_weights_does_not_hang(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    os.mkfifo(copy / "model.safetensors")
    with pytest.raises(UserError):
        load(copy)
    (copy / "model.safetensors").unlink()
    (copy / "model.safetensors").mkdir()
    with pytest.raises(UserError):
        load(copy)


def test_a_model_with_nan_weights_is_not_saved(tmp_path: Path) -> None:
    model = build_model(CONFIG)
    with torch.no_grad():
        next(model.parameters()).fill_(float("nan"))
    with pytest.raises(UserError, match="not finite"):
        save(model, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_saving_over_a_checkpoint_never_leaves_old_numbers_beside_new_weights(copy: Path) -> None:
    save(build_model(CONFIG), copy)
    assert load(copy).config.evaluation is None


def test_the_shipped_models_open_and_say_what_they_are() -> None:
    shipped = [entry for entry in catalogue() if entry.origin == "shipped"]
    names = {entry.name for entry in shipped}
    assert {"dsprites-beta1", "dsprites-beta4", "dsprites-disentangled", "mnist-beta4"} <= names
    for entry in shipped:
        checkpoint = load(entry.name)
        assert checkpoint.config.evaluation is not None
        assert checkpoint.config.training is not None
        assert describe(entry.name).bytes < 2 << 20
