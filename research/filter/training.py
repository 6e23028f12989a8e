"""Trains a filter and measures it. Needs the extra `ml`.

All figures of a model come from cross-validation: each example is scored by a model that has seen neither it
nor any example that overlaps it. The AUC is the mean of those of the folds (Forman & Scholz,
"Apples-to-Apples in Cross-Validation Studies", SIGKDD Explorations 12, 2010): scores of different models are
on different scales, and pooled they hide a weak edge. Which threshold would have been best is decided within
each fold, by its training examples alone, and tried on its test. Examples count by their average uniqueness.
The model that is kept is trained on all of them. Everything random has a fixed seed, so the same examples
give the same model.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, NamedTuple

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
    embargo_bars,
    fold_paths,
    group_of_each,
    purged_folds,
)
from portfold.research.filter.examples import Example, Examples
from portfold.research.filter.uniqueness import average_uniqueness

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
THRESHOLDS = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7)
_FEWEST = 100
_INNER_FOLDS = 3
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


class ChosenInFolds(Struct, frozen=True):
    """What was kept and dropped by the threshold that each fold's training examples thought best."""

    thresholds: tuple[float, ...]
    kept: int
    kept_pnl: Decimal
    dropped: int
    dropped_pnl: Decimal


class FilterFigures(Struct, frozen=True):
    """The figures of cross-validation.

    Beside `log_loss` and `brier` are those of always predicting the `base_rate`, whose `auc` is 0.5. `auc` is
    the mean of the folds, `auc_error` its standard error. `uniqueness` is the mean of the examples'.
    """

    base_rate: float
    log_loss: float
    base_log_loss: float
    brier: float
    base_brier: float
    auc: float
    auc_error: float
    uniqueness: float
    chosen: ChosenInFolds
    reliability: tuple[Bin, ...]


class Trained(Struct, frozen=True):
    """A model of scikit-learn, and the cross-validated probability of each example."""

    model: Any
    probabilities: tuple[float, ...]
    measured: FilterFigures


class Fitted(NamedTuple):
    """A model of scikit-learn, and the threshold that was chosen for it; both know the same examples."""

    model: Any
    threshold: float


def train(
    examples: Examples,
    kind: Kind,
    *,
    folds: int,
    embargo: float,
    thresholds: Sequence[float] = THRESHOLDS,
    on_progress: Callable[[int], object] = lambda _: None,
) -> Trained:
    """Trains and measures. `embargo` is a fraction of all bars; one of `thresholds` is chosen in each fold.

    Calls `on_progress` with the number of folds done, before the model that is kept. Raises ResearchError
    where there are too few examples, or only one label.
    """
    features, labels = as_arrays(examples.of)
    _check(labels)
    probabilities = np.zeros(len(labels))
    spans = [LabelSpan(example.first, example.last) for example in examples.of]
    cut_bars, best = embargo_bars(embargo, examples.bars), []
    every = list(purged_folds(spans, folds, cut_bars))
    for number, fold in enumerate(every, start=1):
        probabilities[list(fold.test)] = _scores(kind, features, labels, spans, fold)
        learned = [examples.of[index] for index in fold.train]
        best.append(best_threshold(learned, kind, cut_bars, thresholds))
        on_progress(number)
    uniqueness = average_uniqueness(spans)
    chosen = _chosen(examples.of, probabilities, every, best)
    return Trained(
        KINDS[kind]().fit(features, labels, **_weights(kind, uniqueness)),
        tuple(float(probability) for probability in probabilities),
        _measure(labels, probabilities, every, uniqueness, chosen),
    )


def _check(labels: NDArray[np.int64]) -> None:
    if len(labels) < _FEWEST:
        raise ResearchError(f"Expected {_FEWEST} examples at least to learn from, got {len(labels)}.")
    if len(set(labels)) < 2:
        raise ResearchError("Expected trades that paid and some that did not, got only one of them.")


def fit(
    of: Sequence[Example], kind: Kind, *, embargo_bars: int, thresholds: Sequence[float] = THRESHOLDS
) -> Fitted:
    """Fits a model to examples, and chooses the threshold among them by cross-validation.

    Raises ResearchError where there are too few examples, or only one label.
    """
    features, labels = as_arrays(of)
    _check(labels)
    threshold = best_threshold(of, kind, embargo_bars, thresholds)
    uniqueness = average_uniqueness([LabelSpan(example.first, example.last) for example in of])
    return Fitted(KINDS[kind]().fit(features, labels, **_weights(kind, uniqueness)), threshold)


def best_threshold(
    of: Sequence[Example], kind: Kind, embargo_bars: int, thresholds: Sequence[float]
) -> float:
    """Returns the threshold by which the examples would have kept most, scored among themselves by purged
    cross-validation.
    """
    features, labels = as_arrays(of)
    spans = [LabelSpan(example.first, example.last) for example in of]
    probabilities = np.zeros(len(of))
    for inner in purged_folds(spans, _INNER_FOLDS, embargo_bars):
        probabilities[list(inner.test)] = _scores(kind, features, labels, spans, inner)
    return max(thresholds, key=lambda at: (cut(of, list(probabilities), at).kept_pnl, -at))


