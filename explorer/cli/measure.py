"""measure: how disentangled models are."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from explorer.analysis import report
from explorer.analysis.scores import SCORES, named_scores
from explorer.cli.group import main
from explorer.cli.options import data_options, doubts_of, load_said, open_both
from explorer.errors import UserError

if TYPE_CHECKING:
    from explorer.analysis.measurement import Subject
    from explorer.analysis.metrics import MetricResult
    from explorer.datasets import Dataset

    Results = dict[str, dict[str, MetricResult]]


@main.command(short_help="How disentangled models are.")
@click.argument("models", nargs=-1, metavar="MODEL...")
@click.option(
    "--codes", "files", multiple=True, metavar="FILE",
    help="Instead of a model: codes from elsewhere, as .npz, .npy, .csv or .parquet; also several.",
)  # fmt: skip
@click.option(
    "--metrics",
    "names",
    default="mig,dci",
    show_default=True,
    metavar="NAMES",
    help=f"Which, with commas between them, or all: {', '.join(SCORES)}.",
)
@data_options("Images to encode, drawn with the seed  [default: as many as the preset's scores take]")
@click.option(
    "--representation",
    type=click.Choice(["mean", "sampled"]),
    default="mean",
    show_default=True,
    help="What a code is: the posterior's mean, or one sample of it.",
)
@click.option(
    "--preset",
    type=click.Choice(["full", "fast"]),
    default="full",
    show_default=True,
    help="full: the sample sizes of Locatello et al. 2019; fast: smaller ones.",
)
@click.option(
    "--repeats",
    type=click.IntRange(0, 100),
    default=0,
    show_default=True,
    help="Repeats on random halves of the images, for a 95 % confidence interval; at least 2, 5 do.",
)
@click.option("--again", is_flag=True, help="Compute even what is kept from before.")
@click.option("--parts", is_flag=True, help="With --json: the numbers behind each value too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="Print a table with commas.")
@click.option("--points", type=click.IntRange(min=1), hidden=True)
@click.option("--job", "job_file", metavar="FILE", hidden=True)
def measure(
    models: tuple[str, ...], files: tuple[str, ...], names: str, data: str | None, split: str | None, root: str | None,
    download: bool, count: int | None, seed: int, device: str,
    representation: Literal["mean", "sampled"], preset: Literal["full", "fast"], repeats: int,
    again: bool, parts: bool, as_json: bool, as_csv: bool, points: int | None, job_file: str | None,
) -> None:  # fmt: skip
    """Disentanglement scores of each MODEL on images whose factors are known.

    Beside an interval stands what it is of: the value of all images, or the mean score at as many rows.
    "No code exceeds" is proved; what "codes that number the classes score" is no bound.

    Several models are measured on the same images; udr compares them, and needs at least two that
    were trained alike. A score that isn't defined for these codes has no value, and a sentence that
    says why. Results are kept on the disk by content, and are not computed twice.

    \b
        python -m explorer measure dsprites-beta4 --metrics mig,dci --json
        python -m explorer measure runs/first --data dsprites --metrics all --preset fast
        python -m explorer measure seed-0 seed-1 seed-2 --metrics udr --repeats 5
        python -m explorer measure --codes codes.npz --metrics mig,dci
    """
    wanted = _chosen(names, models or files)
    if bool(models) == bool(files):
        raise UserError("name models to measure, or give --codes, one of both")
    if files:
        about, results, together, whole = _of_files(wanted, files, preset, seed, representation, repeats, count)
        _print(about, results, together, whole, parts, as_json, as_csv)
        return
    from explorer.analysis.jobs import JobFile

    # A job's file is what the page that started it reads.
    job = JobFile(Path(job_file)) if job_file else None
    with job.run() if job else nullcontext():
        from explorer.analysis import measurement

        subjects, dataset, split, doubts = _subjects(models, data, split, root, download, device)
        lacks = [measurement.can_be_measured(name, dataset, len(models)) for name in wanted]
        if all(lacks):
            why = next(lack for name, lack in zip(wanted, lacks, strict=True) if name != "udr")
            raise UserError(f"{dataset.name} has no known factors: {why}")
        measured = tuple(name for name, lack in zip(wanted, lacks, strict=True) if not lack)
        plan = measurement.Plan(measured, preset, seed, representation, repeats, count)
        tell = job.tell if job else _teller()
        results = measurement.measure(subjects, dataset, plan, tell, again)
        if points is not None:
            for subject in subjects:
                most = min(points, len(dataset))
                measurement.encoded(
                    subject,
                    dataset,
                    most,
                    seed,
                    lambda n, most=most, name=subject.name: tell(  # type: ignore[misc]
                        n / most, f"{name}: {n:,} of {most:,} images encoded"
                    ),
                )
    if job:
        return
    about = {
        "data": dataset.name,
        "split": split,
        "count": plan.rows(dataset),
        "seed": seed,
        "representation": representation,
        "preset": preset,
        "repeats": repeats,
        "factors": list(dataset.factor_names or ()),
    } | ({"doubts": doubts} if doubts else {})
    together = results.pop("", {})
    results = {model: measurement.complete(wanted, of, dataset, len(models), plan) for model, of in results.items()}
    _print(about, results, together, len(dataset), parts, as_json, as_csv)


def _print(
    about: dict[str, Any], results: Results, together: dict[str, MetricResult], whole: int, parts: bool, as_json: bool,
    as_csv: bool,
) -> None:  # fmt: skip
    """The scores as one JSON object, as a table, or in words."""
    if as_json:
        click.echo(json.dumps(report.as_json(about, results, together, parts)))
    elif as_csv:
        click.echo(report.as_csv(about, results, together), nl=False)
    else:
        for line in report.as_text(about, results, together, whole):
            click.echo(line)


def _of_files(
    wanted: list[str], files: tuple[str, ...], preset: Literal["full", "fast"], seed: int,
    representation: Literal["mean", "sampled"], repeats: int, count: int | None,
) -> tuple[dict[str, Any], Results, dict[str, MetricResult], int]:  # fmt: skip
    """Scores of codes from elsewhere, and how many rows there are."""
    from explorer.analysis.given_codes import can_not_be_had, read_codes, scores_of, with_noise
    from explorer.paths import absolute

    inputs = {}
    for file in files:
        path = absolute(file)
        found = read_codes(path)
        name = path.stem if path.stem not in inputs else str(path)
        inputs[name] = with_noise(found, seed) if representation == "sampled" else found
    for name, of in inputs.items():
        if lacks := can_not_be_had(wanted, of):
            raise UserError(f"{name}: {lacks[0]}")
    results, together = scores_of(wanted, inputs, preset, seed, repeats, count)
    first = next(iter(inputs.values()))
    about = {
        "data": "codes from elsewhere",
        "split": "",
        "count": count or max(result.count for of in results.values() for result in of.values()) if results else 0,
        "seed": seed,
        "representation": representation,
        "preset": preset,
        "repeats": repeats,
        "factors": list(first.factor_names),
    }
    return about, results, together, max(map(len, inputs.values()))


def _chosen(names: str, models: tuple[str, ...]) -> list[str]:
    """The scores asked for, each once. Raises UserError for a name that there isn't."""
    try:
        wanted = named_scores(names)
    except UserError as error:
        raise UserError(f"--metrics: {error}") from error
    if wanted == ["udr"] and len(models) < 2:
        raise UserError("--metrics udr compares several models that differ in their seed: name at least two")
    return wanted


