"""How many rows go through a network at once: as many as its widest layer lets fit into a stated amount of memory.

Everything that encodes or decodes without gradients goes through `in_parts`, whoever asks and for however many rows.
Parts that are wide take turns, a few at a time in the whole process; between parts the asker may leave.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from models.turns import leave, take_turn

BUDGET = 256 << 20  # bytes that a part may take; one row is taken whatever it needs
BESIDES = 3  # what torch's layers on a CPU take beside what goes in and comes out, as a factor
# Layers that change no shape. On tensors without memory torch computes these and dense layers by its compiler, whose
# import alone takes seconds and 70 MB.
POINTWISE = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SiLU, nn.GELU, nn.Mish, nn.Softplus, nn.Tanh, nn.Sigmoid, nn.Hardtanh)
HEAVY = 32 << 20  # bytes of a part from which on it takes turns with others (`models.turns`)


def width(module: nn.Module, shape: tuple[int, ...], method: str = "forward") -> int:
    """The most numbers that a row of `shape` has before and behind one layer together; found without memory.

    Args:
        method: of the module, that takes such rows; another than "forward" is called by itself.
    """
    from models.graph import LIMIT, Graph
    from models.layers import Residual

    if isinstance(module, Graph):
        return module.follow(shape, 1, LIMIT)[1].values
    # A copy without weights: others may be computing with the module itself at the same time.
    empty: dict[int, object] = {
        id(tensor): nn.Parameter(tensor.detach().to("meta"), requires_grad=False) for tensor in module.parameters()
    }
    empty |= {id(tensor): tensor.detach().to("meta") for tensor in module.buffers()}
    hollow = copy.deepcopy(module, empty)
    most = 0
    held: list[int] = []  # numbers that each residual block around a layer keeps for its sum

    def see(layer: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        nonlocal most
        numbers = sum(t.numel() for t in (*given, made) if isinstance(t, Tensor))
        most = max(most, numbers + sum(held))

    def first(layer: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        held[-1] += made.numel()

    for layer in hollow.modules():
        layer.__dict__.pop("forward", None)  # a recording in its place
        if isinstance(layer, POINTWISE):
            layer.__dict__["forward"] = torch.clone
        elif isinstance(layer, nn.Linear):
            layer.__dict__["forward"] = partial(_dense, layer.in_features, layer.out_features)
        layer.register_forward_hook(see)
        if isinstance(layer, Residual):
            layer.register_forward_pre_hook(lambda _, given: held.append(given[0].numel()))
            layer.block.register_forward_hook(first)
            layer.register_forward_hook(lambda *_: held.clear())  # none lies in another
    with torch.no_grad():
        run = hollow if method == "forward" else getattr(hollow, method)
        run(torch.empty(1, *shape, device="meta"))
    return most


def _dense(taken: int, made: int, given: Tensor) -> Tensor:
    if given.shape[-1] != taken:
        raise RuntimeError(f"a dense layer takes {taken} numbers, not {given.shape[-1]}")
    return given.new_empty(*given.shape[:-1], made)


def in_parts(
    function: Callable[..., tuple[Tensor, ...]], row_bytes: Callable[[], int], *given: Tensor
) -> tuple[Tensor, ...]:
    """What a function makes of rows, a part of them at a time where they are many or wide.

    Args:
        function: of tensors with one row a sample; gives a tuple of such tensors.
        row_bytes: bytes that one row takes on its way; only asked where it matters.
        given: tensors `(n, …)`.
    """
    # With gradients the parts would have to be kept, and an exporter must see the whole.
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or given[0].is_meta:
        return function(*given)
    count, row = len(given[0]), row_bytes()
    rows = max(1, BUDGET // max(row, 1))
    if count <= rows and count * row <= HEAVY:
        return function(*given)
    made = []
    for start in range(0, max(count, 1), rows):
        leave()
        part = [t[start : start + rows] for t in given]
        if len(part[0]) * row <= HEAVY:
            made.append(function(*part))
            continue
        with take_turn():
            made.append(function(*part))
    if len(made) == 1:
        return made[0]
    return tuple(torch.cat(parts) for parts in zip(*made, strict=True))
