"""The models that a server holds in memory for its pages."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from explorer.checkpoints import describe, load
from explorer.ui import page_cache
from explorer.ui.open_model import LeastRecent

from .conftest import make


def test_the_model_used_least_recently_goes() -> None:
    made = []

    def make_one(key: str) -> str:
        return kept.get(key, lambda: (made.append(key) or key, 10))

    kept: LeastRecent[str] = LeastRecent(3, 1000)
    for key in "abcadb":  # d pushes out b, then b pushes out c
        make_one(key)
    assert made == list("abcdb") and list(kept.kept) == ["a", "d", "b"]
    small: LeastRecent[str] = LeastRecent(3, 15)
    small.get("x", lambda: ("x", 10))
    small.get("y", lambda: ("y", 100))  # more than is allowed, and all the same the one that is used
    assert "x" not in small and "y" in small
    with pytest.raises(ZeroDivisionError):
        small.get("z", lambda: (str(1 / 0), 1))
    assert "z" not in small and small.get("z", lambda: ("z", 1)) == "z"


def test_twenty_sessions_that_explore_different_models_get_each_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """All at once, over and over; no more models are held than the limit, and no picture is another's."""
    monkeypatch.setattr(page_cache, "_models", LeastRecent(4, 1 << 30))
    wanted = {}
    for number in range(20):
        make(f"m{number}", seed=number, network="linear", shape=(1, 16, 16))
        with torch.inference_mode():
            wanted[number] = load(f"m{number}").model.decode(torch.ones(1, 4))[0].numpy()
    wrong, most = [], []

    def session(number: int) -> None:
        description = describe(f"m{number}")
        for _ in range(3):
            shown = page_cache.decoded(description, [1.0] * 4)
            most.append(len(page_cache._models.kept))
            if not np.allclose(shown, wanted[number], atol=1e-6):
                wrong.append(number)

    threads = [threading.Thread(target=session, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [] and len(most) == 60 and max(most) <= 4
