"""What IBS does beyond its bands: stops and targets in ranges, the end of the day, hours, rest."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.config.runtime import TradingDayRoll
from portfold.config.strategies.ibs import IbsParameters
from portfold.events.fields import Side
from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.ibs import IbsStrategy
from portfold.workers.strategies.intent import Enter, Exit, Intent, OwnPosition

# Tuesday, 09:00 in Chicago.
START = datetime(2025, 1, 7, 15, tzinfo=UTC)
BUY, NEUTRAL = ("100", "110", "100"), ("105", "110", "100")  # close, high, low


def wants(**parameters: Any) -> IbsStrategy:
    return IbsStrategy(IbsParameters(**{"max_bars": None, **parameters}))


def bar(prices: tuple[str, str, str], hours: float = 0) -> Bar:
    close, high, low = map(Decimal, prices)
    return Bar("ES", START + timedelta(hours=hours), close, high, low, close)


def chicago(day: int, clock: str) -> Bar:
    """A signal to buy that ends at that time in Chicago, in January 2025, six hours behind UTC."""
    hour, minute = map(int, clock.split(":"))
    close, high, low = map(Decimal, BUY)
    end = datetime(2025, 1, day, hour, minute, tzinfo=UTC) + timedelta(hours=6)
    return Bar("ES", end, close, high, low, close)


def held(side: Side = "long", entry: str = "105", bars: int = 1) -> OwnPosition:
    return OwnPosition(side, Decimal(entry), bars)


def bought(strategy: IbsStrategy, *, before: int = 2) -> None:
    """Ranges of 10 for so many bars, with an entry wanted at the last."""
    for number in range(before - 1):
        strategy.decide(bar(NEUTRAL, number), None)
    assert strategy.decide(bar(BUY, before - 1), None) == Enter("long", 1)


# --- bands ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("close", "enters"), [("100.9", False), ("101", True), ("101.9", True), ("102", False)]
)
def test_the_entry_band_begins_at_its_lower_edge_and_ends_before_its_upper_one(
    close: str, *, enters: bool
) -> None:
    expected = Enter("long", 1) if enters else None
    assert wants(entry_from=0.1).decide(bar((close, "110", "100")), None) == expected


@pytest.mark.parametrize(
    ("close", "leaves"), [("108", False), ("108.1", True), ("109", True), ("109.1", False)]
)
def test_the_exit_band_ends_at_its_upper_edge(close: str, *, leaves: bool) -> None:
    strategy = wants(exit_to=0.9)
    strategy.decide(bar(NEUTRAL), None)
    assert strategy.decide(bar((close, "110", "100"), 1), held()) == (Exit("ibs") if leaves else None)


def test_a_flat_bar_is_no_signal_even_where_the_bands_hold_one_half() -> None:
    strategy = wants(entry_below=0.6, exit_above=0.61, sides="both")
    assert strategy.decide(bar(("100", "100", "100")), None) is None


# --- stops and targets ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "close", "reason"),
    [
        ("long", "85.01", None),
        ("long", "85", "stop_atr"),
        ("long", "134.99", None),
        ("long", "135", "take_profit_atr"),
        ("short", "124.99", None),
        ("short", "125", "stop_atr"),
        ("short", "75.01", None),
        ("short", "75", "take_profit_atr"),
    ],
)
def test_stop_and_take_profit_are_so_many_ranges_away(side: Side, close: str, reason: str | None) -> None:
    strategy = wants(stop_atr=Decimal(2), take_profit_atr=Decimal(3), atr_bars=2)
    bought(strategy)
    middle = (close, str(Decimal(close) + 5), str(Decimal(close) - 5))
    assert strategy.decide(bar(middle, 2), held(side)) == (Exit(reason) if reason else None)


@pytest.mark.parametrize(
    ("side", "close", "leaves"), [("long", "102.99", False), ("long", "103", True), ("short", "97", True)]
)
def test_take_profit_in_percent_of_the_entry_price(side: Side, close: str, *, leaves: bool) -> None:
    strategy = wants(take_profit_percent=Decimal(3))
    middle = (close, str(Decimal(close) + 5), str(Decimal(close) - 5))
    expected = Exit("take_profit_percent") if leaves else None
    assert strategy.decide(bar(middle), held(side, entry="100")) == expected


def test_the_range_is_that_of_the_entry_however_wild_it_gets() -> None:
    strategy = wants(stop_atr=Decimal(2), atr_bars=2)
    bought(strategy)
    assert strategy.decide(bar(("105", "205", "5"), 2), held(bars=1)) is None
    assert strategy.decide(bar(("85", "90", "80"), 3), held(bars=2)) == Exit("stop_atr")


def test_no_entry_before_there_is_a_range_to_measure_its_stop_by() -> None:
    strategy = wants(stop_atr=Decimal(2), atr_bars=2)
    assert strategy.decide(bar(BUY), None) is None
    assert strategy.decide(bar(BUY, 1), None) == Enter("long", 1)


def test_what_was_held_before_the_first_bar_is_stopped_by_the_first_range_there_is() -> None:
    strategy = wants(stop_atr=Decimal(2), atr_bars=2)
    assert strategy.decide(bar(("50", "55", "45")), held()) is None
    assert strategy.decide(bar(("50", "55", "45"), 1), held(bars=2)) == Exit("stop_atr")


# --- the day ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clock", "leaves"),
    [("14:59", False), ("15:00", True), ("16:59", True), ("17:00", False), ("09:00", False)],
)
def test_a_position_leaves_at_the_end_of_the_day_and_none_is_entered_then(
    clock: str, *, leaves: bool
) -> None:
    signal = chicago(7, clock)
    assert wants(exit_at="15:00").decide(signal, None) == (None if leaves else Enter("long", 1))
    assert wants(exit_at="15:00").decide(signal, held()) == (Exit("end_of_day") if leaves else None)


def test_what_a_short_day_did_not_close_leaves_at_the_first_bar_of_the_next() -> None:
    strategy = wants(exit_at="15:00")
    assert strategy.decide(chicago(7, "12:00"), None) == Enter("long", 1)
    assert strategy.decide(chicago(7, "18:00"), held()) == Exit("end_of_day")


@pytest.mark.parametrize("exit_at", ["15:00", "17:00"])
def test_a_bar_that_ends_at_the_roll_is_the_first_of_the_next_day(exit_at: str) -> None:
    """What was entered before it leaves there, as its day is over; what is entered there stays."""
    strategy = wants(exit_at=exit_at)
    assert strategy.decide(chicago(7, "12:00"), None) == Enter("long", 1)
    assert strategy.decide(chicago(7, "17:00"), held()) == Exit("end_of_day")
    strategy = wants(exit_at=exit_at)
    assert strategy.decide(chicago(7, "17:00"), None) == Enter("long", 1)
    assert strategy.decide(chicago(7, "18:00"), held()) is None


def test_the_weekend_belongs_to_one_day() -> None:
    strategy = wants(exit_at="15:00")
    assert strategy.decide(chicago(10, "17:30"), None) == Enter("long", 1)
    assert strategy.decide(chicago(12, "18:00"), held()) is None
    assert strategy.decide(chicago(13, "15:00"), held(bars=2)) == Exit("end_of_day")


def test_the_days_clock_is_the_configured_one() -> None:
    signal = chicago(7, "15:00")
    elsewhere = TradingDayRoll(zone="America/New_York", roll="18:00")
    assert IbsStrategy(IbsParameters(exit_at="16:00"), elsewhere).decide(signal, None) is None
    assert IbsStrategy(IbsParameters(exit_at="16:01"), elsewhere).decide(signal, None) == Enter("long", 1)


@pytest.mark.parametrize(
    ("hours", "clock", "enters"),
    [
        ("08:30-15:00", "08:29", False),
        ("08:30-15:00", "08:30", True),
        ("08:30-15:00", "14:59", True),
        ("08:30-15:00", "15:00", False),
        ("18:00-02:00", "23:00", True),
        ("18:00-02:00", "01:59", True),
        ("18:00-02:00", "02:00", False),
        ("18:00-02:00", "12:00", False),
    ],
)
def test_entries_keep_to_their_hours(hours: str, clock: str, *, enters: bool) -> None:
    strategy = wants(entry_hours=hours)
    assert strategy.decide(chicago(7, clock), None) == (Enter("long", 1) if enters else None)


def test_exits_keep_no_hours() -> None:
    late = chicago(7, "20:00")
    strategy = IbsStrategy(IbsParameters(entry_hours="08:30-15:00", max_bars=1))
    assert strategy.decide(late, held()) == Exit("max_bars")


# --- rest -------------------------------------------------------------------------------------------------


def entered(strategy: IbsStrategy, holding: list[bool]) -> list[Intent]:
    return [
        strategy.decide(bar(BUY, number), held(bars=1) if holds else None)
        for number, holds in enumerate(holding)
    ]


@given(cooldown=st.integers(0, 5))
def test_no_entry_for_so_many_bars_after_a_position_is_gone_whoever_closed_it(cooldown: int) -> None:
    after = entered(wants(cooldown_bars=cooldown), [False, True, *[False] * (cooldown + 1)])
    assert after == [Enter("long", 1), None, *[None] * cooldown, Enter("long", 1)]


def test_before_the_first_position_there_is_nothing_to_rest_from() -> None:
    assert entered(wants(cooldown_bars=3), [False]) == [Enter("long", 1)]


# --- order ------------------------------------------------------------------------------------------------


def test_of_several_reasons_the_first_in_the_order_of_the_page_is_named() -> None:
    strategy = wants(take_profit_percent=Decimal(1), exit_at="09:00", max_bars=1)
    strong = bar(("110", "110", "100"))
    assert strategy.decide(strong, held(entry="100")) == Exit("take_profit_percent")
    assert strategy.decide(strong, held(entry="110")) == Exit("ibs")
    assert strategy.decide(bar(NEUTRAL), held(entry="105")) == Exit("end_of_day")


def test_nothing_leaves_on_the_bar_of_its_entry_for_any_reason() -> None:
    strategy = wants(
        stop_atr=Decimal("0.01"), take_profit_percent=Decimal("0.01"), atr_bars=1, exit_at="09:00", max_bars=1
    )
    for close in ("90", "110"):
        assert strategy.decide(bar((close, "110", "90")), held(bars=0)) is None


def test_filled_on_the_first_bar_of_a_day_it_is_that_days_position() -> None:
    strategy = wants(exit_at="15:00")
    assert strategy.decide(chicago(7, "12:00"), None) == Enter("long", 1)
    assert strategy.decide(chicago(7, "18:00"), held(bars=0)) is None
    assert strategy.decide(chicago(7, "19:00"), held(bars=1)) is None
