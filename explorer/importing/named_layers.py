"""The layers of a state dict that somebody else's program wrote: what has weights, of which kind, in which part.

Only names and shapes are looked at. What has no weights (activations, pooling, reshaping) is not in a state
dict; `chain`, `geometry` and `reading` find it out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from explorer.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from explorer.importing.residual import Block

MAX_NAMED_LAYERS = 160
MAX_DEPTH, MAX_NODES = 4, 20_000
Part = Literal["encoder", "decoder", ""]

MEAN = {"mu", "mean", "means", "loc", "zmean", "mus", "fcmu", "embedding", "miu"}
LOG_VAR = {
    "logvar", "logvars", "lv", "var", "variance", "logvariance", "logsigma2", "lnvar", "zlogvar",
    "logcovar", "logcov", "logs2", "sigma", "std", "logsigma", "logstd", "scale", "sig", "fcvar",
}  # fmt: skip
LOG_STD = {"logstd", "std", "logsigma", "sigma", "scale", "sig"}
TRANSPOSED = {
    "deconv",
    "convt",
    "transpose",
    "transposed",
    "tconv",
    "convtranspose",
    "upconv",
    "convtrans",
    "dconv",
    "trans",
    "deconvs",
    "convtransposed",
}
OTHERS = {
    "discriminator",
    "disc",
    "critic",
    "classifier",
    "regressor",
    "vgg",
    "lpips",
    "perceptual",
    "optimizer",
    "ema",
    "prior",
    "metric",
    "fid",
    "adversary",
    "cls",
    "clf",
    "classif",
}


@dataclass(frozen=True)
class NamedLayer:
    """A layer with weights. `weight` is 4-D of a convolution, 2-D of a dense layer, 1-D of a norm.

    A residual block counts as one, of the kind of its layers, whose weight has no numbers but their shape.
    """

    name: str
    order: int
    kind: Literal["conv", "linear", "norm"]
    weight: Tensor
    bias: Tensor | None
    usual: tuple[Tensor, Tensor] | None = None  # of a norm, mean and deviation of what it gave in training
    inside: Block | None = None  # the layers of a residual block

    @cached_property
    def numbers(self) -> tuple[Tensor, Tensor | None]:
        """Weight and bias in float32, made once."""
        bias = None if self.bias is None else self.bias.detach().float()
        return self.weight.detach().float().contiguous(), bias

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The weight's."""
        return tuple(self.weight.shape)

    @property
    def words(self) -> list[str]:
        """The words in its name: fcMu_1.logVar -> fc, mu, 1, log, var."""
        return words(self.name)

    @property
    def part(self) -> Part:
        """The part that its name says it belongs to."""
        for word in self.words:
            if re.match(
                r"(dec|decoder|decode|decoding|generator|generative|deconv|up|upsample"
                r"|d(fc|lin|linear|dense))(\d|$|o)",
                word,
            ):
                return "decoder"
            if re.match(r"(enc|encoder|encode|encoding|recognition|inference|down|downsample)(\d|$|o)", word):
                return "encoder"
        return "decoder" if self.is_transposed and self.kind == "conv" else ""

    @property
    def is_transposed(self) -> bool:
        """Whether its name says that it is a transposed convolution."""
        found = {re.sub(r"\d+d?$", "", word) for word in self.words}
        return self.inside is None and bool(found & TRANSPOSED) or {"conv", "t"} <= found

    @property
    def says_mean(self) -> bool:
        """Whether its name says that it gives the mean."""
        return bool(_meanings(self.words) & MEAN)

    @property
    def says_log_var(self) -> bool:
        """Whether its name says that it gives the log-variance, or the like."""
        return bool(_meanings(self.words) & LOG_VAR)

    @property
    def says_log_std(self) -> bool:
        """Whether its name speaks of a standard deviation, not a variance."""
        found = _meanings(self.words)
        squared = any(word.endswith(("2", "sq", "squared")) for word in self.words)
        return bool(found & LOG_STD) and not found & (LOG_VAR - LOG_STD) and not squared

    @property
    def says_log(self) -> bool:
        """Whether its name speaks of a logarithm."""
        found = _meanings(self.words)
        return any(word.startswith(("log", "ln", "zlog", "lv")) for word in found)

    @property
    def place(self) -> tuple[str, int] | None:
        """(the Sequential, the index) where its name ends in a number, such as ("encoder", 3)."""
        parent, _, last = self.name.rpartition(".")
        return (parent, int(last)) if last.isdecimal() and len(last) < 5 else None


