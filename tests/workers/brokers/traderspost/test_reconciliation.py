"""An order of which nobody knows, from the broker's silence to what the book says of it."""

import sqlite3
from collections.abc import Iterator
from decimal import Decimal

import pytest

from portfold.workers.brokers.protocol import BrokerError, BrokerPosition, OrderUnknown
from portfold.workers.brokers.settlement import Settlement
from portfold.workers.brokers.traderspost.broker import TradersPost
from portfold.workers.brokers.traderspost.reconciliation import Reconciliation
from tests.workers.brokers.desk import CONTRACTS, Desk
from tests.workers.brokers.traderspost.webhook_server import PATH, resets

PRICE = Decimal("71.25")


class Books:
    """Settles by the book alone, and keeps what the log would be told."""

    def __init__(self, desk: Desk, now_ms: int = 0) -> None:
        self.published: list[Settlement] = []
        clock = {"now_ms": lambda: now_ms} if now_ms else {}
        self.books = Reconciliation(desk.book, CONTRACTS, self.published.append, **clock)

    def close(self) -> None:
        self.books.close()


@pytest.fixture
def books(desk: Desk) -> Iterator[Books]:
    made = Books(desk)
    yield made
    made.close()


def held(size: int, price: str) -> list[BrokerPosition]:
    return [BrokerPosition("ibs-CL", "CL", "long", size, Decimal(price), Decimal("2.50") * size, "CLZ2025")]


def unknown_entry(desk: Desk) -> tuple[TradersPost, str]:
    desk.server.behaves(resets)
    broker = desk.broker()
    with pytest.raises(OrderUnknown):
        broker.enter("CL", "long", 1, PRICE)
    return broker, broker.unsettled()[0].id


def test_who_trades_while_the_log_is_told_is_noticed(desk: Desk) -> None:
    """His close may be on the log already, and what it is told now is that the position is open."""
    broker, order = unknown_entry(desk)
    books = Reconciliation(desk.book, CONTRACTS, lambda _: broker.exit("CL", "long", 1, PRICE))
    with pytest.raises(
        BrokerError, match="CL was traded meanwhile: the log was told 1, and the book holds 0"
    ):
        books.filled(order, None)
    assert broker.unsettled() == []
    assert books.filled(order, None) is None, "settled all the same"
    books.close()


def test_it_was_filled_after_all(desk: Desk, books: Books) -> None:
    broker, order = unknown_entry(desk)
    settled = books.books.filled(order, Decimal("71.30"))
    assert settled is not None
    assert (settled.size, settled.price, settled.pnl) == (1, Decimal("71.30"), Decimal(0))
    assert books.published == [settled]
    assert broker.positions() == held(1, "71.30")
    assert broker.unsettled() == []
    broker.exit("CL", "long", 1, PRICE)
    broker.enter("CL", "long", 1, PRICE)


def test_it_was_not_filled(desk: Desk, books: Books) -> None:
    broker, order = unknown_entry(desk)
    settled = books.books.not_filled(order)
    assert settled is not None
    assert (settled.size, settled.published) == (0, True)
    assert broker.positions() == []
    assert broker.unsettled() == []
    broker.enter("CL", "long", 1, PRICE)


def test_a_duplicate_fill_counts_once(desk: Desk, books: Books) -> None:
    broker, order = unknown_entry(desk)
    assert books.books.filled(order, Decimal("71.30")) is not None
    assert books.books.filled(order, Decimal("71.30")) is None
    assert broker.positions() == held(1, "71.30")
    assert len(books.published) == 1


def test_a_fill_for_an_order_that_was_given_up_is_not_lost(desk: Desk, books: Books) -> None:
    broker = desk.broker(url=f"http://127.0.0.1:1{PATH}")  # where nobody listens
    with pytest.raises(
        BrokerError, match=r"It is given up\. Should it have been filled all the same"
    ) as told:
        broker.enter("CL", "long", 1, PRICE)
    order = str(told.value).rsplit(" ", 1)[1]
    assert broker.positions() == []
    settled = books.books.filled(order, Decimal("71.40"))
    assert settled is not None
    assert settled.published
    assert broker.positions() == held(1, "71.40")


def test_what_was_taken_may_turn_out_not_to_be_filled(desk: Desk, books: Books) -> None:
    broker = desk.broker()
    order = broker.enter("CL", "long", 1, PRICE).fills[0].fill_id
    settled = books.books.not_filled(order)
    assert settled is not None
    assert (settled.size, settled.published) == (0, True)
    assert broker.positions() == []
    assert books.books.not_filled(order) is None


def test_an_exit_was_filled_and_what_it_made_is_told(desk: Desk, books: Books) -> None:
    broker = desk.broker()
    broker.enter("CL", "long", 1, PRICE)
    desk.server.behaves(resets)
    with pytest.raises(OrderUnknown):
        broker.exit("CL", "long", 1, Decimal("72.00"))
    settled = books.books.filled(broker.unsettled()[0].id, Decimal("71.90"))
    assert settled is not None
    assert (settled.size, settled.pnl) == (0, Decimal("635.00"))  # 0.64 x 1000 - 5
    assert broker.positions() == []