def _chosen(
    of: Sequence[Example], probabilities: NDArray[np.float64], folds: Sequence[Fold], best: Sequence[float]
) -> ChosenInFolds:
    """Adds up what each fold's own threshold keeps and drops of its test."""
    cuts = [
        cut([of[index] for index in fold.test], [float(probabilities[index]) for index in fold.test], at)
        for fold, at in zip(folds, best, strict=True)
    ]
    return ChosenInFolds(
        tuple(best),
        sum(one.kept for one in cuts),
        sum((one.kept_pnl for one in cuts), Decimal(0)),
        sum(one.dropped for one in cuts),
        sum((one.dropped_pnl for one in cuts), Decimal(0)),
    )


def path_scores(
    examples: Examples, kind: Kind, *, groups: int, tested: int, embargo: float
) -> list[tuple[float, ...]]:
    """Returns the probability of each that is judged on each path of combinatorial cross-validation.

    Examples come first. A signal that was never filled trains nothing; it is scored with the example before
    it, the earliest with the first. `embargo` is a fraction of all bars. Raises ResearchError.
    """
    labels = as_arrays(examples.of)[1]
    features = np.array([signal.features for signal in examples.judged], dtype=np.float64)
    if len(labels) < _FEWEST:
        raise ResearchError(f"Expected {_FEWEST} examples at least to learn from, got {len(labels)}.")
    spans = [LabelSpan(example.first, example.last) for example in examples.of]
    group = group_of_each(len(labels), groups)
    begins = [span.first for span in spans]
    group += [group[max(bisect_right(begins, one.first) - 1, 0)] for one in examples.never_filled]
    scores: list[NDArray[np.float64]] = []  # a row for each fold, 0 where it does not test
    for fold in combinatorial_folds(spans, groups, tested, embargo_bars(embargo, examples.bars)):
        chosen = {group[index] for index in fold.test}
        test = tuple(index for index, number in enumerate(group) if number in chosen)
        fold_scores = np.zeros(len(group))
        fold_scores[list(test)] = _scores(kind, features, labels, spans, fold._replace(test=test))
        scores.append(fold_scores)
    return [
        tuple(float(scores[path[number]][index]) for index, number in enumerate(group))
        for path in fold_paths(groups, tested)
    ]


def _scores(
    kind: Kind,
    features: NDArray[np.float64],
    labels: NDArray[np.int64],
    spans: Sequence[LabelSpan],
    fold: Fold,
) -> NDArray[np.float64]:
    """Trains a model on the fold's training examples, and returns its probabilities of those tested.

    Raises ResearchError where the training has one label only.
    """
    chosen = list(fold.train)
    if len(set(labels[chosen])) < 2:
        raise ResearchError("Expected trades that paid and some that did not in each fold: give fewer folds.")
    weights = average_uniqueness([spans[index] for index in chosen])
    model = KINDS[kind]().fit(features[chosen], labels[chosen], **_weights(kind, weights))
    scored: NDArray[np.float64] = model.predict_proba(features[list(fold.test)])[:, 1]
    return scored


def _weights(kind: Kind, weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Returns the argument by which this kind of model takes the weights of its examples."""
    step = "logisticregression__" if kind == "logistic" else ""
    return {f"{step}sample_weight": weights}


def as_arrays(of: Sequence[Example]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Returns features and labels as arrays."""
    features = np.array([example.features for example in of], dtype=np.float64)
    return features, np.array([int(example.paid) for example in of], dtype=np.int64)


def cut(of: Sequence[Example], probabilities: Sequence[float], at: float) -> Cut:
    """Adds up what a threshold would have kept and dropped."""
    kept = [example.pnl for example, given in zip(of, probabilities, strict=True) if given >= at]
    dropped = [example.pnl for example, given in zip(of, probabilities, strict=True) if not given >= at]
    return Cut(at, len(kept), sum(kept, Decimal(0)), len(dropped), sum(dropped, Decimal(0)))


def _measure(
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    folds: Sequence[Fold],
    uniqueness: NDArray[np.float64],
    chosen: ChosenInFolds,
) -> FilterFigures:
    auc, auc_error = _mean_auc(labels, probabilities, folds)
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
        auc=auc,
        auc_error=auc_error,
        uniqueness=float(uniqueness.mean()),
        chosen=chosen,
        reliability=bins,
    )


def _mean_auc(
    labels: NDArray[np.int64], probabilities: NDArray[np.float64], folds: Sequence[Fold]
) -> tuple[float, float]:
    """Returns the mean AUC of the folds whose tests have both labels, and its standard error."""
    each = [
        float(roc_auc_score(labels[tested], probabilities[tested]))
        for tested in (list(fold.test) for fold in folds)
        if len(set(labels[tested])) == 2
    ]
    if not each:
        return 0.5, 0.5
    error = float(np.std(each, ddof=1)) / math.sqrt(len(each)) if len(each) > 1 else 0.5
    return float(np.mean(each)), error
