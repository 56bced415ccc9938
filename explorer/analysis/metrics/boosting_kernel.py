"""The inner loops of `boosting`, compiled: one regression tree of depth 3 grown on presorted rows.

Sorting is what takes a tree its time, and it is the same for all trees of a factor: rows are sorted
once by each latent, and a node's rows keep that order when they are parted between its children.
"""

import numpy as np

from explorer.analysis.metrics.compiled import compiled
from explorer.analysis.metrics.table import Array

DEPTH = 3
NODES = 15  # of a full tree of that depth
PURE = np.finfo(np.float64).eps  # impurity up to which a node is a leaf
SAME = np.float32(1e-7)  # two values of a latent no further apart are not split
NEAR = 1e-13  # scores that may be equal but for rounding
BLOCK = 128  # values that NumPy sums without halving
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


@compiled()
def grow(
    sorted_rows: Array, sorted_values: Array, target: Array, inverse: Array, seed: int,
    split_latent: Array, threshold: Array, leaf_of: Array, importance: Array,
    rows: Array, values: Array, spare_rows: Array, spare_values: Array, goes_left: Array,
    standing: Array, sums: Array, rough: Array, falling: Array,
) -> int:  # fmt: skip
    """Grow one tree by least squares; how many nodes it has.

    sorted_rows, sorted_values: (D, n) rows by each latent and the latent's values in that order.
    target: (n,). inverse: (n + 1,) of 1 / count. seed: of the order in which latents are tried.
    Written: `split_latent` (15,), -1 for leaves, and `threshold` (15,), node i's children being
    2i + 1 and 2i + 2; `leaf_of` (n,), the leaf of each row; `importance` (D,), to which the fall of
    impurity by each latent is added. The rest is room to work in, (D, n) and (n,).
    """
    latents, n = sorted_rows.shape
    state = np.empty(1, dtype=np.uint32)
    state[0] = np.uint32(seed)
    latent_order = np.arange(latents)
    constant = np.empty(latents, dtype=np.int64)
    start_of = np.zeros(NODES, dtype=np.int64)
    end_of = np.zeros(NODES, dtype=np.int64)
    known_of = np.zeros(NODES, dtype=np.int64)  # constant latents that an ancestor found
    impurity_of = np.zeros(NODES)
    split_latent[:] = -1
    stack = np.empty(NODES, dtype=np.int64)
    stack[0], height, nodes = 0, 1, 0

    squares = 0.0
    total = 0.0
    for i in range(n):
        standing[i] = i
        squares += target[i] * target[i]
        total += target[i]
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
        total, squares = 0.0, 0.0
        for p in range(start, end):
            g = target[standing[p]]
            total += g
            squares += g * g
        # The rows of the root are where they were sorted; other nodes' are in the working room.
        from_rows = sorted_rows if node == 0 else rows
        from_values = sorted_values if node == 0 else values
        best_score, best_latent, best_at = -np.inf, -1, end
        best_threshold, near_best, last_tried = 0.0, -np.inf, -1
        if node < NODES // 2 and count >= 2 and impurity_of[node] > PURE:
            for p in range(count - 1):
                falling[p] = inverse[count - 1 - p]
            # Latents in the order in which scikit-learn would draw them, so that ties fall alike.
            found, drawn, known = 0, 0, known_of[node]
            all_constant = known
            last = latents
            visited = 0
            while last > all_constant and (visited < latents or visited <= found + drawn):
                visited += 1
                j = _draw(state, drawn, last - found)
                if j < known:
                    latent_order[drawn], latent_order[j] = latent_order[j], latent_order[drawn]
                    drawn += 1
                    continue
                j += found
                latent = latent_order[j]
                by_value = from_values[latent]
                by_row = from_rows[latent]
                if by_value[end - 1] > by_value[start]:  # equal values are left as they stand
                    last_tried = latent
                if by_value[end - 1] <= by_value[start] + SAME:
                    latent_order[j], latent_order[all_constant] = (latent_order[all_constant], latent_order[j])
                    found += 1
                    all_constant += 1
                    continue
                last -= 1
                latent_order[last], latent_order[j] = latent_order[j], latent_order[last]
                # Three short loops, of which the second is done four at a time: sums from the left,
                # rough scores, and where a rough score may be the best, the score itself.
                left = 0.0
                for p in range(count - 1):
                    left += target[by_row[start + p]]
                    sums[p] = left
                for p in range(count - 1):
                    right = total - sums[p]
                    rough[p] = sums[p] * sums[p] * inverse[p + 1] + right * right * falling[p]
                for p in range(count - 1):
                    if rough[p] > near_best:
                        at = start + p + 1
                        previous, value = by_value[at - 1], by_value[at]
                        if value > previous + SAME:
                            left, right = sums[p], total - sums[p]
                            score = left * left / (p + 1) + right * right / (count - p - 1)
                            if score > best_score:
                                best_score, best_latent, best_at = score, latent, at
                                best_threshold = np.float64(previous / 2.0 + value / 2.0)
                                near_best = score - abs(score) * NEAR
            for i in range(known):
                latent_order[i] = constant[i]
            for i in range(known, known + found):
                constant[i] = latent_order[i]
            known_of[node] = all_constant
        if best_latent < 0:
            for p in range(start, end):
                leaf_of[from_rows[0, p]] = node
            continue

        split_latent[node], threshold[node] = best_latent, best_threshold
        by_row = from_rows[best_latent]
        for p in range(start, best_at):
            goes_left[by_row[p]] = 1
        for p in range(best_at, end):
            goes_left[by_row[p]] = 0
        # Parted as scikit-learn does: sorted by the latent tried last, then swapped from both ends.
        for p in range(start, end):
            standing[p] = from_rows[last_tried, p]
        low, high = start, end
        while low < high:
            if goes_left[standing[low]]:
                low += 1
            else:
                high -= 1
                standing[low], standing[high] = standing[high], standing[low]
        left, left_squares = 0.0, 0.0
        for p in range(start, best_at):
            g = target[standing[p]]
            left += g
            left_squares += g * g
        if best_at - start > end - best_at:  # summed from the shorter side
            left = total
            for p in range(end - 1, best_at - 1, -1):
                left -= target[standing[p]]
        right = total - left
        a, b = 2 * node + 1, 2 * node + 2
        size_a, size_b = best_at - start, end - best_at
        start_of[a], end_of[a], start_of[b], end_of[b] = start, best_at, best_at, end
        impurity_of[a] = left_squares / size_a - (left / size_a) ** 2.0
        impurity_of[b] = (squares - left_squares) / size_b - (right / size_b) ** 2.0
        known_of[a] = known_of[b] = known_of[node]
        importance[best_latent] += (count * impurity_of[node] - size_a * impurity_of[a] - size_b * impurity_of[b]) / n
        if a >= NODES // 2:  # both children are leaves
            for p in range(start, best_at):
                leaf_of[by_row[p]] = a
            for p in range(best_at, end):
                leaf_of[by_row[p]] = b
            nodes += 2
            continue
        for latent in range(latents):
            from_row, from_value = from_rows[latent], from_values[latent]
            to_row, to_value = rows[latent], values[latent]
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
        # The left child is grown first.
        stack[height], stack[height + 1] = b, a
        height += 2
    return nodes


