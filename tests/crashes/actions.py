"""What changes the disk, each as a person would do it, on a home that `furnish` makes."""

from __future__ import annotations

import io
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from explorer import launch, paths, trash
from explorer.analysis import jobs, score_cache
from explorer.checkpoints import ModelConfig, catalogue, describe, load, save
from explorer.checkpoints.labels import Labels, name_dimensions, read_labels
from explorer.checkpoints.notes import read_notes
from explorer.checkpoints.overview import overviews
from explorer.checkpoints.store import build_model
from explorer.datasets import intake, open_dataset, own
from explorer.errors import UserError
from explorer.export import hub
from explorer.files import write_atomic
from explorer.importing.preview import import_checkpoint
from explorer.launch import command, model_actions, queue
from explorer.training import TrainConfig, train
from explorer.training.directory import RunDirectory, find_runs
from explorer.training.sweep_recipe import read_recipe, run_sweep

View = dict[str, Any]
BEGUN = ("starting", "failed", "killed")  # how a run stands that ends as soon as it is started


def tiny(**more: Any) -> TrainConfig:
    settings = {
        "data": "dsprites",
        "size": 32,
        "steps": 2,
        "batch_size": 4,
        "eval_images": 4,
        "threads": 1,
        "network": "linear",
        "latents": 2,
        "save_every": 1,
        "log_every": 1,
    }
    return TrainConfig.model_validate(settings | more)


