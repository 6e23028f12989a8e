"""From executions to the book, where something goes otherwise than it should."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from portfold.events.fields import Side
from portfold.workers.brokers.ibkr.booking import Booking
from portfold.workers.brokers.ibkr.order_life import Commission, Execution, Status, begin, hear
from portfold.workers.brokers.ibkr.order_records import LiveOrder, open_records
from portfold.workers.brokers.legs_book import PaperBook
from portfold.workers.brokers.orders_book import now_ms
from portfold.workers.brokers.protocol import BrokerPosition
from portfold.workers.brokers.resting.protective import StopPlace
from tests.waiting import until
from tests.workers.brokers.ibkr.tws_desk import CONTRACTS, Desk

ES = 495512563


def order(does: str, size: int, reference: str = "pf-1", side: str = "long") -> LiveOrder:
    return LiveOrder(
        reference,
        now_ms(),
        "ibs-ES",
        "ibs-ES",
        "ES",
        side,  # type: ignore[arg-type]
        size,
        does,  # type: ignore[arg-type]
        "ESZ2025",
        ES,
        begin(size),
    )


def execution(number: int, size: int, price: str = "5000") -> Execution:
    return Execution(f"e.{number:02}.01", size, Decimal(price))


@pytest.fixture
def book(desk: Desk) -> PaperBook:
    return open_records(desk.book, 5.0)


def test_an_exit_that_was_filled_when_its_process_died_is_booked_by_the_next(
    desk: Desk, book: PaperBook
) -> None:
    exit_ = order("exit", 1)
    filled = replace(exit_, life=hear(exit_.life, execution(1, 1, "5001")))
    with book.transaction() as entries:
        entries.write_leg(BrokerPosition("ibs-ES", "ES", "long", 1, Decimal(5000), Decimal("2.25")))
        Booking(entries, CONTRACTS).orders.write(filled)
    book.close()
    broker = desk.broker()
    (fill,) = until(broker.unreported_exits, "the exit")
    assert (fill.price, fill.fill_id, broker.positions()) == (Decimal(5001), "e.01", [])


def test_each_execution_of_an_exit_is_a_fill_with_its_own_name_price_and_commission(book: PaperBook) -> None:
    with book.transaction() as entries:
        booking = Booking(entries, CONTRACTS)
        entries.write_leg(BrokerPosition("ibs-ES", "ES", "long", 3, Decimal(5000), Decimal("6.75")))
        booking.orders.write(order("exit", 3))
        booking.hear("pf-1", execution(1, 1, "5001"))
        booking.hear("pf-1", execution(2, 1, "5002"))
        booking.hear("pf-1", Commission("e.01.01", Decimal("2.00")))
        first, second = booking.book_exit("pf-1")
        assert (first.fill_id, first.size, first.price, first.commission) == (
            "e.01",
            1,
            Decimal(5001),
            Decimal("2.00"),
        )
        assert (second.fill_id, second.size, second.price, second.commission) == (
            "e.02",
            1,
            Decimal(5002),
            Decimal("2.50"),
        )
        assert booking.book_exit("pf-1") == []
        booking.hear("pf-1", execution(3, 1, "5003"))
        (rest,) = booking.book_exit("pf-1")
        assert (rest.size, rest.fill_id, rest.entry_commission) == (1, "e.03", Decimal("2.25"))
        assert entries.legs(None) == []
    book.close()


def test_a_cancelled_exit_leaves_what_it_did_not_close(book: PaperBook) -> None:
    with book.transaction() as entries:
        booking = Booking(entries, CONTRACTS)
        entries.write_leg(BrokerPosition("ibs-ES", "ES", "long", 3, Decimal(5000), Decimal("6.75")))
        booking.orders.write(order("exit", 3))
        booking.hear("pf-1", execution(1, 1))
        booking.hear("pf-1", Status("cancelled", 1))
        booking.book_exit("pf-1")
        assert [leg.size for leg in entries.legs(None)] == [2]
        assert booking.orders.open() == []
    book.close()


def test_what_was_executed_beyond_the_leg_is_told_and_closes_nothing_more(book: PaperBook) -> None:
    with book.transaction() as entries:
        booking = Booking(entries, CONTRACTS)
        entries.write_leg(BrokerPosition("ibs-ES", "ES", "long", 1, Decimal(5000), Decimal("2.25")))
        booking.orders.write(order("exit", 2))
        booking.hear("pf-1", execution(1, 2))
        (fill,) = booking.book_exit("pf-1")
        assert (fill.size, [each.size for each in booking.unbookable]) == (1, [1])
    book.close()


def test_a_correction_of_what_is_booked_is_told(book: PaperBook) -> None:
    with book.transaction() as entries:
        booking = Booking(entries, CONTRACTS)
        booking.orders.write(order("enter", 1))
        booking.hear("pf-1", execution(1, 1))
        booking.hear("pf-1", Execution("e.01.02", 1, Decimal(4999)))
        assert len(booking.corrected) == 1
    book.close()


def test_an_order_of_somebody_else_is_none_of_ours(book: PaperBook) -> None:
    with book.transaction() as entries:
        booking = Booking(entries, CONTRACTS)
        assert booking.hear("by hand", execution(1, 1)) is None
        assert entries.legs(None) == []
    book.close()


def test_what_the_account_should_hold_counts_legs_and_exits_not_booked_yet(book: PaperBook) -> None:
    with book.transaction() as entries:
        booking = Booking(entries, CONTRACTS)
        booking.orders.write(order("enter", 3, "pf-1"))
        booking.hear("pf-1", execution(1, 3))
        assert booking.in_account(ES) == 3
        booking.orders.write(order("exit", 3, "pf-2"))
        booking.hear("pf-2", execution(2, 2))
        assert booking.in_account(ES) == 1
        booking.book_exit("pf-2")
        assert booking.in_account(ES) == 1
    book.close()


@pytest.mark.parametrize(
    ("does", "in_account", "without"),
    [
        ("exit", 1, False),
        ("exit", 2, True),
        ("exit", 3, False),
        ("stop", 1, False),
        ("stop", 2, True),
        ("stop", 3, True),
    ],
)
def test_the_account_proves_an_exit_lost_by_holding_what_all_have_and_a_stop_by_lacking_nothing(
    book: PaperBook,
    does: str,
    in_account: int,
    without: bool,  # noqa: FBT001
) -> None:
    with book.transaction() as entries:
        booking = Booking(entries, CONTRACTS)
        for number, owner in enumerate(("ibs-ES", "rsi-ES"), 1):
            booking.orders.write(replace(order("enter", 1, f"pf-{number}"), owner=owner))
            booking.hear(f"pf-{number}", execution(number, 1))
        lost = order(does, 1, "pf-3")
        booking.orders.write(lost)
        assert booking.holds_without(lost, {ES: in_account}) is without
    book.close()


def test_while_it_is_not_known_where_anything_is_the_account_proves_nothing(book: PaperBook) -> None:
    with book.transaction() as entries:
        booking = Booking(entries, CONTRACTS)
        booking.orders.write(order("enter", 1))
        booking.hear("pf-1", execution(1, 1))
        lost = order("exit", 1, "pf-2")
        booking.orders.write(lost)
        entries.write_leg(BrokerPosition("account", "ES", "long", 2, Decimal(5000), Decimal(0)))
        assert not booking.holds_without(lost, {ES: 1})
        assert not booking.holds_without(lost, {ES: 3})
        booking.orders.write(replace(order("exit", 2, "pf-3"), owner="account"))
        assert not booking.holds_without(lost, {ES: 1})
        assert booking.holds_without(lost, {ES: 3})
    book.close()


NAMED = StopPlace(Decimal(5), Decimal("4990"))


@pytest.mark.parametrize(
    ("side", "size", "price", "rests"),
    [
        ("long", 3, "5001", NAMED),
        ("long", 1, "5001", NAMED),
        ("long", 3, "5001.25", StopPlace(Decimal(5))),
        ("short", 3, "5001", StopPlace(Decimal(5))),
    ],
)
def test_a_stop_that_an_entry_named_is_none_of_a_leg_that_a_person_settles_at_another_price(
    side: Side, size: int, price: str, rests: StopPlace, book: PaperBook
) -> None:
    place = {"stop_distance": NAMED.distance, "planned_stop": NAMED.price}
    with book.transaction() as entries:
        booking = Booking(entries, CONTRACTS)
        booking.orders.write(replace(order("enter", 3), **place))
        booking.hear("pf-1", execution(1, 1, "5003"))
        booking.hear("pf-1", execution(2, 2, "5000"))
        assert booking.stop_place("ibs-ES", "ES") == NAMED
        entries.write_leg(BrokerPosition("ibs-ES", "ES", side, size, Decimal(price), Decimal(0)))
        assert booking.stop_place("ibs-ES", "ES") == rests
    book.close()


def test_what_an_entry_gets_after_its_first_part_was_closed_has_the_stop_that_it_named(
    book: PaperBook,
) -> None:
    with book.transaction() as entries:
        booking = Booking(entries, CONTRACTS)
        booking.orders.write(replace(order("enter", 3), planned_stop=NAMED.price))
        booking.hear("pf-1", execution(1, 1, "5003"))
        booking.orders.write(order("exit", 1, "pf-2"))
        booking.hear("pf-2", execution(2, 1))
        booking.book_exit("pf-2")
        booking.hear("pf-1", execution(3, 2, "5000"))
        booking.hear("pf-1", Execution("e.03.02", 2, Decimal(4999)))  # which changes no leg
        assert [(leg.size, leg.price) for leg in entries.legs(None)] == [(2, Decimal(5000))]
        assert booking.stop_place("ibs-ES", "ES") == StopPlace(price=NAMED.price)
    book.close()
