"""Purged and embargoed folds: what is tested is not known to what trains."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from research.filter.cross_validation import Span, purged_folds

spans = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 12)), min_size=2, max_size=60).map(
    lambda pairs: [Span(first, first + length) for first, length in sorted(pairs)]
)


@given(spans, st.integers(2, 8), st.integers(0, 20))
def test_every_example_is_tested_once_in_order_of_time(of: list[Span], folds: int, embargo: int) -> None:
    folds = min(folds, len(of))
    tested = [place for fold in purged_folds(of, folds, embargo) for place in fold.test]
    assert tested == list(range(len(of)))


@given(spans, st.integers(2, 8), st.integers(0, 20))
def test_nothing_that_trains_overlaps_the_time_of_the_test_or_its_embargo(
    of: list[Span], folds: int, embargo: int
) -> None:
    for fold in purged_folds(of, min(folds, len(of)), embargo):
        bars = {bar for place in fold.test for bar in range(of[place].first, of[place].last + 1)}
        end = max(bars)
        for place in fold.train:
            lived = set(range(of[place].first, of[place].last + 1))
            assert not lived & set(range(min(bars), end + 1))
            assert not end < of[place].first <= end + embargo


@given(spans, st.integers(2, 8))
def test_nothing_is_left_out_without_need(of: list[Span], folds: int) -> None:
    for fold in purged_folds(of, min(folds, len(of)), 0):
        begin, end = of[fold.test[0]].first, max(of[place].last for place in fold.test)
        free = {place for place, span in enumerate(of) if span.last < begin or span.first > end}
        assert set(fold.train) == free - set(fold.test)


@pytest.mark.parametrize(("last", "trains"), [(9, True), (10, False)])
def test_a_trade_that_ends_as_the_test_begins_is_purged(last: int, trains: bool) -> None:
    *_, fold = purged_folds([Span(0, last), Span(10, 12)], 2, 0)
    assert (fold.test, fold.train) == ((1,), (0,) if trains else ())


@pytest.mark.parametrize(("first", "trains"), [(12, False), (17, False), (18, True)])
def test_the_embargo_counts_from_the_end_of_the_last_tested_trade(first: int, trains: bool) -> None:
    fold = next(purged_folds([Span(10, 12), Span(first, first)], 2, 5))
    assert fold.train == ((1,) if trains else ())


@pytest.mark.parametrize("folds", [1, 3])
def test_as_many_folds_as_cannot_be_are_refused(folds: int) -> None:
    with pytest.raises(ValueError, match="expected folds from 2 to the number of examples, 2"):
        list(purged_folds([Span(0, 1), Span(2, 3)], folds, 0))


def test_examples_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="in the order of their entries"):
        list(purged_folds([Span(2, 3), Span(0, 1)], 2, 0))
