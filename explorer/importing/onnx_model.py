"""A Beta-VAE made of ONNX graphs as they are.

A few nodes are put around them, so that they take images (n, C, H, W) in [0, 1] and give means before log-variances,
and raw outputs of the likelihood. What neither names nor shapes say is found out by trying.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from explorer.errors import UserError, in_words
from explorer.importing.onnx_file import RawGraph, RawNode, to_config
from explorer.importing.onnx_parts import HALVES, SPREADS, GraphChoices, GraphParts, Shape, find_parts, free_rows, word
from explorer.recipe.model import ModelConfig

if TYPE_CHECKING:
    from torch import Tensor

    from models.beta_vae import BetaVAE


TRIED = 64  # latents of the prior
MARGIN = 0.05  # of all latents, that another half must find more than the usual one
LOGITS = 0.75  # beyond [0, 1], from where on outputs are taken for logits
MOVES = ("Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Identity")  # values stay as they are


@dataclass(frozen=True)
class BuiltGraph:
    """The model, and how it was understood: the part, what it is read as, and why."""

    model: BetaVAE
    parts: GraphParts
    given: GraphChoices  # by the person
    choices: GraphChoices
    found: float  # latents that the encoder finds again in what the decoder draws
    table: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Graphs:
    """The graphs of a file or two, and what a person says of them. The model is built when it is asked for."""

    raw: tuple[RawGraph, ...]
    built: BuiltGraph | None = None

    def corrected(self, **choices: Any) -> Graphs:
        """The same with what a person knows better.

        Raises:
            UserError: a choice that graphs don't leave open, or that they don't allow.
        """
        strange = choices.keys() - GraphChoices.model_fields.keys()
        if strange:
            raise UserError(
                f"graphs of ONNX say that themselves, so there is no {sorted(strange)[0].replace('_', ' ')} to correct"
            )
        known = {} if self.built is None else self.built.given.model_dump(exclude_none=True)
        try:
            given = GraphChoices.model_validate(known | choices)
        except ValidationError as error:
            raise UserError(in_words(error)) from error
        return Graphs(self.raw, build_from_graphs(self.raw, given))

    def doubts(self) -> tuple[str, ...]:
        """Why it may be understood wrongly, a sentence each."""
        assert self.built is not None
        found, latents = self.built.found, self.built.model.latents
        if found >= max(0.5, 0.05 * latents):
            return ()
        return (
            f"of {latents} latents the encoder finds {found:.1f} again in what the decoder draws: the graphs are "
            "understood wrongly, or the model was never trained, or has collapsed",
        )

    def one_row(self) -> bool:
        """Whether mean and spread come in one row."""
        return self.built is not None and len(self.built.parts.posterior) == 1

    def model(self) -> BetaVAE:
        """The model."""
        assert self.built is not None
        return self.built.model

    def table(self) -> tuple[tuple[str, str, str], ...]:
        """What was taken for what, and on which ground."""
        assert self.built is not None
        model = self.built.model
        size = " x ".join(str(n) for n in model.shape)
        found = f"{self.built.found:.1f} of {model.latents} found again in what the decoder draws"
        return (("images", size, "the shapes of the graphs"), ("latents", str(model.latents), found), *self.built.table)


def build_from_graphs(graphs: Sequence[RawGraph], choices: GraphChoices | None = None) -> BuiltGraph:
    """The model of one graph or two, with what is left open found out.

    Latents of the prior are decoded and encoded again. The right half of a row is the one that comes back as the
    latents that were drawn; the right meaning of the spread is the one with which the posteriors together have the
    prior's variance, Var(mean) + E[σ²] = 1.

    Raises:
        UserError: it is no Beta-VAE of images that can be had here; one sentence.
    """
    import torch

    given = choices or GraphChoices()
    choices = given
    parts = find_parts([free_rows(graph) if len(graph.inputs) == 1 else graph for graph in graphs], choices)
    z = torch.randn(TRIED, parts.latents, generator=torch.Generator().manual_seed(0))
    z = z / z.square().mean(0).sqrt()  # so that an encoder that says nothing finds nothing
    choices, ground = _output(parts, choices, z)
    table: list[tuple[str, str, str]] = [
        ("likelihood", choices.likelihood or "", ground),
        ("pixels", choices.pixels or "", ground),
    ]
    best: tuple[float, BetaVAE, GraphChoices] | None = None
    open_halves = len(parts.posterior) == 1 and choices.halves is None
    for halves in HALVES if open_halves else (choices.halves or "mean-first",):
        tried = choices.model_copy(update={"halves": halves, "spread": choices.spread or "log-variance"})
        model = _model(parts, tried)
        with torch.inference_mode():
            mean = model.encode(model.decode(z)).mean
        found = float(torch.nan_to_num((1 - (z - mean).square().mean(0)).clamp(min=0)).sum())
        if best is None or found > best[0] + MARGIN * parts.latents:
            best = found, model, tried
    assert best is not None
    found, model, choices_tried = best
    said = f"{found:.1f} of {parts.latents} latents are found again"
    names = " and ".join(repr(name[:40]) for name in parts.posterior)
    if open_halves:
        table.append(("halves", choices_tried.halves or "", f"by trial: with it {said}"))
    if choices.spread is None:
        spread, why = _spread(parts, choices_tried, model, z)
        choices_tried = choices_tried.model_copy(update={"spread": spread})
        model = _model(parts, choices_tried)
    else:
        why = "as you say"
    table += [("posterior", names, "the names and widths of the outputs"), ("spread", choices_tried.spread or "", why)]
    _hold_rows_apart(model, z)
    return BuiltGraph(model, parts, given, choices_tried, found, tuple(table))


def _model(parts: GraphParts, choices: GraphChoices) -> BetaVAE:
    """The model of these choices, with its weights."""
    import torch

    from explorer.checkpoints.store import build_model

    encoder, encoder_weights = to_config(_encoder(parts, choices))
    decoder, decoder_weights = to_config(_decoder(parts, choices))
    config = ModelConfig(
        network="graph",
        shape=parts.shape,
        latents=parts.latents,
        likelihood=choices.likelihood or "bernoulli",
        sigma=choices.sigma,
        encoder_graph=encoder,
        decoder_graph=decoder,
    )
    model = build_model(config)
    weights = {f"network.encoder.{name}": value for name, value in encoder_weights.items()}
    weights |= {f"network.decoder.{name}": value for name, value in decoder_weights.items()}
    model.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in weights.items()})
    return model.requires_grad_(False).eval()


def _output(parts: GraphParts, choices: GraphChoices, z: Tensor) -> tuple[GraphChoices, str]:
    """What the decoder's numbers are: by the operator that it ends in, else by the range that they take."""
    import torch

    last = last_operator(parts.decoder)
    if choices.likelihood is not None and choices.pixels is not None:
        return _with_output(choices, last, 0.0, 1.0), "as you say"
    known = choices.model_copy(update={"likelihood": "gaussian", "pixels": "0..1"})
    with torch.inference_mode():
        made = _model(parts, known).network.decode(z)
    low, high = float(made.min()), float(made.max())
    why = (
        f"the decoder ends in {last}"
        if last in ("Sigmoid", "Tanh")
        else (f"what it makes of {TRIED} latents of the prior lies between {low:.2f} and {high:.2f}")
    )
    pixels = choices.pixels or ("-1..1" if last == "Tanh" else "0..1")
    likelihood = choices.likelihood or "gaussian"
    if choices.likelihood is None and last == "Sigmoid":
        likelihood = "bernoulli"
    elif choices.likelihood is None and last != "Tanh" and (low < -LOGITS or high > 1 + LOGITS):
        likelihood = "bernoulli"  # logits: means of pixels do not lie that far out
    decided = choices.model_copy(update={"likelihood": likelihood, "pixels": pixels})
    return _with_output(decided, last, low, high), why


