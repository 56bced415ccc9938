"""The header of a safetensors file, held against the file before anything of it is read.

The format: 8 bytes of length, a JSON table of names with dtype, shape and place, then the numbers. Here every
place must be the size that its shape comes to, and the places must fill the file without a gap or an overlap.
"""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import UserError
from explorer.files import open_regular

if TYPE_CHECKING:
    from torch import Tensor

MAX_WEIGHT_BYTES = 2 << 30
MAX_HEADER_BYTES = 1 << 20
MAX_AXES = 8
DTYPES = {"F32": 4, "F16": 2, "BF16": 2, "F64": 8}
COUNTERS = {"I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}  # such as num_batches_tracked
Header = dict[str, tuple[str, tuple[int, ...]]]


def read_header(file: Path, root: Path | None = None) -> Header:
    """Type and shape of every tensor in a safetensors file, from its header alone.

    Raises:
        UserError: not a regular file within `root`, too large, truncated, or a header that lies.
    """
    with open_regular(file, MAX_WEIGHT_BYTES, root) as opened:
        try:
            size = opened.seek(0, 2)
            opened.seek(0)
            length = int.from_bytes(opened.read(8), "little")
            if size < 8 or length > min(size - 8, MAX_HEADER_BYTES):
                raise UserError(f"{file} is not a whole safetensors file")
            header = json.loads(opened.read(length), object_pairs_hook=_without_doubles)
            places = {name: _place(name, item) for name, item in header.items() if name != "__metadata__"}
        except OSError as error:
            raise UserError(f"{file} can't be read: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            why = str(error) if isinstance(error, _Lie) else ""
            raise UserError(f"{file} is not a whole safetensors file{why and ': '}{why}") from error
    end = 0
    for name, (_, _, start, stop) in sorted(places.items(), key=lambda item: item[1][2:]):
        if start != end:
            raise UserError(f"{file} is damaged: {name[:80]!r} does not begin where the tensor before it ends")
        end = stop
    if 8 + length + end != size:
        raise UserError(
            f"{file} is truncated or damaged: its header speaks of {end:,} bytes of data, "
            f"{size - 8 - length:,} are there"
        )
    return {name: (dtype, shape) for name, (dtype, shape, _, _) in places.items()}


def read_tensors(file: Path, root: Path | None = None) -> dict[str, Tensor]:
    """Every tensor in a safetensors file that somebody else wrote, by name.

    Raises:
        UserError: as `read_header`; or a type that no weights have.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    for name, (dtype, _) in read_header(file, root).items():
        if dtype not in DTYPES | COUNTERS:
            raise UserError(f"{file}: {name[:80]} is of type {dtype[:20]}; weights are {', '.join(DTYPES)}")
    with open_regular(file, MAX_WEIGHT_BYTES, root) as opened:
        try:
            return load(opened.read())
        except (SafetensorError, OSError, ValueError) as error:
            raise UserError(f"{file} can't be read: {error}") from error


class _Lie(ValueError):
    """Something in a header that can't be."""


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Lie("a name comes twice in its header")
    return found


def _place(name: str, item: dict[str, Any]) -> tuple[str, tuple[int, ...], int, int]:
    """Type, shape, first byte and the one after the last. Raises _Lie where they contradict one another."""
    dtype, shape, (start, stop) = item["dtype"], item["shape"], item["data_offsets"]
    numbers = [*shape, start, stop]
    if not isinstance(dtype, str) or not all(type(n) is int and 0 <= n < 1 << 48 for n in numbers):
        raise _Lie(f"{name[:80]!r} has no place or shape that can be")
    if len(shape) > MAX_AXES:
        raise _Lie(f"{name[:80]!r} has {len(shape)} axes")
    if prod(max(n, 1) for n in shape) > 1 << 40:  # also beside an axis of 0
        raise _Lie(f"{name[:80]!r} has no place or shape that can be")
    width = (DTYPES | COUNTERS).get(dtype)
    if stop < start or (width is not None and prod(shape) * width != stop - start):
        raise _Lie(f"{name[:80]!r} has the shape {tuple(shape)} and a place of another size")
    return dtype, tuple(shape), start, stop
