"""Twenty sessions that explore twenty models at the same time."""

from __future__ import annotations

import gc
import json
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from explorer.analysis.evaluation import evaluate
from explorer.analysis.inspection import decode
from explorer.checkpoints import Description, ModelConfig, describe, load, save
from explorer.checkpoints.store import build_model
from explorer.datasets import open_dataset
from explorer.ui import page_cache
from explorer.ui.open_model import LeastRecent
from models.beta_vae import BetaVAE

from .conftest import Lab
from .driving import Session

MANY, IMAGES = 20, 10
TRAINING = {"objective": "beta", "beta": 4.0, "data": "dsprites", "latents": 3}


@pytest.fixture(scope="module")
def models(lab: Lab) -> list[Description]:
    """As many small models in the server's library, untrained but each its own."""
    found = []
    for number in range(MANY):
        torch.manual_seed(number)
        model = build_model(ModelConfig(network="compact", shape=(1, 32, 32), latents=3))
        path = save(model, lab.home / "library" / f"model-{number}", training=TRAINING)
        found.append(describe(Path(path)))
        for kind in ("onnx", "encoder.onnx"):  # no browser decodes here, so nothing has to be exported
            file = lab.home / "cache" / f"{found[-1].hash}.{kind}"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(b"made already")
    return found


def test_each_sees_its_own_model_at_its_own_place(lab: Lab, models: list[Description]) -> None:
    def explore(number: int) -> list[dict[str, Any]]:
        address = f"model=model-{number}&count={IMAGES}&z={number / 10},,{-number / 10}"
        with lab.client() as client, Session(client) as session:
            seen = [session.explore(address)]
            started.wait()  # each has its model on the page when the first looks again
            if number % 5 == 0:
                seen.append(session.explore(address))
            return [json.loads(each.component[1]) for each in seen]

    started = threading.Barrier(MANY, timeout=300)
    with ThreadPoolExecutor(MANY) as pool:
        seen = list(pool.map(explore, range(MANY)))
    data = open_dataset("dsprites", size=32)
    for number, (description, looks) in enumerate(zip(models, seen, strict=True)):
        measured = evaluate(load(description.path).model, data, count=IMAGES, seed=page_cache.SEED)
        for shown in looks:
            assert shown["hash"] == description.hash
            assert shown["z"] == [number / 10, 0.0, -number / 10]
            kl = [float(value) for value in measured.kl_per_dimension]
            assert [each["kl"] for each in shown["dims"]] == pytest.approx(kl, abs=1e-4)


def test_a_bounded_number_of_models_is_held_and_the_least_recently_used_one_goes(
    models: list[Description], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_cache, "_models", LeastRecent(page_cache.MODELS, page_cache.MODEL_BYTES))
    alone = {d.hash: decode(load(d.path).model, [0.5, -1.0, 2.0]) for d in models}
    gc.collect()
    before = sum(issubclass(type(each), BetaVAE) for each in gc.get_objects())

    def look(description: Description) -> bool:
        pictures = [page_cache.decoded(description, [0.5, -1.0, 2.0]) for _ in range(3)]
        return all(np.array_equal(picture, alone[description.hash]) for picture in pictures)

    with ThreadPoolExecutor(MANY) as pool:
        assert all(pool.map(look, models * 2))
    gc.collect()
    held = sum(issubclass(type(each), BetaVAE) for each in gc.get_objects()) - before
    assert 1 <= held <= page_cache.MODELS < MANY

    kept, left = page_cache.model(models[0]), weakref.ref(page_cache.model(models[1]))
    for description in models[2 : page_cache.MODELS + 1]:
        assert page_cache.model(models[0]) is kept  # in use all the time
        page_cache.model(description)
    gc.collect()
    assert left() is None
    assert page_cache.model(models[0]) is kept
