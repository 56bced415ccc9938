"""A study as a table: CSV, Parquet, Markdown, LaTeX, and plain text for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from explorer.export.run_table import csv_of, parquet_of
from explorer.training.sweep_groups import shown, sign_of
from explorer.training.sweep_study import Study

TITLES = {
    "reconstruction": "reconstruction, nats",
    "kl": "KL, nats",
    "elbo": "ELBO, nats",
    "active_units": "active dimensions",
    "mig": "MIG",
}
LETTERS = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "β": r"$\beta$",
           "γ": r"$\gamma$", "α": r"$\alpha$", "λ": r"$\lambda$", "ε": r"$\varepsilon$", "κ": r"$\kappa$",
           "±": r"$\pm$", "–": "--"} | {letter: f"\\{letter}" for letter in "&%$#_{}"}  # fmt: skip


def study_csv(study: Study) -> bytes:
    """A row for each setting: what was tried, how many runs, and of each number mean, interval, deviation and n."""
    return csv_of(*_plain(study))


def study_parquet(study: Study) -> bytes:
    """The same columns as Parquet. Raises UserError where pyarrow is not installed."""
    import pandas as pd

    head, rows = _plain(study)
    frame = pd.DataFrame([[None if cell == "" else cell for cell in row] for row in rows], columns=list(head))
    return parquet_of(frame)


def study_markdown(study: Study) -> bytes:
    """A table of Markdown, with means ± half of the 95 % interval."""
    head, rows = _told(study)
    lines = [head, ["---"] * len(head), *rows]
    escaped = ("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
    return ("\n".join(escaped) + "\n").encode()


def study_latex(study: Study) -> bytes:
    """The same as a tabular of LaTeX with the lines of booktabs."""
    head, rows = _told(study)
    lines = [rf"\begin{{tabular}}{{{'l' * len(study.by)}{'r' * (len(head) - len(study.by))}}}", r"\toprule"]
    lines += [_latex_row(head), r"\midrule", *map(_latex_row, rows), r"\bottomrule", r"\end{tabular}"]
    return ("\n".join(lines) + "\n").encode()


def study_text(study: Study) -> bytes:
    """The same in columns."""
    head, rows = _told(study)
    widths = [max(len(line[at]) for line in [head, *rows]) for at in range(len(head))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in [head, *rows])
    return ("\n".join(line.rstrip() for line in lines) + "\n").encode()


FORMATS: dict[str, Callable[[Study], bytes]] = {
    "text": study_text,
    "csv": study_csv,
    "markdown": study_markdown,
    "latex": study_latex,
    "parquet": study_parquet,
}


def _told(study: Study) -> tuple[list[str], list[list[str]]]:
    """Head and rows in words."""
    numbers = study.numbers
    head = [*(sign_of(name) for name in study.by), "finished", *(TITLES[name] for name in numbers)]
    rows = [
        [
            *(shown(value) for value in row.group.values.values()),
            f"{row.finished} of {len(row.group.runs)}",
            *(str(row.numbers[name]) if name in row.numbers else "–" for name in numbers),
        ]
        for row in study.rows
    ]
    return head, rows


def _plain(study: Study) -> tuple[list[str], list[list[object]]]:
    """Head and rows as numbers; an empty text where there is none."""
    head = [*study.by, "runs", "finished"]
    for name in study.numbers:
        head += [f"{name}_{what}" for what in ("mean", "low", "high", "sd", "n")]
    rows: list[list[object]] = []
    for row in study.rows:
        values = [value if isinstance(value, int | float | str) else str(value) for value in row.group.values.values()]
        line: list[object] = [*values, len(row.group.runs), row.finished]
        for name in study.numbers:
            of = row.numbers.get(name)
            if of is None:
                line += [""] * 5
            elif of.half is None:
                line += [of.mean, "", "", "", of.count]
            else:
                line += [of.mean, of.mean - of.half, of.mean + of.half, of.deviation, of.count]
        rows.append(line)
    return head, rows


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join("".join(LETTERS.get(letter, letter) for letter in cell) for cell in cells) + r" \\"
