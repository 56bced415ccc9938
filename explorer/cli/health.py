"""`health`: whether what a server stands on is in order."""

from __future__ import annotations

import json
import shutil
import tempfile
import urllib.request
from collections.abc import Callable

import click

from explorer import paths
from explorer.checkpoints import catalogue, describe
from explorer.cli.group import main
from explorer.errors import UserError
from explorer.policy import policy_file, read_policy

LITTLE_DISK = 100_000_000  # bytes; a run writes some tens of millions
FRONT = (
    "live.mjs",
    "scatter.mjs",
    "scatter_thumb.mjs",
    "theory_curve.mjs",
    "theory_gaussians.mjs",
    "ort.wasm.bundle.min.mjs",
    "ort-wasm-simd-threaded.wasm.gz",
)
PATIENCE = 5  # seconds


@main.command()
@click.option("--url", help="Also ask the app at this address, such as http://localhost:8501.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def health(url: str | None, as_json: bool) -> None:
    """Check disk, folders, models, static files and access.toml; with --url also the running app.

    Exit code 0 where all is well, 1 where something is not. Takes no torch, so it answers within a second
    or two: a container's health check can call it.
    """
    checks: dict[str, Callable[[], str]] = {
        "folders": _folders,
        "disk": _disk,
        "models": _models,
        "static files": _static,
        "access": _access,
    }
    if url is not None:
        checks["app"] = lambda: _app(url)
    found: dict[str, dict[str, object]] = {}
    for name, check in checks.items():
        try:
            found[name] = {"ok": True, "says": check()}
        except (UserError, OSError, ValueError) as error:
            found[name] = {"ok": False, "says": str(error)}
    well = all(of["ok"] for of in found.values())
    if as_json:
        click.echo(json.dumps({"ok": well, "checks": found}))
    else:
        for name, of in found.items():
            click.echo(f"{'ok ' if of['ok'] else 'BAD'} {name}: {of['says']}")
    raise SystemExit(0 if well else 1)


def _folders() -> str:
    for folder in (paths.runs(), paths.library(), paths.data(), paths.cache()):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            file.write(b"x")
    return f"{paths.home()} can be written to"


def _disk() -> str:
    free = shutil.disk_usage(paths.home()).free
    if free < LITTLE_DISK:
        raise UserError(f"{free / 1e6:,.0f} MB are free, and a run needs some tens of them")
    return f"{free / 1e9:,.1f} GB are free"


def _models() -> str:
    entries = catalogue()
    for entry in entries:
        if entry.origin == "shipped":
            describe(entry.path)
    if not any(entry.origin == "shipped" for entry in entries):
        raise UserError(f"there is no shipped model in {paths.PRETRAINED}")
    return f"{len(entries)} are at hand"


def _static() -> str:
    lost = [name for name in FRONT if not (paths.PROJECT / "static" / name).is_file()]
    if lost:
        raise UserError(f"{', '.join(lost)} is not in {paths.PROJECT / 'static'}")
    return "all are there"


def _access() -> str:
    file = policy_file()
    if file is None:
        return "not configured: everybody who reaches a server of this machine alone is its owner"
    rules = read_policy(file)
    return (
        f"{file}: {len(rules.members.emails)} members and {len(rules.members.domains)} domains of members, "
        f"{len(rules.managers.emails)} managers; everyone else is a {rules.everyone}"
    )


def _app(url: str) -> str:
    with urllib.request.urlopen(f"{url.rstrip('/')}/_stcore/health", timeout=PATIENCE) as answer:
        said = answer.read(100).decode("utf-8", "replace")
    if said != "ok":
        raise UserError(f"{url} answers {said!r}")
    return f"{url} answers"
