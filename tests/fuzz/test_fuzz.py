"""A short run of the fuzzer: `python -m tests.fuzz` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.__main__ import FORMATS, run


@pytest.mark.parametrize("name", FORMATS)
def test_a_mutated_checkpoint_is_refused_in_a_sentence_or_loads_correctly(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path / "home"))
    result = run(
        name, 60, 1, tmp_path, seconds=60
    )  # how fast this machine is, is not the question here
    assert result["failures"] == []
    assert result["loaded"] > 1
