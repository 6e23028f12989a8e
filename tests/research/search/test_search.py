"""Greedy drops what it should and keeps the best; the exhaustive search finds what is best of all."""

from itertools import chain, combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from portfold.research.search.search import (
    Constraints,
    Symbols,
    Visited,
    all_sets,
    best_of,
    exhaustive,
    greedy,
    sets_greedy_measures,
    tried_by,
)
from portfold.research.search.swaps import neighbours, swapped
from portfold.research.statistics.metrics import Metrics
from tests.research.judge import NOTHING, decided, joined, letters, names

LOOSE = Constraints(1e9, 1_000)


def figures(sharpe: float = 0.0, max_dd: float = 0.0, breach_events: int = 0) -> Metrics:
    return structs.replace(
        NOTHING, sharpe=sharpe, sharpe_own_days=sharpe, max_dd=max_dd, breach_events=breach_events
    )


def judged(**known: Metrics) -> list[Visited]:
    """Greedy's way where these sets have these figures, and all others nothing."""
    biggest = max(known, key=len)
    return decided(greedy(biggest), lambda symbols: known.get("".join(symbols), NOTHING))


# --- greedy ---------------------------------------------------------------------------------------------


def test_the_symbol_is_dropped_without_which_the_drawdown_is_lowest() -> None:
    path = judged(
        ABC=figures(max_dd=100), BC=figures(max_dd=90), AC=figures(max_dd=40), AB=figures(max_dd=70)
    )
    assert (path[0].dropped, path[0].because) == ("B", "drawdown")
    assert joined(one.symbols for one in path)[:2] == ["ABC", "AC"]


def test_of_several_that_lower_it_most_the_one_with_the_lowest_sharpe_of_its_own_is_dropped() -> None:
    path = judged(
        ABC=figures(max_dd=100),
        BC=figures(max_dd=40),
        AC=figures(max_dd=40),
        AB=figures(max_dd=70),
        A=figures(sharpe=2, max_dd=5),
        B=figures(sharpe=1, max_dd=5),
        C=figures(sharpe=-1, max_dd=5),
    )
    assert (path[0].dropped, path[0].because) == ("B", "sharpe")


def test_a_symbols_own_sharpe_is_that_of_the_days_it_has() -> None:
    path = judged(
        AB=figures(max_dd=100),
        A=structs.replace(figures(sharpe=0.4, max_dd=100), sharpe_own_days=2.0),
        B=structs.replace(figures(sharpe=1.0, max_dd=100), sharpe_own_days=1.0),
    )
    assert path[0].dropped == "B"


def test_where_no_drop_lowers_it_the_lowest_sharpe_is_dropped() -> None:
    path = judged(
        ABC=figures(max_dd=100),
        BC=figures(max_dd=100),
        AC=figures(max_dd=300),
        AB=figures(max_dd=200),
        A=figures(sharpe=2, max_dd=5),
        B=figures(sharpe=3, max_dd=5),
        C=figures(sharpe=1, max_dd=5),
    )
    assert (path[0].dropped, path[0].because) == ("C", "sharpe")


def test_of_equal_sharpes_the_first_by_name_is_dropped() -> None:
    assert judged(BCA=NOTHING)[0].dropped == "A"


def test_greedy_goes_from_all_down_to_one() -> None:
    path = decided(greedy(["C", "A", "B", "D"]), lambda symbols: figures(max_dd=len(symbols)))
    assert [len(one.symbols) for one in path] == [4, 3, 2, 1]
    assert path[0].symbols == ("A", "B", "C", "D")
    assert (path[-1].dropped, path[-1].because) == ("", "")
    for before, after in pairwise(path):
        assert set(before.symbols) - set(after.symbols) == {before.dropped}


def test_a_single_symbol_is_its_own_way() -> None:
    [only] = decided(greedy(["ES"]), lambda symbols: figures(sharpe=len(symbols)))
    assert (only.symbols, only.metrics.sharpe) == (("ES",), 1)


@pytest.mark.parametrize("count", range(1, 9))
def test_greedy_measures_as_many_sets_as_it_says(count: int) -> None:
    seen: list[Symbols] = []
    path = decided(greedy(names(count)), lambda symbols: figures(max_dd=hash(symbols) % 97), seen)
    assert len(set(seen)) == sets_greedy_measures(count)
    assert tried_by(path) == set(seen)


def test_sixteen_symbols_and_five_limits_are_750_simulations() -> None:
    assert 5 * sets_greedy_measures(16) == 750


# --- the best of its way --------------------------------------------------------------------------------

