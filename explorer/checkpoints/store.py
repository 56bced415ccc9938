"""Save and load checkpoints: directories of config.json, model.safetensors and README.md.

Nothing here unpickles. Every name, shape, type and size is held against what the config promises
before anything is built, and every number is checked to be finite before it is used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from explorer import __version__, paths, roots, stages
from explorer.checkpoints.card import card
from explorer.checkpoints.catalogue import find, name_of, split_beta
from explorer.checkpoints.config import CheckpointConfig, CurvePoint, Evaluation, FirstImage
from explorer.checkpoints.headers import DTYPES, Header, read_header
from explorer.errors import UserError, in_words
from explorer.files import move, read_json, write_atomic, write_json
from explorer.recipe.model import ModelConfig
from models.kinds import LIKELIHOODS, settings_of

if TYPE_CHECKING:
    from models.beta_vae import BetaVAE

WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Description:
    """What a checkpoint says of itself, read without torch and without its weights."""

    name: str
    path: Path
    config: CheckpointConfig
    bytes: int
    hash: str  # of the content, and of `beta`
    beta: float | None = None  # at which a model for every β is meant

    @property
    def content(self) -> str:
        """A hash of the weights and of the part of the config that builds the model, whatever `beta` is."""
        return _content(self.hash)

    @property
    def evaluation(self) -> Evaluation | None:
        """What was measured with the model, at its β where it is for every one."""
        return self.config.evaluation_at(self.beta)

    def at(self, beta: float | None) -> Description:
        """The same model at another β; as it is where no β is given.

        Raises:
            UserError: it has no such β.
        """
        if beta is None:
            return self
        return replace(self, beta=_checked(self.name, self.config, beta), hash=_with_beta(self.content, beta))


@dataclass(frozen=True)
class Checkpoint:
    """A model with what is known about it."""

    name: str
    path: Path
    config: CheckpointConfig
    hash: str
    model: BetaVAE  # the plain one at `beta`, where it is for every β of a range
    beta: float | None = None

    @property
    def content(self) -> str:
        """As a Description has it."""
        return _content(self.hash)

    @property
    def evaluation(self) -> Evaluation | None:
        """What was measured with the model, at its β where it is for every one."""
        return self.config.evaluation_at(self.beta)


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


def _content(digest: str) -> str:
    return digest.partition("-")[0]


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


def load(name_or_path: str | Path, device: str = "cpu", beta: float | None = None) -> Checkpoint:
    """Build the model of a checkpoint: a name in the library, or a path. In float32, ready to use.

    Of a model that was trained for every β of a range this is the plain one at `beta`, or at a usual one; its `at`
    gives the others, and its `source` is the model for all of them.

    Raises:
        UserError: one sentence on what is missing, damaged or not as the config promises; no such β.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    description = describe(name_or_path, beta)
    weights = description.path / WEIGHTS
    with torch.device("meta"):
        expected = build_model(description.config.model).state_dict()
    _compare(weights, read_header(weights), {k: tuple(v.shape) for k, v in expected.items()})
    try:
        tensors = load_file(weights)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{weights} can't be read: {error}") from error
    tensors = {name: tensor.float() for name, tensor in tensors.items()}
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise UserError(f"{weights}: {name} holds numbers that are not finite")
    with torch.random.fork_rng(devices=[]):
        model = build_model(description.config.model)
    model.load_state_dict(tensors)
    model.requires_grad_(False).eval().to(device)
    if description.beta is not None:
        model = model.at(description.beta)
    return Checkpoint(description.name, description.path, description.config, description.hash, model, description.beta)


def save(
    model: BetaVAE | Checkpoint,
    to: str | Path,
    training: dict[str, Any] | None = None,
    evaluation: Evaluation | None = None,
    curve: Sequence[CurvePoint] | None = None,
    first_image: FirstImage | None = None,
    half: bool = False,
    note: str | None = None,
    data: str | None = None,
    doubts: tuple[str, ...] = (),
) -> Path:
    """Write a checkpoint and return its directory. A bare name goes into the library.

    Args:
        model: the model; a Checkpoint brings its own training, evaluation and note.
        to: a name in the library, or the path of a directory, which may exist.
        training: the run's settings, for config.json and the card.
        evaluation: numbers measured with these weights.
        curve: what a model for every β costs at some of them, measured with these weights.
        first_image: from which it is first shown, where that is not the prior's mean.
        half: store float16; `load` gives float32 all the same.
        note: a sentence for the card.
        data: the data set that the model goes with, where no training says it.
        doubts: what speaks against how the model was read, until a person settles it.

    Raises:
        UserError: it can't be written there, or a weight is not finite.
    """
    from explorer.checkpoints.catalogue import checkpoint_place, is_name, library_lock
    from explorer.checkpoints.notes import write_notes

    if isinstance(model, Checkpoint):
        training = training or model.config.training
        evaluation = evaluation or model.config.evaluation
        curve = curve or model.config.curve
        first_image = first_image or model.config.first_image
        note = note or model.config.note
        data = data or model.config.data
        doubts = doubts or model.config.doubts
        model = model.model.source or model.model
    path = checkpoint_place(to)
    weights = _weights_as_bytes(model, half, path)
    if training and isinstance(training.get("root"), str):
        roots.remember(training["root"])
    config = CheckpointConfig(
        **config_of(model).model_dump(),
        program=__version__,
        training=training,
        data=data,
        evaluation=evaluation,
        curve=None if curve is None else tuple(curve),
        first_image=first_image,
        note=note,
        doubts=doubts,
    )
    name = str(to) if is_name(to) else name_of(path)

    def write(folder: Path) -> None:
        # What was measured must never stand beside weights that it was not measured with, so it goes last.
        bare = config.model_copy(update={"evaluation": None, "curve": None, "first_image": None})
        write_json(folder / "config.json", _as_json(bare))
        write_atomic(folder / WEIGHTS, weights)
        write_json(folder / "config.json", _as_json(config))
        write_atomic(folder / "README.md", card(name, config).encode())

    if not is_name(to):
        write(path)
        return path
    with library_lock():
        path = checkpoint_place(to)
        if path.exists():
            write(path)
        else:
            with stages.staged(path.parent) as stage:
                write(stage)
                if path.name != name:
                    write_notes(stage, name=name)
                stage.chmod(0o755)
                move(stage, path)
        if name_of(path) != name:
            write_notes(path, name=name)
    return path


