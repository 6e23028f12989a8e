"""Purging, paths, weights and the figures of a filter against the referee, on random cases."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest

from portfold.research.filter import training
from portfold.research.filter.cross_validation import (
    LabelSpan,
    combinatorial_folds,
    embargo_bars,
    fold_paths,
    group_of_each,
    purged_folds,
)
from portfold.research.filter.examples import Example, ExampleFill, Examples
from portfold.research.filter.training import (
    THRESHOLDS,
    ChosenInFolds,
    Cut,
    best_threshold,
    cut,
    fit,
    path_scores,
    train,
)
from portfold.research.filter.uniqueness import average_uniqueness
from portfold.workers.filters.features import FEATURES
from tests.research.counting import WEEKDAY, Counting
from tests.research.referee import folds, labels
from tests.research.referee.cases import cases, unhurried
from tests.research.referee.labels import Labelled

pytestmark = unhurried

FLAT = ExampleFill(0, Decimal(0))
CUTS = [Fraction(str(at)) for at in THRESHOLDS]


def random_spans(random: Random, count: int) -> list[LabelSpan]:
    begins = sorted(random.randint(0, 3 * count) for _ in range(count))
    return [LabelSpan(begin, begin + random.randint(0, 12)) for begin in begins]


def random_examples(random: Random) -> Examples:
    """Examples whose trades pay on some weekdays more than on others."""
    merit, made = [random.choice([-40, 0, 60]) for _ in range(5)], []
    for span in random_spans(random, random.randint(24, 45)):
        weekday = random.randrange(5)
        features = tuple(float(weekday) if at == WEEKDAY else 0.0 for at in range(len(FEATURES)))
        pnl = Decimal(random.randint(-10_000, 10_000) + 100 * merit[weekday]).scaleb(-2)
        time = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=span.first)
        made.append(Example(*span, time, features, pnl, "long", 1, FLAT, FLAT))
    return Examples(tuple(made), made[-1].first + 20, made[-1].time, 0, 0)


def labelled(examples: Sequence[Example]) -> list[Labelled]:
    return [
        Labelled((one.first, one.last), int(one.features[WEEKDAY]), Fraction(one.pnl)) for one in examples
    ]


def test_splits_and_paths_are_the_referees_bar_by_bar() -> None:
    for seed in cases():
        random = Random(seed)
        groups = random.randint(2, 7)
        spans = random_spans(random, random.randint(groups, 40))
        tested, share, bars = random.randint(1, groups - 1), random.choice(["0", "0.01", "0.07"]), 10 * seed
        apart = embargo_bars(float(share), bars)
        assert apart == folds.embargo(share, bars), seed
        apart %= 30
        expected = folds.splits(spans, groups, tested, apart)
        found = combinatorial_folds(spans, groups, tested, apart)
        assert [(list(fold.train), list(fold.test)) for fold in found] == expected, seed
        plain = [(list(fold.train), list(fold.test)) for fold in purged_folds(spans, groups, apart)]
        assert plain == folds.splits(spans, groups, 1, apart), seed
        assert [list(path) for path in fold_paths(groups, tested)] == folds.paths(groups, tested)
        each = [folds.group_of(example, len(spans), groups) for example in range(len(spans))]
        assert group_of_each(len(spans), groups) == each, seed


def test_average_uniqueness_is_the_referees() -> None:
    for seed in cases():
        spans = random_spans(random := Random(seed), random.randint(1, 30))
        expected = [float(one) for one in labels.uniqueness(spans)]
        assert list(average_uniqueness(spans)) == pytest.approx(expected), seed


def test_trades_that_share_no_bar_are_unique_and_two_on_the_same_bars_half_so() -> None:
    assert list(average_uniqueness([LabelSpan(0, 3), LabelSpan(4, 4)])) == [1, 1]
    assert list(average_uniqueness([LabelSpan(0, 3), LabelSpan(0, 3)])) == [0.5, 0.5]
    assert labels.uniqueness([(0, 1), (1, 2)]) == [Fraction(3, 4), Fraction(3, 4)]


@pytest.fixture(autouse=True)
def _counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is one of known arithmetic, and a few examples are enough."""
    monkeypatch.setattr(training, "KINDS", {"random_forest": Counting})
    monkeypatch.setattr("portfold.research.filter.training._FEWEST", 20)


