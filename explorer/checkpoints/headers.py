"""The header of a safetensors file, held against the file before anything of it is read.

The format: 8 bytes of length, a JSON table of names with dtype, shape and place, then the numbers. The library
holds every place against its shape and against the places before it; it takes a name that comes twice, a table
of 100 MB, and any number beside an axis of 0: those are refused here.
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
MAX_AXES, MAX_VALUES = 8, 1 << 40  # of a tensor
DTYPES = {"F32": 4, "F16": 2, "BF16": 2, "F64": 8}
COUNTERS = {"I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}  # such as num_batches_tracked
Header = dict[str, tuple[str, tuple[int, ...]]]


def read_header(file: Path, root: Path | None = None) -> Header:
    """Type and shape of every tensor in a safetensors file, from its header alone.

    Raises:
        UserError: not a regular file within `root`, too large, truncated, or a header that lies.
    """
    from safetensors import SafetensorError, safe_open

    broken = f"{file} is not a whole safetensors file"
    with open_regular(file, MAX_WEIGHT_BYTES, root) as opened:
        try:
            size = opened.seek(0, 2)
            opened.seek(0)
            length = int.from_bytes(opened.read(8), "little")
            table = opened.read(length) if length <= min(size - 8, MAX_HEADER_BYTES) else b""
            header = json.loads(table, object_pairs_hook=_without_doubles)
            header.pop("__metadata__", None)
            end = max((item["data_offsets"][1] for item in header.values()), default=0)
            if end != size - 8 - length:
                broken = f"{file} is truncated or damaged"
                raise _Lie(f"its header speaks of {end:,} bytes of data, {size - 8 - length:,} are there")
            with safe_open(file, "np"):
                pass
            for name, item in header.items():
                if len(item["shape"]) > MAX_AXES or prod(max(n, 1) for n in item["shape"]) > MAX_VALUES:
                    raise _Lie(f"{name[:80]!r} has no shape that can be")
        except OSError as error:
            raise UserError(f"{file} can't be read: {error.strerror or error}") from error
        except (_Lie, SafetensorError) as error:
            why = " ".join(str(error).removeprefix("Error while deserializing header: ").split())
            raise UserError(f"{broken}: {why[:200]}") from error
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise UserError(broken) from error
    return {name: (item["dtype"], tuple(item["shape"])) for name, item in header.items()}


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
