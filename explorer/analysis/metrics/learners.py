"""The classifiers that several metrics share, with the reference's settings.

Each fit keeps to one thread: its matrices are small, and threads that wait for one another take many
times as long where the machine is busy.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

from explorer.analysis.metrics.table import Array

MAX_STEPS = 1_000


def fit_logistic(points: Array, labels: Array, seed: int = 0) -> LogisticRegression:
    """A logistic regression of labels (n,) on points (n, D): scikit-learn's defaults.

    It may take more steps than the default 100, because a fit that stops short is another
    classifier. Perfectly separable points have no optimum but the penalty's, which is reached
    slowly; the accuracy and ranking that the metrics use have settled by then.
    """
    model = LogisticRegression(max_iter=MAX_STEPS, random_state=seed % 2**32)
    with _quietly():
        model.fit(points, labels)
    return model


def fit_unpenalised(points: Array, labels: Array) -> LogisticRegression:
    """A logistic regression without penalty, its classes weighted evenly, at most 100 steps (InfoE).

    Separable points have no optimum without a penalty: there the number of steps decides.
    """
    model = LogisticRegression(C=np.inf, class_weight="balanced", max_iter=100)
    with _quietly():
        model.fit(points, labels)
    return model


def fit_line(points: Array, labels: Array, seed: int = 0, weights: Array | None = None) -> LinearSVC:
    """A linear SVM with C = 0.01 (SAP), its classes weighted evenly unless points have `weights` (n,).

    On points of a very wide range it may not come to rest in the usual 1,000 steps (`n_iter_`): then the
    score is what the reference gives too.
    """
    balance = "balanced" if weights is None else None
    machine = LinearSVC(C=0.01, class_weight=balance, random_state=seed % 2**32)
    with _quietly():
        machine.fit(points, labels, sample_weight=weights)
    return machine


@contextmanager
def _quietly() -> Iterator[None]:
    """One thread, and no word in the log of fits that stop short: results say so where it matters."""
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
