"""Who may do what, and how much of it: asked by the very functions that act, so that no page can forget.

On one's own machine, and in a shell, everybody is the owner and nothing here refuses. A server that others
reach has `access.toml` (docs/serving.md); there a visitor looks, a member trains and keeps models within
the limits and changes what is his own, and a manager may do all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from explorer import paths
from explorer.errors import UserError
from explorer.files import folder_lock, read_json, write_json
from explorer.policy import ACTIONS, CLOSED, OWNER, ROLES, Limits, Person, Policy, policy_file, read_policy

OWNER_FILE = "owner.json"  # in a folder that belongs to a person; a run has it in launch.json
MB = 1_000_000
BLOCK = 4096  # bytes of the disk that even the smallest file takes


class Refused(UserError):
    """The person may not do that here."""


def policy() -> Policy | None:
    """The policy that holds now, None on one's own machine. A file that can't be used lets nobody act."""
    file = policy_file()
    if file is None:
        return CLOSED if _open else None
    try:
        status = file.stat()
        stamp = (str(file), status.st_ino, status.st_mtime_ns, status.st_size)
    except OSError:
        return CLOSED
    if stamp not in _read:
        try:
            found = read_policy(file)
        except UserError:
            found = CLOSED
        _read.clear()
        _read[stamp] = found
    return _read.get(stamp, CLOSED)


_read: dict[tuple[str, int, int, int], Policy] = {}
_open = False
_ask: Callable[[], Person] = lambda: OWNER  # noqa: E731


def asked_by(who: Callable[[], Person]) -> None:
    """Where sessions of several persons share the process: how to know whose call this is."""
    global _ask
    _ask = who


def open_to_others(yes: bool) -> None:
    """Note that other machines reach this server: without a policy, all are visitors then."""
    global _open
    _open = yes


def person() -> Person:
    """Who asks."""
    return _ask()


def limits() -> Limits | None:
    """The limits of who asks; None where there are none."""
    if person().role in ("owner", "manager"):
        return None
    return (policy() or CLOSED).limits


def why_not(action: str, folder: Path | None = None) -> str:
    """Why who asks may not do that, in a sentence; "" where it is allowed.

    Args:
        action: one of `ACTIONS`.
        folder: the run, the model or the images that are changed: a member changes what is his own.
    """
    who, rules = person(), policy() or CLOSED
    if who.role == "owner":
        return ""
    what = ACTIONS[action][0]
    if not allows(who, rules, action):
        least = rules.least(action)
        sign_in = ": sign in first" if not who.name else f", and {who.name} is none"
        return f"{what} is for {least}s of this server{sign_in}"
    own = folder is None or (bool(who.name) and owner_of(folder) == who.name)  # "" is nobody
    if not own and who.role != "manager":
        return f"{what} is for whoever made it, and for this server's managers"
    return ""


def allows(who: Person, rules: Policy, action: str) -> bool:
    """Whether the role of a person is enough for an action."""
    return who.role == "owner" or ROLES.index(who.role) >= ROLES.index(rules.least(action))


def may(action: str, folder: Path | None = None) -> bool:
    """Whether who asks may do that."""
    return not why_not(action, folder)


def require(action: str, folder: Path | None = None) -> None:
    """Go on only where who asks may do that. Raises Refused, a UserError, with the reason."""
    if reason := why_not(action, folder):
        raise Refused(reason)


# --- what is whose ------------------------------------------------------------------------------------


def owner_of(folder: Path) -> str:
    """Whose a run, a model or a folder of images is; "" where that is not noted."""
    places = (folder, folder.parent) if folder.name == "checkpoint" else (folder,)
    for place in places:
        for name in (OWNER_FILE, "launch.json"):
            try:
                said = read_json(place / name)
            except UserError:
                continue
            if isinstance(said, dict) and isinstance(said.get("owner"), str):
                return str(said["owner"])
    return ""


def mark_owner(folder: Path) -> None:
    """Note in a folder that it belongs to who asks; nothing on one's own machine. Raises UserError."""
    if person().name:
        write_json(folder / OWNER_FILE, {"owner": person().name})


def used(name: str, besides: Path | None = None) -> int:
    """Bytes of all that belongs to a person: runs, models, images, what of it is in the trash, and what is
    being made or was looked at and is not kept yet.

    Args:
        besides: a folder that is not counted.
    """
    home = paths.home()
    noted = {
        file.parent
        for pattern in (
            f"*/*/{OWNER_FILE}",
            f"*/*/*/{OWNER_FILE}",
            "*/*/launch.json",
            "*/*/*/launch.json",
        )  # sweeps, and the trash
        for file in home.glob(pattern)
    } - {besides}
    return sum(_size(folder) for folder in noted if owner_of(folder) == name)


