"""What a search among latents found, as a table."""

from __future__ import annotations

from explorer.analysis.insight.latent_search import Found
from explorer.export.run_table import csv_of


def found_csv(found: Found) -> bytes:
    """A row for each latent of the best z; then a row for each step: the objective of the best so far."""
    rows: list[tuple[str, int, str]] = [("z", j, f"{value:.8g}") for j, value in enumerate(found.z)]
    rows += [("objective", step, f"{value:.8g}") for step, value in enumerate(found.path)]
    return csv_of(("what", "number", "value"), rows)