def _with_output(choices: GraphChoices, last: str, low: float, high: float) -> GraphChoices:
    if choices.output is not None:
        return choices
    inside = low >= -1e-4 and high <= 1 + 1e-4
    return choices.model_copy(update={"output": "pixels" if last == "Sigmoid" or inside else "logits"})


def _spread(parts: GraphParts, choices: GraphChoices, model: BetaVAE, z: Tensor) -> tuple[str, str]:
    """What stands beside the mean, and on what ground."""
    import torch

    if len(parts.posterior) == 2:
        said = word(parts.posterior[1])
        if said in SPREADS:
            return said, f"the name {parts.posterior[1][:40]!r}"
    with torch.inference_mode():
        posterior = model.encode(model.decode(z))
    raw, moved = posterior.log_var, posterior.mean.var(0)
    variances = {"log-variance": raw.exp(), "log-std": (2 * raw).exp()}
    if bool((raw > 0).all()):
        variances |= {"std": raw.square(), "variance": raw}
    off = {name: float((moved + v.mean(0) - 1).abs().mean()) for name, v in variances.items()}
    best = min(off, key=lambda name: off[name])
    if off[best] < off["log-variance"] - 0.05:
        usual = off["log-variance"]
        why = f"the posteriors' variance is off the prior's by {off[best]:.2f}, as log-variance by {usual:.2f}"
        return best, f"by trial: with it {why}"
    return "log-variance", "the usual one"


