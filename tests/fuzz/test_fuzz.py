"""A short run of the fuzzer: `python -m tests.fuzz` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.__main__ import FORMATS, run
from tests.fuzz.trying import Asked


@pytest.mark.parametrize("name", FORMATS)
def test_a_mutated_checkpoint_is_refused_in_a_sentence_or_loads_correctly(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path / "home"))
    if name == "onnx":
        pytest.importorskip("onnx")
    # How fast this machine is, is not the question here.
    result = run(Asked(name, 60, 1, tmp_path, seconds=60))
    assert result["failures"] == []
    assert result["loaded"] > 1