def save_at_beta(checkpoint: Checkpoint, to: str | Path) -> Path:
    """Keep the plain model that a model for every β is at its β, as `save` does.

    Raises:
        UserError: it can't be written there, or the model is for one β already.
    """
    if checkpoint.beta is None or checkpoint.config.betas is None:
        raise UserError(f"{checkpoint.name} was trained for one β")
    low, high = checkpoint.config.betas
    data = checkpoint.config.data or (checkpoint.config.training or {}).get("data")
    note = f"At β = {checkpoint.beta:g} of {checkpoint.name}, which was trained for every β from {low:g} to {high:g}."
    return save(checkpoint.model, to, note=note, data=data, doubts=checkpoint.config.doubts)


def _weights_as_bytes(model: BetaVAE, half: bool, path: Path) -> bytes:
    import torch
    from safetensors.torch import save as to_bytes

    dtype = torch.float16 if half else torch.float32
    stored = {name: t.detach().to("cpu", dtype).contiguous() for name, t in model.state_dict().items()}
    for name, tensor in stored.items():
        if not bool(torch.isfinite(tensor).all()):
            raise UserError(f"{name} holds numbers that are not finite; nothing was saved in {path}")
    return to_bytes(stored, metadata={"format": "pt"})


def config_of(model: BetaVAE) -> ModelConfig:
    """The config that `build_model` makes this model from."""
    likelihood = model.likelihood
    settings = settings_of(LIKELIHOODS[likelihood.name])
    return ModelConfig.model_validate(
        {
            "network": model.network.name,
            "shape": model.shape,
            "latents": model.latents,
            "likelihood": likelihood.name,
            **{name: getattr(likelihood, name) for name in settings},
            **(model.network.layers or {}),
            "betas": model.betas,
        }
    )


def build_model(config: ModelConfig) -> BetaVAE:
    """A fresh model. Raises UserError where the network does not take images of that shape."""
    from explorer.recipe import graph_config
    from models import likelihoods
    from models.any_beta import AnyBetaVAE
    from models.beta_vae import BetaVAE
    from models.graph import build_graph
    from models.layers import build_layers
    from models.networks import build

    try:
        if config.encoder is not None and config.decoder is not None:
            encoder = [layer.model_dump() for layer in config.encoder]
            decoder = [layer.model_dump() for layer in config.decoder]
            network = build_layers(encoder, decoder, config.shape, config.latents)
        elif config.encoder_graph is not None and config.decoder_graph is not None:
            graphs = config.encoder_graph.model_dump(), config.decoder_graph.model_dump()
            network = build_graph(*graphs, config.shape, config.latents)
            graph_config.check_graph(network)
        else:
            network = build(config.network, config.shape, config.latents)
        likelihood = likelihoods.build(config.likelihood, vars(config))
        if config.betas is not None:
            return AnyBetaVAE(network, likelihood, *config.betas)
    except ValueError as error:
        raise UserError(str(error)) from error
    return BetaVAE(network, likelihood)


def _as_json(config: CheckpointConfig) -> dict[str, Any]:
    head = {"format": config.format, "version": config.version}
    return head | config.model_dump(mode="json", exclude_none=True)


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


def _compare(weights: Path, found: Header, expected: dict[str, tuple[int, ...]]) -> None:
    missing, strange = (sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys()))
    if missing:
        raise UserError(f"{weights} lacks {missing[0]!r}, which its config asks for")
    if strange:
        raise UserError(f"{weights} holds {strange[0][:80]!r}, which its config has no place for")
    for name, shape in expected.items():
        dtype, stored = found[name]
        if stored != shape:
            raise UserError(f"{weights}: {name} has shape {stored}, its config asks for {shape}")
        if dtype not in DTYPES:
            raise UserError(f"{weights}: {name} is of type {dtype[:20]}; weights are {', '.join(DTYPES)}")


@lru_cache(maxsize=4096)
def _hash(weights: Path, size: int, modified: int, inode: int, built_from: str) -> str:
    """Of the file's bytes and the model's config; the middle arguments tell one file from the next."""
    digest = hashlib.blake2b(built_from.encode(), digest_size=16)
    with weights.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
