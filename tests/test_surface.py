"""The names that scripts, notebooks and other programs rely on, used as documented."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = """
import tempfile, pathlib
from explorer.datasets import open_dataset
data = open_dataset("dsprites", size=64)
assert len(data) == 737_280
images = data.images([0, 5, 99])
assert tuple(images.shape) == (3, 1, 64, 64) and str(images.dtype) == "torch.uint8"
assert len(data.factor_names) == len(data.factor_sizes) == 5
factors = data.factors([0, 5, 99])
assert tuple(factors.shape) == (3, 5) and str(factors.dtype) == "torch.int64"

from explorer.checkpoints import load, save
checkpoint = load("dsprites-beta4"); model = checkpoint.model
images = images.float() / 255
posterior = model.encode(images)
assert posterior.mean.shape == posterior.log_var.shape == posterior.kl().shape == (3, 10)
import torch
z = posterior.sample(torch.Generator().manual_seed(0))
decoded = model.decode(z)
assert decoded.shape == images.shape and 0 <= decoded.min() and decoded.max() <= 1

from explorer.training import TrainConfig, train
folder = pathlib.Path(tempfile.mkdtemp())
config = TrainConfig(data="dsprites", size=32, steps=3, batch_size=4, eval_images=4)
trained = train(config, folder / "run")
assert load(folder / "run").hash == trained.hash
again = load(save(trained.model, folder / "copy"))
assert torch.equal(again.model.decode(z[:, :10]), trained.model.decode(z[:, :10]))

from explorer.analysis import metrics
codes = model.encode(data.images(range(0, 737_280, 1000)).float() / 255).mean
found = data.factors(range(0, 737_280, 1000))
value = metrics.mig(codes, found, seed=0, preset="full").value
assert 0 <= value <= 1
for name in "mig dci factor_vae beta_vae sap modularity explicitness irs udr".split():
    assert callable(getattr(metrics, name))
print("surface ok")
"""


def test_a_plain_script_may_rely_on_every_name(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:explorer", "-c", textwrap.dedent(SCRIPT)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=ROOT,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip().endswith("surface ok")


def explorer(*arguments: object) -> str:
    command = [sys.executable, "-m", "explorer", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_every_setting_of_the_train_command_is_there(tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = (
        "train --data dsprites --objective beta --beta 4 --network burgess --latents 10 --steps 4 "
        f"--batch-size 64 --seed 0 --device auto --out {run}"
    )
    explorer(*command.split())
    explorer(*command.split(), "--resume")
    assert (run / "checkpoint" / "model.safetensors").exists()


def test_evaluate_prints_the_promised_json() -> None:
    found = json.loads(
        explorer("evaluate", "dsprites-beta4", "--data", "dsprites", "--split", "train",
                 "--count", 200, "--seed", 0, "--json")
    )  # fmt: skip
    assert found.keys() >= {"reconstruction", "kl", "kl_per_dimension"}
    assert found["kl"] == pytest.approx(sum(found["kl_per_dimension"]), rel=1e-6)


def test_measure_prints_the_promised_json() -> None:
    found = json.loads(
        explorer("measure", "dsprites-beta4", "--data", "dsprites", "--metrics", "mig,dci",
                 "--preset", "fast", "--count", 1500, "--json")
    )  # fmt: skip
    assert set(found["metrics"]) == {"mig", "dci"}


def test_a_model_can_be_exported_and_imported_by_the_documented_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path))
    explorer("export", "dsprites-beta4", "--to", "hf", "--out", tmp_path / "given")
    explorer("import", tmp_path / "given", "--name", "taken")
    assert "taken" in explorer("evaluate", "taken", "--count", 50)
    explorer("traverse", "taken", "--out", tmp_path / "grid.png", "--count", 50)
    assert "no runs yet" in explorer("runs")
