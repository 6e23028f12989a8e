"""Internal bar strength: its value, the boundaries of its bands, and the order of reasons to leave."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portfold.config.strategies.ibs import IbsParameters
from portfold.events.fields import Side
from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.ibs import IbsStrategy, internal_bar_strength
from portfold.workers.strategies.intent import Enter, Exit, OwnPosition

NOON = datetime(2025, 1, 6, 12, tzinfo=UTC)
prices = st.decimals(-50_000, 50_000, places=5)


def bar(close: str, low: str = "100", high: str = "200") -> Bar:
    """From 100 to 200 unless told, so that a close of 120 has an IBS of 0.2."""
    return Bar("ES", NOON, Decimal(close), Decimal(high), Decimal(low), Decimal(close))


def held(side: Side = "long", entry: str = "150", bars: int = 1) -> OwnPosition:
    return OwnPosition(side, Decimal(entry), bars)


LONG = IbsStrategy(IbsParameters(max_bars=None))
SHORT = IbsStrategy(IbsParameters(max_bars=None, sides="short"))
BOTH = IbsStrategy(IbsParameters(max_bars=None, sides="both"))


@pytest.mark.parametrize(("close", "ibs"), [("100", "0"), ("120", "0.2"), ("150", "0.5"), ("200", "1")])
def test_the_strength_of_a_close_is_its_place_between_low_and_high(close: str, ibs: str) -> None:
    assert internal_bar_strength(bar(close)) == Decimal(ibs)


def test_a_bar_across_zero_has_a_strength_as_any_other() -> None:
    assert internal_bar_strength(bar("-30", low="-40", high="10")) == Decimal("0.2")


def test_a_flat_bar_is_neutral_and_no_signal_to_either_side() -> None:
    flat = bar("100", low="100", high="100")
    assert internal_bar_strength(flat) == Decimal("0.5")
    assert BOTH.decide(flat, None) is None
    assert BOTH.decide(flat, held()) is None


@given(low=prices, high=prices, close=prices)
def test_strength_agrees_with_exact_fractions(low: Decimal, high: Decimal, close: Decimal) -> None:
    low, close, high = sorted((low, high, close))
    assume(low < high)
    exact = (Fraction(close) - Fraction(low)) / (Fraction(high) - Fraction(low))
    result = internal_bar_strength(Bar("ES", NOON, close, high, low, close))
    assert abs(Fraction(result) - exact) < Fraction(1, 10**27)


@given(low=prices, high=prices, close=prices, band=st.integers(1, 49))
def test_signals_agree_with_exact_fractions(low: Decimal, high: Decimal, close: Decimal, band: int) -> None:
    low, close, high = sorted((low, high, close))
    assume(low < high)
    exact = (Fraction(close) - Fraction(low)) / (Fraction(high) - Fraction(low))
    entry, leave = Fraction(band, 100), 1 - Fraction(band, 100)
    parameters = IbsParameters(
        entry_below=band / 100, exit_above=(100 - band) / 100, sides="both", max_bars=None
    )
    strategy, last = IbsStrategy(parameters), Bar("ES", NOON, close, high, low, close)
    expected = Enter("long", 1) if exact < entry else Enter("short", 1) if exact > leave else None
    assert strategy.decide(last, None) == expected
    assert (strategy.decide(last, held("long")) is not None) == (exact > leave)
    assert (strategy.decide(last, held("short")) is not None) == (exact < entry)


@pytest.mark.parametrize(
    ("strategy", "close", "side"),
    [
        (LONG, "119.99", "long"),
        (LONG, "120", None),
        (LONG, "199", None),
        (SHORT, "180.01", "short"),
        (SHORT, "180", None),
        (SHORT, "101", None),
        (BOTH, "119.99", "long"),
        (BOTH, "180.01", "short"),
    ],
)
def test_entry_is_inside_the_band_and_not_on_its_edge(
    strategy: IbsStrategy, close: str, side: Side | None
) -> None:
    assert strategy.decide(bar(close), None) == (Enter(side, 1) if side else None)


@pytest.mark.parametrize(
    ("side", "close", "leaves"),
    [("long", "180", False), ("long", "180.01", True), ("short", "120", False), ("short", "119.99", True)],
)
def test_exit_is_inside_the_band_and_not_on_its_edge(side: Side, close: str, *, leaves: bool) -> None:
    assert BOTH.decide(bar(close), held(side)) == (Exit("ibs") if leaves else None)


def test_an_entry_is_of_the_configured_size() -> None:
    assert IbsStrategy(IbsParameters(size=3)).decide(bar("100"), None) == Enter("long", 3)


def test_what_is_held_is_never_added_to() -> None:
    assert LONG.decide(bar("100"), held("long")) is None


def test_nothing_leaves_on_the_bar_of_its_entry() -> None:
    strategy = IbsStrategy(IbsParameters(stop_percent=Decimal(1), max_bars=1))
    assert strategy.decide(bar("200"), held(entry="100", bars=0)) is None
    assert strategy.decide(bar("100"), held(entry="200", bars=0)) is None


@pytest.mark.parametrize(
    ("side", "entry", "close", "stops"),
    [
        ("long", "150", "147.01", False),
        ("long", "150", "147", True),
        ("short", "150", "152.99", False),
        ("short", "150", "153", True),
        ("long", "-150", "-152.99", False),
        ("long", "-150", "-153", True),
        ("short", "-150", "-147", True),
        ("long", "0", "0", False),
        ("long", "0", "-0.01", True),
    ],
)
def test_a_stop_of_two_percent_is_of_the_distance_of_the_entry_price_from_zero(
    side: Side, entry: str, close: str, *, stops: bool
) -> None:
    strategy = IbsStrategy(IbsParameters(stop_percent=Decimal(2), max_bars=None, sides="both"))
    middle = bar(close, low=str(Decimal(close) - 1), high=str(Decimal(close) + 1))
    assert strategy.decide(middle, held(side, entry)) == (Exit("stop_percent") if stops else None)


@pytest.mark.parametrize(("bars", "leaves"), [(1, False), (7, False), (8, True), (9, True)])
def test_a_position_leaves_once_it_is_max_bars_old(bars: int, *, leaves: bool) -> None:
    strategy = IbsStrategy(IbsParameters(max_bars=8))
    assert strategy.decide(bar("150"), held(bars=bars)) == (Exit("max_bars") if leaves else None)


def test_of_several_reasons_to_leave_the_stop_is_named_first_and_age_last() -> None:
    strategy = IbsStrategy(IbsParameters(stop_percent=Decimal(1), max_bars=1))
    assert strategy.decide(bar("190"), held(entry="195")) == Exit("stop_percent")
    assert strategy.decide(bar("190"), held(entry="150")) == Exit("ibs")
    assert strategy.decide(bar("150"), held(entry="150")) == Exit("max_bars")


def test_where_both_bands_hold_a_bar_long_goes_first() -> None:
    wide = IbsStrategy(IbsParameters(entry_below=0.6, exit_above=0.8, sides="both"))
    assert wide.decide(bar("150"), None) == Enter("long", 1)
