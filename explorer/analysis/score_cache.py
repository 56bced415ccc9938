"""What was measured once: scores and codes on disk, found by what they were computed from.

A file is named by a hash of the checkpoint's content, the data's identity, every setting, and the
code of the scores itself; nothing in it can be out of date. What can't be read counts as not there.
Scores of shipped models lie beside them, under the same names: one is found only by what it was computed
from, and by the same code.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from explorer import paths
from explorer.analysis.score_inputs import Representation
from explorer.analysis.scores import Preset
from explorer.cache import MOST_IN_A_FILE, Cache
from explorer.errors import UserError
from explorer.files import read_json

CACHE = Cache("measure", most_bytes=1 << 30)


SHIPPED = "scores.json"  # beside a shipped checkpoint: its scores by their names in this cache
COMPUTES = ("evaluation", "measurement", "repeats", "score_inputs", "scores")  # a score, with all of metrics/


def key(*what: Any) -> str:
    """A name for whatever was computed from `what`, which must be JSON's kind of values."""
    return _hash(_code("*"), *what)


def _hash(*what: Any) -> str:
    text = json.dumps(what, sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@lru_cache
def _code(*names: str) -> str:
    """A hash of the code that computes, which are these files beside this one: other code may give other numbers."""
    here = Path(__file__).parent
    content = hashlib.blake2b(digest_size=16)
    chosen = [file for name in names for file in here.glob(f"{name}.py")]
    for file in sorted([*chosen, *(here / "metrics").glob("*.py")]):
        content.update(file.read_bytes().replace(b"\r\n", b"\n"))  # as some checkouts write the same line
    return content.hexdigest()


def score_key(
    models: Sequence[str],
    data: str,
    name: str,
    preset: Preset,
    seed: int,
    representation: Representation,
    repeats: int,
    count: int,
) -> str:
    """The name of a score of these models' contents on that data with these settings."""
    code = _code(*COMPUTES)
    return _hash(code, "score", list(models), data, name, preset, seed, representation, repeats, count)


def read_score(name: str) -> Any | None:
    """The result that was kept under that key, or that is shipped, as plain JSON values."""
    with suppress(UserError):
        return read_json(CACHE.folder / f"{name}.json", MOST_IN_A_FILE)
    return shipped_scores(paths.PRETRAINED).get(name)


@lru_cache(maxsize=4)
def shipped_scores(folder: Path) -> dict[str, Any]:
    """All scores that lie beside the checkpoints in `folder`, by their keys; read once."""
    found: dict[str, Any] = {}
    for file in sorted(folder.glob(f"*/{SHIPPED}")):
        with suppress(UserError):
            said = read_json(file)
            found |= said if isinstance(said, dict) else {}
    return found


def write_score(name: str, result: Any) -> None:
    """Keep a result."""
    CACHE.write(f"{name}.json", json.dumps(result, allow_nan=False).encode())


def read_arrays(name: str) -> dict[str, np.ndarray] | None:
    """The arrays that were kept under that key."""
    try:
        with np.load(CACHE.folder / f"{name}.npz", allow_pickle=False) as stored:
            return {part: stored[part] for part in stored.files}
    except Exception:  # a damaged archive fails in many ways, and all mean that it isn't there
        return None


def write_arrays(name: str, arrays: dict[str, np.ndarray]) -> None:
    """Keep arrays."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    CACHE.write(f"{name}.npz", buffer.getvalue())
