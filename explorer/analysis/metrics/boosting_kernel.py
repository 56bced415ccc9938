"""The inner loops of `boosting`, compiled: one regression tree of depth 3 grown on presorted rows.

Sorting is what takes a tree its time, and it is the same for all trees of a factor: rows are sorted
once by each latent, and a node's rows keep that order when they are parted between its children.
"""

from typing import NamedTuple

import numpy as np

from explorer.analysis.metrics.compiled import compiled
from explorer.analysis.metrics.summation_kernel import pairwise_sum
from explorer.analysis.metrics.table import Array

DEPTH = 3
NODES = 15  # of a full tree of that depth
PURE = np.finfo(np.float64).eps  # impurity up to which a node is a leaf
SAME = np.float32(1e-7)  # two values of a latent no further apart are not split
NEAR = 1e-13  # scores that may be equal but for rounding
TINY = 1e-150  # curvature under which a leaf's step is 0


@compiled(inline="always")
def _draw(state: Array, low: int, high: int) -> int:
    """The next whole number in [low, high) of scikit-learn's xorshift generator."""
    x = state[0]
    if x == 0:
        x = np.uint32(1)
    x ^= np.uint32(x << np.uint32(13))
    x ^= np.uint32(x >> np.uint32(17))
    x ^= np.uint32(x << np.uint32(5))
    state[0] = x
    return low + int(x % np.uint32(2147483648)) % (high - low)


class Presorted(NamedTuple):
    """Rows sorted by each latent `(D, n)`, and the latent's values in that order `(D, n)`."""

    rows: Array
    values: Array


class Tree(NamedTuple):
    """What is grown: node i's children are 2i + 1 and 2i + 2.

    split_latent, threshold: `(15,)`, where a node splits; latent -1 for leaves. leaf_of: `(n,)`, the leaf of each row.
    """

    split_latent: Array
    threshold: Array
    leaf_of: Array


class Workspace(NamedTuple):
    """Arrays to work in: rows and values as in `Presorted`, the others `(n,)`; `row_order` has scikit-learn's order."""

    rows: Array
    values: Array
    spare_rows: Array
    spare_values: Array
    goes_left: Array
    row_order: Array
    sums: Array
    rough: Array
    falling: Array


class Draws(NamedTuple):
    """How scikit-learn draws latents: generator `(1,)`, their order `(D,)`, and which were found constant `(D,)`."""

    state: Array
    order: Array
    constant: Array


