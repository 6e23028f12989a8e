"""Purged and embargoed folds, plain and combinatorial: what is tested is not known to what trains."""

from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfold.research.filter.cross_validation import (
    LabelSpan,
    combinatorial_folds,
    fold_paths,
    group_of_each,
    purged_folds,
)

spans = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 12)), min_size=2, max_size=60).map(
    lambda pairs: [LabelSpan(first, first + length) for first, length in sorted(pairs)]
)


@given(spans, st.integers(2, 8), st.integers(0, 20))
def test_every_example_is_tested_once_in_order_of_time(of: list[LabelSpan], folds: int, embargo: int) -> None:
    folds = min(folds, len(of))
    tested = [place for fold in purged_folds(of, folds, embargo) for place in fold.test]
    assert tested == list(range(len(of)))


@given(spans, st.integers(2, 8), st.integers(0, 20))
def test_nothing_that_trains_overlaps_the_time_of_the_test_or_its_embargo(
    of: list[LabelSpan], folds: int, embargo: int
) -> None:
    for fold in purged_folds(of, min(folds, len(of)), embargo):
        bars = {bar for place in fold.test for bar in range(of[place].first, of[place].last + 1)}
        end = max(bars)
        for place in fold.train:
            lived = set(range(of[place].first, of[place].last + 1))
            assert not lived & set(range(min(bars), end + 1))
            assert not end < of[place].first <= end + embargo


@given(spans, st.integers(2, 8))
def test_nothing_is_left_out_without_need(of: list[LabelSpan], folds: int) -> None:
    for fold in purged_folds(of, min(folds, len(of)), 0):
        begin, end = of[fold.test[0]].first, max(of[place].last for place in fold.test)
        free = {place for place, span in enumerate(of) if span.last < begin or span.first > end}
        assert set(fold.train) == free - set(fold.test)


@pytest.mark.parametrize(("last", "trains"), [(9, True), (10, False)])
def test_a_trade_that_ends_as_the_test_begins_is_purged(last: int, *, trains: bool) -> None:
    *_, fold = purged_folds([LabelSpan(0, last), LabelSpan(10, 12)], 2, 0)
    assert (fold.test, fold.train) == ((1,), (0,) if trains else ())


@pytest.mark.parametrize(("first", "trains"), [(12, False), (17, False), (18, True)])
def test_the_embargo_counts_from_the_end_of_the_last_tested_trade(first: int, *, trains: bool) -> None:
    fold = next(purged_folds([LabelSpan(10, 12), LabelSpan(first, first)], 2, 5))
    assert fold.train == ((1,) if trains else ())


@pytest.mark.parametrize("folds", [1, 3])
def test_as_many_folds_as_cannot_be_are_refused(folds: int) -> None:
    with pytest.raises(ValueError, match="expected folds from 2 to the number of examples, 2"):
        list(purged_folds([LabelSpan(0, 1), LabelSpan(2, 3)], folds, 0))


def test_examples_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="in the order of their entries"):
        list(purged_folds([LabelSpan(2, 3), LabelSpan(0, 1)], 2, 0))


# --- combinatorial ----------------------------------------------------------------------------------------

groups_and_tested = st.integers(2, 7).flatmap(
    lambda groups: st.tuples(st.just(groups), st.integers(1, groups - 1))
)
FEWER = settings(max_examples=40)
enough_spans = st.lists(st.tuples(st.integers(0, 200), st.integers(0, 12)), min_size=7, max_size=60).map(
    lambda pairs: [LabelSpan(first, first + length) for first, length in sorted(pairs)]
)


@FEWER
@given(enough_spans, groups_and_tested)
def test_each_path_covers_each_example_once_and_no_test_is_in_two_paths(
    of: list[LabelSpan], cut: tuple[int, int]
) -> None:
    groups, tested = cut
    folds = list(combinatorial_folds(of, groups, tested, 0))
    group = group_of_each(len(of), groups)
    paths = fold_paths(groups, tested)
    assert len(paths) == comb(groups - 1, tested - 1)
    used = []
    for path in paths:
        for place in range(len(of)):
            assert place in folds[path[group[place]]].test
        used += list(enumerate(path))
    assert len(used) == len(set(used)) == tested * len(folds)


@FEWER
@given(enough_spans, groups_and_tested, st.integers(0, 20))
def test_nothing_that_trains_overlaps_any_of_the_tests_or_their_embargo(
    of: list[LabelSpan], cut: tuple[int, int], embargo: int
) -> None:
    groups, tested = cut
    group = group_of_each(len(of), groups)
    for fold in combinatorial_folds(of, groups, tested, embargo):
        assert not set(fold.train) & set(fold.test)
        for number in {group[place] for place in fold.test}:
            own = [of[place] for place in fold.test if group[place] == number]
            begin, end = own[0].first, max(span.last for span in own)
            for place in fold.train:
                assert of[place].last < begin or of[place].first > end + embargo


@FEWER
@given(enough_spans, st.integers(2, 7), st.integers(0, 20))
def test_testing_one_group_at_a_time_is_plain_cross_validation(
    of: list[LabelSpan], groups: int, embargo: int
) -> None:
    assert list(combinatorial_folds(of, groups, 1, embargo)) == list(purged_folds(of, groups, embargo))
    assert fold_paths(groups, 1) == [tuple(range(groups))]


def test_what_lies_between_two_tests_trains() -> None:
    of = [LabelSpan(first, first) for first in range(0, 60, 10)]
    folds = list(combinatorial_folds(of, 6, 2, 0))
    assert (folds[1].test, folds[1].train) == ((0, 2), (1, 3, 4, 5))
    assert list(combinatorial_folds(of, 6, 2, 10))[1].train == (4, 5)


@pytest.mark.parametrize("tested", [0, 3])
def test_as_many_tested_groups_as_cannot_be_are_refused(tested: int) -> None:
    with pytest.raises(ValueError, match="expected tested groups from 1 to 2"):
        list(combinatorial_folds([LabelSpan(place, place) for place in range(5)], 3, tested, 0))
