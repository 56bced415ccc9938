"""The operators of a graph (`models.graph`), by their names in ONNX: each a function of tensors in torch."""

from models.operators import convolutions, pointwise, resampling, reshaping  # each puts its own into the table
from models.operators.registry import OPERATORS, Node

__all__ = ["OPERATORS", "Node", "convolutions", "pointwise", "resampling", "reshaping"]