@compiled()
def grow(
    presorted: Presorted, target: Array, inverse: Array, seed: int, tree: Tree, importance: Array, room: Workspace
) -> int:
    """Grow one tree by least squares; how many nodes it has.

    target: `(n,)`. inverse: `(n + 1,)` of 1 / count. seed: of the order in which latents are tried.
    importance: `(D,)`, to which the fall of impurity by each latent is added.
    """
    latents, n = presorted.rows.shape
    draws = Draws(np.empty(1, dtype=np.uint32), np.arange(latents), np.empty(latents, dtype=np.int64))
    draws.state[0] = np.uint32(seed)
    start_of = np.zeros(NODES, dtype=np.int64)
    end_of = np.zeros(NODES, dtype=np.int64)
    known_of = np.zeros(NODES, dtype=np.int64)  # constant latents that an ancestor found
    impurity_of = np.zeros(NODES)
    tree.split_latent[:] = -1
    stack = np.empty(NODES, dtype=np.int64)
    stack[0], height, nodes = 0, 1, 0
    for i in range(n):
        room.row_order[i] = i
    total, squares = _sums(target, room.row_order, 0, n)
    end_of[0] = n
    impurity_of[0] = squares / n - (total / n) ** 2.0
    while height:
        height -= 1
        node = stack[height]
        nodes += 1
        start, end = start_of[node], end_of[node]
        count = end - start
        # Summed in the order in which scikit-learn has the rows by now: rounding decides ties, and
        # whether a node counts as pure.
        total, squares = _sums(target, room.row_order, start, end)
        # The rows of the root are where they were sorted; other nodes' are in the working room.
        given = presorted if node == 0 else Presorted(room.rows, room.values)
        latent, at, threshold, last_tried = -1, end, 0.0, -1
        if node < NODES // 2 and count >= 2 and impurity_of[node] > PURE:
            latent, at, threshold, last_tried, known_of[node] = _best_split(
                given, start, end, total, known_of[node], target, inverse, draws, room
            )
        if latent < 0:
            _mark_leaf(tree.leaf_of, given.rows[0], start, end, node)
            continue

        tree.split_latent[node], tree.threshold[node] = latent, threshold
        by_row = given.rows[latent]
        _part(by_row, given.rows[last_tried], start, at, end, room)
        left, left_squares = _left_sums(target, room.row_order, start, at, end, total)
        right = total - left
        a, b = 2 * node + 1, 2 * node + 2
        size_a, size_b = at - start, end - at
        start_of[a], end_of[a], start_of[b], end_of[b] = start, at, at, end
        impurity_of[a] = left_squares / size_a - (left / size_a) ** 2.0
        impurity_of[b] = (squares - left_squares) / size_b - (right / size_b) ** 2.0
        known_of[a] = known_of[b] = known_of[node]
        importance[latent] += (count * impurity_of[node] - size_a * impurity_of[a] - size_b * impurity_of[b]) / n
        if a >= NODES // 2:  # both children are leaves
            _mark_leaf(tree.leaf_of, by_row, start, at, a)
            _mark_leaf(tree.leaf_of, by_row, at, end, b)
            nodes += 2
            continue
        _part_sorted(given, start, end, room)
        # The left child is grown first.
        stack[height], stack[height + 1] = b, a
        height += 2
    return nodes


@compiled()
def _mark_leaf(leaf_of: Array, by_row: Array, start: int, end: int, leaf: int) -> None:
    for p in range(start, end):
        leaf_of[by_row[p]] = leaf


@compiled()
def _sums(target: Array, row_order: Array, start: int, end: int) -> tuple[float, float]:
    """The sum of the targets of a node's rows, and of their squares, from the first to the last."""
    total, squares = 0.0, 0.0
    for p in range(start, end):
        g = target[row_order[p]]
        total += g
        squares += g * g
    return total, squares


@compiled()
def _left_sums(target: Array, row_order: Array, start: int, at: int, end: int, total: float) -> tuple[float, float]:
    """The sums of the rows before `at`, the first of them from the shorter side."""
    left, squares = _sums(target, row_order, start, at)
    if at - start > end - at:
        left = total
        for p in range(end - 1, at - 1, -1):
            left -= target[row_order[p]]
    return left, squares


@compiled()
def _best_split(
    given: Presorted, start: int, end: int, total: float, known: int,
    target: Array, inverse: Array, draws: Draws, room: Workspace,
) -> tuple[int, int, float, int, int]:  # fmt: skip
    """Where a node is best split: latent (-1 where nowhere), place, threshold; the latent tried last, and how many
    latents are known to be constant. They are tried in the order in which scikit-learn would draw them, so that ties
    fall alike.

    total: of the node's targets. known: constant latents that an ancestor found.
    """
    latents, count = len(draws.order), end - start
    for p in range(count - 1):
        room.falling[p] = inverse[count - 1 - p]
    order = draws.order
    best_score, best_latent, best_at, last_tried = -np.inf, -1, end, -1
    found, drawn, all_constant, last, visited = 0, 0, known, latents, 0
    while last > all_constant and (visited < latents or visited <= found + drawn):
        visited += 1
        j = _draw(draws.state, drawn, last - found)
        if j < known:
            order[drawn], order[j] = order[j], order[drawn]
            drawn += 1
            continue
        j += found
        latent = order[j]
        by_value = given.values[latent]
        if by_value[end - 1] > by_value[start]:  # equal values are left as they stand
            last_tried = latent
        if by_value[end - 1] <= by_value[start] + SAME:
            order[j], order[all_constant] = order[all_constant], order[j]
            found += 1
            all_constant += 1
            continue
        last -= 1
        order[last], order[j] = order[j], order[last]
        score, at = _best_place(given.rows[latent], by_value, start, count, total, best_score, target, inverse, room)
        if at >= 0:
            best_score, best_latent, best_at = score, latent, at
    for i in range(known):
        order[i] = draws.constant[i]
    for i in range(known, known + found):
        draws.constant[i] = order[i]
    threshold = 0.0
    if best_latent >= 0:
        by_value = given.values[best_latent]
        threshold = np.float64(by_value[best_at - 1] / 2.0 + by_value[best_at] / 2.0)
    return best_latent, best_at, threshold, last_tried, all_constant


