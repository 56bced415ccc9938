"""A model whose layers are wide takes a stated amount of memory, whatever is made of it."""

from __future__ import annotations

import contextvars
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from explorer.analysis.evaluation import evaluate, whole_floats
from explorer.analysis.inspection import inspect
from explorer.analysis.traversal import traverse
from explorer.checkpoints import ModelConfig, load, save
from explorer.checkpoints.store import build_model
from explorer.datasets import ArrayDataset, open_dataset
from explorer.errors import UserError
from explorer.export.films import TraversalSheet, as_gif, as_mp4, as_png
from models import batches, turns
from models.beta_vae import BetaVAE
from models.networks import Network

SIDE, CHANNELS, LATENTS = 512, 24, 16
ROOT = Path(__file__).resolve().parents[3]
RUN = """
import resource, sys
import torch
from explorer.cli import main
from explorer.checkpoints import load
from explorer.analysis import evaluation, measurement
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
main(sys.argv[1:], standalone_mode=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base, file=sys.stderr)
"""


def wide(side: int = SIDE, channels: int = CHANNELS) -> BetaVAE:
    """Few weights, and many numbers between them."""
    small = side // 32
    end: list[dict[str, Any]]
    end = [{"kind": "flatten"}, {"kind": "linear", "inputs": small * small, "outputs": 2 * LATENTS}]
    encoder: list[dict[str, Any]] = [
        {"kind": "conv", "inputs": 1, "outputs": channels, "kernel": 3, "padding": 1},
        {"kind": "relu"},
        {"kind": "conv", "inputs": channels, "outputs": 1, "kernel": 32, "stride": 32},
        *end,
    ]
    decoder: list[dict[str, Any]] = [
        {"kind": "linear", "inputs": LATENTS, "outputs": small * small},
        {"kind": "unflatten", "shape": (1, small, small)},
        {"kind": "conv-transpose", "inputs": 1, "outputs": channels, "kernel": 32, "stride": 32},
        {"kind": "relu"},
        {"kind": "conv", "inputs": channels, "outputs": 1, "kernel": 3, "padding": 1},
    ]
    torch.manual_seed(0)
    config = {"network": "layers", "shape": (1, side, side), "latents": LATENTS, "encoder": encoder, "decoder": decoder}
    return build_model(ModelConfig.model_validate(config)).requires_grad_(False).eval()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wide")
    save(wide(), folder / "model")
    pictures = np.random.default_rng(0).integers(0, 255, (40, SIDE, SIDE), np.uint8)
    np.savez(folder / "images.npz", images=pictures, factors=np.arange(40)[:, None] % 4)
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ["traverse", "{model}", "--out", "{home}/t.png"],
        ["traverse", "{model}", "--data", "npz", "--root", "{home}/images.npz", "--count", "20",
         "--out", "{home}/u.png"],
        ["evaluate", "{model}", "--data", "npz", "--root", "{home}/images.npz", "--json"],
        ["multiplier", "{model}", "--data", "npz", "--root", "{home}/images.npz", "--count", "12"],
        ["import", "{model}", "--name", "kept", "--sample", "{home}/s.png"],
        ["compare", "{model}", "{model}", "--data", "npz", "--root", "{home}/images.npz", "--count", "12",
         "--out", "{home}/c.png"],
    ],
    ids=lambda command: "-".join(command[:1]),
)  # fmt: skip
def test_no_command_takes_more_than_is_stated(home: Path, command: list[str]) -> None:
    """All rows at once would take 40 x 25 MB x 3 and more; a fifth of a gigabyte is the parts, the rest pictures."""
    filled = [part.format(model=home / "model", home=home) for part in command]
    done = subprocess.run(
        [sys.executable, "-c", RUN, *filled],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "BETA_VAE_HOME": str(home / "home"), "OMP_NUM_THREADS": "2"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stderr.strip().splitlines()[-1]) < 1_300_000  # kB


def test_parts_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    for model in (wide(64, 4), load("dsprites-beta4").model, load("mnist-beta4").model):
        z = torch.randn(7, model.latents)
        with torch.inference_mode():
            images = model.decode(z)
            whole = [model.raw(z), model.nll(z, images), model.encode(images).mean]
            with monkeypatch.context() as patched:
                patched.setattr(batches, "BUDGET", 2 * max(model._row_in(), model._row_out()))
                patched.setattr(batches, "HEAVY", 0)
                parts = [model.raw(z), model.nll(z, images), model.encode(images).mean]
                assert len(model.decode(z[:0])) == 0
        assert all(torch.allclose(a, b, rtol=1e-5, atol=1e-5) for a, b in zip(whole, parts, strict=True))


