"""A minute's bar is what was traded in it, in whatever order that arrives, and is closed once."""

from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.workers.market.minute_bars import MinuteBars, Traded
from portfold.workers.market.source import MINUTE_MS, MinuteBar, MinuteEnd
from tests.workers.market.traded import SECOND_MS, TEN, trade


def test_a_minute_is_closed_when_it_is_over_and_not_a_millisecond_before() -> None:
    bars = MinuteBars(TEN)
    for each in (trade(0, "10"), trade(59_999, "12", 3), trade(30_000, "9")):
        assert bars.add(each)
    assert list(bars.at(TEN + 59_999)) == []
    ten, twelve, nine = map(Decimal, ("10", "12", "9"))
    assert list(bars.at(TEN + 60_000)) == [
        MinuteBar("ES", TEN + 60_000, ten, twelve, nine, twelve, 5, "ESH6"),
        MinuteEnd(TEN + 60_000),
    ]
    assert bars.over_ms == TEN + 60_000


def test_there_is_no_bar_of_a_minute_without_a_trade_but_its_end_is_told() -> None:
    bars = MinuteBars(TEN)
    bars.add(trade(0, "10"))
    bars.add(trade(3 * MINUTE_MS, "11"))
    ends = [each.end_ms - TEN for each in bars.at(TEN + 5 * MINUTE_MS + 1) if isinstance(each, MinuteEnd)]
    assert ends == [MINUTE_MS, 4 * MINUTE_MS, 5 * MINUTE_MS]


def test_what_comes_for_a_closed_minute_is_late_and_changes_nothing() -> None:
    bars = MinuteBars(TEN)
    bars.add(trade(0, "10"))
    list(bars.at(TEN + MINUTE_MS))
    assert not bars.add(trade(59_999, "99"))
    assert bars.add(trade(60_000, "11"))
    (bar,) = [each for each in bars.at(TEN + 2 * MINUTE_MS) if isinstance(each, MinuteBar)]
    assert (str(bar.high), bar.end_ms) == ("11", TEN + 2 * MINUTE_MS)


@pytest.mark.parametrize(("since_ms", "first_end_ms"), [(TEN, MINUTE_MS), (TEN + 1, 2 * MINUTE_MS)])
def test_a_minute_whose_beginning_is_unknown_is_never_given(since_ms: int, first_end_ms: int) -> None:
    bars = MinuteBars(since_ms)
    bars.add(trade(30_000, "10"))
    bars.add(trade(90_000, "11"))
    given_bars = [each for each in bars.at(TEN + 2 * MINUTE_MS) if isinstance(each, MinuteBar)]
    assert given_bars[0].end_ms == TEN + first_end_ms


@pytest.mark.parametrize("why", ["it began with the first trade", "a gap reaches into it"])
def test_what_comes_of_a_minute_that_is_never_given_is_not_late(why: str) -> None:
    bars = MinuteBars(TEN + 10 if why.startswith("it") else TEN)
    if why.startswith("a gap"):
        bars.add(trade(0, "10"))
        bars.forget_open(TEN + 10)
    assert bars.add(trade(30_000, "11"))
    assert list(bars.at(TEN + MINUTE_MS + 1)) == []
    assert bars.add(trade(MINUTE_MS, "12"))
    assert len(list(bars.at(TEN + 2 * MINUTE_MS))) == 2
    assert not bars.add(trade(MINUTE_MS, "13")), "of a minute that was given it is late"


def test_a_roll_within_a_minute_leaves_the_newer_contract_alone_in_its_bar() -> None:
    bars = MinuteBars(TEN)
    for each in (trade(0, "10"), trade(1, "50", contract="ESM6"), trade(2, "51", contract="ESM6")):
        bars.add(each)
    bar = next(bars.at(TEN + MINUTE_MS))
    assert isinstance(bar, MinuteBar)
    assert (bar.contract, str(bar.low), str(bar.high), bar.volume) == ("ESM6", "50", "51", 2)


