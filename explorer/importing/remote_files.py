"""Checkpoints from an address: repositories of the Hugging Face hub, and single files of a few known hosts.

Nothing is fetched but what a person asked for by its address. What comes is written into a folder of its own,
which is gone when the work with it is done; sizes are held against their limits before and while they come.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import Any
from urllib import error as url_errors
from urllib import parse, request

from explorer import access, paths, stages
from explorer.errors import UserError

HOSTS = (
    "huggingface.co",
    "hf.co",
    "github.com",
    "raw.githubusercontent.com",
    "media.githubusercontent.com",
    "objects.githubusercontent.com",
    "release-assets.githubusercontent.com",
    "zenodo.org",
)
REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
REVISION = re.compile(r"[\w./-]{1,120}")
MAX_BYTES = 512 << 20
SECONDS = 30  # of silence, after which a server counts as gone
SMALL = ("config.json", "specs.json", "README.md", "labels.json", "model_config.json")
WEIGHTS = ("model.safetensors", "model.pt", "pytorch_model.bin")


@dataclass(frozen=True)
class Address:
    """Where something lies: a repository of the hub, or one file."""

    repository: str = ""
    revision: str | None = None
    url: str = ""


def is_address(text: str) -> bool:
    """Whether a text is an address, not a path: it begins with https:// or hf://, or is owner/name of no folder."""
    if re.match(r"(https?|hf)://", text):
        return True
    if not REPOSITORY.fullmatch(text.partition("@")[0]):
        return False
    try:
        return not Path(text).exists()
    except OSError:
        return False


def parse_address(text: str) -> Address:
    """What an address means.

    Raises:
        UserError: another scheme or host than are fetched from.
    """
    if not text.isprintable() or len(text) > 1000:
        raise UserError(f"{text[:80]!r} is not an address")
    if text.startswith("hf://") or REPOSITORY.fullmatch(text.partition("@")[0]):
        name, _, revision = text.removeprefix("hf://").partition("@")
        return _repository(name, revision or None)
    try:
        parts = parse.urlsplit(text)
        host = parts.hostname
        plain = _is_plain(parts)
    except ValueError as error:
        raise UserError(f"{text[:80]!r} is not an address") from error
    if host not in HOSTS or not plain:
        raise UserError(
            f"{text[:120]!r} is not fetched: an address begins with https:// and is at "
            "huggingface.co, github.com, raw.githubusercontent.com or zenodo.org"
        )
    path = [part for part in parts.path.split("/") if part]
    if host in ("huggingface.co", "hf.co") and (len(path) == 2 or path[2:3] == ["tree"]):
        return _repository("/".join(path[:2]), "/".join(path[3:]) or None)
    if len(path) > 3 and path[2] == "blob":  # the page of a file, not the file
        path[2] = "resolve" if host in ("huggingface.co", "hf.co") else "raw"
    query = f"?{parse.quote(parts.query, safe='=&/%+:,;@!$()*~-._')}" if parts.query else ""
    return Address(url=f"https://{host}/{parse.quote('/'.join(path), safe='/%')}{query}")


def _is_plain(parts: parse.SplitResult) -> bool:
    """Whether an address is one of https at its usual port and names nobody. Raises ValueError at a strange port."""
    return parts.scheme == "https" and parts.port in (None, 443) and "@" not in parts.netloc


def _repository(name: str, revision: str | None) -> Address:
    if not REPOSITORY.fullmatch(name) or ".." in name:
        raise UserError(f"{name[:120]!r} is not the id of a repository; an id is OWNER/NAME")
    if revision is not None and (not REVISION.fullmatch(revision) or ".." in revision):
        raise UserError(f"{revision[:80]!r} is not a branch, a tag or a commit")
    return Address(name, revision)


@contextmanager
def fetched(text: str, private: bool = True) -> Iterator[tuple[Path, str, str]]:
    """Fetch what lies at an address: the folder or file, a name for it, and where it came from in words.

    Args:
        text: see `parse_address`.
        private: whether the hub is shown the token of this machine (HF_TOKEN), which opens private repositories.

    Raises:
        UserError: no such address, no network, too large; one sentence.
    """
    address = parse_address(text)
    with stages.staged(paths.library()) as folder:
        access.mark_owner(folder)
        root = folder.resolve()
        if address.repository:
            at = _fetch_repository(address, root, private)
            yield (root, address.repository.partition("/")[2], f"the Hugging Face hub, {address.repository}{at}")
        else:
            name = PurePosixPath(parse.unquote(parse.urlsplit(address.url).path)).name
            name = re.sub(r"[^\w.+-]", "-", name).lstrip(".")[:100] or "model.pt"
            download(address.url, root / name, min(MAX_BYTES, access.Room().left))
            yield root / name, _name(address.url), address.url


