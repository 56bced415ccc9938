"""Do everything that changes the disk, and end it at each change: killed, on a full disk, on one that is read-only.

    python -m tests.crashes MODE FOLDER [ACTION...]

MODE is kill, full, disk (small and read-only ones, mounted) or two (apps at once); kill:4 tries every fourth change.
The program is imported once; each try is a fork with a home of its own, and so is each look at what was left. What
is found to be wrong is printed as one JSON object: for each action how many tries there were, and the faults.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

HOME = "my höme – ブ"  # blanks and letters that are not ASCII
CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
OK, REFUSED, FAULT = 0, 3, 4


def forked(work: Callable[[], Any]) -> tuple[int, Any]:
    """Do something in a process of its own: how it ended (a negative number is a signal), and what it gave."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        code, said = FAULT, None
        try:
            from explorer.errors import UserError

            try:
                code, said = OK, work()
            except UserError as error:
                code, said = REFUSED, str(error)
        except BaseException:
            said = traceback.format_exc()[-1500:]
        finally:
            with os.fdopen(write, "w") as pipe:
                json.dump(said, pipe, default=str)
            os._exit(code)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    _, status = os.waitpid(pid, 0)
    said = json.loads(text) if text else None
    return os.waitstatus_to_exitcode(status), said


class Watch:
    """Counts the changes of the disk under a home, and does something at one of them."""

    def __init__(self, home: Path, at: int, then: Callable[[str, tuple[Any, ...]], None]) -> None:
        self.home, self.at, self.then, self.count = str(home), at, then, 0
        sys.addaudithook(self._see)

    def _see(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = args
            if isinstance(path, int) or not isinstance(flags, int) or not flags & WRITING:
                return
        elif event in CHANGES:
            path = args[0]
        else:
            return
        text = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else ""
        relative = event != "open" and text and not text.startswith("/")
        if not (text.startswith(self.home) or relative):
            return
        self.count += 1
        if self.count >= self.at:
            self.then(event, args)


def kill(event: str, args: tuple[Any, ...]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def no_space(event: str, args: tuple[Any, ...]) -> None:
    """A disk that is full and stays so: nothing new, nothing longer; what is there can be opened and removed."""
    if event in ("os.remove", "os.rmdir", "os.truncate"):
        return
    if event == "open" and Path(os.fsdecode(args[0])).exists() and not args[2] & os.O_TRUNC:
        return
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(args[0]))


class Trial:
    """One kind of trouble, tried on every action."""

    def __init__(self, folder: Path, every: int = 1) -> None:
        self.folder, self.every = folder, every
        self.base = folder / "base" / HOME
        self.home = folder / "try" / HOME

    def fresh(self) -> None:
        """A home as it was furnished."""
        for part in (self.home, self.home.parent / "given files"):
            shutil.rmtree(part, ignore_errors=True)
            origin = self.base.parent / part.name
            shutil.copytree(origin, part, symlinks=True)

    def within(self, work: Callable[[], Any], home: Path | None = None) -> tuple[int, Any]:
        """Do something in a fork whose home is the one that is tried."""

        def inside() -> Any:
            os.environ["BETA_VAE_HOME"] = str(home or self.home)
            return work()

        return forked(inside)

    def look(self) -> tuple[str, Any]:
        """What a person is shown, and in words what is wrong with it."""
        from tests.crashes import actions

        code, seen = self.within(actions.view)
        return ("", seen) if code == OK else (f"the listing fails: {seen}", None)

    def count(self, do: Callable[[], Any]) -> int:
        """How many changes of the disk an action makes when nothing is in its way."""

        def counted() -> int:
            watch = Watch(self.home, sys.maxsize, kill)
            do()
            return watch.count

        self.fresh()
        code, changes = self.within(counted)
        assert code == OK, changes
        return int(changes)


def run(mode: str, trial: Trial, names: list[str]) -> dict[str, Any]:
    from tests.crashes import actions

    results: dict[str, Any] = {}
    for name in names:
        action = actions.ACTIONS[name]
        trial.fresh()
        _, before = trial.look()
        changes = trial.count(action.do)
        _, after = trial.look()
        faults: list[str] = []
        tried = MODES[mode](trial, action, before, after, changes, faults)
        results[name] = {"tried": tried, "changes": changes, "faults": faults}
        print(name, tried, "tries,", len(faults), "faults", file=sys.stderr, flush=True)
    return results


def judge(trial: Trial, action: Any, before: Any, after: Any, where: str, faults: list[str]) -> None:
    """Nothing is half-made, nothing is locked, and it goes again."""
    wrong, seen = trial.look()
    if wrong:
        faults.append(f"{where}: {wrong}")
        return
    if seen not in (before, after) and not action.several:
        faults.append(f"{where}: half-made: {seen}")
        return
    if seen != after or action.several:
        code, said = trial.within(action.do)
        taken = action.several and code == REFUSED and "already" in str(said)
        if code != OK and not taken and not (action.several and seen == after):
            faults.append(f"{where}: it does not go again: {said}")
        wrong, again = trial.look()
        if wrong or (again != after and not taken):
            faults.append(f"{where}: then {wrong or again}")
    code, said = trial.within(_probe)
    if code != OK:
        faults.append(f"{where}: something is locked: {said}")


def _probe() -> None:
    """A change as a person would make it next; then every folder that can be seen is a model or a run."""
    from explorer import launch, paths
    from explorer.checkpoints import catalogue
    from explorer.files import subfolders
    from explorer.launch import model_actions
    from explorer.training.directory import find_runs

    model_actions.discard([model_actions.duplicate(catalogue()[0].name, "probe")])
    called = next(name for name in ("old", "renamed") if (paths.runs() / name).exists())
    launch.rename(launch.rename(launch.find(called), "probe-run"), called)
    listed = {entry.path for entry in catalogue()} | {run.path for run in find_runs(paths.runs())}
    listed |= {path.parent for path in listed}
    there = [*subfolders(paths.library()), *subfolders(paths.runs())]
    assert [path for path in there if path not in listed] == []


def kill_everywhere(trial: Trial, action: Any, before: Any, after: Any, changes: int, faults: list[str]) -> int:
    tried = 0
    for at in range(1, changes + 1, action.every * trial.every):
        trial.fresh()

        def doomed(at: int = at) -> None:
            Watch(trial.home, at, kill)
            action.do()

        code, said = trial.within(doomed)
        tried += 1
        if code not in (-signal.SIGKILL, OK):
            faults.append(f"change {at}: {said}")
        judge(trial, action, before, after, f"killed at change {at}", faults)
    return tried


def full_everywhere(trial: Trial, action: Any, before: Any, after: Any, changes: int, faults: list[str]) -> int:
    tried = 0
    for at in range(1, changes + 1, action.every * trial.every):
        trial.fresh()

        def doomed(at: int = at) -> None:
            watch = Watch(trial.home, at, no_space)
            flush = os.fsync

            def fsync(fd: Any) -> None:
                if watch.count >= watch.at:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                flush(fd)

            os.fsync = fsync
            action.do()

        code, said = trial.within(doomed)
        tried += 1
        if code not in (OK, REFUSED):
            faults.append(f"full from change {at} on: no sentence but {said}")
        judge(trial, action, before, after, f"full from change {at} on", faults)
    return tried


def real_disk(trial: Trial, action: Any, before: Any, after: Any, changes: int, faults: list[str]) -> int:
    """A small disk with so many blocks left, and none; then one that can only be read."""
    tried = 0
    for left in (0, 1, 2, 4, 8, 16, None):
        trial.home.mkdir(exist_ok=True)
        mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", str(trial.home))
        try:
            shutil.copytree(trial.base, trial.home, dirs_exist_ok=True, symlinks=True)
            if left is None:
                mount("-o", "remount,ro", str(trial.home))
            else:
                fill(trial.home / "ballast", left)
            code, said = trial.within(action.do)
            tried += 1
            where = "read-only" if left is None else f"{left} blocks left"
            if code not in (OK, REFUSED):
                faults.append(f"{where}: no sentence but {said}")
            wrong, seen = trial.look()
            if wrong or (left is None and seen != before):
                faults.append(f"{where}: {wrong or seen}")
            if left is not None:
                (trial.home / "ballast").unlink()
                judge(trial, action, before, after, where, faults)
        finally:
            subprocess.run(["umount", "-l", str(trial.home)], check=True)
    return tried


def fill(file: Path, left: int) -> None:
    with file.open("wb", buffering=0) as ballast:
        with suppress(OSError):
            while True:
                ballast.write(bytes(4096))
        ballast.truncate(max(0, ballast.tell() - 4096 * left))


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def two_at_once(trial: Trial, action: Any, before: Any, after: Any, changes: int, faults: list[str]) -> int:
    """Two apps on one home do the same at once."""
    trial.fresh()
    gate = trial.home.parent / "gate"
    gate.unlink(missing_ok=True)

    def work() -> None:
        while not gate.exists():
            time.sleep(0.001)
        action.do()

    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(trial.within, work) for _ in range(2)]
        gate.touch()
        ends = [each.result() for each in waiting]
    if not any(code == OK for code, _ in ends) or any(code not in (OK, REFUSED) for code, _ in ends):
        faults.append(f"two at once: {ends}")
    judge(trial, action, before, after, "two at once", faults)
    return 1


MODES = {"kill": kill_everywhere, "full": full_everywhere, "disk": real_disk, "two": two_at_once}


def main() -> None:
    chosen, folder, *names = sys.argv[1:]
    mode, _, every = chosen.partition(":")
    os.environ["OMP_NUM_THREADS"] = "1"
    from explorer import paths

    trial = Trial(Path(folder), int(every or 1))
    paths.PRETRAINED = trial.folder / "none"
    from tests.crashes import actions

    trial.base.parent.mkdir(parents=True)
    trial.home.parent.mkdir(parents=True)
    code, said = trial.within(actions.furnish, trial.base)
    assert code == OK, said
    json.dump(run(mode, trial, names or list(actions.ACTIONS)), sys.stdout)


if __name__ == "__main__":
    main()
