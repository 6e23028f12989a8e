"""Trains a filter and measures it. Needs the extra `ml`.

All figures of a model come from cross-validation: each example is scored by a model that has seen neither it
nor any example that overlaps it. The model that is kept is trained on all examples. Everything random has a
fixed seed, so the same examples give the same model.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from portfold.research.errors import ResearchError
from portfold.research.filter.cross_validation import (
    Fold,
    LabelSpan,
    combinatorial_folds,
    fold_paths,
    group_of_each,
    purged_folds,
)
from portfold.research.filter.examples import Example, Examples

Kind = Literal["logistic", "random_forest", "gradient_boosting"]
KINDS: Mapping[Kind, Callable[[], Any]] = {
    "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "random_forest": lambda: RandomForestClassifier(
        n_estimators=200, max_depth=5, min_samples_leaf=20, random_state=0
    ),
    "gradient_boosting": lambda: GradientBoostingClassifier(
        n_estimators=100, max_depth=3, learning_rate=0.05, random_state=0
    ),
}
_FEWEST = 100
_BINS = 10


class Bin(Struct, frozen=True):
    """Examples of similar probability: their number, their mean probability, the share that paid."""

    count: int
    predicted: float
    paid: float


class Cut(Struct, frozen=True):
    """The effect of a threshold: trades and dollars kept, from `probability` on, and dropped."""

    probability: float
    kept: int
    kept_pnl: Decimal
    dropped: int
    dropped_pnl: Decimal


class FilterFigures(Struct, frozen=True):
    """The figures of cross-validation.

    Beside `log_loss` and `brier` are those of always predicting the `base_rate`, whose `auc` is 0.5.
    """

    base_rate: float
    log_loss: float
    base_log_loss: float
    brier: float
    base_brier: float
    auc: float
    reliability: tuple[Bin, ...]


class Trained(Struct, frozen=True):
    """A model of scikit-learn, and the cross-validated probability of each example."""

    model: Any
    probabilities: tuple[float, ...]
    measured: FilterFigures


def train(
    examples: Examples,
    kind: Kind,
    *,
    folds: int,
    embargo: float,
    on_progress: Callable[[int], object] = lambda _: None,
) -> Trained:
    """Trains and measures. `embargo` is a fraction of all bars.

    Calls `on_progress` with the number of models trained: one a fold, before the one that is kept. Raises
    ResearchError where there are too few examples, or only one label.
    """
    features, labels = as_arrays(examples.of)
    if len(labels) < _FEWEST:
        raise ResearchError(f"Expected {_FEWEST} examples at least to learn from, got {len(labels)}.")
    probabilities = np.zeros(len(labels))
    spans = [LabelSpan(example.first, example.last) for example in examples.of]
    for number, fold in enumerate(purged_folds(spans, folds, math.ceil(embargo * examples.bars)), start=1):
        tested = list(fold.test)
        model = _fitted(kind, features, labels, fold)
        probabilities[tested] = model.predict_proba(features[tested])[:, 1]
        on_progress(number)
    if len(set(labels)) < 2:
        raise ResearchError("Expected trades that paid and some that did not, got only one of them.")
    return Trained(
        KINDS[kind]().fit(features, labels),
        tuple(float(probability) for probability in probabilities),
        _measure(labels, probabilities),
    )


def path_scores(
    examples: Examples, kind: Kind, *, groups: int, tested: int, embargo: float
) -> list[tuple[float, ...]]:
    """Returns the probability of each example on each path of combinatorial cross-validation.

    `embargo` is a fraction of all bars. Raises ResearchError.
    """
    features, labels = as_arrays(examples.of)
    if len(labels) < _FEWEST:
        raise ResearchError(f"Expected {_FEWEST} examples at least to learn from, got {len(labels)}.")
    spans = [LabelSpan(example.first, example.last) for example in examples.of]
    scores: list[NDArray[np.float64]] = []  # a row for each fold, 0 where it does not test
    for fold in combinatorial_folds(spans, groups, tested, math.ceil(embargo * examples.bars)):
        fold_scores, tests = np.zeros(len(labels)), list(fold.test)
        model = _fitted(kind, features, labels, fold)
        fold_scores[tests] = model.predict_proba(features[tests])[:, 1]
        scores.append(fold_scores)
    group = group_of_each(len(labels), groups)
    return [
        tuple(float(scores[path[group[index]]][index]) for index in range(len(labels)))
        for path in fold_paths(groups, tested)
    ]


def _fitted(kind: Kind, features: NDArray[np.float64], labels: NDArray[np.int64], fold: Fold) -> Any:
    """Trains a model on the fold's training examples. Raises ResearchError where they have one label only."""
    chosen = list(fold.train)
    if len(set(labels[chosen])) < 2:
        raise ResearchError("Expected trades that paid and some that did not in each fold: give fewer folds.")
    return KINDS[kind]().fit(features[chosen], labels[chosen])


def as_arrays(of: Sequence[Example]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Returns features and labels as arrays."""
    features = np.array([example.features for example in of], dtype=np.float64)
    return features, np.array([int(example.paid) for example in of], dtype=np.int64)


def cut(of: Sequence[Example], probabilities: Sequence[float], at: float) -> Cut:
    """Adds up what a threshold would have kept and dropped."""
    kept = [example.pnl for example, given in zip(of, probabilities, strict=True) if given >= at]
    dropped = [example.pnl for example, given in zip(of, probabilities, strict=True) if not given >= at]
    return Cut(at, len(kept), sum(kept, Decimal(0)), len(dropped), sum(dropped, Decimal(0)))


def _measure(labels: NDArray[np.int64], probabilities: NDArray[np.float64]) -> FilterFigures:
    base = float(labels.mean())
    always = np.full(len(labels), base)
    order = np.argsort(probabilities, kind="stable")
    bins = tuple(
        Bin(len(members), float(probabilities[members].mean()), float(labels[members].mean()))
        for members in np.array_split(order, _BINS)
    )
    return FilterFigures(
        base_rate=base,
        log_loss=float(log_loss(labels, probabilities)),
        base_log_loss=float(log_loss(labels, always)),
        brier=float(brier_score_loss(labels, probabilities)),
        base_brier=float(brier_score_loss(labels, always)),
        auc=float(roc_auc_score(labels, probabilities)),
        reliability=bins,
    )
