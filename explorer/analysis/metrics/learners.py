"""The classifier that several metrics share, with the reference's settings."""

import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from explorer.analysis.metrics.table import Array

MAX_STEPS = 1_000


def fit_logistic(points: Array, labels: Array, seed: int = 0) -> LogisticRegression:
    """A logistic regression of labels (n,) on points (n, D): scikit-learn's defaults.

    It may take more steps than the default 100, because a fit that stops short is another
    classifier. Perfectly separable points have no optimum but the penalty's, which is reached
    slowly; the accuracy and ranking that the metrics use have settled by then.
    """
    model = LogisticRegression(max_iter=MAX_STEPS, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(points, labels)
    return model
