"""What a bar fills of a limit and of a stop: at it, a tick from it, over a gap, and where it holds both."""

from decimal import Decimal

import pytest

from portfold.events.fields import Side
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.resting.fills import PricePath, limit_fill, stop_fill
from portfold.workers.brokers.resting.protective import is_protective

TICK = Decimal("0.25")


def path(opens: str, low: str, high: str) -> PricePath:
    return PricePath(Decimal(opens), Decimal(low), Decimal(high))


@pytest.mark.parametrize(
    ("side", "on_the_way", "got"),
    [
        ("long", path("5000", "4990.25", "5001"), None),
        ("long", path("5000", "4990.00", "5001"), None),
        ("long", path("5000", "4989.75", "5001"), "4990.00"),
        ("long", path("4990.00", "4990.00", "5001"), None),
        ("long", path("4990.00", "4989.75", "5001"), "4990.00"),
        ("long", path("4989.75", "4989.75", "5001"), "4989.75"),
        ("long", path("4980", "4970", "5001"), "4980"),
        ("short", path("4980", "4970", "4990.00"), None),
        ("short", path("4980", "4970", "4990.25"), "4990.00"),
        ("short", path("4990.00", "4970", "4990.00"), None),
        ("short", path("4990.25", "4970", "4990.25"), "4990.25"),
    ],
)
def test_a_limit_is_filled_a_tick_beyond_it_and_not_at_it_and_better_over_a_gap(
    side: Side, on_the_way: PricePath, got: str | None
) -> None:
    filled = limit_fill(side, Decimal("4990.00"), on_the_way, TICK)
    assert filled == (None if got is None else Decimal(got))


@pytest.mark.parametrize(
    ("side", "on_the_way", "got"),
    [
        ("long", path("5000", "4990.25", "5001"), None),
        ("long", path("5000", "4990.00", "5001"), "4990.00"),
        ("long", path("4990.00", "4980", "5001"), "4990.00"),
        ("long", path("4989.75", "4980", "5001"), "4989.75"),
        ("short", path("4980", "4970", "4989.75"), None),
        ("short", path("4980", "4970", "4990.00"), "4990.00"),
        ("short", path("4990.25", "4970", "5000"), "4990.25"),
    ],
)
def test_a_stop_is_filled_at_it_or_at_the_open_where_that_is_worse(
    side: Side, on_the_way: PricePath, got: str | None
) -> None:
    filled = stop_fill(side, Decimal("4990.00"), on_the_way)
    assert filled == (None if got is None else Decimal(got))


@pytest.mark.parametrize(("low", "stopped"), [("4985.25", []), ("4985.00", [Decimal("4984.75")])])
def test_paper_pays_no_slippage_at_a_limit_and_stops_at_the_very_price_that_is_named(
    low: str, stopped: list[Decimal], broker: PaperBroker
) -> None:
    limit, stop = Decimal("4990.00"), Decimal("4985.00")
    (fill,) = broker.enter("ES", "long", 2, limit, stop_price=stop, at_limit=True).fills
    assert (fill.price, fill.size) == (limit, 2)
    broker.pass_through("ES", path("5000", low, "5001"))
    exits = broker.unreported_exits()
    assert [each.price for each in exits] == stopped
    assert all(is_protective(each.fill_id) for each in exits)
