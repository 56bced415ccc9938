"""All that is needed to build a network and its likelihood again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from explorer.recipe.fields import one_of, with_settings
from explorer.recipe.graph_config import GraphConfig
from explorer.recipe.layer_config import Layers, check_layers
from models.kinds import LIKELIHOODS, NETWORKS, settings_of

OF_LIKELIHOODS = settings_of(*LIKELIHOODS.values())
Pixels = Annotated[int, Field(ge=1, le=1024)]
if TYPE_CHECKING:
    NetworkName = str
    LikelihoodName = str
else:
    NetworkName = one_of(NETWORKS)
    LikelihoodName = one_of(LIKELIHOODS)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    network: NetworkName
    shape: tuple[Literal[1, 3], Pixels, Pixels]
    latents: int = Field(ge=1, le=512)
    likelihood: LikelihoodName = "bernoulli"


if TYPE_CHECKING:
    _Likely = _Model
else:
    _Likely = with_settings("_Likely", _Model, OF_LIKELIHOODS)


class ModelConfig(_Likely):
    """A model's network, shape and likelihood, with the likelihood's settings.

    `shape` is (channels, height, width). Raises pydantic's ValidationError on what can't be a model.
    """

    if TYPE_CHECKING:  # the settings that the tables have

        def __init__(self, **settings: Any) -> None: ...
        def __getattr__(self, name: str) -> Any: ...

    encoder: Layers | None = None  # of the network "layers", which came from elsewhere
    decoder: Layers | None = None
    encoder_graph: GraphConfig | None = None  # of the network "graph", which came as ONNX
    decoder_graph: GraphConfig | None = None

    @model_serializer(mode="wrap")
    def _without_idle(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Settings of likelihoods that are not chosen are left out, so that a new one changes no older file's hash.

        σ stays: it is in the oldest files.
        """
        idle = OF_LIKELIHOODS.keys() - settings_of(LIKELIHOODS[self.likelihood]).keys() - {"sigma"}
        return {name: value for name, value in handler(self).items() if name not in idle}

    @model_validator(mode="after")
    def _brings_what_it_needs(self) -> Self:
        brought = {"graph": (self.encoder_graph, self.decoder_graph), "layers": (self.encoder, self.decoder)}
        for source, parts in brought.items():
            needed = NETWORKS[self.network].source == source
            if any((part is not None) != needed for part in parts):
                names = {"graph": "encoder_graph and decoder_graph", "layers": "encoder and decoder"}
                raise ValueError(f"{names[source]} are for the network {source!r}, which needs both")
        if self.encoder is not None and self.decoder is not None:
            check_layers(self.encoder, self.decoder, self.shape, self.latents)
        return self
