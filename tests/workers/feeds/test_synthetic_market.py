"""The synthetic market: the same to the last digit everywhere, on the exchange's hours and the tick grid."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfold.config.contracts import Contract, read_contracts
from portfold.config.locate import CONTRACTS_FILE, PACKAGED
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.synthetic import MONDAY, SYMBOLS, SyntheticMarket

CHICAGO = ZoneInfo("America/Chicago")
CONTRACTS = read_contracts(PACKAGED / CONTRACTS_FILE)


def market(
    *,
    days: int = 5,
    seed: int = 1,
    symbols: tuple[str, ...] = SYMBOLS,
    start: date = MONDAY,
    bad_day: int | None = None,
) -> SyntheticMarket:
    return SyntheticMarket(CONTRACTS, days=days, seed=seed, symbols=symbols, start=start, bad_day=bad_day)


def trading_day(time: datetime) -> date:
    return (time.astimezone(CHICAGO) + timedelta(hours=7)).date()


def text(bars: Iterator[Bar]) -> str:
    return "\n".join(
        f"{bar.symbol} {bar.time.isoformat()} {bar.open} {bar.high} {bar.low} {bar.close}" for bar in bars
    )


def test_a_seed_gives_the_same_market_on_every_machine_and_python() -> None:
    feed = market(days=3, seed=42)
    everything = "\n".join(text(feed.bars(symbol)) for symbol in feed.symbols)
    assert hashlib.sha256(everything.encode()).hexdigest() == (
        "1dcb97f900aec1db74c3ae9fe432e85b202a1edc9702e8a14a09fc696940d84e"
    )


def test_another_seed_gives_another_market() -> None:
    assert text(market(seed=1).bars("ES")) != text(market(seed=2).bars("ES"))


def test_a_symbols_bars_do_not_depend_on_which_others_are_asked_for() -> None:
    assert text(market(symbols=("CL",)).bars("CL")) == text(market().bars("CL"))


def test_bars_can_be_read_again_from_the_start() -> None:
    feed = market()
    assert text(feed.bars("ES")) == text(feed.bars("ES"))


def test_a_trading_day_has_23_bars_ending_from_18_to_16_oclock_chicago() -> None:
    ends = [bar.time.astimezone(CHICAGO) for bar in market(days=1).bars("ES")]
    assert ends[0] == datetime(2025, 1, 5, 18, tzinfo=CHICAGO)
    assert ends[-1] == datetime(2025, 1, 6, 16, tzinfo=CHICAGO)
    assert len(ends) == 23
    assert all(later - earlier == timedelta(hours=1) for earlier, later in pairwise(ends))


@pytest.mark.parametrize("start", [date(2025, 3, 3), date(2025, 10, 27)])
def test_hours_stay_those_of_the_exchange_when_clocks_change(start: date) -> None:
    ends = [bar.time.astimezone(CHICAGO) for bar in market(days=10, start=start).bars("ES")]
    assert len({end.utcoffset() for end in ends}) == 2
    assert {(ends[index].hour, ends[index + 22].hour) for index in range(0, len(ends), 23)} == {(18, 16)}


def test_weekends_are_closed_and_days_are_counted_across_them() -> None:
    feed = market(days=7, start=date(2025, 1, 9))
    days = Counter(trading_day(bar.time) for bar in feed.bars("ES"))
    assert tuple(days) == feed.trading_days
    assert [day.day for day in days] == [9, 10, 13, 14, 15, 16, 17]
    assert set(days.values()) == {23}


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(), symbol=st.sampled_from(sorted(CONTRACTS)))
def test_every_price_is_on_the_tick_grid_and_a_bar_opens_elsewhere_than_the_last_one_closed(
    seed: int, symbol: str
) -> None:
    bars = list(market(days=2, seed=seed, symbols=(symbol,)).bars(symbol))
    tick = CONTRACTS[symbol].tick_size
    assert all(price % tick == 0 for bar in bars for price in (bar.open, bar.high, bar.low, bar.close))
    elsewhere = [bar.open != before.close for before, bar in pairwise(bars)]
    assert any(elsewhere)
    assert all(bar.low <= before.close <= bar.high for before, bar in pairwise(bars))  # no gap in the range


def test_a_contract_without_a_level_of_its_own_starts_near_10000_ticks() -> None:
    tick = Decimal("0.5")
    odd = Contract("ODD", "Odd", "CME", "odds", "USD", tick_size=tick, tick_value=Decimal(10))
    feed = SyntheticMarket({"ODD": odd}, days=1, seed=1, symbols=("ODD",))
    assert next(feed.bars("ODD")).open == 10_000 * tick


@pytest.mark.parametrize(("days", "bad_day"), [(1, 1), (2, 1), (5, 3), (10, 6), (250, 150)])
def test_the_bad_day_lies_at_60_percent_of_the_days(days: int, bad_day: int) -> None:
    feed = market(days=days)
    assert feed.bad_day == feed.trading_days[bad_day - 1]


def test_the_bad_day_can_be_chosen_and_leaves_the_days_before_it_as_they_were() -> None:
    early, late = market(days=5, bad_day=2), market(days=5, bad_day=5)
    assert (early.bad_day, late.bad_day) == (early.trading_days[1], late.trading_days[4])
    first, second = list(early.bars("SI")), list(late.bars("SI"))
    assert first[:23] == second[:23]
    assert first[23:46] != second[23:46]


def test_on_exactly_one_day_all_symbols_fall_together() -> None:
    feed = market(days=10, seed=7)
    moves: dict[date, list[Decimal]] = {}
    for symbol in feed.symbols:
        bars = list(feed.bars(symbol))
        for first in range(0, len(bars), 23):
            move = bars[first + 22].close - bars[first].open
            dollars = move * CONTRACTS[symbol].point_value
            moves.setdefault(trading_day(bars[first].time), []).append(dollars)
    assert [day for day, dollars in moves.items() if max(dollars) < -500] == [feed.bad_day]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: market(symbols=("ES", "XX")), "expected symbols with a contract, got XX"),
        (lambda: market(days=0), "expected from 1 to 5000 trading days, got 0"),
        (lambda: market(days=5001), "expected from 1 to 5000 trading days, got 5001"),
        (lambda: market(start=date(2025, 1, 11)), "a start from Monday to Friday, got Saturday 2025-01-11"),
        (lambda: market(bad_day=0), "expected a bad day from 1 to 5, got 0"),
        (lambda: market(bad_day=6), "expected a bad day from 1 to 5, got 6"),
    ],
)
def test_a_market_that_cannot_be_is_refused(make: Callable[[], SyntheticMarket], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        make()


def test_a_symbol_the_market_was_not_made_with_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one of ES, got 'CL'"):
        market(symbols=("ES",)).bars("CL")
