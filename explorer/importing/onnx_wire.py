"""What an ONNX file holds is counted before protobuf makes an object of each part: two bytes can become two hundred."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from explorer.errors import UserError

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

MAX_PARTS = 500_000
MAX_PACKED = 32 << 20  # bytes of whole numbers that are longer in memory than in the file
VARINT, LONG, TEXT, SHORT = (0, 1, 2, 5)  # how a part is written: protobuf.dev/programming-guides/encoding
DAMAGED = "it is damaged, cut short, or not an ONNX file"


def check_parts(content: bytes, kind: Descriptor) -> None:
    """Go through a message of protobuf, and what lies in it, part by part.

    Raises:
        UserError: it has more parts than any model, or is damaged.
    """
    waiting, parts, packed = [(kind, 0, len(content))], 0, 0
    while waiting:
        kind, at, end = waiting.pop()
        messages, numbers = _fields(kind)
        while at < end:
            parts += 1
            if parts > MAX_PARTS or packed > MAX_PACKED:
                raise UserError("it has more parts than any model")
            tag, at = _varint(content, at)
            field, way = tag >> 3, tag & 7
            if way == VARINT:
                _, at = _varint(content, at)
            elif way in (LONG, SHORT):
                at += 8 if way == LONG else 4
            elif way == TEXT:
                length, at = _varint(content, at)
                if field in messages and at + length <= end:
                    waiting.append((messages[field], at, at + length))
                packed += length if field in numbers else 0
                at += length
            else:
                raise UserError(DAMAGED)
        if at > end:
            raise UserError(DAMAGED)


@lru_cache(maxsize=64)
def _fields(kind: Descriptor) -> tuple[dict[int, Descriptor], frozenset[int]]:
    """The fields of a kind of message that hold messages, and those that hold whole numbers in a row."""
    messages = {f.number: f.message_type for f in kind.fields if f.message_type is not None}
    whole = frozenset(
        f.number
        for f in kind.fields
        if f.cpp_type in (f.CPPTYPE_INT32, f.CPPTYPE_INT64, f.CPPTYPE_UINT32, f.CPPTYPE_UINT64)
    )
    return messages, whole


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """A whole number of seven bits a byte, and where it ends."""
    value = shift = 0
    while at < len(content) and shift < 70:
        byte = content[at]
        value |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return value, at
        shift += 7
    raise UserError(DAMAGED)