def test_an_exit_was_not_filled_and_the_log_is_right_as_it_is(desk: Desk, books: Books) -> None:
    broker = desk.broker()
    broker.enter("CL", "long", 1, PRICE)
    desk.server.behaves(resets)
    with pytest.raises(OrderUnknown):
        broker.exit("CL", "long", 1, Decimal("72.00"))
    settled = books.books.not_filled(broker.unsettled()[0].id)
    assert settled is not None
    assert (settled.size, settled.published) == (1, False)
    assert broker.positions() == held(1, "71.26")


def unproven_exit(broker: TradersPost, price: str = "70.00") -> str:
    with pytest.raises(OrderUnknown) as told:
        broker.exit("CL", "long", 1, Decimal(price))
    return str(told.value).split()[3]


def test_an_exit_that_came_first_leaves_what_was_filled_after_it(desk: Desk, books: Books) -> None:
    broker, order = unknown_entry(desk)
    unproven_exit(broker)
    settled = books.books.filled(order, Decimal("71.30"))
    assert settled is not None
    assert (settled.size, settled.price, settled.pnl, settled.published) == (
        1,
        Decimal("71.30"),
        Decimal(0),
        True,
    )
    assert broker.positions() == held(1, "71.30")
    (out,) = broker.exit("CL", "long", 1, Decimal("72.00")).fills  # its profit is counted here alone
    assert (out.entry_price, broker.unreported_exits()) == (Decimal("71.30"), [out])
    broker.enter("CL", "long", 1, PRICE)


def test_an_exit_that_came_after_it_is_settled_with_what_it_made(desk: Desk, books: Books) -> None:
    broker, order = unknown_entry(desk)
    out = unproven_exit(broker)
    books.books.filled(order, Decimal("71.30"))
    settled = books.books.filled(out, Decimal("70.00"))
    assert settled is not None
    assert (settled.size, settled.pnl, settled.published) == (0, Decimal("-1305.00"), True)  # 1.30 x 1000 + 5
    assert books.books.filled(out, Decimal("70.00")) is None
    assert (broker.positions(), broker.unreported_exits()) == ([], [])
    broker.enter("CL", "long", 1, PRICE)


def test_an_unknown_entry_that_was_not_filled_is_told_whatever_was_sent_after_it(
    desk: Desk, books: Books
) -> None:
    broker, order = unknown_entry(desk)
    out = unproven_exit(broker)
    settled = books.books.not_filled(order)
    assert settled is not None
    assert (settled.size, settled.published) == (0, True)
    assert books.books.not_filled(out) is None
    assert broker.positions() == []
    broker.enter("CL", "long", 1, PRICE)


def test_an_entry_that_an_older_version_called_flattened_can_turn_out_filled(
    desk: Desk, books: Books
) -> None:
    broker, order = unknown_entry(desk)
    with sqlite3.connect(desk.book) as file:
        file.execute("UPDATE orders SET state = 'flattened'")
    file.close()
    assert broker.positions() == []
    settled = books.books.filled(order, Decimal("71.30"))
    assert settled is not None
    assert settled.published
    assert broker.positions() == held(1, "71.30")


def test_when_the_log_cannot_be_told_saying_it_again_tells_it(desk: Desk, books: Books) -> None:
    broker = desk.broker()
    broker.enter("CL", "long", 1, PRICE)
    desk.server.behaves(resets)
    with pytest.raises(OrderUnknown):
        broker.exit("CL", "long", 1, Decimal("72.00"))
    order = broker.unsettled()[0].id

    def fail(_settlement: Settlement) -> None:
        broker.mark("CL", PRICE)  # the book is nobody's meanwhile
        raise ConnectionError

    failing = Reconciliation(desk.book, CONTRACTS, fail)
    with pytest.raises(ConnectionError):
        failing.filled(order, Decimal("71.90"))
    failing.close()
    assert [one.id for one in books.books.unpublished()] == [order], (
        "who asks is told, should nobody say it again"
    )
    settled = books.books.filled(order, None)
    assert books.books.unpublished() == []
    assert settled is not None
    assert (settled.size, settled.pnl, books.published) == (0, Decimal("635.00"), [settled])
    assert books.books.filled(order, None) is None


@pytest.mark.parametrize(("age_ms", "settled"), [(299_999, False), (300_000, True)])
def test_an_order_that_may_still_be_being_sent_is_not_settled(
    desk: Desk, age_ms: int, *, settled: bool
) -> None:
    broker, order = unknown_entry(desk)
    with sqlite3.connect(desk.book) as file:
        file.execute("UPDATE orders SET state = 'sending', at_ms = 1000")
    file.close()
    books = Books(desk, now_ms=1000 + age_ms)
    if settled:
        assert books.books.not_filled(order) is not None
    else:
        with pytest.raises(BrokerError, match="may still be being sent"):
            books.books.not_filled(order)
    books.close()
    assert bool(broker.positions()) is not settled


def test_an_order_that_is_none_is_told(desk: Desk, books: Books) -> None:
    desk.broker()
    with pytest.raises(BrokerError, match=r"There is no order 'nonsense' in the book"):
        books.books.filled("nonsense", None)