@compiled()
def pairwise_sum(values: Array, start: int, count: int) -> float:
    """The sum of `count` values from `start`, rounded as NumPy's own sum is: halves of halves."""
    starts = np.empty(64, dtype=np.int64)  # parts still to be summed; a length of 0 adds two sums
    lengths = np.empty(64, dtype=np.int64)
    sums = np.empty(64)
    starts[0], lengths[0], parts, done = start, count, 1, 0
    while parts:
        parts -= 1
        start, length = starts[parts], lengths[parts]
        if length == 0:
            done -= 1
            sums[done - 1] += sums[done]
        elif length > BLOCK:
            half = length // 2
            half -= half % 8
            lengths[parts] = 0
            starts[parts + 1], lengths[parts + 1] = start + half, length - half
            starts[parts + 2], lengths[parts + 2] = start, half
            parts += 3
        else:
            sums[done] = _block_sum(values, start, length)
            done += 1
    return float(sums[0])


@compiled()
def _block_sum(values: Array, start: int, count: int) -> float:
    """The sum of 1 to 128 values from `start`, in eight lanes where there are as many."""
    if count < 8:
        total = 0.0
        for i in range(start, start + count):
            total += values[i]
        return total
    lanes = values[start : start + 8].copy()
    whole = count - count % 8
    for i in range(8, whole, 8):
        for lane in range(8):
            lanes[lane] += values[start + i + lane]
    total = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))
    for i in range(whole, count):
        total += values[start + i]
    return float(total)


