"""Who may do what: asked by the functions that act, whatever page or message led there."""

from __future__ import annotations

import io
import json
import os
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image
from streamlit.proto.BackMsg_pb2 import BackMsg

from explorer import access, launch, paths, trash
from explorer.analysis.jobs import JobFile
from explorer.checkpoints import ModelConfig, load, save, shelf
from explorer.checkpoints.labels import Labels, name_dimensions
from explorer.checkpoints.store import build_model
from explorer.datasets import intake, open_dataset, own
from explorer.errors import UserError
from explorer.export import hub
from explorer.importing import published
from explorer.importing.preview import import_checkpoint
from explorer.launch import model_actions
from explorer.launch.status import Launch
from explorer.policy import ACCESS_FILE, NOBODY, OWNER
from explorer.training import train
from explorer.training.directory import RunDirectory
from explorer.ui.server import door
from tests import asynchronous

from .people import ADA, BOB, CHIEF, TINY, finished


def tree(folder: Path) -> dict[str, bytes]:
    return {str(f): f.read_bytes() for f in folder.rglob("*") if f.is_file() and f.name[0] != "."}


nobody: Any = None
ACTS: dict[str, Callable[[Any, Any], object]] = {
    "launch": lambda run, item: launch.launch([("new", TINY)]),
    "launch a sweep": lambda run, item: launch.launch([("new", TINY)], group="sweep"),
    "resume": lambda run, item: launch.resume(run),
    "stop": lambda run, item: launch.stop(run),
    "rename": lambda run, item: launch.rename(run, "other"),
    "delete": lambda run, item: launch.discard(run),
    "restore": lambda run, item: launch.restore(item),
    "delete for good": lambda run, item: trash.empty([item]),
    "name dimensions": lambda run, item: name_dimensions(run.path, Labels(names={0: "x"})),
    "measure": lambda run, item: JobFile(paths.cache() / "jobs" / "x.json").start([], []),
    "stop measuring": lambda run, item: JobFile(paths.cache() / "jobs" / "x.json").stop(),
    "download": lambda run, item: open_dataset("mnist", download=True),
    "open a folder": lambda run, item: open_dataset("folder", root=run.path),
    "note": lambda run, item: model_actions.annotate("model", tags=["x"]),
    "duplicate": lambda run, item: model_actions.duplicate("model"),
    "rename a model": lambda run, item: model_actions.rename("model", "other"),
    "rename past the shelf": lambda run, item: shelf.rename(model_actions.find("model"), "other"),
    "delete a model": lambda run, item: model_actions.discard(["model"]),
    "delete past the shelf": lambda run, item: shelf.discard(model_actions.find("model")),
    "restore all kinds": lambda run, item: [model_actions.restore(one) for one in model_actions.trashed()],
    "delete all kinds for good": lambda run, item: trash.empty(model_actions.trashed()),
    "import": lambda run, item: import_checkpoint(paths.library() / "model", "other"),
    "import from an address": lambda run, item: import_checkpoint("https://github.com/a/b/model.pt"),
    "fetch a published model": lambda run, item: published.fetch_published(next(iter(published.PUBLISHED))),
    "publish": lambda run, item: hub.push(load("model"), "a/b", "token"),
    "upload images": lambda run, item: intake.look_at_files([("a.png", io.BytesIO(b"x"))]),
    "read images of the server": lambda run, item: intake.look_at_path(run.path),
    "keep images": lambda run, item: own.keep(run.path, "x", own.find("set").card),
    "rename images": lambda run, item: own.rename("set", "other"),
    "delete images": lambda run, item: own.discard("set"),
}


