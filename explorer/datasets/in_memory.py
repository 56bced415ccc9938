"""What all data sets that are held in memory share: caps, size and colour, a hash of content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]
import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.errors import UserError
from explorer.files import printable

MAX_BYTES = 8 * 2**30  # no data set takes more memory than this
MEMORY_SHARE = 0.8  # of what is free
CHUNK = 1024  # images that are resized at a time


def check_fits(needed: int, what: str) -> None:
    """Raises UserError, before memory is taken, when `needed` bytes are more than may be."""
    room = min(MAX_BYTES, int(psutil.virtual_memory().available * MEMORY_SHARE))
    if needed > room:
        raise UserError(
            f"{what} would take {_amount(needed)} of memory, and {_amount(room)} is the most that "
            f"can be used here: give fewer images or a smaller size"
        )


def _amount(count: int) -> str:
    return f"{count / 2**30:,.1f} GB" if count >= 2**30 else f"{count / 2**20:,.1f} MB"


def kind_of(path: Path) -> str | None:
    """ "file", "folder", "other" (a device, a pipe), or None where there is nothing.

    Raises:
        UserError: it can't be looked at.
    """
    try:
        if path.is_dir():
            return "folder"
        if path.is_file():
            return "file"
        return "other" if path.exists() else None
    except OSError as error:
        raise UserError(f"{printable(path)} can't be read: {error.strerror or error}") from error


def resized(images: Tensor, size: int | None, channels: int | None, what: str) -> Tensor:
    """Images `(N, C, H, W)`, uint8, in the asked size and colour; None keeps what there is.

    Images that aren't square are cropped to their central square first; then resized bilinearly,
    with antialiasing, as Pillow does it. Grey becomes colour by repeating it, and colour grey by
    ITU-R 601 luma.

    Raises:
        UserError: the result would not fit into memory.
    """
    count, old_channels, height, width = images.shape
    new_channels = channels or old_channels
    new_height, new_width = (size, size) if size else (height, width)
    if (new_channels, new_height, new_width) == (old_channels, height, width):
        return images.contiguous()
    check_fits(count * new_channels * new_height * new_width, what)
    out = torch.empty((count, new_channels, new_height, new_width), dtype=torch.uint8)
    for start in range(0, count, CHUNK):
        chunk = images[start : start + CHUNK]
        if size and (height, width) != (size, size):
            chunk = F.interpolate(_central_square(chunk).contiguous(), size=size, mode="bilinear", antialias=True)
        out[start : start + CHUNK] = recoloured(chunk, new_channels)
    return out


def _central_square(images: Tensor) -> Tensor:
    height, width = images.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return images[:, :, top : top + side, left : left + side]


def recoloured(images: Tensor, channels: int) -> Tensor:
    """uint8 images `(n, C, H, W)` with `channels` channels, 1 or 3; C is 1 or 3."""
    if images.shape[1] == channels:
        return images
    if channels == 3:
        return images.expand(-1, 3, -1, -1)
    weights = torch.tensor([0.299, 0.587, 0.114], device=images.device)
    return torch.einsum("nchw,c->nhw", images.float(), weights).round().to(torch.uint8)[:, None]


def digest(images: Tensor, factors: Tensor | None = None, names: Sequence[str] = ()) -> str:
    """A hash of all that a data set in memory consists of: equal exactly when the data are."""
    content = hashlib.blake2b(digest_size=16)
    for tensor in (images, factors):
        if tensor is not None:
            content.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
            content.update(tensor.contiguous().numpy().data)
    content.update("\n".join(names).encode("utf-8", "replace"))
    return content.hexdigest()
