"""All that is needed to build a network and its likelihood again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from explorer.recipe.fields import one_of, with_settings
from explorer.recipe.graph_config import GraphConfig
from explorer.recipe.layer_config import Layers, check_layers
from models.kinds import LIKELIHOODS, NETWORKS, settings_of, usual_beta

OF_LIKELIHOODS = settings_of(*LIKELIHOODS.values())
Channels = Annotated[int, Field(ge=1, le=64)]
Pixels = Annotated[int, Field(ge=1, le=1024)]
Width = Annotated[int, Field(ge=1, le=4096)]  # of a signal, or a row
Beta = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
if TYPE_CHECKING:
    NetworkName = str
    LikelihoodName = str
else:
    NetworkName = one_of(NETWORKS)
    LikelihoodName = one_of(LIKELIHOODS)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    network: NetworkName
    shape: tuple[Channels, Pixels, Width]
    latents: int = Field(ge=1, le=512)
    likelihood: LikelihoodName = "bernoulli"


if TYPE_CHECKING:
    _Likely = _Model
else:
    _Likely = with_settings("_Likely", _Model, OF_LIKELIHOODS)


class ModelConfig(_Likely):
    """A model's network, shape and likelihood, with the likelihood's settings.

    `shape` is (channels, height, width); `betas` are the lowest and the highest β of a model that was trained for
    every β between them (`models.any_beta`). Raises pydantic's ValidationError on what can't be a model.
    """

    if TYPE_CHECKING:  # the settings that the tables have

        def __init__(self, **settings: Any) -> None: ...
        def __getattr__(self, name: str) -> Any: ...

    betas: tuple[Beta, Beta] | None = None
    encoder: Layers | None = None  # of the network "layers", which came from elsewhere
    decoder: Layers | None = None
    encoder_graph: GraphConfig | None = None  # of the network "graph", which came as ONNX
    decoder_graph: GraphConfig | None = None

    def beta(self, asked: float | None = None) -> float | None:
        """The β at which a model for every β is used: the one that is asked for, else a usual one; else None.

        Raises:
            ValueError: the model has no such β.
        """
        if self.betas is None:
            if asked is not None:
                raise ValueError("was trained for one β: it can't be had at another")
            return None
        low, high = self.betas
        if asked is None:
            return usual_beta(low, high)
        if not low <= asked <= high:
            raise ValueError(f"is for β from {low:g} to {high:g}, not {asked:g}")
        return asked

    @model_serializer(mode="wrap")
    def _without_idle(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Settings of likelihoods that are not chosen are left out, so that a new one changes no older file's hash.

        σ stays: it is in the oldest files.
        """
        idle = OF_LIKELIHOODS.keys() - settings_of(LIKELIHOODS[self.likelihood]).keys() - {"sigma"}
        if self.betas is None:
            idle.add("betas")
        return {name: value for name, value in handler(self).items() if name not in idle}

    @model_validator(mode="after")
    def _brings_what_it_needs(self) -> Self:
        brought = {"graph": (self.encoder_graph, self.decoder_graph), "layers": (self.encoder, self.decoder)}
        for source, parts in brought.items():
            needed = NETWORKS[self.network].source == source
            if any((part is not None) != needed for part in parts):
                names = {"graph": "encoder_graph and decoder_graph", "layers": "encoder and decoder"}
                raise ValueError(f"{names[source]} are for the network {source!r}, which needs both")
        if self.betas is not None and self.betas[0] >= self.betas[1]:
            raise ValueError(f"betas are the lowest and the highest β, not {self.betas[0]:g} and {self.betas[1]:g}")
        if self.encoder is not None and self.decoder is not None:
            check_layers(self.encoder, self.decoder, self.shape, self.latents)
        return self
