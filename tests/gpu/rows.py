"""A row of the table: what was done on the device, beside what it is held against."""

from __future__ import annotations

from dataclasses import dataclass

SAME, DIFFERS, MEASURED, ABSENT, FAILED = "same", "differs", "measured", "not there", "failed"


@dataclass(frozen=True)
class Row:
    """One line. `verdict` is one of the five words above; `bound` says up to what it counts as the same."""

    part: str
    what: str
    here: str
    beside: str = ""
    bound: str = ""
    verdict: str = MEASURED

    @property
    def bad(self) -> bool:
        """Whether the command ends with 1 for it."""
        return self.verdict in (DIFFERS, FAILED)


def near(part: str, what: str, here: float, beside: float, bound: float) -> Row:
    """A number beside another: the same where they are no more than a part `bound` of it apart."""
    same = abs(here - beside) <= bound * abs(beside)  # NaN is never the same
    return Row(part, what, f"{here:.6g}", f"{beside:.6g}", f"{bound:.2%}", SAME if same else DIFFERS)


def below(part: str, what: str, here: float, bound: float) -> Row:
    """A difference: the same where it is at most `bound`."""
    return Row(part, what, f"{here:.3g}", "0", f"{bound:g}", SAME if here <= bound else DIFFERS)


def holds(part: str, what: str, here: str, beside: str, true: bool) -> Row:
    """Something that is so or is not."""
    return Row(part, what, here, beside, "", SAME if true else DIFFERS)


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = ["| part | what | on the device | beside | up to | verdict |", "|---|---|---|---|---|---|"]
    for row in rows:
        cells = (row.part, row.what, row.here, row.beside, row.bound, row.verdict)
        lines.append("| " + " | ".join(" ".join(c.split()).replace("|", "/") for c in cells) + " |")
    return "\n".join(lines)