@compiled()
def boost(
    sorted_rows: Array, sorted_values: Array, inverse: Array, residual: Array, raw: Array,
    labels: Array, test_codes: Array, test_raw: Array, seeds: Array, classes: Array,
    importance: Array, shrink: float, rate: float, grown: Array,
) -> None:  # fmt: skip
    """One tree for each of `classes`; its steps are added to `raw` (n, C) and `test_raw` (m, C).

    residual: (C, n), one-hot labels minus the predicted chances. importance: (C, D), added to.
    shrink: the factor (C - 1) / C of leaf steps. grown: (C,), how many trees have split at all.
    """
    latents, n = sorted_rows.shape
    rows = np.empty((latents, n), dtype=np.uint32)
    values = np.empty((latents, n), dtype=np.float32)
    spare_rows = np.empty(n, dtype=np.uint32)
    spare_values = np.empty(n, dtype=np.float32)
    goes_left = np.empty(n, dtype=np.int64)
    leaf_of = np.empty(n, dtype=np.uint8)
    split_latent = np.empty(NODES, dtype=np.int64)
    threshold = np.empty(NODES)
    standing = np.empty(n, dtype=np.uint32)
    slope = np.empty(n)
    curve = np.empty(n)
    above = np.empty(NODES)
    size = np.empty(NODES, dtype=np.int64)
    begin = np.empty(NODES, dtype=np.int64)
    into = np.empty(NODES, dtype=np.int64)
    sums = np.empty(n)
    rough = np.empty(n)
    falling = np.empty(n)
    for k in classes:
        target = residual[k]
        nodes = grow(
            sorted_rows, sorted_values, target, inverse, seeds[k], split_latent, threshold,
            leaf_of, importance[k], rows, values, spare_rows, spare_values, goes_left,
            standing, sums, rough, falling,
        )  # fmt: skip
        grown[k] += nodes > 1
        # A Newton step in each leaf, its rows summed in their order.
        size[:] = 0
        for i in range(n):
            size[leaf_of[i]] += 1
        first = 0
        for leaf in range(NODES):
            begin[leaf], into[leaf] = first, first
            first += size[leaf]
        for i in range(n):
            leaf = leaf_of[i]
            g = target[i]
            chance = (1.0 if labels[i] == k else 0.0) - g
            slope[into[leaf]] = g
            curve[into[leaf]] = chance * (1.0 - chance)
            into[leaf] += 1
        for leaf in range(NODES):
            if size[leaf]:
                curvature = pairwise_sum(curve, begin[leaf], size[leaf]) / size[leaf]
                step = pairwise_sum(slope, begin[leaf], size[leaf]) / size[leaf] * shrink
                above[leaf] = 0.0 if abs(curvature) < TINY else rate * (step / curvature)
        for i in range(n):
            raw[i, k] += above[leaf_of[i]]
        for i in range(len(test_codes)):
            node = 0
            while split_latent[node] >= 0:
                right = np.float64(test_codes[i, split_latent[node]]) > threshold[node]
                node = 2 * node + (2 if right else 1)
            test_raw[i, k] += above[node]


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