def test_open_minutes_are_forgotten_to_be_told_again() -> None:
    bars = MinuteBars(TEN)
    bars.add(trade(0, "10", 7))
    bars.forget_open()
    bars.add(trade(0, "10", 7))
    bar = next(bars.at(TEN + MINUTE_MS))
    assert isinstance(bar, MinuteBar)
    assert bar.volume == 7


def test_what_was_never_known_is_passed_over() -> None:
    bars = MinuteBars(TEN)
    bars.forget_open(TEN + MINUTE_MS + 1)
    assert bars.over_ms == TEN + 2 * MINUTE_MS
    assert bars.add(trade(MINUTE_MS + 1, "10")), "nothing is late in a minute that is never given"
    assert list(bars.at(TEN + 3 * MINUTE_MS)) == [MinuteEnd(TEN + 3 * MINUTE_MS)]


moments = st.integers(0, 5 * MINUTE_MS - 1)
trades = st.lists(
    st.tuples(moments, st.integers(-400, 400), st.integers(1, 9), st.sampled_from(["ES", "CL"])),
    max_size=40,
    unique_by=lambda each: (each[0], each[3]),
)


def as_traded(rows: list[tuple[int, int, int, str]]) -> list[Traded]:
    return [trade(at, str(Decimal(price) / 4), size, symbol) for at, price, size, symbol in rows]


def by_brute_force(rows: list[Traded]) -> list[MinuteBar]:
    grouped = defaultdict(list)
    for each in sorted(rows, key=lambda each: each.at_ms):
        grouped[(each.at_ms // MINUTE_MS + 1) * MINUTE_MS, each.symbol].append(each)
    return [
        MinuteBar(
            symbol,
            end,
            of_it[0].open,
            max(each.high for each in of_it),
            min(each.low for each in of_it),
            of_it[-1].close,
            sum(each.volume for each in of_it),
            "ESH6",
        )
        for (end, symbol), of_it in sorted(grouped.items())
    ]


@given(trades, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(rows: list[tuple[int, int, int, str]], chance: object) -> None:
    shuffled = as_traded(rows)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    bars = MinuteBars(TEN)
    assert all(bars.add(each) for each in shuffled)
    given_bars = [each for each in bars.at(TEN + 5 * MINUTE_MS) if isinstance(each, MinuteBar)]
    assert given_bars == by_brute_force(shuffled)


@given(trades, st.lists(moments, max_size=8))
def test_however_often_the_time_is_told_each_minute_is_given_once(
    rows: list[tuple[int, int, int, str]], times: list[int]
) -> None:
    bars, found = MinuteBars(TEN), []
    told = sorted(
        [(at, None) for at in times] + [(each.at_ms - TEN, each) for each in as_traded(rows)],
        key=lambda each: each[0],
    )
    for at, each in told:
        if each is None:
            found += list(bars.at(TEN + at))
        else:
            assert bars.add(each)
    found += list(bars.at(TEN + 5 * MINUTE_MS))
    assert [each for each in found if isinstance(each, MinuteBar)] == by_brute_force(as_traded(rows))
    ends = [each.end_ms for each in found if isinstance(each, MinuteEnd)]
    assert ends == sorted(set(ends))


@given(trades)
def test_seconds_make_the_same_minutes_as_the_trades_in_them(rows: list[tuple[int, int, int, str]]) -> None:
    seconds: dict[tuple[int, str], Traded] = {}
    for each in sorted(as_traded(rows), key=lambda each: each.at_ms):
        at, known = each.at_ms // SECOND_MS * SECOND_MS, seconds.get((each.at_ms // SECOND_MS, each.symbol))
        high, low = (
            max(each.high, known.high if known else each.high),
            min(each.low, known.low if known else each.low),
        )
        volume = each.volume + (known.volume if known else 0)
        seconds[at // SECOND_MS, each.symbol] = Traded(
            each.symbol, "ESH6", at, known.open if known else each.open, high, low, each.close, volume
        )
    bars = MinuteBars(TEN)
    assert all(bars.add(each) for each in seconds.values())
    given_bars = [each for each in bars.at(TEN + 5 * MINUTE_MS) if isinstance(each, MinuteBar)]
    assert given_bars == by_brute_force(as_traded(rows))
