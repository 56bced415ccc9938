"""Runs in the project itself, on runs and models of a kind that it does not have: what is said of them."""

from __future__ import annotations

import sys
from pathlib import Path

from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from explorer.cli import main  # noqa: E402


def shell(*words: str) -> tuple[int, str]:
    """How a command ends, and what it says."""
    result = CliRunner().invoke(main, list(words))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def words(page: str, **params: str | list[str]) -> str:
    """All that a page says."""
    at = AppTest.from_file(str(PROJECT / "app.py"), default_timeout=400)
    at.run().switch_page(f"pages/{page}.py")
    at.query_params.clear()
    for name, value in params.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception, (page, at.exception)
    said = [e.value for e in (*at.markdown, *at.caption, *at.error, *at.warning, *at.info)]
    return "\n".join(map(str, said)).replace("\\", "")


if __name__ == "__main__":
    code, said = shell("train", "--objective", "centred", "--out", "nowhere")
    assert code and "objective: must be 'beta'" in said and "'centred'" in said, said
    code, said = shell("library", "list")
    assert "network: must be 'burgess'" in said, said
    code, said = shell("evaluate", "whole")
    assert code and "network: must be 'burgess'" in said and "Traceback" not in said, said
    for page, params in (
        ("library", {}),
        ("explore", {"model": "whole"}),
        ("compare", {"model": ["whole", "parts"]}),
        ("train", {"run": "whole"}),
        ("measure", {"model": "whole"}),
        ("insight", {"model": "whole"}),
        ("train", {"objective": "centred", "pull": "3"}),
    ):
        said = words(page, **params)
        assert "must be" in said.lower(), (page, params, said)
    words("theory")
    print("all asked")
