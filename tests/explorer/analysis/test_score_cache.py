"""What a score's name holds: the code that computes it, all of it and no other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from explorer import analysis
from explorer.analysis import score_cache

HERE = Path(analysis.__file__).parent


def imported(file: Path) -> set[Path]:
    """The files of explorer.analysis that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("explorer.analysis"):
            module = Path(*node.module.split(".")[1:])
            places = [module, *(module / alias.name for alias in node.names)]
            found |= {HERE.parent / place.with_suffix(".py") for place in places}
    return {file for file in found if file.is_file()}


def test_the_code_in_a_scores_name_is_all_that_computes_it() -> None:
    reached, new = set(), {HERE / "measurement.py"}
    while new:
        reached |= new
        new = {other for file in new for other in imported(file)} - reached
    outside = {file.stem for file in reached if file.parent == HERE} - {"score_cache"}
    assert outside == set(score_cache.COMPUTES)
    assert {file.parent.name for file in reached if file.parent != HERE} == {"metrics"}


def test_a_change_of_a_metrics_code_changes_the_name_of_a_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "metrics").mkdir()
    for name in (*score_cache.COMPUTES, "report", "metrics/mig_score"):
        (tmp_path / f"{name}.py").write_text(f"# {name}\n")
    monkeypatch.setattr(score_cache, "__file__", str(tmp_path / "score_cache.py"))

    def key() -> str:
        score_cache._code.cache_clear()
        return score_cache.score_key(["of a model"], "data", "mig", "fast", 0, "mean", 5, 5000)

    before = key()
    (tmp_path / "report.py").write_text("# how scores are written down\n")
    assert key() == before
    (tmp_path / "repeats.py").write_bytes(b"# repeats\r\n")  # the same lines, as another system ends them
    assert key() == before
    (tmp_path / "metrics" / "mig_score.py").write_text("# another estimate\n")
    assert key() != before
    monkeypatch.undo()
    score_cache._code.cache_clear()
