"""Save and load checkpoints: directories of config.json, model.safetensors and README.md.

Nothing here unpickles. Every name, shape, type and size is held against what the config promises
before anything is built, and every number is checked to be finite before it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import __version__, roots, stages
from explorer.checkpoints.card import card
from explorer.checkpoints.catalogue import name_of
from explorer.checkpoints.config import CheckpointConfig, CurvePoint, Evaluation, FirstImage
from explorer.checkpoints.description import WEIGHTS, Checkpoint, describe
from explorer.checkpoints.headers import DTYPES, Header, read_header
from explorer.errors import UserError
from explorer.files import move, write_atomic, write_json
from explorer.recipe.model import ModelConfig
from explorer.recipe.samples import Samples
from models.kinds import LIKELIHOODS, settings_of

if TYPE_CHECKING:
    from models.beta_vae import BetaVAE


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
    samples: Samples | None = None,
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
        samples: what the model's samples are, where they are no images.
        doubts: what speaks against how the model was read, until a person settles it.

    Raises:
        UserError: it can't be written there, or a weight is not finite.
    """
    from explorer.checkpoints.catalogue import checkpoint_place, is_name, library_lock
    from explorer.checkpoints.notes import write_notes

    said: dict[str, Any] = {
        "training": training,
        "evaluation": evaluation,
        "curve": None if curve is None else tuple(curve),
        "first_image": first_image,
        "note": note,
        "data": data,
        "doubts": doubts,
        "samples": samples,
    }
    if isinstance(model, Checkpoint):
        said = {name: value or getattr(model.config, name) for name, value in said.items()}
        model = model.model.source or model.model
    path = checkpoint_place(to)
    weights = _weights_as_bytes(model, half, path)
    if said["training"] and isinstance(said["training"].get("root"), str):
        roots.remember(said["training"]["root"])
    config = CheckpointConfig(**config_of(model).model_dump(), program=__version__, **said)
    name = str(to) if is_name(to) else name_of(path)
    if not is_name(to):
        _write(path, name, config, weights)
        return path
    with library_lock():
        path = checkpoint_place(to)
        if path.exists():
            _write(path, name, config, weights)
        else:
            with stages.staged(path.parent) as stage:
                _write(stage, name, config, weights)
                if path.name != name:
                    write_notes(stage, name=name)
                stage.chmod(0o755)
                move(stage, path)
        if name_of(path) != name:
            write_notes(path, name=name)
    return path


def _write(folder: Path, name: str, config: CheckpointConfig, weights: bytes) -> None:
    # What was measured must never stand beside weights that it was not measured with, so it goes last.
    bare = config.model_copy(update={"evaluation": None, "curve": None, "first_image": None})
    write_json(folder / "config.json", _as_json(bare))
    write_atomic(folder / WEIGHTS, weights)
    write_json(folder / "config.json", _as_json(config))
    write_atomic(folder / "README.md", card(name, config).encode())


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
