"""Form 1 on real pictures: the multiplier is found, the constraint holds, and slack frees it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.analysis.evaluation import EvaluationResult, evaluate
from explorer.datasets import open_dataset
from explorer.training import TrainConfig, train
from explorer.training.directory import RunDirectory


def run(epsilon: float, path: Path, steps: int = 800) -> tuple[EvaluationResult, list[dict[str, Any]]]:
    config = TrainConfig(
        data="dsprites",
        size=32,
        objective="constrained",
        epsilon=epsilon,
        steps=steps,
        batch_size=32,
        schedule="cosine",
        eval_every=steps,
        save_every=steps,
        log_every=10,
        threads=1,
    )
    checkpoint = train(config, path)
    result = evaluate(checkpoint.model, open_dataset("dsprites", size=32), count=2000)
    records = [r for r in RunDirectory(path).metrics() if r["kind"] == "train"]
    return result, records


@pytest.mark.parametrize("epsilon", [6.0, 10.0])
def test_the_kl_ends_at_epsilon_with_a_positive_multiplier(epsilon: float, tmp_path: Path) -> None:
    result, records = run(epsilon, tmp_path / "run")
    assert result.kl == pytest.approx(epsilon, rel=0.05)
    assert all(record["beta"] >= 0 for record in records)
    last = records[-20:]
    assert np.mean([record["beta"] for record in last]) > 0.5
    product = np.mean([record["beta"] * record["violation"] for record in last])
    assert abs(product) < 0.02 * np.mean([record["reconstruction"] for record in last])


def test_a_constraint_out_of_reach_leaves_an_autoencoder(tmp_path: Path) -> None:
    result, records = run(300.0, tmp_path / "run", steps=300)
    assert records[-1]["beta"] == 0
    assert 40 < result.kl < 300  # a β of 1 keeps about 13 nats at this point