@compiled()
def _best_place(
    by_row: Array, by_value: Array, start: int, count: int, total: float, best_score: float,
    target: Array, inverse: Array, room: Workspace,
) -> tuple[float, int]:  # fmt: skip
    """The best score of a split by one latent, and its place; `best_score` and -1 where none is above that.

    Three short loops, of which the second is done four at a time: sums from the left, rough scores, and where a
    rough score may be the best, the score itself.
    """
    sums, rough, falling = room.sums, room.rough, room.falling
    near_best = best_score - abs(best_score) * NEAR
    best_at, left = -1, 0.0
    for p in range(count - 1):
        left += target[by_row[start + p]]
        sums[p] = left
    for p in range(count - 1):
        right = total - sums[p]
        rough[p] = sums[p] * sums[p] * inverse[p + 1] + right * right * falling[p]
    for p in range(count - 1):
        if rough[p] > near_best:
            at = start + p + 1
            if by_value[at] > by_value[at - 1] + SAME:
                left, right = sums[p], total - sums[p]
                score = left * left / (p + 1) + right * right / (count - p - 1)
                if score > best_score:
                    best_score, best_at = score, at
                    near_best = score - abs(score) * NEAR
    return best_score, best_at


@compiled()
def _part(by_row: Array, as_tried: Array, start: int, at: int, end: int, room: Workspace) -> None:
    """Say of each row whether it goes left, and part `row_order` as scikit-learn does: sorted by the latent tried last,
    then swapped from both ends."""
    goes_left, row_order = room.goes_left, room.row_order
    for p in range(start, at):
        goes_left[by_row[p]] = 1
    for p in range(at, end):
        goes_left[by_row[p]] = 0
    for p in range(start, end):
        row_order[p] = as_tried[p]
    low, high = start, end
    while low < high:
        if goes_left[row_order[low]]:
            low += 1
        else:
            high -= 1
            row_order[low], row_order[high] = row_order[high], row_order[low]


@compiled()
def _part_sorted(given: Presorted, start: int, end: int, room: Workspace) -> None:
    """Part a node's rows between its children, each latent's order kept."""
    spare_rows, spare_values, goes_left = room.spare_rows, room.spare_values, room.goes_left
    for latent in range(len(given.rows)):
        from_row, from_value = given.rows[latent], given.values[latent]
        to_row, to_value = room.rows[latent], room.values[latent]
        into, beyond = start, 0
        for p in range(start, end):  # written to both sides: no branch to mispredict
            i, v, stays = from_row[p], from_value[p], goes_left[from_row[p]]
            to_row[into], to_value[into] = i, v
            spare_rows[beyond], spare_values[beyond] = i, v
            into += stays
            beyond += 1 - stays
        for p in range(beyond):
            to_row[into + p] = spare_rows[p]
            to_value[into + p] = spare_values[p]