def words(name: str) -> list[str]:
    """The words in a name, in small letters."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return [word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word]


def _meanings(parts: list[str]) -> set[str]:
    """The words of a name's last components without digits, and each two that stand side by side."""
    bare = [re.sub(r"^\d+|\d+$", "", word) for word in parts]
    pairs = {a + b for a, b in zip(bare, bare[1:], strict=False)}
    joined = {re.sub(r"^(\w+2|fc|z|linear|lin|enc|conv|to|hidden|h|layer|dense|l|q)", "", word) for word in bare}
    return set(bare) | pairs | joined


# --- finding the table of tensors -------------------------------------------------------------------


def find_state(value: Any) -> dict[str, Tensor]:
    """The table of named tensors in what a training program saved around it.

    Such as `{"state_dict": …}` (Lightning), `{"model_states": {"net": …}}`, or a table each for encoder and
    decoder. Optimisers' tables are passed over.

    Raises:
        UserError: there is none.
    """
    import torch

    tables: list[tuple[int, dict[str, Tensor]]] = []
    for table in _tables(value):
        found = {
            key: item
            for key, item in table.items()
            if isinstance(key, str) and isinstance(item, torch.Tensor) and len(key) <= 300
        }
        if found:
            tables.append((sum(1 + item.numel() for item in found.values()), found))
    if not tables:
        raise UserError("it is not a table of named tensors, and holds none")
    tables.sort(key=lambda entry: -entry[0])
    return next((t for _, t in tables[:8] if len(tables) > 1 and _is_vae(t)), tables[0][1])


def _is_vae(table: dict[str, Tensor]) -> bool:
    """Whether a table's layers make a VAE: a larger discriminator may stand beside it."""
    from explorer.importing.chain import arrange

    try:
        layers = find_layers(table).layers
    except UserError:
        return False
    return bool(layers) and arrange(layers) is not None


def _tables(value: Any) -> Iterator[Mapping[Any, Any]]:
    """Every table within a value, the outer ones first; parts that were saved apart come as one."""
    level, seen, nodes = [value], set(), 0
    for _ in range(MAX_DEPTH):
        deeper: list[Any] = []
        for item in level:
            if not isinstance(item, dict | list | tuple) or id(item) in seen:
                continue
            seen.add(id(item))
            if isinstance(item, list | tuple):  # such as (state dict, epoch)
                nodes += len(item)
                deeper += item
                continue
            yield item
            parts = {k: v for k, v in item.items() if isinstance(k, str) and isinstance(v, dict)}
            nodes += len(item)
            if nodes > MAX_NODES:
                return
            if len({NamedLayer(k, 0, "norm", None, None).part for k in parts} - {""}) == 2:  # type: ignore[arg-type]
                yield {
                    f"{k}.{key}": tensor
                    for k, part in parts.items()
                    if "optim" not in k
                    for key, tensor in part.items()
                }
            deeper += [v for k, v in item.items() if "optim" not in str(k).lower()[:80]]
        level = deeper


# --- layers -----------------------------------------------------------------------------------------


