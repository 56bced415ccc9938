"""Graphs: random graphs that grow by preferential attachment, as pictures of their adjacency matrices.

Barabási and Albert 1999: each new node is tied to m of those that are there, with a chance that goes with their
degree to the power α; nodes in the order in which they came.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from explorer.datasets.base import ArrayDataset
from explorer.datasets.in_memory import digest
from explorer.datasets.names import Request
from explorer.datasets.scaling import SEED

SIDE, COUNT = 16, 4000
NODES = np.arange(4, SIDE + 1)
POWERS = np.array([0.0, 0.5, 1.0, 2.0])


def opened(request: Request) -> ArrayDataset:
    """As the table of data sets asks for it."""
    return _made()


def adjacency(nodes: int, edges: int, power: float, random: np.random.Generator) -> np.ndarray:
    """A graph `(nodes, nodes)` of 0 and 1: it starts with edges + 1 nodes, all tied; `edges` is less than `nodes`."""
    ties = np.zeros((nodes, nodes), np.uint8)
    ties[: edges + 1, : edges + 1] = 1 - np.eye(edges + 1, dtype=np.uint8)
    for node in range(edges + 1, nodes):
        weights = ties[:node, :node].sum(1).astype(float) ** power
        chosen = random.choice(node, edges, replace=False, p=weights / weights.sum())
        ties[node, chosen] = ties[chosen, node] = 1
    return ties


@lru_cache(maxsize=1)
def _made() -> ArrayDataset:
    random = np.random.default_rng(SEED)
    pictures = np.zeros((COUNT, 1, SIDE, SIDE), np.uint8)
    factors = np.empty((COUNT, 3), np.int64)
    for number in range(COUNT):
        nodes = int(random.choice(NODES))
        edges = int(random.integers(1, nodes))
        power = int(random.integers(len(POWERS)))
        pictures[number, 0, :nodes, :nodes] = 255 * adjacency(nodes, edges, float(POWERS[power]), random)
        factors[number] = nodes - NODES[0], edges - 1, power
    images, classes = torch.from_numpy(pictures), torch.from_numpy(factors)
    names, sizes = ("nodes", "edges per node", "attachment"), (len(NODES), SIDE - 1, len(POWERS))
    return ArrayDataset("graphs", images, f"graphs/{digest(images, classes, names)}", classes, names, sizes)
