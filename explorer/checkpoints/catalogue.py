"""Where checkpoints are found: shipped ones, the person's library, and finished or running runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from explorer import paths
from explorer.errors import UserError

MAX_NAME = 120


@dataclass(frozen=True)
class Entry:
    """A checkpoint's place; `origin` is "shipped", "library" or "run"."""

    name: str
    path: Path
    origin: str


def catalogue() -> list[Entry]:
    """Every checkpoint at hand, shipped first. A name that comes twice means its first entry.

    A run of a sweep is called by both names: sweep/run.
    """
    entries: dict[str, Entry] = {}
    for origin, root, folders in (
        ("shipped", paths.PRETRAINED, ("*",)),
        ("library", paths.library(), ("*",)),
        ("run", paths.runs(), ("*/checkpoint", "*/*/checkpoint")),  # runs, and runs of a sweep
    ):
        for path in sorted(found for pattern in folders for found in root.glob(pattern)):
            if (path / "config.json").is_file() and (path / "model.safetensors").is_file():
                name = (path.parent if origin == "run" else path).relative_to(root).as_posix()
                entries.setdefault(name, Entry(name, path, origin))
    return list(entries.values())


def find(name_or_path: str | Path) -> Path:
    """The directory of a checkpoint: a name in the catalogue, or a path to it or to its run.

    Raises:
        UserError: there is none; the sentence names those there are.
    """
    text = str(name_or_path)
    known = {entry.name: entry.path for entry in catalogue()}
    if text in known and not isinstance(name_or_path, Path):
        return known[text]
    try:
        path = Path(text).expanduser().resolve()
        for candidate in (path, path / "checkpoint"):
            if (candidate / "config.json").is_file() and (candidate / "model.safetensors").exists():
                return candidate
        if (path / "state.json").is_file():
            raise UserError(f"the run in {text} has not saved a model yet")
        if path.is_dir():
            raise UserError(f"{text} is a folder without config.json and model.safetensors in it")
    except UserError:
        raise
    except (OSError, ValueError, RuntimeError):  # names too long, NUL bytes, loops of links
        pass
    raise UserError(
        f"there is no model {text[:200]!r}; there are {', '.join(known) or 'none yet'}, "
        "or give the path of a checkpoint"
    )


def place(to: str | Path) -> Path:
    """Where `save` puts a checkpoint: a bare name goes into the library, a path is taken as it is.

    Raises:
        UserError: a name that can't be a folder's.
    """
    if isinstance(to, Path) or "/" in to or "\\" in to or to in {".", ".."}:
        return paths.absolute(to)
    if not to.strip() or to.startswith(".") or len(to) > MAX_NAME or not to.isprintable():
        raise UserError(f"{to[:MAX_NAME]!r} can't be the name of a model")
    return paths.library() / to
