"""Each check of a day's end would notice what it is there for."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.config import load
from portfold.config.locate import PACKAGED
from portfold.events.market import Step, StepBar
from portfold.workers.brokers.ibkr.order_life import Execution as Heard
from portfold.workers.brokers.ibkr.order_life import Status, begin, hear
from portfold.workers.brokers.ibkr.order_records import LiveOrder
from tests.fakes.tws.exchange import PAPER_ACCOUNT, Exchange
from tests.live_day import checks
from tests.live_day.venue import COMMISSION, Minute

ES = "ESZ5"


@pytest.fixture
def exchange() -> Exchange:
    return Exchange(commission=COMMISSION)


def sent(exchange: Exchange, reference: str, action: str, size: int, price: str = "5000") -> None:
    """An order that is filled at once."""
    exchange.trade(ES, price)
    fields = {"action": action, "totalQuantity": str(size), "orderType": "MKT", "orderRef": reference}
    exchange.place(101, exchange.next_id(101), exchange.contract(ES), PAPER_ACCOUNT, fields)


def booked(reference: str, does: Any, size: int, price: str = "5000", got: int | None = None) -> LiveOrder:
    """An order of ours, long, as the book keeps it once it is over."""
    filled, life = size if got is None else got, begin(size)
    if filled:
        life = hear(life, Heard(f"{reference}.1", filled, Decimal(price)))
    life = hear(life, Status("filled" if filled == size else "cancelled", filled))
    charged = dict.fromkeys(life.executions, COMMISSION * filled)
    return LiveOrder(reference, 0, "w", "w", "ES", "long", size, does, "ESZ2025", 1, life, charged)


def test_an_order_that_went_out_once_and_is_in_the_book_is_right(exchange: Exchange) -> None:
    sent(exchange, "a", "BUY", 2)
    assert checks.sent_once(exchange.orders, [booked("a", "enter", 2), booked("b", "enter", 1, got=0)]) == []


def test_an_order_that_went_out_twice_is_found(exchange: Exchange) -> None:
    sent(exchange, "a", "BUY", 2)
    sent(exchange, "a", "BUY", 2)
    (wrong,) = checks.sent_once(exchange.orders, [booked("a", "enter", 2)])
    assert wrong == "order 'a' came 2 times"


@pytest.mark.parametrize(
    ("book", "wrong"),
    [
        ([], "is at the broker, and not in the book"),
        ([booked("a", "enter", 2, got=1)], "got 2; the book has 1, cancelled"),
        ([booked("a", "enter", 2), booked("b", "enter", 1)], "is filled in the book, and not at the broker"),
    ],
)
def test_a_book_that_knows_other_orders_is_found(
    exchange: Exchange, book: list[LiveOrder], wrong: str
) -> None:
    sent(exchange, "a", "BUY", 2)
    assert wrong in checks.sent_once(exchange.orders, book)[0]


def test_what_is_held_at_any_moment_is_held_against_the_limits(exchange: Exchange) -> None:
    sent(exchange, "a", "BUY", 2)
    sent(exchange, "b", "SELL", 2)
    sent(exchange, "c", "SELL", 2)
    assert checks.within_the_limits(exchange.executions, positions=1, contracts=2) == []
    assert len(checks.within_the_limits(exchange.executions, positions=1, contracts=1)) == 2
    assert len(checks.within_the_limits(exchange.executions, positions=0, contracts=2)) == 2


def test_an_exit_that_opened_the_other_side_is_found(exchange: Exchange) -> None:
    sent(exchange, "a", "BUY", 1)
    sent(exchange, "b", "SELL", 2)
    (wrong,) = checks.within_the_limits(exchange.executions, positions=1, contracts=2)
    assert "turned 1 ESZ5 into -1" in wrong


def test_an_entry_that_nobody_allowed_is_found() -> None:
    orders = [booked("a", "enter", 1), booked("b", "exit", 1), booked("c", "enter", 1, got=0)]
    assert checks.none_without_leave(orders, 1) == []
    assert checks.none_without_leave(orders, 0) == ["1 entries were filled, and 0 allowed"]


def test_the_book_comes_to_what_the_account_made_and_a_cent_is_found(exchange: Exchange) -> None:
    sent(exchange, "a", "BUY", 2, "5000")
    sent(exchange, "b", "SELL", 2, "5000.25")
    contracts = load(str(PACKAGED), {}, PACKAGED).contracts
    made = exchange.equity() - 100_000
    book = checks.money_of([booked("a", "enter", 2), booked("b", "exit", 2, "5000.25")], contracts)
    assert checks.same_money(account=made, book=book) == []
    assert checks.same_money(account=made, book=book + Decimal("0.01")) == [
        "account made 16.00, book made 16.01"
    ]


def bar(close: str) -> StepBar:
    return StepBar(Decimal(1), Decimal(9), Decimal(1), Decimal(close), 6, "ESZ6")


TRUTH = [
    Minute(1, {"ES": bar("2")}, withheld=False),
    Minute(2, {"ES": bar("3")}, withheld=False),
    Minute(3, {"ES": bar("4")}, withheld=True),
    Minute(4, {"ES": bar("5")}, withheld=False),
]
SOUND = [Step(2, {"ES": bar("3")}), Step(4, {"ES": bar("5")}, "", 3)]


def test_minutes_as_they_were_are_right_where_only_the_beginning_of_the_first_was_not_heard() -> None:
    assert checks.bars_are_the_markets(SOUND, TRUTH) == []


@pytest.mark.parametrize(
    ("steps", "wrong"),
    [
        (SOUND[:1], "minute 4 is not on the bus"),
        ([*SOUND, SOUND[1]], "the minutes on the bus are not one after the other"),
        ([SOUND[0], Step(4, {"ES": bar("6")}, "", 3)], "minute 4 is ES"),
        ([SOUND[0], Step(4, SOUND[1].bars)], "minute 3 was never sent, and is not told as a gap"),
        ([SOUND[0], Step(3, {"ES": bar("4")}), SOUND[1]], "minute 3 was never sent, and has bars"),
    ],
    ids=["missing", "twice", "another price", "an untold gap", "made up"],
)
def test_minutes_that_are_not_the_markets_are_found(steps: list[Step], wrong: str) -> None:
    assert wrong in checks.bars_are_the_markets(steps, TRUTH)[0]


def test_a_bus_without_minutes_or_with_none_of_the_beginning_is_found() -> None:
    assert checks.bars_are_the_markets([], TRUTH)[0] == (
        "the minutes on the bus are none, and the market's began at 1"
    )
    assert checks.bars_are_the_markets(SOUND[1:], TRUTH) == [
        "the minutes on the bus begin at 4, and the market's began at 1"
    ]
