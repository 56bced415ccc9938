"""TypeScript that is made of pydantic models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from explorer.front.typescript import typescript


class Part(BaseModel):
    kind: Literal["a", "b"]


class Whole(BaseModel):
    count: int
    share: float | None
    names: dict[Annotated[int, Field(ge=0)], str]
    pair: tuple[float, float | None]
    slots: list[list[tuple[int, str] | None]]
    parts: list[Part]
    kinds: list[Literal["a", "b"]]
    done: bool = False


def test_each_kind_of_field_has_its_type() -> None:
    made = typescript({"Named": Whole}, "validation")
    assert made["Part"] == 'export interface Part {\n  kind: "a" | "b";\n}'
    assert made["Named"].splitlines()[1:-1] == [
        "  count: number;",
        "  share: number | null;",
        "  names: Record<string, string>;",
        "  pair: [number, number | null];",
        "  slots: ([number, string] | null)[][];",
        "  parts: Part[];",
        '  kinds: ("a" | "b")[];',
        "  done?: boolean;",
    ]


def test_what_has_no_counterpart_is_refused() -> None:
    class Odd(BaseModel):
        anything: Any

    with pytest.raises(ValueError, match="no TypeScript"):
        typescript({"Odd": Odd}, "validation")