@pytest.mark.parametrize("act", ACTS)
def test_a_visitor_who_gets_past_every_page_still_changes_nothing(
    act: str, as_person: Callable[..., None], home: Path, unstarted: None
) -> None:
    run, gone = finished("hers", ADA.name), finished("gone", ADA.name)
    item = launch.discard(gone)
    assert isinstance(item, trash.Item)
    made = build_model(ModelConfig(network="compact", shape=(1, 32, 32), latents=2))
    for name in ("model", "lost"):
        with shelf.new_in_library(name) as stage:
            save(made, stage)
    for name in ("set", "gone"):
        picture = io.BytesIO()
        Image.new("L", (9, 9), 99 if name == "set" else 0).save(picture, "PNG")
        picture.seek(0)
        intake.store_set(intake.look_at_files([("a.png", picture)]), name)
    model_actions.discard(["lost"])
    own.discard("gone")
    as_person(NOBODY)
    before = tree(home)
    with pytest.raises(access.Refused):
        ACTS[act](run, item)
    assert tree(home) == before


def test_what_a_member_launches_is_his_and_stays_so_when_a_manager_resumes_it(
    as_person: Callable[..., None], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ended:
        pid = os.getpid()

        def __init__(self, *arguments: Any, **options: Any) -> None:
            pass

        def wait(self) -> int:
            return 0

    monkeypatch.setattr(subprocess, "Popen", Ended)
    monkeypatch.setattr(launch.lifecycle, "NICE", psutil.Process().nice())
    as_person(ADA)
    [run] = launch.launch([("hers", TINY)])
    assert access.owner_of(run.path) == ADA.name
    run.write_state(status="stopped", step=1, steps=3)
    as_person(BOB)
    with pytest.raises(access.Refused, match="whoever made it"):
        launch.resume(run)
    as_person(CHIEF)
    launch.resume(run)
    assert access.owner_of(run.path) == ADA.name


def test_of_many_clicks_at_once_as_many_runs_start_as_a_person_may_have(
    as_person: Callable[..., None], unstarted: None
) -> None:
    as_person(ADA, "[limits]\nruns = 3")
    done: list[object] = []

    def press(number: int) -> None:
        try:
            done.append(launch.launch([(f"run-{number}", TINY)]))
        except UserError as error:
            done.append(error)

    clicks = [threading.Thread(target=press, args=(n,)) for n in range(8)]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join()
    assert sum(isinstance(result, list) for result in done) == 3
    assert len(list(paths.runs().glob("run-*"))) == 3
    assert {str(r) for r in done if not isinstance(r, list)} == {
        "each person may have 3 runs waiting or running on this server, and with this one there would be 4"
    }
    as_person(BOB, "[limits]\nruns = 3")
    with pytest.raises(UserError, match="these 4"):
        launch.launch([(f"beta-{n}", TINY) for n in range(4)], group="sweep")
    launch.launch([(f"beta-{n}", TINY) for n in range(3)], group="sweep")


def test_steps_folders_and_downloads_of_a_run_are_limited_too(
    as_person: Callable[..., None], home: Path, unstarted: None
) -> None:
    as_person(ADA, f"folders = ['{home}/shared']\n[limits]\nsteps = 3\n[may]\ndownload = 'manager'")
    for changes in (
        {"steps": 4},
        {"data": "folder", "root": "/etc"},
        {"download": True},
        {"data": "folder", "root": f"{home}/shared/../.."},
    ):
        with pytest.raises(access.Refused):
            launch.launch([("x", TINY.model_copy(update=changes))])
    (home / "shared").mkdir()
    (home / "shared" / "way out").symlink_to("/etc")
    with pytest.raises(access.Refused):
        access.check_folder(home / "shared" / "way out")
    with pytest.raises(access.Refused):
        access.check_folder(f"{home}/shared2")
    assert access.check_folder(home / "shared" / "a") == home / "shared" / "a"
    launch.launch([("x", TINY.model_copy(update={"data": "folder", "root": f"{home}/shared"}))])


def test_the_disk_of_a_person_counts_runs_models_and_the_trash(as_person: Callable[..., None], home: Path) -> None:
    as_person(ADA, "[limits]\ndisk_mb = 1")
    finished("hers", ADA.name).log_file.write_bytes(b"x" * 200_000)
    finished("sweep/hers", ADA.name).log_file.write_bytes(b"x" * 200_000)
    finished("his", BOB.name).log_file.write_bytes(b"x" * 900_000)
    access.room(500_000)
    model = paths.library() / "model"
    model.mkdir(parents=True)
    (model / "model.safetensors").write_bytes(b"x" * 200_000)
    access.room(500_000)  # not hers yet
    access.mark_owner(model)
    assert access.owner_of(model) == ADA.name
    with pytest.raises(access.Refused, match="each person may keep 1 MB"):
        access.room(500_000)
    item = launch.discard(RunDirectory(paths.runs() / "hers"))
    with pytest.raises(access.Refused):
        access.room(500_000)  # it is still in the trash
    trash.empty([item])
    access.room(500_000)
    as_person(CHIEF)
    access.room(10**15)


def test_a_model_that_is_being_made_is_counted_once(as_person: Callable[..., None]) -> None:
    as_person(ADA, "[limits]\ndisk_mb = 1")
    for name, size in (("first", 600_000), ("second", 300_000)):
        with shelf.new_in_library(name) as stage:
            (stage / "model.safetensors").write_bytes(b"x" * size)
    assert {access.owner_of(paths.library() / name) for name in ("first", "second")} == {ADA.name}
    with pytest.raises(access.Refused, match="each person may keep 1 MB"), shelf.new_in_library("third") as stage:
        (stage / "model.safetensors").write_bytes(b"x" * 200_000)
    assert not (paths.library() / "third").exists()


def test_what_a_run_saves_counts_when_it_is_saved_and_a_managers_does_not(home: Path) -> None:
    """The process of a run is nobody's session: it knows its owner by launch.json."""
    (home / ACCESS_FILE).write_text(
        f"[members]\nemails = ['{ADA.name}']\n[managers]\nemails = ['{CHIEF.name}']\n[limits]\ndisk_mb = 1"
    )
    for name, owner in (("hers", ADA.name), ("the managers", CHIEF.name), ("the shells", "")):
        run = RunDirectory(paths.runs() / name)
        run.path.mkdir(parents=True)
        Launch(owner=owner).write(run)
        small = TINY.model_copy(update={"network": "compact", "eval_images": 4})
        if owner == ADA.name:
            with pytest.raises(access.Refused, match="each person may keep 1 MB on this server"):
                train(small, run.path)
            assert not run.resume_file.exists()
            assert json.loads(run.state_file.read_text())["status"] == "failed"
        else:
            train(small, run.path)
            assert run.resume_file.exists()


def test_one_file_that_is_uploaded_is_limited(as_person: Callable[..., None]) -> None:
    as_person(ADA, "[limits]\nupload_mb = 2")
    access.check_upload(2_000_000)
    with pytest.raises(access.Refused, match="one may have 2 MB"):
        access.check_upload(2_000_001)
    as_person(OWNER)
    access.check_upload(10**12)


def test_no_message_of_a_page_clears_what_all_share(home: Path) -> None:
    sent = BackMsg(clear_cache=True).SerializeToString()
    heard = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        heard.append((await receive())["bytes"])

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.receive", "bytes": sent}

    scope = {"type": "websocket", "headers": [(b"host", b"localhost")], "path": "/_stcore/stream"}
    asynchronous.run(door.Door(app)(scope, receive, nobody))
    (home / ACCESS_FILE).write_text("")
    asynchronous.run(door.Door(app)(scope, receive, nobody))
    assert heard[0] == sent  # the owner's own
    assert BackMsg.FromString(heard[1]).WhichOneof("type") == "app_heartbeat"


def test_a_tab_closed_while_it_is_told_something_is_no_error_but_another_failure_is() -> None:
    async def gone(message: Any) -> None:
        raise OSError("the tab has gone")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with suppress(OSError):
            await send({"type": "websocket.send", "bytes": b"news"})
        raise RuntimeError("WebSocket is not connected")

    async def told(message: Any) -> None:
        pass

    scope = {"type": "websocket", "path": "/_stcore/stream", "headers": []}
    asynchronous.run(door.Door(app)(scope, nobody, gone))
    with pytest.raises(RuntimeError, match="not connected"):
        asynchronous.run(door.Door(app)(scope, nobody, told))