def test_what_is_stated_is_what_a_layer_takes_whatever_its_kind() -> None:
    model = wide(64, 4)
    assert model.network.width("decoder") == 2 * 4 * 64 * 64  # the relu: what goes in and what comes out
    mlp = build_model(ModelConfig(network="mlp", shape=(1, 8, 8), latents=3))
    assert mlp.network.width("decoder") == 1200 + 1200
    linear = build_model(ModelConfig(network="linear", shape=(3, 4, 5), latents=2))
    assert linear.network.width("encoder") == 60 + 4
    assert not any(parameter.is_meta for parameter in linear.parameters())


class Bare(torch.nn.Module):
    """A person's own network: shape, latents, encode and decode, and nothing that tells its width."""

    def __init__(self, within: Any) -> None:
        super().__init__()
        self.within, self.shape, self.latents = within, within.shape, within.latents

    def encode(self, images: torch.Tensor) -> Any:
        return self.within.encode(images)

    def decode(self, z: torch.Tensor) -> Any:
        return self.within.decode(z)


def test_a_network_that_only_encodes_and_decodes_is_measured_like_any_other() -> None:
    whole = build_model(ModelConfig(network="mlp", shape=(1, 28, 28), latents=3)).eval()
    bare = BetaVAE(cast(Network, Bare(whole.network)), whole.likelihood).eval()
    assert bare.rows == whole.rows
    data = ArrayDataset("noise", torch.randint(0, 256, (30, 1, 28, 28), dtype=torch.uint8), "noise")
    assert evaluate(bare, data).kl == evaluate(whole, data).kl


def test_more_pictures_than_one_asker_is_given_are_refused_in_a_sentence() -> None:
    model = wide(64, 4)
    ends = np.full(LATENTS, -1.0), np.full(LATENTS, 1.0)
    with pytest.raises(UserError, match="fewer steps"):
        traverse(model, np.zeros(LATENTS), list(range(16)), *ends, 2000)
    data = open_dataset("dsprites", size=64)
    with pytest.raises(UserError, match="take fewer"):
        inspect(load("dsprites-beta4").model, data, range(20_000))


def test_pictures_enlarged_beyond_what_one_asker_is_given_are_refused_in_a_sentence() -> None:
    sheet = TraversalSheet(np.zeros((10, 11, 64, 64, 3), np.uint8), [f"z{j}" for j in range(10)])
    assert len(as_png(sheet, 2)) > 0
    for make in (as_png, as_gif, as_mp4):
        with pytest.raises(UserError, match=r"scale 16 .* MB, more than 256: take a smaller scale"):
            make(sheet, 16)


def test_heavy_work_takes_turns_and_who_leaves_ends_at_the_next_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BUDGET", 1)
    monkeypatch.setattr(batches, "HEAVY", 0)
    at_once, most, begun, lock = 0, 0, threading.Event(), threading.Lock()
    go = threading.Event()

    def work(x: torch.Tensor) -> tuple[torch.Tensor]:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
            if at_once == turns.AT_ONCE:
                begun.set()
        go.wait()
        with lock:
            at_once -= 1
        return (x,)

    left: list[int] = []

    def asker(number: int) -> None:
        with torch.inference_mode():
            batches.in_parts(work, lambda: 100, torch.zeros(6, 1))

    class Gone(BaseException):
        pass

    def leaver() -> None:
        def gone() -> None:
            raise Gone

        turns.between.set(gone)
        try:
            asker(0)
        except Gone:
            left.append(1)

    threads = [threading.Thread(target=asker, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    begun.wait()
    leaving = threading.Thread(target=contextvars.copy_context().run, args=(leaver,))
    leaving.start()
    leaving.join()  # while both turns are taken
    assert left == [1]
    go.set()
    for thread in threads:
        thread.join()
    assert most == turns.AT_ONCE


def test_a_page_is_not_given_what_it_could_not_decode(home: Path) -> None:
    command = [sys.executable, "-m", "explorer", "export", str(home / "model"), "--to", "onnx", "--for-page"]
    done = subprocess.run([*command, "--out", str(home / "m.onnx")], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "a page decodes" in done.stderr and not (home / "m.onnx").exists()
    assert json.loads((home / "model" / "config.json").read_text())["latents"] == LATENTS


def test_whoever_goes_first_leaves_the_others_their_whole_floats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    first, second = whole_floats(), whole_floats()
    first.__enter__(), second.__enter__()
    first.__exit__(None, None, None)
    assert not torch.backends.cudnn.allow_tf32  # the second still computes
    second.__exit__(None, None, None)
    assert torch.backends.cudnn.allow_tf32