WAY = [
    Visited(letters("ABCD"), figures(sharpe=4, max_dd=9000)),
    Visited(letters("ABC"), figures(sharpe=3, max_dd=8999.99, breach_events=3)),
    Visited(letters("AB"), figures(sharpe=2, max_dd=8999.99, breach_events=2)),
    Visited(letters("A"), figures(sharpe=2, max_dd=1)),
]


@pytest.mark.parametrize(
    ("max_dd", "breaches", "best"),
    [(9000.01, 2, "ABCD"), (9000, 3, "ABC"), (9000, 2, "AB"), (9000, 1, "A"), (1, 5, "")],
)
def test_the_best_is_the_valid_one_with_the_highest_sharpe(max_dd: float, breaches: int, best: str) -> None:
    found = best_of(WAY, Constraints(max_dd, breaches))
    assert "".join(found.symbols if found else ()) == best


# --- all sets -------------------------------------------------------------------------------------------


def test_all_sets_are_each_once_and_none_is_empty() -> None:
    sets = list(all_sets("CAB"))
    assert joined(sets) == ["A", "B", "C", "AB", "AC", "BC", "ABC"]


@given(st.dictionaries(st.sampled_from(list(all_sets("ABCDEFGH"))), st.integers(-5, 5)), st.integers(1, 40))
def test_the_exhaustive_search_finds_the_best_valid_set(known: dict[Symbols, int], max_dd: int) -> None:
    def judge(symbols: Symbols) -> Metrics:
        return figures(sharpe=known.get(symbols, 0), max_dd=sum(map(ord, symbols)) % 41)

    constraints = Constraints(max_dd, 0)
    every = chain.from_iterable(combinations("ABCDEFGH", size) for size in range(1, 9))
    valid = [judge(symbols).sharpe for symbols in every if constraints.met_by(judge(symbols))]
    found = decided(exhaustive("ABCDEFGH", constraints), judge)
    assert (found[1].sharpe if found else None) == max(valid, default=None)
    if found:
        assert constraints.met_by(found[1])


@given(st.lists(st.integers(-9, 9), min_size=31, max_size=31))
def test_greedy_is_never_better_than_the_best_of_all(sharpes: list[int]) -> None:
    known = dict(zip(all_sets("ABCDE"), sharpes, strict=True))

    def judge(symbols: Symbols) -> Metrics:
        return figures(sharpe=known[symbols], max_dd=sum(map(ord, symbols)) % 7)

    mine = best_of(decided(greedy("ABCDE"), judge), LOOSE)
    best = decided(exhaustive("ABCDE", LOOSE), judge)
    assert mine is not None
    assert best is not None
    assert mine.metrics.sharpe <= best[1].sharpe == max(sharpes)


# --- swaps ----------------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(-9, 9), min_size=31, max_size=31),
    st.lists(st.integers(1, 9), min_size=31, max_size=31),
    st.integers(2, 9),
)
def test_swaps_end_where_no_step_betters_between_greedy_and_the_best_of_all(
    sharpes: list[int], drawdowns: list[int], limit: int
) -> None:
    sets = all_sets("ABCDE")
    known = {one: figures(*each) for one, *each in zip(sets, sharpes, drawdowns, strict=True)}
    constraints, seen = Constraints(limit, 0), list[Symbols]()
    mine = best_of(decided(greedy("ABCDE"), known.__getitem__), constraints)
    if mine is None:
        return
    found = decided(swapped(mine.symbols, mine.metrics, "ABCDE", constraints), known.__getitem__, seen)
    best = decided(exhaustive("ABCDE", constraints), known.__getitem__)
    assert best is not None
    assert mine.metrics.sharpe <= found.metrics.sharpe <= best[1].sharpe
    assert (found.metrics, found.looked) == (known[found.symbols], len(seen))
    assert constraints.met_by(found.metrics)
    assert len(set(seen)) == len(seen)
    others = [known[one] for one in neighbours(found.symbols, "ABCDE")]
    assert not any(constraints.met_by(one) and one.sharpe > found.metrics.sharpe for one in others)


def test_swaps_find_what_greedy_has_dropped_too_early() -> None:
    known = {"ABC": figures(1, 90), "BC": figures(2, 50), "AB": figures(5, 60), "AC": figures(3, 70)}

    def judge(symbols: Symbols) -> Metrics:
        return known.get("".join(symbols), figures(0, 40))

    mine = best_of(decided(greedy("ABC"), judge), LOOSE)
    assert mine is not None
    assert joined([mine.symbols]) == ["BC"]
    found = decided(swapped(mine.symbols, mine.metrics, "ABC", LOOSE), judge)
    assert (joined([found.symbols]), found.steps) == (["AB"], 1)
