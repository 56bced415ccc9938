"""Networks for the browser: made once for each content, in a process of their own, and kept in bounds."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer import paths
from explorer.checkpoints import Description, ModelConfig, describe, load, save
from explorer.checkpoints.store import build_model
from explorer.live import onnx_cache
from explorer.live.onnx_cache import Networks, prepare


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path))
    monkeypatch.setattr(onnx_cache, "_exports", {})
    monkeypatch.setattr(onnx_cache, "_failed", {})
    return tmp_path


def small(name: str, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    return save(build_model(ModelConfig(network="mlp", shape=(1, 6, 5), latents=2)), name)


def ended(description: Description) -> Networks | str:
    """What `prepare` says once the export has ended."""
    end = time.monotonic() + 300
    while (found := prepare(description)) is None:
        assert time.monotonic() < end, "the export does not end"
        time.sleep(0.05)
    return found


def test_the_files_that_an_export_leaves_are_the_model(home: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    path = small("one")
    description = describe(path)
    assert prepare(description) is None, "the app waits for an export"
    made = ended(description)
    assert isinstance(made, Networks) and made.decoder.parent == paths.cache()
    model, z = load(path).model, torch.randn(3, 2)
    with torch.inference_mode():
        wanted = model.decode(z).numpy()
        mean = model.encode(torch.from_numpy(wanted)).mean.numpy()
    run = onnxruntime.InferenceSession(made.decoder).run
    assert np.abs(run(["images"], {"z": z.numpy()})[0] - wanted).max() < 1e-5
    run = onnxruntime.InferenceSession(made.encoder).run
    assert np.abs(run(["mean"], {"images": wanted})[0] - mean).max() < 1e-4
    assert sorted(file.suffix for file in paths.cache().iterdir()) == [".onnx", ".onnx"]
    # The same content is not exported again: neither for another copy, nor after a restart.
    before = made.decoder.stat().st_mtime_ns
    assert prepare(describe(small("copy"))) == made
    assert onnx_cache._exports == {} and made.decoder.stat().st_mtime_ns == before


def test_files_beside_the_weights_come_first_and_outlive_them(home: Path) -> None:
    path = small("one")
    description = describe(path)
    for suffix in (".onnx", ".encoder.onnx"):
        (path / f"{description.hash}{suffix}").write_bytes(b"x")
    found = prepare(description)
    assert isinstance(found, Networks) and found.decoder.read_bytes() == b"x"
    path.rename(home / "elsewhere")
    assert prepare(description) == found and found.encoder.read_bytes() == b"x"
    (home / "cache").rename(home / "gone")
    said = prepare(description)
    assert said == "its files are no longer there" and onnx_cache._exports == {}


def test_a_decoder_without_its_encoder_is_made_again(home: Path) -> None:
    description = describe(small("one"))
    paths.cache().mkdir()
    (paths.cache() / f"{description.hash}.onnx").write_bytes(b"half of it")
    found = ended(description)
    assert isinstance(found, Networks) and found.encoder.is_file()
    assert found.decoder.read_bytes() != b"half of it"


def test_a_checkpoint_that_is_replaced_meanwhile_never_passes_for_the_old_one(home: Path) -> None:
    old = describe(small("one", seed=1))
    assert prepare(old) is None
    new = describe(small("one", seed=2))  # before the export has read it, or after
    assert new.hash != old.hash
    onnx_cache._exports[old.hash].process.wait(300)
    prepare(old)
    for found in (onnx_cache.found(old), ended(new)):
        if found is not None:
            assert isinstance(found, Networks)
            content = found.decoder.read_bytes()
            assert found.decoder.stem.encode() in content, "weights of another content"


def test_why_a_model_can_not_be_exported_is_one_sentence_said_once_tried(home: Path) -> None:
    path = small("one")
    description = describe(path)
    (path / "model.safetensors").write_bytes(b"no weights at all")
    reason = ended(description)
    assert isinstance(reason, str) and "not a whole safetensors file" in reason
    assert "\n" not in reason and len(reason) <= 200 and "Traceback" not in reason
    assert prepare(description) == reason and onnx_cache._exports == {}
    assert list(paths.cache().iterdir()) == []


def test_the_cache_keeps_the_models_that_were_exported_last(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_cache, "CACHE", replace(onnx_cache.CACHE, most_files=6))
    paths.cache().mkdir()
    for age in range(5):
        for suffix in (".onnx", ".encoder.onnx"):
            file = paths.cache() / f"{age}{suffix}"
            file.write_bytes(b"")
            os.utime(file, (1e9 - age, 1e9 - age))
    made = ended(describe(small("one")))
    assert isinstance(made, Networks) and made.decoder.is_file() and made.encoder.is_file()
    left = {file.name.partition(".")[0] for file in paths.cache().iterdir()}
    assert left == {made.decoder.stem, "0", "1"}
