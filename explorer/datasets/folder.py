"""A person's own pictures: whatever can be read in a folder and below it, made square and equal."""

from __future__ import annotations

import os
from pathlib import Path

from torch import Tensor

from explorer.datasets.base import ArrayDataset
from explorer.datasets.in_memory import digest, kind_of, recoloured
from explorer.datasets.names import Request
from explorer.datasets.picture_files import NO_PICTURE, read_pictures
from explorer.errors import UserError
from explorer.files import printable

NATIVE = 64
# Files that call themselves pictures, whether or not their kind can be read.
SUFFIXES = frozenset({
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff",
    ".heic", ".heif", ".avif", ".jp2", ".svg", ".psd", ".ico", ".ppm", ".pgm", ".tga", ".dng",
})  # fmt: skip
MAX_FILES = 1_000_000
MAX_NAMED = 50  # refused files that are named one by one


def opened(request: Request) -> ArrayDataset:
    """As the table of data sets asks for it."""
    assert request.root is not None  # the table says that it is needed
    return open_folder(request.root, request.size or NATIVE, request.channels)


def open_folder(root: Path, size: int = NATIVE, channels: int | None = None) -> ArrayDataset:
    """Every picture in `root` and below, in the order of their names, held in memory.

    Each is turned upright, cropped to its central square and resized to `size` x `size`, bilinearly
    with antialiasing. They are grey where every pixel of every picture is, and colour otherwise,
    unless `channels` says 1 or 3. Hidden files are passed over, and so are files that neither are
    pictures nor call themselves so; every other file that can't be used is named in `notes`, with
    the reason.

    Raises:
        UserError: no such folder, or nothing in it that can be used; one sentence.
    """
    kind = kind_of(root)
    if kind != "folder":
        what = "there is no folder" if kind is None else f"this is a {kind}, not a folder:"
        raise UserError(f"{what} {printable(root)}; a folder with pictures is wanted")
    paths, refused = listed(root)
    images, _, unreadable, seen = read_pictures(paths, size, f"{len(paths):,} files of {printable(root)}")
    for number, reason in unreadable:
        path = paths[number]
        if reason != NO_PICTURE or path.suffix.lower() in SUFFIXES:
            refused.append((os.path.relpath(path, root), reason))
    refused.sort()
    if len(images) == 0:
        raise UserError(_nothing_left(root, refused))
    if channels is None:
        channels = 1 if _all_grey(images) else 3
    images = recoloured(images, channels).contiguous()
    notes = (*seen.notes(), *refusals(refused))
    return ArrayDataset("folder", images, f"folder/{digest(images)}", notes=notes)


def listed(root: Path) -> tuple[list[Path], list[tuple[str, str]]]:
    """Files that may be pictures, sorted by name, and what is refused unread, with reasons."""
    inside = os.path.realpath(root)
    paths: list[Path] = []
    refused: list[tuple[str, str]] = []

    def refuse(path: str | Path, reason: str) -> None:
        refused.append((os.path.relpath(path, root), reason))

    def cannot_enter(error: OSError) -> None:
        refuse(error.filename, f"can't be opened: {error.strerror}")

    for folder, subfolders, files in os.walk(root, onerror=cannot_enter):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        names = [name for name in files if not name.startswith(".")]
        for path in (Path(folder, name) for name in [*subfolders, *names]):
            if path.is_symlink() and not _is_inside(inside, path):
                refuse(path, "is a link that leaves the folder")
            elif path.is_file():
                paths.append(path)
            elif path.suffix.lower() in SUFFIXES and not path.is_dir():
                refuse(path, "is not a regular file")
        if len(paths) > MAX_FILES:
            raise UserError(f"{printable(root)} holds more than {MAX_FILES:,} files, which is the most")
    return sorted(paths, key=lambda path: path.relative_to(root).parts), refused


def _is_inside(folder: str, path: Path) -> bool:
    return os.path.commonpath([folder, os.path.realpath(path)]) == folder


def _all_grey(images: Tensor) -> bool:
    return all(
        bool((chunk[:, :1] == chunk[:, 1:]).all()) for chunk in images.split(256)
    )  # chunk by chunk: the first coloured one settles it


def refusals(refused: list[tuple[str, str]]) -> tuple[str, ...]:
    """One sentence a refused file; past `MAX_NAMED` of them the rest are counted."""
    notes = [f"{printable(name)} was left out: it {reason}." for name, reason in refused[:MAX_NAMED]]
    if len(refused) > MAX_NAMED:
        notes.append(f"{len(refused) - MAX_NAMED:,} more files were left out ({len(refused):,} in all).")
    return tuple(notes)


def _nothing_left(root: Path, refused: list[tuple[str, str]]) -> str:
    wanted = "PNG, JPEG, WebP, BMP, GIF or TIFF pictures are wanted"
    if not refused:
        return f"{printable(root)} holds no pictures; {wanted}"
    told = "; ".join(f"{printable(name)} {reason}" for name, reason in refused[:5])
    more = f"; and {len(refused) - 5:,} more" if len(refused) > 5 else ""
    return f"{printable(root)} holds no picture that can be used: {told}{more}; {wanted}"