def _hold_rows_apart(model: BetaVAE, z: Tensor) -> None:
    """Refuse a graph that treats images together: one image must give what it gives among others."""
    import torch

    with torch.inference_mode():
        images = model.decode(z[:3])
        posterior = model.encode(images)
        alone = model.encode(images[1:2])
        same = torch.allclose(model.decode(z[1:2]), images[1:2], rtol=1e-3, atol=1e-4)
        for a, b in ((alone.mean, posterior.mean[1:2]), (alone.log_var, posterior.log_var[1:2])):
            same = same and torch.allclose(a, b, rtol=1e-3, atol=1e-4)
    if not same:
        raise UserError(
            "an image comes out otherwise alone than among others: export the model in eval mode, with the number of "
            "rows free (dynamic_axes or dynamic_shapes)"
        )


class _Writer:
    """Nodes and constants with names that the file doesn't use."""

    def __init__(self) -> None:
        self.nodes: list[RawNode] = []
        self.constants: dict[str, np.ndarray] = {}

    def constant(self, value: Any, kind: str = "float32") -> str:
        name = f"\0c{len(self.constants)}.{id(self)}"
        self.constants[name] = np.array(value, dtype=kind)
        return name

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        name = f"\0v{len(self.nodes)}.{id(self)}"
        self.nodes.append(RawNode(operator, inputs, (name,), attributes))
        return name

    def scaled(self, x: str, factor: float, summand: float) -> str:
        return self.node("Add", self.node("Mul", x, self.constant(factor)), self.constant(summand))

    def reshaped(self, x: str, shape: Shape) -> str:
        return self.node("Reshape", x, self.constant([-1, *shape], "int64"))


def _after(graph: RawGraph, writer: _Writer, end: str) -> RawGraph:
    return replace(
        graph, nodes=[*graph.nodes, *writer.nodes], constants={**graph.constants, **writer.constants}, outputs=(end,)
    )


