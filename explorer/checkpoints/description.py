"""What a checkpoint says of itself: read without torch and without its weights."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from explorer import paths, roots
from explorer.checkpoints.catalogue import find, name_of, split_beta
from explorer.checkpoints.config import CheckpointConfig, Evaluation
from explorer.checkpoints.headers import read_header
from explorer.errors import UserError, in_words
from explorer.files import read_json

if TYPE_CHECKING:
    from models.beta_vae import BetaVAE

WEIGHTS = "model.safetensors"


class _AtBeta:
    """What a checkpoint is at the β at which it is meant, and what it is at every one."""

    config: CheckpointConfig
    hash: str  # of the content, and of `beta`
    beta: float | None

    @property
    def content(self) -> str:
        """A hash of the weights and of the part of the config that builds the model, whatever `beta` is."""
        return self.hash.partition("-")[0]

    @property
    def evaluation(self) -> Evaluation | None:
        """What was measured with the model, at its β where it is for every one."""
        return self.config.evaluation_at(self.beta)


@dataclass(frozen=True)
class Description(_AtBeta):
    """What a checkpoint says of itself, read without torch and without its weights."""

    name: str
    path: Path
    config: CheckpointConfig
    bytes: int
    hash: str  # of the content, and of `beta`
    beta: float | None = None  # at which a model for every β is meant

    def at(self, beta: float | None) -> Description:
        """The same model at another β; as it is where no β is given.

        Raises:
            UserError: it has no such β.
        """
        if beta is None:
            return self
        return replace(self, beta=_checked(self.name, self.config, beta), hash=_with_beta(self.content, beta))


@dataclass(frozen=True)
class Checkpoint(_AtBeta):
    """A model with what is known about it."""

    name: str
    path: Path
    config: CheckpointConfig
    hash: str
    model: BetaVAE  # the plain one at `beta`, where it is for every β of a range
    beta: float | None = None


def describe(name_or_path: str | Path, beta: float | None = None) -> Description:
    """Read what a checkpoint says of itself: its config, size and content hash. Needs no torch.

    `beta` is for a model that was trained for every β of a range: which of them is meant, else a usual one. A name
    may say it too, as in "dsprites-any-beta@4".

    Raises:
        UserError: no such checkpoint, or one whose config or weight file can't be used; no such β.
    """
    path, beta = _find_at(name_or_path, beta)
    config = read_config(path)
    weights = path / WEIGHTS
    read_header(weights)
    built_from = config.model.model_dump_json(exclude_none=True)
    try:
        status = weights.stat()
        digest = _hash(weights, status.st_size, status.st_mtime_ns, status.st_ino, built_from)
    except OSError as error:  # moved or deleted in this moment
        raise UserError(f"{weights} can't be read: {error.strerror or error}") from error
    at = _checked(name_of(path), config, beta)
    return Description(name_of(path), path, config, status.st_size, _with_beta(digest, at), at)


def _checked(name: str, config: CheckpointConfig, beta: float | None) -> float | None:
    try:
        return config.beta(beta)
    except ValueError as error:
        raise UserError(f"{name} {error}") from error


def _with_beta(content: str, beta: float | None) -> str:
    return content if beta is None else f"{content}-{beta!r}"


def _find_at(name_or_path: str | Path, beta: float | None) -> tuple[Path, float | None]:
    """The directory of a checkpoint, and the β that is meant."""
    try:
        return find(name_or_path), beta
    except UserError:
        name, said = split_beta(str(name_or_path))
        if said is None or beta is not None:
            raise
        with suppress(UserError):
            return find(name), said
        raise


def read_config(path: Path) -> CheckpointConfig:
    """The config of the checkpoint in a directory. Raises UserError where it can't be used."""
    value = read_json(path / "config.json")
    if not isinstance(value, dict) or value.get("format") != "beta-vae-explorer":
        raise UserError(f"{path / 'config.json'} is not the config of a Beta-VAE Explorer checkpoint")
    if value.get("version") != 1:
        raise UserError(
            f"{path / 'config.json'} has version {str(value.get('version'))[:40]!r}; this program reads version 1"
        )
    try:
        config = CheckpointConfig.model_validate(value)
    except ValidationError as error:
        raise UserError(f"{path / 'config.json'}: {in_words(error)}") from error
    if config.training and path.name == "checkpoint" and (path.parent / "config.json").is_file():
        run = read_json(path.parent / "config.json")  # a run knows where its images lie
        root = run.get("root") if isinstance(run, dict) else None
        if isinstance(root, str) and (roots.is_named(root) or _is_of_this_home(path)):
            config = config.model_copy(update={"training": config.training | {"root": root}})
    measured = config.evaluation
    for name in ("kl_per_dimension", "activity"):
        values = getattr(measured, name, None)
        if values is not None and len(values) != config.latents:
            raise UserError(
                f"{path / 'config.json'}: evaluation.{name} has {len(values)} values for {config.latents} latents"
            )
    _check_curve(path, config)
    first = config.first_image
    if first is not None and len(first.mean) != config.latents:
        raise UserError(
            f"{path / 'config.json'}: first_image.mean has {len(first.mean)} values for {config.latents} latents"
        )
    return config


def _check_curve(path: Path, config: CheckpointConfig) -> None:
    if config.curve is None:
        return
    if config.betas is None:
        raise UserError(f"{path / 'config.json'}: it has a curve over β, and was trained for one")
    for point in config.curve:
        if {len(point.kl_per_dimension), len(point.activity)} != {config.latents}:
            raise UserError(f"{path / 'config.json'}: curve has not {config.latents} values at β = {point.beta:g}")
    betas = [point.beta for point in config.curve]
    low, high = config.betas
    if betas != sorted(set(betas)) or not low <= betas[0] <= betas[-1] <= high * (1 + 1e-9):
        raise UserError(f"{path / 'config.json'}: the βs of curve don't rise from {low:g} to {high:g}")


def _is_of_this_home(path: Path) -> bool:
    """Whether a checkpoint lies among the runs of this home, where nothing is imported to."""
    try:
        return path.resolve().is_relative_to(paths.runs().resolve())
    except (OSError, RuntimeError):
        return False


@lru_cache(maxsize=4096)
def _hash(weights: Path, size: int, modified: int, inode: int, built_from: str) -> str:
    """Of the file's bytes and the model's config; the middle arguments tell one file from the next."""
    digest = hashlib.blake2b(built_from.encode(), digest_size=16)
    with weights.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