@dataclass
class NamedLayers:
    """Layers with weights in the order of the table, and the names of what was left out."""

    layers: list[NamedLayer] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def find_layers(state: Mapping[str, Tensor]) -> NamedLayers:
    """Group the tensors of a table into layers.

    Raises:
        UserError: layers of a kind that can't be rebuilt, or too many; one sentence that names one.
    """
    groups: dict[str, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        stem, _, kind = name.replace(".parametrizations.weight.original", ".weight_original").rpartition(".")
        if kind != "num_batches_tracked":
            groups.setdefault(stem, {})[kind] = tensor
    found = NamedLayers()
    for stem, tensors in _in_places(_without_prefix(groups)).items():
        if {w.rstrip("0123456789") for w in words(stem)} & OTHERS:
            found.left_out.append(stem)
            continue
        layer = _piece(stem, len(found.layers), tensors)
        if layer is None:
            found.left_out += [f"{stem}.{kind}".lstrip(".") for kind in tensors]
        else:
            found.layers.append(layer)
    if len(found.layers) > MAX_NAMED_LAYERS:
        raise UserError(f"it has {len(found.layers)} layers, more than the {MAX_NAMED_LAYERS} allowed")
    return found


def _without_prefix(groups: dict[str, dict[str, Tensor]]) -> dict[str, dict[str, Tensor]]:
    """The groups under shorter names: what all of those with weights begin with says nothing."""
    while True:
        heads = {
            stem.partition(".")[0] for stem, tensors in groups.items() if any(t.ndim > 1 for t in tensors.values())
        }
        short = {stem.partition(".")[2]: tensors for stem, tensors in groups.items()}
        if len(heads) != 1 or "" in short or len(short) < len(groups):
            return groups
        groups = short


def _in_places(groups: dict[str, dict[str, Tensor]]) -> dict[str, dict[str, Tensor]]:
    """The groups with the places of each Sequential in order, however the table was sorted."""
    inside: dict[str, dict[str, dict[str, Tensor]]] = {}
    for stem, tensors in groups.items():
        head, _, rest = stem.partition(".")
        inside.setdefault(head, {})[rest] = tensors
    numbers = iter(sorted((head for head in inside if head.isdecimal()), key=int))
    found: dict[str, dict[str, Tensor]] = {}
    for head in [next(numbers) if head.isdecimal() else head for head in inside]:
        own = inside[head].pop("", None)
        if own is not None:
            found[head] = own
        found |= {f"{head}.{rest}": t for rest, t in _in_places(inside[head]).items()}
    return found


def _piece(stem: str, order: int, tensors: dict[str, Tensor]) -> NamedLayer | None:
    bias = tensors.get("bias")
    if "running_mean" in tensors and "running_var" in tensors:
        return _norm(stem, order, tensors)
    weight = tensors.get("weight")
    for direction, length in (("weight_v", "weight_g"), ("weight_original1", "weight_original0")):
        if direction in tensors and length in tensors:  # a weight norm (Salimans and Kingma 2016)
            v, g = tensors[direction].double(), tensors[length].double()
            if v.ndim != g.ndim:
                raise UserError(f"{stem}.{length} does not fit {direction}")
            across = [d for d in range(v.ndim) if g.shape[d] == 1]
            weight = (v * g / v.norm(dim=across, keepdim=True)).float()
    if "weight_orig" in tensors:
        raise UserError(f"{stem} has a spectral norm, which can't be imported")
    if weight is None or weight.ndim == 0 or (weight.ndim == 1 and bias is None and len(weight) < 2):
        return None
    if bias is not None and (bias.ndim != 1 or len(bias) not in weight.shape[: 1 + (weight.ndim == 4)]):
        raise UserError(f"{stem}.bias has the shape {tuple(bias.shape)}, which its weight has no place for")
    if weight.ndim == 2:
        return NamedLayer(stem, order, "linear", weight, bias)
    if weight.ndim == 4:
        if weight.shape[2] != weight.shape[3]:
            raise UserError(f"{stem} has a kernel of {tuple(weight.shape[2:])}; only square ones can be imported")
        return NamedLayer(stem, order, "conv", weight, bias)
    if weight.ndim == 1:
        raise UserError(
            f"{stem} looks like a layer norm, a group norm or a PReLU, which can't be imported; "
            "convolutions, dense layers and batch norms can"
        )
    raise UserError(
        f"{stem}.weight has {weight.ndim} axes; convolutions of images, dense layers and batch norms can be imported"
    )


def _norm(stem: str, order: int, tensors: dict[str, Tensor]) -> NamedLayer:
    """A batch norm as the factor and the summand that it is once it is trained (ε is torch's own, 1e-5)."""
    import torch

    mean, var = tensors["running_mean"].double(), tensors["running_var"].double()
    gain = tensors.get("weight", torch.ones_like(mean)).double()
    shift = tensors.get("bias", torch.zeros_like(mean)).double()
    if mean.ndim != 1 or not mean.shape == var.shape == gain.shape == shift.shape:
        raise UserError(f"{stem} is not a whole batch norm")
    if bool((var < 0).any()):
        raise UserError(f"{stem}.running_var holds a variance below 0")
    factor = gain / torch.sqrt(var + 1e-5)
    usual = shift.float(), gain.abs().float()
    return NamedLayer(stem, order, "norm", factor, shift - mean * factor, usual)
