"""What a checkpoint's config.json may hold. Knows nothing of torch, so that pages read it at once."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from explorer import roots
from explorer.checkpoints.graph import GraphConfig
from explorer.checkpoints.layers import Layers, check

Pixels = Annotated[int, Field(ge=1, le=1024)]
LARGEST = 1e18  # of a number in a recipe
LARGEST_SEED = 2**63 - 1  # and of a whole one, as any seed is
ACTIVE_VARIANCE = 0.01  # of µ over images; a dimension with more is active (Burda et al. 2015)
Finite = Annotated[float, Field(allow_inf_nan=False)]


class ModelConfig(BaseModel):
    """All that is needed to build the network and the likelihood again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: Literal["burgess", "locatello", "mlp", "compact", "linear", "layers", "graph"]
    shape: tuple[Literal[1, 3], Pixels, Pixels]
    latents: int = Field(ge=1, le=512)
    likelihood: Literal["bernoulli", "gaussian", "optimal-gaussian"] = "bernoulli"
    sigma: float = Field(default=0.1, gt=0, le=10)
    encoder: Layers | None = None  # of the network "layers", which came from elsewhere
    decoder: Layers | None = None
    encoder_graph: GraphConfig | None = None  # of the network "graph", which came as ONNX
    decoder_graph: GraphConfig | None = None

    @model_validator(mode="after")
    def _layers_fit(self) -> Self:
        graphs = self.encoder_graph is not None, self.decoder_graph is not None
        if graphs != ((self.network == "graph"),) * 2:
            raise ValueError(
                "encoder_graph and decoder_graph are for the network 'graph', which needs both"
            )
        given = self.encoder is not None, self.decoder is not None
        if given != ((self.network == "layers"),) * 2:
            raise ValueError("encoder and decoder are for the network 'layers', which needs both")
        if self.encoder is not None and self.decoder is not None:
            check(self.encoder, self.decoder, self.shape, self.latents)
        return self


class Evaluation(BaseModel):
    """Numbers measured with the very weights beside them; nats an image, sampled latents."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    data: str
    split: str = "train"
    count: int = Field(ge=1)
    seed: int
    reconstruction: Finite
    kl: Finite
    kl_per_dimension: tuple[Finite, ...]
    active_units: int
    activity: tuple[Finite, ...] | None = None  # Var(µ) of each dimension (Burda et al. 2015)
    mig: Finite | None = None


def _hold_small(value: Any, depth: int = 0) -> int:
    """How many values there are. Raises ValueError where they are not such as a recipe holds."""
    if isinstance(value, str) and len(value) > 4096:
        raise ValueError("a text in it has more than 4,096 letters")
    most = LARGEST if isinstance(value, float) else LARGEST_SEED
    if isinstance(value, int | float) and not abs(value) <= most:
        raise ValueError(f"a number in it is not finite, or beyond {LARGEST:g}")
    if not isinstance(value, dict | list | tuple):
        return 1
    if depth > 4:
        raise ValueError("it is nested more than five deep")
    items = [*value, *value.values()] if isinstance(value, dict) else value
    count = sum(_hold_small(item, depth + 1) for item in items) + 1
    if count > 2000:
        raise ValueError("it holds more than 2,000 values")
    return count


class CheckpointConfig(ModelConfig):
    """config.json: the model, how it was made, and what was measured on it."""

    format: Literal["beta-vae-explorer"] = "beta-vae-explorer"
    version: Literal[1] = 1
    training: dict[str, Any] | None = None
    data: str | None = Field(default=None, max_length=80)  # where no recipe names the images
    evaluation: Evaluation | None = None
    note: str | None = Field(default=None, max_length=2000)
    doubts: tuple[Annotated[str, Field(max_length=400)], ...] = Field(default=(), max_length=20)

    @field_validator("training", mode="after")
    @classmethod
    def _as_plain(cls, training: dict[str, Any] | None) -> dict[str, Any] | None:
        """Settings are few and their numbers finite; a place is kept only where a person of this home named it."""
        if training is None:
            return None
        _hold_small(training)
        if not roots.known(training.get("root")):
            training = {name: value for name, value in training.items() if name != "root"}
        return training

    @property
    def model(self) -> ModelConfig:
        """The part that the network is built from."""
        return ModelConfig(**self.model_dump(include=set(ModelConfig.model_fields)))

    @property
    def objective(self) -> str:
        """The recipe in a few words, such as "β = 4" or "capacity, C = 10"; empty where unknown."""
        run = {k: v for k, v in (self.training or {}).items() if not isinstance(v, list | dict)}
        needed = {"beta": ["beta"], "constrained": ["epsilon"], "capacity": ["gamma", "capacity"]}
        for name in needed.get(str(run.get("objective")), ["beta"]):
            if type(run.get(name)) not in (int, float):
                return ""
        match run.get("objective"):
            case "beta":
                return f"β = {run['beta']:g}"
            case "constrained":
                return f"ε = {run['epsilon']:g} nats"
            case "capacity":
                return f"γ = {run['gamma']:g}, C = {run['capacity']:g} nats"
            case "tc":
                return f"TC, β = {run['beta']:g}"
        return ""