def _size(folder: Path) -> int:
    total = 0
    for place, _, files in os.walk(folder):
        for file in files:
            try:
                total += taken(Path(place, file).lstat().st_size)
            except OSError:
                continue  # gone in this moment
    return total


def taken(size: int) -> int:
    """Bytes of the disk that a file of `size` bytes takes: whole blocks, so that small files count as well."""
    return -(-size // BLOCK) * BLOCK


# --- how much -----------------------------------------------------------------------------------------


def room(size: int, besides: Path | None = None) -> None:
    """Raises UserError where `size` more bytes are more than who asks may keep.

    Args:
        besides: a folder of theirs that `size` counts already.
    """
    Room(besides).take(size)


def room_of_owner(folder: Path, size: int) -> None:
    """For a run's own process: hold what `folder` will take against what its owner may keep.

    Args:
        size: bytes that the folder will have, in place of those it has.

    Raises:
        UserError: there is no room for them.
    """
    owner, rules = owner_of(folder), policy()
    if owner and rules is not None and rules.person(owner, None).role != "manager":
        _hold(used(owner, folder) + size, rules.limits.disk_mb * MB)


def _hold(kept: int, limit: int) -> None:
    if kept > limit:
        raise Refused(
            f"that would make {kept / MB:,.0f} MB kept, and each person may keep "
            f"{limit // MB:,} MB on this server: delete something, also from the trash"
        )


class Room:
    """What who asks may still keep, from which is taken while something is made: asked before each file."""

    def __init__(self, besides: Path | None = None) -> None:
        allowed, who = limits(), person()
        self.limit = None if allowed is None else allowed.disk_mb * MB
        self.kept = 0 if self.limit is None else used(who.name, besides)

    @property
    def left(self) -> int:
        """Bytes that there is room for."""
        return 1 << 62 if self.limit is None else max(0, self.limit - self.kept)

    def take(self, size: int) -> None:
        """Count `size` more bytes. Raises UserError where there is no room for them."""
        self.kept += size
        if self.limit is not None:
            _hold(self.kept, self.limit)


def upload_limit() -> int | None:
    """Bytes that one file that is uploaded may have; None where nothing but the server's own limit holds."""
    allowed = limits()
    return None if allowed is None else allowed.upload_mb * MB


def check_upload(size: int) -> None:
    """Raises UserError where a file of `size` bytes is more than who asks may upload."""
    limit = upload_limit()
    if limit is not None and size > limit:
        raise Refused(f"the file has {size / MB:,.1f} MB, and one may have {limit // MB:,} MB on this server")


@contextmanager
def starting(runs: int, going: Callable[[str], int], steps: Iterable[int] = ()) -> Iterator[None]:
    """Start `runs` runs inside: nobody else starts any meanwhile, so that the count holds.

    Args:
        going: how many runs of a person wait or run now.
        steps: of each of the runs.

    Raises:
        UserError: they are more, or longer, than who asks may have.
    """
    allowed, who = limits(), person()
    if allowed is None:
        yield
        return
    longest = max(steps, default=0)
    if longest > allowed.steps:
        raise Refused(f"a run may have {allowed.steps:,} steps on this server, and this one has {longest:,}")
    room(0)
    with folder_lock(paths.runs(), "the runs", ".starting"):
        now = going(who.name)
        if now + runs > allowed.runs:
            raise Refused(
                f"each person may have {allowed.runs} runs waiting or running on this server, and with "
                f"{'this one' if runs == 1 else f'these {runs}'} there would be {now + runs}"
            )
        yield


# --- folders of the server ----------------------------------------------------------------------------


def folders() -> list[Path] | None:
    """The folders whose images may be opened; None where any may, on one's own machine."""
    if person().role == "owner":
        return None
    listed = (policy() or CLOSED).folders
    return [paths.data().resolve(), *(paths.absolute(folder) for folder in listed)]


def check_folder(path: str | os.PathLike[str]) -> Path:
    """A folder or a file of the server whose images may be opened: its whole path, links followed.

    Raises:
        UserError: it lies outside of the folders that are allowed; whether it is there is not told.
    """
    allowed = folders()
    place = paths.absolute(path)
    if allowed is None:
        return place
    if not any(place.is_relative_to(folder) for folder in allowed):
        raise Refused("images are opened only from the folders that this server allows")
    return place
