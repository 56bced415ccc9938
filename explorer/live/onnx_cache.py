"""A checkpoint's decoder and encoder as ONNX files, made once for each content of its weights; those of a model for
every β take log β beside.

They lie beside the weights of a shipped model, else in the cache, where they outlive a model that is deleted
or renamed while it is open. What is missing is exported by the command that a person would type, in a process
of its own: the app stays quick and small meanwhile.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from explorer import background, paths
from explorer.cache import Cache
from explorer.checkpoints import Checkpoint, Description
from explorer.errors import UserError
from explorer.files import write_atomic

CACHE = Cache(most_files=2 * 64, pattern="*.onnx")  # two of each model
AT_ONCE = 2  # exports: each is a process with torch in it


@dataclass(frozen=True)
class Networks:
    """ONNX files of one model: z -> images, and images -> mean, log_var."""

    decoder: Path
    encoder: Path


@dataclass(frozen=True)
class _Export:
    process: subprocess.Popen[bytes]
    said: Path


_lock = threading.Lock()
_exports: dict[str, _Export] = {}
_failed: dict[str, str] = {}


def prepare(description: Description) -> Networks | str | None:
    """The files of a model; why they can't be made; or None while they, or others before, are being made."""
    with _lock:
        export = _exports.get(description.content)
        if export is not None:
            if export.process.poll() is None:
                return None
            del _exports[description.content]
            _finish(description, export)
        if description.content in _failed:
            return _failed[description.content]
        made = found(description)
        if made is not None:
            return _kept(made, description)
        if not (description.path / "config.json").is_file():
            return "its files are no longer there"
        if sum(export.process.poll() is None for export in _exports.values()) < AT_ONCE:
            _exports[description.content] = _start(description)
        return None


def found(description: Description | Checkpoint) -> Networks | None:
    """The files of a model, where they have been made already."""
    for folder in (description.path, paths.cache()):
        decoder = folder / f"{description.content}.onnx"
        made = Networks(decoder, decoder.with_suffix(".encoder.onnx"))
        if made.decoder.is_file() and made.encoder.is_file():
            return made
    return None


def _kept(made: Networks, description: Description) -> Networks:
    """The same files in the cache, where they lie beside the weights of a model that can be moved away."""
    if made.decoder.parent != description.path or description.path.parent == paths.PRETRAINED:
        return made
    kept = Networks(*(paths.cache() / file.name for file in (made.decoder, made.encoder)))
    try:
        for file, to in ((made.encoder, kept.encoder), (made.decoder, kept.decoder)):
            if not to.is_file():
                write_atomic(to, file.read_bytes())
    except (UserError, OSError):  # no room for them
        return made
    return kept


def _finish(description: Description, export: _Export) -> None:
    """Look at what an export left: files, or a reason why not."""
    said = export.said.read_text(errors="replace").strip().splitlines()
    export.said.unlink()
    made = found(description)
    if made is None:
        reason = said[-1].removeprefix("error: ") if said else "the export ended without a word"
        _failed[description.content] = reason[:200]
    elif description.content.encode() not in made.decoder.read_bytes():
        # The checkpoint was replaced while it was exported, and has another content now.
        made.decoder.unlink(missing_ok=True)
        made.encoder.unlink(missing_ok=True)
    else:
        CACHE.tidy()


def _start(description: Description) -> _Export:
    paths.cache().mkdir(parents=True, exist_ok=True)
    said = paths.cache() / f"{description.content}.log"
    target = paths.cache() / f"{description.content}.onnx"
    command = [sys.executable, "-m", "explorer", "export", str(description.path), "--to", "onnx", "--for-page"]
    more = {"OMP_NUM_THREADS": "1", "BETA_VAE_HOME": str(paths.home())}
    return _Export(background.start([*command, "--out", str(target)], [], said, more=more), said)