def _encoder(parts: GraphParts, choices: GraphChoices) -> RawGraph:
    """Images (n, C, H, W) in [0, 1] to (n, 2D), the means first."""
    (given,) = parts.encoder.inputs
    before = _Writer()
    x = "\0images"
    if choices.pixels == "-1..1":
        x = before.scaled(x, 2.0, -1.0)
    if parts.image_axes != parts.shape:
        if len(parts.image_axes) == 3:  # channels last
            x = before.node("Transpose", x, perm=(0, 2, 3, 1))
        else:
            x = before.reshaped(x, parts.image_axes)
    if x == "\0images":
        x = before.node("Identity", x)
    first = before.nodes[-1]
    before.nodes[-1] = replace(first, outputs=(given,))

    after, d = _Writer(), parts.latents
    if len(parts.posterior) == 2:
        mean, spread = (after.node("Flatten", name, axis=1) for name in parts.posterior)
    else:
        row = after.node("Flatten", parts.posterior[0], axis=1)
        order = np.arange(2 * d)
        halves = choices.halves or "mean-first"
        both = order.reshape(d, 2).T if halves.startswith("interleaved") else order.reshape(2, d)
        both = both[::-1] if halves.endswith("log-var-first") else both
        mean, spread = (after.node("Gather", row, after.constant(half, "int64"), axis=1) for half in both)
    match choices.spread:
        case "log-std":
            spread = after.node("Mul", spread, after.constant(2.0))
        case "std":
            spread = after.node("Log", after.node("Mul", spread, spread))
        case "variance":
            spread = after.node("Log", spread)
    end = after.node("Concat", mean, spread, axis=1)
    graph = replace(
        parts.encoder,
        inputs={"\0images": (None, *parts.shape)},
        nodes=[*before.nodes, *parts.encoder.nodes],
        constants={**before.constants, **parts.encoder.constants},
    )
    return _after(graph, after, end).between("\0images", end)


def _decoder(parts: GraphParts, choices: GraphChoices) -> RawGraph:
    """Latents (n, D) to raw outputs (n, C, H, W)."""
    graph, end = parts.decoder, parts.decoder.outputs[0]
    (given,) = graph.inputs
    nodes = _without_sigmoid(graph) if choices.likelihood != "gaussian" else None
    if nodes is not None:
        graph = replace(graph, nodes=nodes)
        if end not in {name for node in nodes for name in node.outputs}:  # the sigmoid was the last node
            end = next(n.inputs[0] for n in parts.decoder.nodes if end in n.outputs)
    before = _Writer()
    if parts.latent_axes == (parts.latents,):
        before.nodes.append(RawNode("Identity", ("\0z",), (given,), {}))
    else:
        before.reshaped("\0z", parts.latent_axes)
        before.nodes[-1] = replace(before.nodes[-1], outputs=(given,))
    after = _Writer()
    if choices.pixels == "-1..1" and nodes is None:
        end = after.scaled(end, 0.5, 0.5)
    if choices.likelihood == "bernoulli" and nodes is None and choices.output == "pixels":
        # A probability that comes of something else than a sigmoid: its logit.
        low, high = after.constant(1e-6), after.constant(1 - 1e-6)
        p = after.node("Min", after.node("Max", end, low), high)
        end = after.node("Log", after.node("Div", p, after.node("Sub", after.constant(1.0), p)))
    if parts.output_axes != parts.shape:
        if len(parts.output_axes) == 3:
            end = after.node("Transpose", end, perm=(0, 3, 1, 2))
        else:
            end = after.reshaped(end, parts.shape)
    graph = replace(
        graph,
        inputs={"\0z": (None, parts.latents)},
        nodes=[*before.nodes, *graph.nodes],
        constants={**before.constants, **graph.constants},
    )
    return _after(graph, after, end).between("\0z", end)


def _end(graph: RawGraph) -> RawNode | None:
    """The node that makes the numbers of the output: behind it they are only moved."""
    made = {name: node for node in graph.nodes for name in node.outputs}
    taken = [name for node in graph.nodes for name in node.inputs]
    node = made.get(graph.outputs[0])
    while node is not None and node.operator in MOVES and taken.count(node.inputs[0]) == 1:
        node = made.get(node.inputs[0])
    return node


def last_operator(graph: RawGraph) -> str:
    """The operator that makes the numbers of the output."""
    node = _end(graph)
    return node.operator if node else ""


def _without_sigmoid(graph: RawGraph) -> list[RawNode] | None:
    """The nodes without a sigmoid at the end, and None where there is none."""
    node = _end(graph)
    if node is None or node.operator != "Sigmoid":
        return None
    made, given = node.outputs[0], node.inputs[0]
    return [
        RawNode(n.operator, tuple(given if name == made else name for name in n.inputs), n.outputs, n.attributes)
        for n in graph.nodes
        if n is not node
    ]