def test_a_filter_its_figures_and_its_threshold_are_the_referees() -> None:
    for seed in cases(8):
        examples, parts = random_examples(random := Random(seed)), random.randint(3, 5)
        of = labelled(examples.of)
        spans = [one.span for one in of]
        apart = folds.embargo("0.01", examples.bars)
        every = folds.splits(spans, parts, 1, apart)
        if not labels.can_train(of, [*every, (list(range(len(of))), [])], apart):
            continue
        given = labels.scored_by(of, every)
        found = train(examples, "random_forest", folds=parts, embargo=0.01)
        assert found.probabilities == tuple(map(float, given)), seed

        measured, paid = found.measured, Fraction(sum(one.pnl > 0 for one in of), len(of))
        assert measured.base_rate == pytest.approx(float(paid)), seed
        assert (measured.log_loss, measured.brier) == pytest.approx(labels.losses(of, given)), seed
        always = labels.losses(of, [paid] * len(of))
        assert (measured.base_log_loss, measured.base_brier) == pytest.approx(always), seed
        expected = labels.mean_auc(of, given, [test for _, test in every])
        assert [measured.auc, measured.auc_error] == pytest.approx(expected), seed
        unique = labels.uniqueness(spans)
        assert measured.uniqueness == pytest.approx(float(sum(unique, Fraction(0)) / len(unique))), seed
        reliability = [(one.count, one.predicted, one.paid) for one in measured.reliability]
        tenths = [(count, *map(float, rest)) for count, *rest in labels.tenths(of, given)]
        assert reliability == [pytest.approx(one) for one in tenths], seed

        best = [labels.best_threshold([of[one] for one in trained], apart, CUTS) for trained, _ in every]
        assert measured.chosen.thresholds == tuple(map(float, best)), seed
        totals = [
            labels.kept([of[one] for one in test], [given[one] for one in test], at)
            for (_, test), at in zip(every, best, strict=True)
        ]
        assert as_kept(measured.chosen) == tuple(map(sum, zip(*totals, strict=True))), seed
        at = random.choice(THRESHOLDS)
        expected_cut = labels.kept(of, given, Fraction(str(at)))
        assert as_kept(cut(examples.of, found.probabilities, at)) == expected_cut, seed

        whole = fit(examples.of, "random_forest", embargo_bars=apart)
        assert whole.threshold == best_threshold(examples.of, "random_forest", apart, THRESHOLDS)
        assert Fraction(str(whole.threshold)) == labels.best_threshold(of, apart, CUTS), seed
        everyone = labels.scores(of, (list(range(len(of))), list(range(len(of)))))
        for model in (whole.model, found.model):
            assert {number: model.of[one.weekday] for number, one in enumerate(of)} == {
                number: float(score) for number, score in everyone.items()
            }, seed


def as_kept(found: Cut | ChosenInFolds) -> tuple[object, ...]:
    return found.kept, Fraction(found.kept_pnl), found.dropped, Fraction(found.dropped_pnl)


def test_each_path_scores_by_the_models_that_the_referee_trains() -> None:
    for seed in cases(8):
        random = Random(seed)
        examples, groups = random_examples(random), random.randint(3, 5)
        tested = random.randint(1, groups - 2)
        of, count = labelled(examples.of), len(examples.of)
        apart = folds.embargo("0.01", examples.bars)
        every = folds.splits([one.span for one in of], groups, tested, apart)
        if not labels.can_train(of, every):
            continue
        scored = [labels.scores(of, split) for split in every]
        expected = [
            tuple(float(scored[path[folds.group_of(one, count, groups)]][one]) for one in range(count))
            for path in folds.paths(groups, tested)
        ]
        found = path_scores(examples, "random_forest", groups=groups, tested=tested, embargo=0.01)
        assert found == expected, seed