def _name(url: str) -> str:
    parts = [p for p in parse.unquote(parse.urlsplit(url).path).split("/") if p]
    stem = PurePosixPath(parts[-1]).stem if parts else ""
    general = stem.lower() in ("model", "pytorch_model", "last", "best", "checkpoint")
    text = parts[-2] if general and len(parts) > 1 else stem
    return re.sub(r"[^\w.+ -]", "-", text).strip(". ") or "imported"


def _fetch_repository(address: Address, folder: Path, private: bool) -> str:
    """The files of a checkpoint out of a repository of the hub. Returns its commit, as "@…"."""
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise UserError("the hub is read with huggingface_hub: pip install huggingface_hub") from error
    with from_hub(f"the repository {address.repository}"):
        api = HfApi(token=None if private else False)
        info = api.model_info(address.repository, revision=address.revision, files_metadata=True, timeout=SECONDS)
        sizes = {item.rfilename: item.size or 0 for item in info.siblings or []}
        weights = next((name for name in WEIGHTS if name in sizes), None) or next(
            (n for n in sorted(sizes) if n.endswith((".safetensors", ".pt", ".ckpt")) and "/" not in n), None
        )
        if weights is None:
            raise UserError(
                f"the repository {address.repository} holds no model.safetensors and no model.pt: "
                + (", ".join(sorted(sizes)[:6]) or "nothing")
            )
        wanted = [weights, *(name for name in SMALL if sizes.get(name, MAX_BYTES) < 1 << 20)]
        access.room(sum(sizes[name] for name in wanted))
        if sum(sizes[name] for name in wanted) > MAX_BYTES:
            raise UserError(f"{weights} has {sizes[weights]:,} bytes, more than the {MAX_BYTES:,} allowed")
        for name in wanted:
            api.hf_hub_download(address.repository, name, revision=info.sha, local_dir=folder)
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    return f"@{info.sha[:12]}" if info.sha else ""


@contextmanager
def from_hub(what: str) -> Iterator[None]:
    """Say in one sentence what goes wrong with the hub.

    Raises:
        UserError: offline, not there, not allowed.
    """
    from huggingface_hub import errors

    try:
        yield
    except UserError:
        raise
    except errors.GatedRepoError as error:
        raise UserError(f"{what} is only for those whom its owner lets in; set HF_TOKEN to your token") from error
    except errors.RepositoryNotFoundError as error:
        raise UserError(f"{what} is not on the hub, or is private (then set HF_TOKEN to your token)") from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"{what} has no such branch, tag or commit") from error
    except errors.HfHubHTTPError as error:
        reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
        raise UserError(f"the hub refused {what}: {reason}") from error
    except Exception as error:  # whatever its client raises where there is no network
        if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
            raise UserError(f"{what} was not asked for: HF_HUB_OFFLINE is set") from error
        raise UserError(f"{what} can't be reached: there is no network, or the hub does not answer") from error


class _SameHosts(request.HTTPRedirectHandler):
    """Follows a redirection only to the hosts that may be asked."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        try:
            parts = parse.urlsplit(newurl)
            host, plain = parts.hostname or "nowhere", _is_plain(parts)
        except ValueError as error:
            raise UserError("the address leads on to what is no address") from error
        own = host.endswith((".huggingface.co", ".hf.co"))  # where the hub keeps large files
        if not plain or not (host in HOSTS or own):
            raise UserError(f"the address leads on to {host[:120]!r}, by a way or to a place that is not asked")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(url: str, target: Path, limit: int = MAX_BYTES, sha256: str | None = None) -> None:
    """Fetch one file, and hold it against its hash where that is known.

    Raises:
        UserError: no network, an error of the server, too large, or another content than was published.
    """
    digest, count = hashlib.sha256(), 0
    asked = request.Request(url, headers={"User-Agent": "beta-vae-explorer"})
    try:
        with request.build_opener(_SameHosts).open(asked, timeout=SECONDS) as answer, target.open("wb") as file:
            while block := answer.read(1 << 16):
                count += len(block)
                if count > limit:
                    raise UserError(f"what lies at {url} has more than the {limit:,} bytes allowed")
                digest.update(block)
                file.write(block)
    except url_errors.HTTPError as error:
        raise UserError(f"the server answers {error.code} {error.reason} to {url}") from error
    except (OSError, ValueError, HTTPException) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"there is no network, or the server does not answer: {url} was not fetched") from error
    if sha256 is not None and digest.hexdigest() != sha256:
        raise UserError(
            f"what lies at {url} is not what was published: its SHA-256 is {digest.hexdigest()[:16]}…, "
            f"not {sha256[:16]}…; it was not kept"
        )