def _subjects(
    models: tuple[str, ...], data: str | None, split: str | None, root: str | None, download: bool, device: str
) -> tuple[list[Subject], Dataset, str, dict[str, list[str]]]:
    """The models to measure, the images, those of the first one unless --data says, and what is doubtful."""
    from explorer.analysis.measurement import Subject

    first, dataset, split = open_both(models[0], data, split, root, download, device)
    subjects = [Subject(first.name, first.hash, lambda: first.model)]
    doubts = doubts_of(first)
    for name in models[1:]:
        other = load_said(name, str(first.model.device))
        doubts |= doubts_of(other)
        if other.model.shape != first.model.shape:
            raise UserError(
                f"{name} takes images of shape {other.model.shape}, {models[0]} of shape "
                f"{first.model.shape}: models are measured on the same images"
            )
        subjects.append(Subject(name, other.hash, lambda model=other.model: model))  # type: ignore[misc]
    if len({subject.name for subject in subjects}) < len(subjects):
        subjects = [replace(s, name=name) for s, name in zip(subjects, models, strict=True)]
    if len({subject.name for subject in subjects}) < len(subjects):
        raise UserError("a model is named twice: name each once")
    return subjects, dataset, split, doubts


def _teller() -> Callable[[float, str], None]:
    """Prints what is being done where somebody looks on."""
    if not sys.stderr.isatty():
        return lambda fraction, doing: None
    return lambda fraction, doing: click.echo(f"\r\x1b[2K{fraction:4.0%} {doing}", err=True, nl=False)