def model(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return build_model(ModelConfig(network="linear", shape=(1, 8, 8), latents=2))


def given() -> Path:
    """Files from elsewhere, beside the home."""
    return paths.home().parent / "given files"


def furnish() -> None:
    """A home with something of every kind, also in the trash, and files from elsewhere beside it."""
    given().mkdir(parents=True)
    save(model(7), given() / "their model")
    dice = np.random.default_rng(0)
    with zipfile.ZipFile(given() / "pictures.zip", "w") as archive:
        for number in range(3):
            content = io.BytesIO()
            Image.fromarray(dice.integers(0, 255, (8, 8), np.uint8)).save(content, "png")
            archive.writestr(f"ü {number}.png", content.getvalue())
    np.savez(given() / "arrays.npz", imgs=dice.integers(0, 255, (5, 8, 8), np.uint8))
    (given() / "sweep.toml").write_text(
        "".join(f"{k} = {v!r}\n" for k, v in tiny().model_dump(exclude_defaults=True).items())
        + "[sweep]\nseed = [0, 1]\n"
    )
    for seed, name in enumerate(("first", "second", "lost")):
        save(model(seed), name)
    model_actions.rename("second", "a/β 🎉")
    model_actions.annotate("a/β 🎉", tags=["mine"], text="Seen on Monday.")
    model_actions.discard(["lost"])
    for name in ("old", "g/one", "gone"):
        train(tiny(), paths.runs() / name)
    launch.discard(launch.find("gone"))
    for name in ("kept set", "lost set"):
        np.save(given() / f"{name}.npy", dice.integers(0, 255, (4, 8, 8), np.uint8))
        add(f"{name}.npy", name)
    own.discard("lost set")


def view() -> View:
    """All that a person is shown of the home; raises where something listed is not whole."""
    found: View = {"models": {}, "runs": {}, "images": {}, "trash": []}
    assert len(overviews()) == len(catalogue())
    for entry in catalogue():
        notes, labels = read_notes(entry.path), read_labels(entry.path)
        assert load(entry.name).hash == describe(entry.path).hash
        assert entry.origin == "run" or (entry.path / "README.md").is_file()
        about = [describe(entry.path).hash, list(notes.tags), notes.text, labels.names]
        found["models"][entry.name] = about
    for run in find_runs(paths.runs()):
        word = launch.run_status(run).word
        word = "begun" if word in BEGUN else word
        found["runs"][launch.name_of(run)] = [word, run.config().seed]
    for one in own.sets():
        found["images"][one.name] = [one.card.count, len(open_dataset(one.key))]
    for item in model_actions.trashed():
        assert (item.inside / item.kind.proof).is_file()
        found["trash"].append(f"{item.kind.folder} {item.name}")
    found["trash"].sort()
    return found


def add(file: str, name: str) -> None:
    found = intake.look_at_path(given() / file)
    try:
        intake.store_set(found, name)
    finally:
        intake.let_go(found)


def in_trash(kind: str) -> Any:
    for item in model_actions.trashed():
        if item.kind.folder == kind:
            return item
    raise UserError(f"there is no {kind} in the trash")


def launched(names: list[str], group: str = "") -> None:
    """Launch runs whose processes end at once, and wait for that."""
    command.train = lambda *args, **more: [sys.executable, "-S", "-c", ""]
    runs = launch.launch([(name, tiny(seed=n)) for n, name in enumerate(names)], group=group)
    for run in runs:
        settled(run)


def resumed() -> None:
    """Launch a run, or go on with it where it is there."""
    command.train = lambda *args, **more: [sys.executable, "-S", "-c", ""]
    run = launch.find("old")
    settled(run)
    launch.resume(run)
    settled(run)
    with queue.order("cpu") as folder:
        ticket = queue.enter(folder, 1, Path("/another"))
    assert queue.place_in_queue(ticket, 1) == 0  # nobody dead is before it
    queue.give_back(ticket)


def settled(run: RunDirectory) -> None:
    while launch.run_status(run).going:
        pass


def measured() -> None:
    """Start a measurement whose process ends at once."""
    sys.executable = "/bin/true"
    job = jobs.JobFile(score_cache.CACHE.folder / "jobs" / "one.json")
    said = job.read()
    assert said is None or said.status in ("starting", "lost")
    while said is not None and said.running:
        said = job.read()
    job.start([], ["first"])


def measuring() -> None:
    """What the process of a measurement does to the disk."""
    job = jobs.JobFile(score_cache.CACHE.folder / "jobs" / "two.json")
    said = job.read()
    if said is not None and said.running:
        raise UserError("it is at work")
    with job.run():
        for number in range(3):
            job.tell(number / 3, f"score {number}")
            score_cache.write_score(f"score-{number}", {"value": 0.5})
        score_cache.write_arrays("codes", {"means": np.zeros((2, 2))})


def trained() -> None:
    run = paths.runs() / "new run"
    train(tiny(), run, resume=(run / "config.json").exists() and _begun(run))


def _begun(run: Path) -> bool:
    directory = RunDirectory(run)
    return directory.resume_file.exists()


def swept() -> None:
    outcomes = run_sweep(read_recipe(given() / "sweep.toml", paths.runs() / "my sweep"))
    failed = [outcome.message for outcome in outcomes if outcome.status == "failed"]
    if failed:
        raise UserError(failed[0])


def exported() -> None:
    target = paths.home() / "exports" / "first model"
    if not (target / "config.json").exists():
        hub.write_hub_folder(load("first"), target)
    write_atomic(paths.home() / "exports" / "page.html", b"page" * 1000)


def pushed() -> None:
    import huggingface_hub

    class Api:
        def __init__(self, token: str) -> None: ...

        def create_repo(self, repository: str, **more: Any) -> str:
            return repository

        def upload_folder(self, folder_path: Path, **more: Any) -> None:
            assert {"config.json", "model.safetensors", "README.md"} <= {path.name for path in folder_path.iterdir()}

    huggingface_hub.HfApi = Api  # type: ignore[assignment,misc]
    hub.push(load("first"), "some/one", token="x")


@dataclass(frozen=True)
class Action:
    """A change; `several` is of one with steps between that a person may see, each whole."""

    do: Callable[[], object]
    several: bool = False
    every: int = 1  # of so many changes of the disk one is tried, where it takes long


ACTIONS: dict[str, Action] = {
    "import": Action(lambda: import_checkpoint(given() / "their model", "neü / 1")),
    "save": Action(lambda: save(model(9), "brand new")),
    "duplicate": Action(lambda: model_actions.duplicate("a/β 🎉", "copy")),
    "rename": Action(lambda: model_actions.rename("first", "third")),
    "rename-to-odd": Action(lambda: model_actions.rename("first", "x/ÿ")),
    "rename-from-odd": Action(lambda: model_actions.rename("a/β 🎉", "plain")),
    "annotate": Action(lambda: model_actions.annotate("first", tags=["x"], text="y")),
    "label": Action(lambda: name_dimensions(model_actions.find("first").path, Labels(names={1: "size"}))),
    "delete": Action(lambda: model_actions.discard(["a/β 🎉"])),
    "restore": Action(lambda: model_actions.restore(in_trash("model"))),
    "delete-for-good": Action(lambda: trash.empty([in_trash("model")])),
    "empty-the-trash": Action(lambda: trash.empty(model_actions.trashed()), several=True),
    "run-rename": Action(lambda: launch.rename(launch.find("old"), "renamed")),
    "run-delete": Action(lambda: launch.discard(launch.find("g/one"))),
    "run-restore": Action(lambda: launch.restore(in_trash("run"))),
    "run-launch": Action(lambda: launched(["begun"]), several=True),
    "run-resume": Action(resumed, several=True),
    "sweep-launch": Action(lambda: launched(["one", "two"], "s"), several=True),
    "images-add": Action(lambda: add("pictures.zip", "neü / set")),
    "images-add-arrays": Action(lambda: add("arrays.npz", "arrays")),
    "images-rename": Action(lambda: own.rename("kept set", "r/é")),
    "images-delete": Action(lambda: own.discard("kept set")),
    "images-restore": Action(lambda: own.restore(in_trash("images"))),
    "measure": Action(measured, several=True),
    "measuring": Action(measuring, several=True),
    "train": Action(trained, several=True, every=5),
    "sweep": Action(swept, several=True, every=11),
    "export": Action(exported),
    "push": Action(pushed),
}
