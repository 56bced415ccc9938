"""All scores of one model against the reference's definitions, run one by one with scikit-learn.

    python benchmarks/metrics.py [--model dsprites-disentangled] [--metrics all] [--json]

Both are measured in one run on the same codes. The peer does what the reference does as it is written:
a loop over votes, a classifier at a time, mutual information pair by pair. It takes about ten minutes
on two cores, nearly all of it in DCI's trees. Then the same scores with the preset fast, from the images
on, and how far they are from the full ones.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import entropy as shannon
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.feature_selection import mutual_info_classif
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, mutual_info_score, roc_auc_score
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from explorer.analysis import metrics
from explorer.analysis.measurement import Plan, Subject, encoded, measure
from explorer.analysis.metrics.table import Split, Table
from explorer.analysis.scores import OF_ONE_MODEL
from explorer.checkpoints import load
from explorer.datasets import open_dataset

Array = np.ndarray
SAMPLED = {"factor_vae", "beta_vae"}  # scores that draw by themselves: equal up to that


def binned(codes: Array, bins: int) -> Array:
    """Codes (n, D) as numbers of equal-width bins, a column at a time."""
    found = np.zeros(codes.shape, dtype=np.int64)
    for j in range(codes.shape[1]):
        found[:, j] = np.digitize(codes[:, j], np.histogram(codes[:, j], bins)[1][:-1])
    return found


def pairs(codes: Array, factors: Array, bins: int) -> Array:
    """Mutual information (D, K), a pair at a time."""
    numbers = binned(codes, bins)
    shape = (codes.shape[1], factors.shape[1])
    return np.array(
        [[mutual_info_score(factors[:, k], numbers[:, j]) for k in range(shape[1])] for j in range(shape[0])]
    )


def entropies(factors: Array) -> Array:
    """Entropy (K,) in nats."""
    return np.array([mutual_info_score(column, column) for column in factors.T])


def peer_mig(codes: Array, factors: Array) -> float:
    """MIG."""
    ordered = np.sort(pairs(codes, factors, 20), axis=0)[::-1]
    return float(np.mean((ordered[0] - ordered[1]) / entropies(factors)))


def peer_mig_sup(codes: Array, factors: Array) -> float:
    """MIG-sup."""
    ordered = np.sort(pairs(codes, factors, 10) / entropies(factors), axis=1)[:, ::-1]
    return float(np.mean(ordered[:, 0] - ordered[:, 1]))


def peer_modularity(codes: Array, factors: Array) -> float:
    """Modularity."""
    squared = pairs(codes, factors, 20) ** 2
    best = squared.max(axis=1)
    shares = (squared.sum(axis=1) - best) / best / (factors.shape[1] - 1)
    return float(np.mean(1 - shares))


def peer_dci(codes: Array, factors: Array) -> float:
    """DCI's disentanglement, with the train and test accuracies that come with it."""
    split = Split.of(Table.of(codes, factors), None, (10_000, 5_000), 0)
    importance = np.zeros((codes.shape[1], factors.shape[1]))
    for k in range(factors.shape[1]):
        trees = GradientBoostingClassifier(random_state=0)
        trees.fit(split.train.codes, split.train.factors[:, k])
        importance[:, k] = np.abs(trees.feature_importances_)
        for rows in (split.train, split.test):
            np.mean(trees.predict(rows.codes) == rows.factors[:, k])
    per_latent = 1 - shannon(importance.T + 1e-11, base=importance.shape[1])
    weights = importance.sum(axis=1) / importance.sum()
    return float((per_latent * weights).sum())


def peer_sap(codes: Array, factors: Array) -> float:
    """SAP of classes."""
    split = Split.of(Table.of(codes, factors), None, (10_000, 5_000), 0)
    accuracy = np.zeros((codes.shape[1], factors.shape[1]))
    for j in range(codes.shape[1]):
        for k in range(factors.shape[1]):
            machine = LinearSVC(C=0.01, class_weight="balanced", random_state=0)
            machine.fit(split.train.codes[:, [j]], split.train.factors[:, k])
            named = machine.predict(split.test.codes[:, [j]])
            accuracy[j, k] = np.mean(named == split.test.factors[:, k])
    ordered = np.sort(accuracy, axis=0)[::-1]
    return float(np.mean(ordered[0] - ordered[1]))


