"""study: the runs of a folder in one table, with means and intervals over seeds."""

from __future__ import annotations

from pathlib import Path

import click

from explorer import paths
from explorer.cli.group import main
from explorer.errors import UserError

ENDINGS = {".csv": "csv", ".md": "markdown", ".tex": "latex", ".parquet": "parquet", ".txt": "text"}


@main.command("study", short_help="The runs of a sweep in one table, with intervals over seeds.")
@click.argument("sweep")
@click.option("--by", metavar="SETTING,...", help="What tells rows apart  [default: all that differs, but the seed]")
@click.option("--format", "form", type=click.Choice(["text", "csv", "markdown", "latex"]), help="  [default: text]")
@click.option("--out", metavar="PATH", help="Write a file: .csv, .md, .tex, .parquet or .txt.")
def command(sweep: str, by: str | None, form: str | None, out: str | None) -> None:
    """Sum up the runs of SWEEP, a folder of runs or the name of one in runs/.

    Each number is its mean over the runs that finished, ± half of the 95 % interval of the mean (Student's t), and of
    how many; the numbers of a run are those of its model on held-out images. Runs that failed are listed with the
    reason.

    \b
        python -m explorer study betas
        python -m explorer study runs/betas --by beta --out table.tex
    """
    from explorer.export.study_files import FORMATS
    from explorer.training.sweep_study import study_of

    target = paths.absolute(out) if out else None
    if target is not None and target.suffix.lower() not in ENDINGS:
        raise UserError(f"--out {out} must end in {', '.join(ENDINGS)}")
    if target is not None and form is not None and ENDINGS[target.suffix.lower()] != form:
        raise UserError(f"--out {out} is no file of the format {form}")
    own = paths.runs() / sweep
    folder = own if own.is_dir() and not Path(sweep).is_absolute() else paths.absolute(sweep)
    if not folder.is_dir():
        raise UserError(f"there is no folder of runs {sweep!r:.200}, here or in {paths.runs()}")
    found = study_of(folder, None if by is None else [name.strip() for name in by.split(",")])
    if target is not None:
        from explorer.files import write_atomic

        write_atomic(target, FORMATS[ENDINGS[target.suffix.lower()]](found))
        click.echo(f"{target}: written")
    else:
        click.echo(FORMATS[form or "text"](found).decode(), nl=False)
    for member in found.failed:
        click.echo(f"{member.name}: {member.status}{f', {member.why}' if member.why else ''}", err=True)
    for name, why in found.unread:
        click.echo(f"{name}: {why}", err=True)
