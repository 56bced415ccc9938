"""A bar that is never drawn, for machines that lack tqdm."""

from __future__ import annotations

from typing import Any


class tqdm:
    def __init__(self, *what: Any, **how: Any) -> None:
        pass

    def __enter__(self) -> tqdm:
        return self

    def __exit__(self, *why: object) -> None:
        return None

    def update(self, count: int = 1) -> None:
        pass

    def set_postfix_str(self, text: str) -> None:
        pass

    @staticmethod
    def write(text: str, file: Any = None) -> None:
        print(text, file=file)