def peer_explicitness(codes: Array, factors: Array) -> float:
    """Explicitness on test rows."""
    split = Split.of(Table.of(codes, factors), None, (10_000, 5_000), 0)
    centre, scale = split.train.codes.mean(axis=0), split.train.codes.std(axis=0)
    points, held_out = ((rows.codes - centre) / scale for rows in (split.train, split.test))
    areas = []
    for k in range(factors.shape[1]):
        model = LogisticRegression(max_iter=1000).fit(points, split.train.factors[:, k])
        for rows, of in ((points, split.train), (held_out, split.test)):
            chances = model.predict_proba(rows)
            truth = OneHotEncoder(categories=[model.classes_]).fit_transform(of.factors[:, [k]])
            area = roc_auc_score(truth.toarray(), chances)
        areas.append(area)
    return float(np.mean(areas))


def peer_irs(codes: Array, factors: Array) -> float:
    """IRS."""
    kinds = binned(factors.astype(np.float64), 20)
    deviation = np.abs(codes - codes.mean(axis=0)).max(axis=0)
    spread = np.zeros((codes.shape[1], factors.shape[1]))
    for k in range(factors.shape[1]):
        values = np.unique(kinds[:, k])
        for value in values:
            members = codes[kinds[:, k] == value]
            apart = np.abs(members - members.mean(axis=0))
            spread[:, k] += np.percentile(apart, q=99, axis=0) / len(values)
    best = (1 - spread / deviation[:, None]).max(axis=1)
    return float(np.average(best, weights=deviation))


def peer_factor_vae(codes: Array, factors: Array) -> float:
    """The FactorVAE score, a vote at a time."""
    random = np.random.RandomState(0)
    overall = np.var(codes[random.choice(len(codes), 10_000)], axis=0, ddof=1)
    live = np.sqrt(overall) >= 0.05
    tables = []
    for count in (10_000, 5_000):
        votes = np.zeros((factors.shape[1], live.sum()), dtype=np.int64)
        for _ in range(count):
            k = random.randint(factors.shape[1])
            value = factors[random.randint(len(factors)), k]
            rows = random.choice(np.flatnonzero(factors[:, k] == value), 64)
            local = np.var(codes[rows][:, live], axis=0, ddof=1)
            votes[k, np.argmin(local / overall[live])] += 1
        tables.append(votes)
    named = tables[0].argmax(axis=0)
    return float(tables[1][named, np.arange(len(named))].sum() / tables[1].sum())


def peer_beta_vae(codes: Array, factors: Array) -> float:
    """The BetaVAE score, a point at a time."""
    random = np.random.RandomState(0)
    # Rows by the value of each factor, so that drawing a partner costs next to nothing.
    rows_of, begin, size = [], [], []
    for column in factors.T:
        _, value, counts = np.unique(column, return_inverse=True, return_counts=True)
        rows_of.append(np.argsort(value, kind="stable"))
        begin.append((np.cumsum(counts) - counts)[value])
        size.append(counts[value])
    sets = []
    for count in (10_000, 5_000):
        points, labels = np.zeros((count, codes.shape[1])), np.zeros(count, dtype=np.int64)
        for number in range(count):
            k = random.randint(factors.shape[1])
            first = random.choice(len(codes), 64)
            second = rows_of[k][begin[k][first] + random.randint(size[k][first])]
            points[number] = np.mean(np.abs(codes[first] - codes[second]), axis=0)
            labels[number] = k
        sets.append((points, labels))
    model = LogisticRegression(random_state=0).fit(*sets[0])
    model.score(*sets[0])
    return float(model.score(*sets[1]))


def peer_infomec(codes: Array, factors: Array) -> float:
    """InfoM, with InfoC and InfoE on the way."""
    points = StandardScaler().fit_transform(codes)
    nmi = np.zeros((codes.shape[1], factors.shape[1]))
    for k in range(factors.shape[1]):
        for j in range(codes.shape[1]):
            nmi[j, k] = mutual_info_classif(
                points[:, [j]], factors[:, k], discrete_features=False, n_neighbors=10, random_state=0
            )[0]
    nmi /= entropies(factors)
    for column in factors.T:
        for table in (points, np.zeros_like(points)):
            model = LogisticRegression(C=np.inf, class_weight="balanced", max_iter=100)
            log_loss(column, model.fit(table, column).predict_proba(table))
    spans = np.ptp(codes, axis=0)
    live = nmi[spans > spans.max() / 20]
    share, even = np.mean(live.max(axis=1) / live.sum(axis=1)), 1 / factors.shape[1]
    return float((share - even) / (1 - even))


