"""What commands about a model share: the model, and the images it is held against."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click
from pydantic import BaseModel

from explorer.analysis.scores import IMAGES
from explorer.datasets.names import DATASETS
from explorer.errors import UserError
from explorer.recipe import versions
from explorer.recipe.run import TrainConfig

if TYPE_CHECKING:
    import numpy as np

    from explorer.checkpoints import Checkpoint
    from explorer.datasets import Dataset


def model_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """MODEL, and which β is meant of one that was trained for every β of a range."""

    def note(context: click.Context, _: click.Parameter, value: float | None) -> None:
        context.meta["beta"] = value

    beta = click.option(
        "--beta", type=float, expose_value=False, callback=note,
        help="β of a model that was trained for every β of a range; MODEL@4 says it too.",
    )  # fmt: skip
    return click.argument("model")(beta(command))


ALL_OR_SAMPLE = "Images to use, drawn with the seed  [default: all up to 100,000, else 10,000]"
FOR_KL = f"Images to measure the KL on, drawn with the seed  [default: {IMAGES:,}, or all where there are fewer]"


def data_options(count_help: str | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options that choose images, and say which; `count_help` is what --count does here, None where it isn't."""
    options = (
        click.option("--data", metavar="NAME", help="Data set; the one it was trained on if left out."),
        click.option("--split", help="Part of the data set; train, or what the model was trained on."),
        click.option("--root", metavar="PATH", help="Where the data lies."),
        click.option("--download", is_flag=True, help="Fetch the data set if it is not here."),
        click.option("--count", type=click.IntRange(min=1), help=count_help),
        click.option(
            "--seed",
            type=click.IntRange(0, 2**63 - 1),
            default=0,
            show_default=True,
            help="Seed of the choice of images and of the sampled latents.",
        ),
        click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps."),
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            if option is options[4] and count_help is None:
                continue
            command = option(command)
        return command

    return decorate


def options_of(settings: type[BaseModel]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """One option for each of `settings`; pydantic checks the values, so that shell, form and URL say the same."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for name in versions.Older.model_fields if settings is TrainConfig else ():  # still taken, no longer told
            command = click.option(f"--{name.replace('_', '-')}", name, hidden=True)(command)
        for name, info in reversed(settings.model_fields.items()):
            flag = "--from" if name == "start" else f"--{name.replace('_', '-')}"
            if info.annotation is bool:
                option = click.option(flag, name, is_flag=True, default=None, help=info.description)
            else:
                shown = "" if info.default is None else f"  [default: {info.default}]"
                option = click.option(flag, name, metavar=_metavar(info.annotation), help=f"{info.description}{shown}")
            command = option(command)
        return command

    return decorate


def _metavar(annotation: Any) -> str:
    choices: list[str] = []
    for part in (annotation, *get_args(annotation)):
        if get_origin(part) is Literal:
            choices = [str(choice) for choice in get_args(part)]
    if choices:
        return "|".join(choices)
    kinds = {int: "INTEGER", float: "NUMBER"}
    return next((kinds[t] for t in (annotation, *get_args(annotation)) if t in kinds), "TEXT")


def load_said(model: str, device: str = "cpu") -> Checkpoint:
    """The checkpoint, at the --beta of the command; what is doubtful of it is said on the error stream."""
    from explorer.checkpoints import load

    checkpoint = load(model, device=device, beta=click.get_current_context().meta.get("beta"))
    say_doubts(checkpoint)
    return checkpoint


def say_doubts(checkpoint: Checkpoint) -> None:
    """Say on the error stream, once a command, that a model may be read wrongly."""
    from explorer.checkpoints.doubts import sentence_of

    said = sentence_of(checkpoint.config)
    seen = click.get_current_context().meta.setdefault("doubts said", set())
    if said and checkpoint.hash not in seen:
        seen.add(checkpoint.hash)
        click.echo(f"{checkpoint.name} is {said}", err=True)


def doubts_of(*checkpoints: Checkpoint) -> dict[str, list[str]]:
    """For --json: what is doubtful of each model, by its name; only of those of which something is."""
    return {c.name: list(c.config.doubts) for c in checkpoints if c.config.doubts}


def open_both(
    model: str, data: str | None, split: str | None, root: str | None, download: bool, device: str
) -> tuple[Checkpoint, Dataset, str]:
    """The checkpoint, the data set that goes with it, and which split of it that is."""
    from explorer.datasets import open_dataset
    from explorer.training.loop import choose_device

    checkpoint = load_said(model, str(choose_device(device)))
    recipe = checkpoint.config.training or {}
    if data is None:
        data, root = recipe.get("data") or checkpoint.config.data, root or recipe.get("root")
        split = split or recipe.get("split")
        if data is None:
            raise UserError(f"{model} does not say what it was trained on; give --data")
    split = split or "train"
    channels, height, width = checkpoint.model.shape
    size = height if height == width else None
    dataset = open_dataset(data, size=size, root=root, split=split, channels=channels, download=download)
    for note in dataset.notes:
        click.echo(note, err=True)
    return checkpoint, dataset, split


def with_kl(
    model: str,
    data: str | None,
    split: str | None,
    root: str | None,
    download: bool,
    count: int | None,
    seed: int,
    device: str,
) -> tuple[Checkpoint, np.ndarray | None, str, Dataset | None]:
    """The checkpoint, its KL per dimension or None, where that comes from in words, and the data set or None."""
    import numpy as np

    from explorer.analysis.evaluation import evaluate as measure
    from explorer.training.loop import choose_device

    try:
        checkpoint, dataset, _ = open_both(model, data, split, root, download, device)
        if count is None:
            count = min(len(dataset), IMAGES)
        result = measure(checkpoint.model, dataset, count, seed)
        about = f"measured on {result.count:,} images of {dataset.name}"
        return checkpoint, result.kl_per_dimension, about, dataset
    except UserError as error:
        checkpoint = load_said(model, str(choose_device(device)))
        known = checkpoint.evaluation
        if data is not None:
            raise
        if known is None:
            return checkpoint, None, f"unknown: {error}", None
        about = f"from the model's own config ({known.count:,} images of {known.data}), since {error}"
        return checkpoint, np.array(known.kl_per_dimension), about, None


def printed(text: str) -> str:
    """A name for a terminal: nothing in it takes effect."""
    return "".join(c if c.isprintable() or c == "\N{ZERO WIDTH JOINER}" else "\ufffd" for c in text)


def about_images(checkpoint: Checkpoint, dataset: Dataset, split: str) -> dict[str, Any]:
    """What a JSON object is about; with what is doubtful of the model where something is."""
    about: dict[str, Any] = {"model": checkpoint.name, "data": dataset.name, "split": split}
    doubts = list(checkpoint.config.doubts)
    return about | ({"doubts": doubts} if doubts else {})


def chosen_of(given: dict[str, Any]) -> dict[str, Any]:
    """The settings that were given; "" takes back one that a model's recipe has. Raises UserError."""
    chosen = {name: None if value == "" else value for name, value in given.items() if value is not None}
    try:
        return versions.current(chosen)
    except ValueError as error:
        raise UserError(str(error)) from error


def config_from_options(chosen: dict[str, Any]) -> TrainConfig:
    """The run that these settings are, also one that goes on from a model. Raises UserError."""
    from explorer.training.warm_start import check_start, config_from

    if chosen.get("start"):
        return config_from(chosen["start"], chosen)
    info = DATASETS.get(str(chosen.get("data")))
    config = TrainConfig.model_validate(({} if info is None else info.usual) | chosen)
    check_start(config)
    return config
