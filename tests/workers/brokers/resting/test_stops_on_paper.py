"""Protective stops on paper: where they rest, what fills them and at which price, and when they are gone."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from portfold.events.fields import Side
from portfold.events.incoming import PositionSettled
from portfold.workers.brokers.book_correction import correct
from portfold.workers.brokers.order import ExitFill
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.protocol import BrokerError
from portfold.workers.brokers.resting.protective import is_protective
from portfold.workers.feeds.bar import Bar
from portfold.workers.protection import pass_through
from tests.workers.brokers.paper_books import CONTRACTS, open_broker

FIVE = Decimal(5)


def bar(opens: str, high: str, low: str, close: str) -> Bar:
    at = datetime(2025, 11, 3, 15, tzinfo=UTC)
    return Bar("ES", at, Decimal(opens), Decimal(high), Decimal(low), Decimal(close))


def protected(broker: PaperBroker, side: Side = "long", size: int = 1) -> None:
    """Enters at 5000, a tick worse, with a stop 5 points off."""
    broker.enter("ES", side, size, Decimal(5000), stop_distance=FIVE)


def stopped_out(broker: PaperBroker) -> ExitFill:
    (fill,) = broker.unreported_exits()
    assert is_protective(fill.fill_id)
    return fill


@pytest.mark.parametrize(
    ("side", "over", "out", "got"),
    [
        ("long", bar("5000", "5001", "4995.50", "5000"), bar("5000", "5001", "4995.25", "5000"), "4995.00"),
        ("short", bar("5000", "5004.50", "4999", "5000"), bar("5000", "5004.75", "4999", "5000"), "5005.00"),
    ],
)
def test_a_bar_that_reaches_the_stop_fills_it_a_tick_worse_and_one_that_stays_off_does_not(
    broker: PaperBroker, side: Side, over: Bar, out: Bar, got: str
) -> None:
    protected(broker, side, size=2)
    pass_through(broker, over)
    assert broker.unreported_exits() == []
    pass_through(broker, out)
    fill = stopped_out(broker)
    assert (fill.side, fill.size, fill.price) == (side, 2, Decimal(got))
    assert broker.positions() == []


@pytest.mark.parametrize(
    ("side", "gap", "got"),
    [
        ("long", bar("4990", "5020", "4990", "5020"), "4989.75"),
        ("short", bar("5010", "5010", "4980", "4980"), "5010.25"),
    ],
)
def test_a_gap_over_the_stop_is_filled_at_the_open(
    broker: PaperBroker, side: Side, gap: Bar, got: str
) -> None:
    protected(broker, side)
    pass_through(broker, gap)
    assert stopped_out(broker).price == Decimal(got)


def test_a_last_price_beyond_the_stop_fills_it_at_that_price(broker: PaperBroker) -> None:
    protected(broker)
    broker.mark("ES", Decimal("4995.50"))
    assert len(broker.positions()) == 1
    broker.mark("ES", Decimal(4994))
    assert stopped_out(broker).price == Decimal("4993.75")


def test_a_stop_is_filled_once_and_gone_with_the_exit(broker: PaperBroker) -> None:
    protected(broker)
    broker.exit("ES", "long", 1, Decimal(5000))
    pass_through(broker, bar("4990", "4990", "4980", "4980"))
    assert [is_protective(fill.fill_id) for fill in broker.unreported_exits()] == [False]


def test_after_a_part_is_closed_the_stop_is_of_what_is_left(broker: PaperBroker) -> None:
    protected(broker, size=3)
    broker.exit("ES", "long", 2, Decimal(5000))
    pass_through(broker, bar("5000", "5000", "4990", "4990"))
    assert [fill.size for fill in broker.unreported_exits()] == [2, 1]


def test_what_is_added_moves_the_stop_with_the_average_price(broker: PaperBroker) -> None:
    protected(broker)
    broker.enter("ES", "long", 1, Decimal(5010), stop_distance=FIVE)
    pass_through(broker, bar("5010", "5010", "5000.25", "5005"))
    assert (stopped_out(broker).size, stopped_out(broker).price) == (2, Decimal("5000.00"))


def test_a_position_entered_without_a_distance_has_no_stop_also_not_one_of_before(
    broker: PaperBroker,
) -> None:
    protected(broker)
    broker.exit("ES", "long", 1, Decimal(5000))
    broker.enter("ES", "long", 1, Decimal(5000))
    pass_through(broker, bar("4000", "4000", "4000", "4000"))
    assert len(broker.positions()) == 1


def test_the_next_life_finds_the_stop_and_fills_it_at_the_first_open_beyond(tmp_path: Path) -> None:
    with open_broker(tmp_path / "book.db") as first:
        protected(first)
    with open_broker(tmp_path / "book.db") as again:
        pass_through(again, bar("4900", "4950", "4900", "4950"))
        assert stopped_out(again).price == Decimal("4899.75")


def test_who_trades_hears_of_it_when_the_book_has_it(broker: PaperBroker) -> None:
    heard = list[int]()
    broker.on_closed_late(lambda: heard.append(len(broker.unreported_exits())))
    protected(broker)
    pass_through(broker, bar("5000", "5000", "4990", "5000"))
    assert heard == [1]


@pytest.mark.parametrize("distance", [Decimal(0), Decimal(-1), Decimal("NaN"), 5])
def test_a_distance_that_is_none_is_refused(broker: PaperBroker, distance: Decimal) -> None:
    with pytest.raises(BrokerError, match="Expected the distance of the stop of ES as a Decimal above 0"):
        broker.enter("ES", "long", 1, Decimal(5000), stop_distance=distance)
    assert broker.positions() == []


@pytest.mark.parametrize(("price", "is_closed"), [("5000.25", True), ("4980", False)])
def test_of_what_a_person_settles_only_the_position_that_had_a_stop_has_it_still(
    price: str,
    is_closed: bool,  # noqa: FBT001
    broker: PaperBroker,
    book: Path,
) -> None:
    protected(broker, size=2)
    settled = PositionSettled(
        by="ann",
        reason="as the account has it",
        symbol="ES",
        worker="ibs-ES",
        side="long",
        size=1,
        price=Decimal(price),
        pnl=Decimal(0),
    )
    correct("paper", book, CONTRACTS, settled)
    pass_through(broker, bar("4980", "4980", "4980", "4980"))
    assert (broker.positions() == []) == is_closed