def peer_gaussian(codes: Array, factors: Array) -> float:
    """Gaussian total correlation, with the mean information between latents that comes with it."""
    covariance = np.cov(codes, rowvar=False)
    pairs(codes, binned(codes, 20), 20)
    return float(0.5 * (np.log(np.diag(covariance)).sum() - np.linalg.slogdet(covariance)[1]))


PEERS: dict[str, Callable[[Array, Array], float]] = {
    "mig": peer_mig,
    "dci": peer_dci,
    "factor_vae": peer_factor_vae,
    "beta_vae": peer_beta_vae,
    "sap": peer_sap,
    "modularity": peer_modularity,
    "explicitness": peer_explicitness,
    "irs": peer_irs,
    "mig_sup": peer_mig_sup,
    "infomec": peer_infomec,
    "gaussian_total_correlation": peer_gaussian,
}
ALL_ROWS = {"dci", "sap", "explicitness", "factor_vae", "beta_vae"}  # the others take 10,000


def timed(compute: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came out."""
    begin = time.perf_counter()
    value = compute()
    return time.perf_counter() - begin, value


def against_peer(name: str, codes: np.ndarray, factors: np.ndarray, printed: bool) -> dict[str, Any]:
    """Seconds and value of a score, and its peer's."""
    ours, score = timed(lambda: metrics.BY_NAME[name](codes, factors).value)
    theirs, peer = timed(lambda: PEERS[name](codes, factors))
    if printed:
        why = " (draws by itself)" if name in SAMPLED else ""
        print(
            f"{name:28} {ours:8.2f} s  peer {theirs:8.2f} s  {theirs / ours:6.1f}x  "
            f"{score:.6f}  differs by {score - peer:+.1e}{why}",
            flush=True,
        )
    return {
        "seconds": round(ours, 3),
        "peer_seconds": round(theirs, 3),
        "times_as_fast": round(theirs / ours, 1),
        "value": score,
        "difference": score - peer,
    }


def main() -> None:
    """Measure, and print a line a score or one JSON object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="dsprites-disentangled")
    parser.add_argument("--metrics", default="all")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    wanted = list(PEERS) if options.metrics == "all" else options.metrics.split(",")
    warnings.simplefilter("ignore")

    checkpoint, data = load(options.model), open_dataset("dsprites", size=64)
    subject = Subject(checkpoint.name, checkpoint.hash, lambda: checkpoint.model)
    result: dict[str, Any] = {
        "model": checkpoint.name,
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "scores": {},
    }
    with tempfile.TemporaryDirectory() as home:
        os.environ["BETA_VAE_HOME"] = home
        # Compiled once and kept beside the code: loaded before the clock starts, as scikit-learn is.
        measure([subject], data, Plan(("dci", "infomec"), "fast", repeats=0, count=100, seed=9))
        found = encoded(subject, data, 15_000, 0)
        assert found.factors is not None
        for name in wanted:
            rows = 15_000 if name in ALL_ROWS else 10_000
            result["scores"][name] = against_peer(name, found.means[:rows], found.factors[:rows], not options.json)
        ours = sum(line["seconds"] for line in result["scores"].values())
        theirs = sum(line["peer_seconds"] for line in result["scores"].values())
        result |= {"full_seconds": ours, "peer_seconds": theirs, "times_as_fast": theirs / ours}

        plan = Plan(OF_ONE_MODEL, "fast", repeats=0)
        fresh = Subject(checkpoint.name, "encoded anew", subject.load)
        seconds, fast = timed(lambda: measure([fresh], data, plan, again=True)[checkpoint.name])
        full = measure([subject], data, Plan(OF_ONE_MODEL, "full", repeats=0))[checkpoint.name]
        result["fast_seconds"] = seconds
        result["fast_minus_full"] = {
            name: fast[name].value - full[name].value
            for name in OF_ONE_MODEL
            if fast[name].value is not None and full[name].value is not None
        }
    if options.json:
        print(json.dumps(result))
        return
    print(f"all: {ours:.1f} s, peer {theirs:.1f} s, {theirs / ours:.1f}x as fast; load {result['load']}")
    print(f"fast preset, images to table: {seconds:.2f} s; fast minus full:")
    for name, gap in result["fast_minus_full"].items():
        print(f"  {name:28} {gap:+.4f}")


if __name__ == "__main__":
    main()
