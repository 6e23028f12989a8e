"""Features of an entry: by hand, from their laws, and missing rather than zero."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.config.runtime import TradingDayRoll
from portfold.workers.feeds.bar import Bar
from portfold.workers.filters.features import FEATURES, HISTORY, FeatureHistory, MissingFeatures

# A Monday, 09:00 in Chicago.
START = datetime(2025, 1, 6, 15, tzinfo=UTC)
moves = st.lists(st.tuples(*[st.integers(-50, 50)] * 4), min_size=HISTORY, max_size=HISTORY + 30)


def history(bars: list[Bar]) -> FeatureHistory:
    taken = FeatureHistory(TradingDayRoll())
    for bar in bars:
        taken.take(bar)
    return taken


def walked(walk: list[tuple[int, int, int, int]], *, times: int = 1, above: int = 0) -> list[Bar]:
    """A market from a walk of whole prices, each price so many `times`, and then so far `above`."""
    made, close = [], 5000
    for number, (opens, first, second, closes) in enumerate(walk):
        opened = close + opens
        close = opened + closes
        prices = [opened, opened + first, opened + second, close]
        low, high = min(prices), max(prices)
        told = [Decimal(price * times + above) for price in (opened, high, low, close)]
        made.append(Bar("ES", START + timedelta(hours=number), *told))
    return made


def named(bars: list[Bar]) -> dict[str, float]:
    return dict(zip(FEATURES, history(bars).read("long"), strict=True))


def steady(count: int = HISTORY) -> list[Bar]:
    """Each opens 2 above the close before, goes 6 up from its low, which is 1 below its open, closes 1 up."""
    made, close = [], Decimal(100)
    for number in range(count):
        opened = close + 2
        close = opened + 1
        made.append(Bar("ES", START + timedelta(hours=number), opened, opened + 5, opened - 1, close))
    return made


def test_by_hand_in_a_steady_market() -> None:
    # True ranges: high - close before = 7 each, but for the first bar's 6, long averaged away among 14.
    found = named(steady(600))
    grid = 1 / 1024
    assert found["ibs"] == found["ibs_before"] == pytest.approx(2 / 6, abs=grid)
    assert found["range"] == pytest.approx(6 / 7, abs=grid)
    assert found["body"] == pytest.approx(1 / 7, abs=grid)
    assert found["gap"] == pytest.approx(2 / 7, abs=grid)
    assert found["move_1"] == pytest.approx(3 / 7, abs=grid)
    assert found["move_5"] == pytest.approx(15 / 7, abs=grid)
    assert found["move_20"] == pytest.approx(60 / 7, abs=grid)
    assert found["place_20"] == pytest.approx((57 + 2) / (57 + 6), abs=grid)
    assert found["unrest"] == pytest.approx(1, abs=grid)
    assert found["side"] == 1


@pytest.mark.parametrize(
    ("hours", "sine", "cosine", "weekday"), [(600, 0.707, -0.707, 4), (603, 0, -1, 4), (615, 0, 1, 5)]
)
def test_the_time_is_on_the_exchanges_clocks(hours: int, sine: float, cosine: float, weekday: int) -> None:
    found = named(steady(hours + 1))  # 600 hours after Monday 09:00 are Friday 09:00
    assert found["hour_sin"] == pytest.approx(sine, abs=0.001)
    assert found["hour_cos"] == pytest.approx(cosine, abs=0.001)
    assert found["weekday"] == weekday


def test_the_side_is_a_feature() -> None:
    taken = history(steady())
    assert taken.read("long")[:-1] == taken.read("short")[:-1]
    assert (taken.read("long")[-1], taken.read("short")[-1]) == (1, -1)


def test_features_are_missing_until_enough_bars_have_come() -> None:
    with pytest.raises(MissingFeatures, match="look back 50 bars"):
        history(steady(HISTORY - 1)).read("long")
    assert len(history(steady(HISTORY)).read("long")) == len(FEATURES)


def test_features_are_missing_where_nothing_moves() -> None:
    flat = [Bar("ES", START + timedelta(hours=number), *[Decimal(100)] * 4) for number in range(HISTORY + 10)]
    with pytest.raises(MissingFeatures, match="have not moved"):
        history(flat).read("long")


@given(moves, st.integers(1, 7), st.integers(-20_000, 20_000))
def test_they_do_not_depend_on_the_level_of_prices_nor_on_their_unit(
    walk: list[tuple[int, int, int, int]], times: int, above: int
) -> None:
    plain, other = history(walked(walk)), history(walked(walk, times=times, above=above))
    try:
        expected = plain.read("long")
    except MissingFeatures:
        with pytest.raises(MissingFeatures):
            other.read("long")
        return
    assert other.read("long") == pytest.approx(expected, abs=1 / 1024)


@given(moves)
def test_single_precision_holds_them_and_the_middle_between_two_exactly(
    walk: list[tuple[int, int, int, int]],
) -> None:
    taken, seen = FeatureHistory(TradingDayRoll()), []
    for bar in walked(walk):
        taken.take(bar)
        try:
            seen.append(taken.read("short"))
        except MissingFeatures:
            continue
    for one, other in pairwise(seen):
        for a, b in zip(one, other, strict=True):
            for value in (a, (a + b) / 2):
                assert float(value * 2048).is_integer()
                assert abs(value) * 2048 <= 2**24  # the whole numbers that single precision holds
