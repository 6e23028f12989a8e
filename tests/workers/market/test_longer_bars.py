"""Longer bars are the minutes in them, aligned to the exchange's hour, and never guessed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.exchange_time import local_time, milliseconds_of, utc
from portfold.workers.market.longer_bars import LENGTHS, LongerBar, LongerBars
from portfold.workers.market.source import MINUTE_MS, MinuteBar
from tests.workers.market.traded import CHICAGO, TEN, minute

HOUR_MS = 60 * MINUTE_MS
KOLKATA = ZoneInfo("Asia/Kolkata")


def run(bars: LongerBars, minutes: list[MinuteBar], last_ms: int, first_ms: int = TEN) -> list[LongerBar]:
    """Goes through all minutes, as a feed does, whether or not something was traded in them."""
    found: list[LongerBar] = []
    for end_ms in range(first_ms + MINUTE_MS, last_ms + 1, MINUTE_MS):
        for each in minutes:
            if each.end_ms == end_ms:
                assert bars.add(each)
        found += bars.minute_over(end_ms)
    return found


def test_an_hour_is_given_with_its_last_minute_though_nothing_was_traded_in_that() -> None:
    bars = LongerBars(60, CHICAGO, TEN)
    bars.add(minute(1, "10 12 9 11"))
    bars.add(minute(58, "11 13 11 12"))
    assert list(bars.minute_over(TEN + 59 * MINUTE_MS)) == []
    (hour,) = bars.minute_over(TEN + HOUR_MS)
    ten, thirteen, nine, twelve = map(Decimal, ("10", "13", "9", "12"))
    assert hour == LongerBar("ES", TEN + HOUR_MS, 60, ten, thirteen, nine, twelve, 20, "ESH6")
    assert hour.for_strategies().time == datetime(2026, 3, 4, 17, tzinfo=UTC)


def test_an_hour_without_a_trade_has_no_bar() -> None:
    assert run(LongerBars(60, CHICAGO, TEN), [minute(61)], TEN + HOUR_MS) == []


def test_a_bar_whose_beginning_is_unknown_is_not_given_and_the_next_one_is() -> None:
    minutes = [minute(30), minute(90)]
    found = run(LongerBars(60, CHICAGO, TEN + 1), minutes, TEN + 2 * HOUR_MS)
    assert [each.end_ms for each in found] == [TEN + 2 * HOUR_MS]
    assert len(run(LongerBars(60, CHICAGO, TEN), minutes, TEN + 2 * HOUR_MS)) == 2


def test_a_bar_with_a_gap_in_it_is_not_given() -> None:
    bars = LongerBars(30, CHICAGO, TEN)
    bars.add(minute(1))
    bars.gap(TEN + 5 * MINUTE_MS)
    bars.add(minute(10))
    bars.add(minute(31))
    assert [each.end_ms - TEN for each in bars.minute_over(TEN + HOUR_MS)] == [HOUR_MS]


def test_a_minute_for_a_bar_that_is_over_is_late() -> None:
    bars = LongerBars(5, CHICAGO, TEN)
    list(bars.minute_over(TEN + 5 * MINUTE_MS))
    assert not bars.add(minute(5))
    assert bars.add(minute(6))


def test_a_bar_is_of_the_contract_it_ended_with() -> None:
    bars = LongerBars(5, CHICAGO, TEN)
    for number, prices, contract in (
        (1, "10 12 9 11", "ESH6"),
        (2, "60 61 59 60", "ESM6"),
        (3, "60 62 60 61", "ESM6"),
    ):
        bars.add(minute(number, prices, contract=contract))
    (bar,) = bars.minute_over(TEN + 5 * MINUTE_MS)
    assert (bar.contract, bar.volume) == ("ESM6", 20)
    assert [str(each) for each in (bar.open, bar.low, bar.high)] == ["60", "59", "62"]


@pytest.mark.parametrize("minutes", [0, 7, 45, 61, 120])
def test_a_length_that_an_hour_cannot_be_cut_into_is_refused(minutes: int) -> None:
    with pytest.raises(ValueError, match=f"got {minutes}"):
        LongerBars(minutes, CHICAGO, TEN)


@pytest.mark.parametrize(("zone", "ends"), [(CHICAGO, ":00"), (KOLKATA, ":30")])
def test_hours_begin_with_the_exchanges_hour_not_with_another_zones(zone: ZoneInfo, ends: str) -> None:
    found = LongerBars(60, zone, 0).end_of(TEN + 10 * MINUTE_MS)
    assert f"{utc(found):%H:%M}".endswith(ends)
    assert local_time(found, zone).minute == 0


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (datetime(2026, 3, 8, tzinfo=CHICAGO), 23),  # clocks go forward at 2:00
        (datetime(2026, 11, 1, tzinfo=CHICAGO), 25),  # clocks go back at 2:00
        (datetime(2026, 6, 1, tzinfo=CHICAGO), 24),
    ],
)
def test_where_clocks_change_no_minute_is_lost_or_counted_twice(day: datetime, hours: int) -> None:
    first = milliseconds_of(day)
    last = milliseconds_of((day + timedelta(days=1)).replace(tzinfo=None).replace(tzinfo=CHICAGO))
    one = Decimal(1)
    minutes = [
        MinuteBar("ES", end, one, one, one, one, 1, "ESH6")
        for end in range(first + MINUTE_MS, last + 1, MINUTE_MS)
    ]
    found = run(LongerBars(60, CHICAGO, first), minutes, last, first)
    assert [each.volume for each in found] == [60] * hours
    assert [each.end_ms for each in found] == list(range(first + HOUR_MS, last + 1, HOUR_MS))


lengths = st.sampled_from(LENGTHS)
traded_minutes = st.dictionaries(
    st.integers(1, 240), st.tuples(*[st.integers(-200, 200)] * 4, st.integers(1, 99)), max_size=120
)


def bar_of(number: int, row: tuple[int, ...], symbol: str) -> MinuteBar:
    opened, close = Decimal(row[0]) / 4, Decimal(row[1]) / 4
    high, low = max(opened, close, Decimal(row[2]) / 4), min(opened, close, Decimal(row[3]) / 4)
    return MinuteBar(symbol, TEN + number * MINUTE_MS, opened, high, low, close, row[4], "ESH6")


@given(lengths, traded_minutes, traded_minutes, st.sampled_from([CHICAGO, KOLKATA]))
def test_a_longer_bar_is_its_minutes_by_brute_force(
    length: int, of_es: dict[int, tuple[int, ...]], of_cl: dict[int, tuple[int, ...]], zone: ZoneInfo
) -> None:
    minutes = [bar_of(number, row, "ES") for number, row in of_es.items()]
    minutes += [bar_of(number, row, "CL") for number, row in of_cl.items()]
    last = TEN + 5 * HOUR_MS
    found = run(LongerBars(length, zone, 0), minutes, last)
    wanted = []
    for end in range(TEN - HOUR_MS, last + 1, MINUTE_MS):
        if local_time(end, zone).minute % length:
            continue
        for symbol in ("CL", "ES"):
            inside = sorted(
                (
                    each
                    for each in minutes
                    if each.symbol == symbol and end - length * MINUTE_MS < each.end_ms <= end
                ),
                key=lambda each: each.end_ms,
            )
            if inside:
                high, low = max(each.high for each in inside), min(each.low for each in inside)
                volume = sum(each.volume for each in inside)
                wanted.append(
                    LongerBar(
                        symbol, end, length, inside[0].open, high, low, inside[-1].close, volume, "ESH6"
                    )
                )
    assert found == wanted


@given(traded_minutes)
def test_sixty_minutes_are_twelve_fives_and_one_hour(rows: dict[int, tuple[int, ...]]) -> None:
    minutes = [bar_of(number, row, "ES") for number, row in rows.items()]
    last = TEN + 4 * HOUR_MS
    hours = run(LongerBars(60, CHICAGO, TEN), minutes, last)
    fives = run(LongerBars(5, CHICAGO, TEN), minutes, last)
    for hour in hours:
        inside = [each for each in fives if hour.end_ms - HOUR_MS < each.end_ms <= hour.end_ms]
        assert (hour.open, hour.close) == (inside[0].open, inside[-1].close)
        assert (hour.high, hour.low) == (max(each.high for each in inside), min(each.low for each in inside))
        assert hour.volume == sum(each.volume for each in inside)
    assert sum(each.volume for each in hours) == sum(each.volume for each in minutes)