@compiled()
def boost(
    presorted: Presorted, inverse: Array, residual: Array, raw: Array, labels: Array, test_codes: Array,
    test_raw: Array, seeds: Array, classes: Array, importance: Array, shrink: float, rate: float, grown: Array,
) -> None:  # fmt: skip
    """One tree for each of `classes`; its steps are added to `raw` (n, C) and `test_raw` (m, C).

    residual: (C, n), one-hot labels minus the predicted chances. importance: (C, D), added to.
    shrink: the factor (C - 1) / C of leaf steps. grown: (C,), how many trees have split at all.
    """
    latents, n = presorted.rows.shape
    room = Workspace(
        np.empty((latents, n), dtype=np.uint32), np.empty((latents, n), dtype=np.float32),
        np.empty(n, dtype=np.uint32), np.empty(n, dtype=np.float32), np.empty(n, dtype=np.int64),
        np.empty(n, dtype=np.uint32), np.empty(n), np.empty(n), np.empty(n),
    )  # fmt: skip
    tree = Tree(np.empty(NODES, dtype=np.int64), np.empty(NODES), np.empty(n, dtype=np.uint8))
    steps = np.zeros(NODES)
    for k in classes:
        nodes = grow(presorted, residual[k], inverse, seeds[k], tree, importance[k], room)
        grown[k] += nodes > 1
        _leaf_steps(tree.leaf_of, residual[k], labels, k, shrink, rate, room.sums, room.rough, steps)
        for i in range(n):
            raw[i, k] += steps[tree.leaf_of[i]]
        for i in range(len(test_codes)):
            node = 0
            while tree.split_latent[node] >= 0:
                right = np.float64(test_codes[i, tree.split_latent[node]]) > tree.threshold[node]
                node = 2 * node + (2 if right else 1)
            test_raw[i, k] += steps[node]


@compiled()
def _leaf_steps(
    leaf_of: Array, target: Array, labels: Array, label: int, shrink: float, rate: float,
    slope: Array, curve: Array, steps: Array,
) -> None:  # fmt: skip
    """Write a Newton step for each leaf that has rows to `steps` (15,), the rows summed in their order.

    slope, curve: (n,) to work in.
    """
    size = np.zeros(NODES, dtype=np.int64)
    begin = np.empty(NODES, dtype=np.int64)
    into = np.empty(NODES, dtype=np.int64)
    for leaf in leaf_of:
        size[leaf] += 1
    first = 0
    for leaf in range(NODES):
        begin[leaf], into[leaf] = first, first
        first += size[leaf]
    for i in range(len(leaf_of)):
        leaf = leaf_of[i]
        g = target[i]
        chance = (1.0 if labels[i] == label else 0.0) - g
        slope[into[leaf]] = g
        curve[into[leaf]] = chance * (1.0 - chance)
        into[leaf] += 1
    for leaf in range(NODES):
        if size[leaf]:
            curvature = pairwise_sum(curve, begin[leaf], size[leaf]) / size[leaf]
            step = pairwise_sum(slope, begin[leaf], size[leaf]) / size[leaf] * shrink
            steps[leaf] = 0.0 if abs(curvature) < TINY else rate * (step / curvature)


@compiled()
def residuals(raw: Array, labels: Array, residual: Array, first: int, last: int) -> None:
    """Write one-hot labels minus chances to `residual` (C, n), for rows first to last.

    The chances are the softmax of `raw` (n, C); of two classes, the logistic function of the second.
    """
    classes = raw.shape[1]
    for i in range(first, last):
        if classes == 2:
            label = 1.0 if labels[i] == 1 else 0.0
            if raw[i, 1] > -37:
                e = np.exp(-raw[i, 1])
                residual[1, i] = -(((1 - label) - label * e) / (1 + e))
            else:
                residual[1, i] = label - np.exp(raw[i, 1])
            continue
        top = raw[i].max()
        total = 0.0
        for k in range(classes):
            e = np.exp(raw[i, k] - top)
            residual[k, i] = e
            total += e
        for k in range(classes):
            residual[k, i] = (1.0 if labels[i] == k else 0.0) - residual[k, i] / total
