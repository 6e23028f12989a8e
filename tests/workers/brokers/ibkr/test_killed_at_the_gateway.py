"""Processes that are killed over orders at Interactive Brokers: the next life knows what became of them."""

from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from portfold.workers.brokers.ibkr.order_life import begin
from portfold.workers.brokers.ibkr.order_records import OrderRecords, open_records
from portfold.workers.brokers.orders_book import now_ms
from portfold.workers.brokers.protocol import BrokerError, OrderUnknown
from tests.fakes.tws.gateway import Gateway
from tests.processes import ChildProcess
from tests.waiting import until
from tests.workers.brokers.ibkr.tws_desk import PRICE, SHORT, Desk

CHILD = "tests.workers.brokers.ibkr.ibkr_child"


def killed(desk: Desk, folder: Path, *, orders: int, stops: tuple[str, ...] = ()) -> None:
    """Starts the child, and kills it as soon as that many more orders have reached the exchange."""
    wanted = desk.sent() + orders
    child = ChildProcess(CHILD, str(desk.gateway.port), str(desk.book), *stops, folder=folder, name="child")
    try:
        until(lambda: desk.sent() >= wanted, f"{wanted} orders")
        child.kill()
    finally:
        child.end()
    until(lambda: desk.gateway.clients() == [], "the end of its connection")


def agree(desk: Desk) -> None:
    """Checks that books and account agree, to the cent, and that no order went out twice."""
    broker = desk.broker()
    until(lambda: not broker.open_orders(), "the end of all orders")
    assert sum(held.size for held in broker.positions()) == desk.exchange.size("ESZ5")
    made = [
        (fill.price - fill.entry_price) * fill.size * 50 - fill.total_commission
        for fill in broker.unreported_exits()
    ]
    paid = sum((held.commission_paid for held in broker.positions()), Decimal(0))
    assert desk.exchange.equity() == 100_000 + sum(made) - paid
    references = [order.reference for order in desk.exchange.orders]
    assert len(set(references)) == len(references)
    desk.end(broker)


def test_killed_again_and_again_books_and_account_agree_to_the_cent(desk: Desk, tmp_path: Path) -> None:
    for orders in (1, 2, 3, 4):
        killed(desk, tmp_path, orders=orders)
        agree(desk)


@pytest.mark.parametrize("orders", range(1, 6))
def test_killed_beside_its_stop_the_next_life_has_one_for_what_it_holds_and_none_for_nothing(
    desk: Desk, tmp_path: Path, orders: int
) -> None:
    killed(desk, tmp_path, orders=orders, stops=("5",))
    broker = desk.broker()

    def as_it_should_be() -> bool:
        held = [one.size for one in broker.positions()]
        with desk.exchange.lock:
            resting = [(each.kind, each.size) for each in desk.exchange.working()]
        return resting == [("STP", size) for size in held] and sum(held) == desk.exchange.size("ESZ5")

    until(as_it_should_be, "a stop for what is held")
    desk.exchange.trade("ESZ5", "4000")
    until(lambda: not broker.positions(), "the end of what is held")
    assert (desk.exchange.size("ESZ5"), desk.exchange.working()) == (0, [])
    desk.end(broker)
    agree(desk)


@pytest.mark.parametrize(("fills", "held"), [("at once", 2), ("on order", 1)])
def test_killed_over_an_order_that_nobody_answers_what_it_got_is_kept_and_the_rest_cancelled(
    desk: Desk, tmp_path: Path, fills: Any, held: int
) -> None:
    desk.gateway.misbehaviour.orders = "unanswered"
    desk.exchange.fills = fills
    killed(desk, tmp_path, orders=1)
    desk.gateway.misbehaviour.orders, desk.exchange.fills = "taken", "at once"
    for order in desk.exchange.working():
        desk.exchange.fill(order.reference, 1)
    broker = desk.broker()
    until(lambda: not broker.open_orders(), "the end of the entry")
    assert [one.size for one in broker.positions()] == [held]
    desk.end(broker)
    agree(desk)


def test_a_flattener_closes_what_a_killed_worker_left(desk: Desk, tmp_path: Path) -> None:
    desk.exchange.fills = "on order"
    killed(desk, tmp_path, orders=1)
    desk.exchange.fill(desk.at_work())
    desk.exchange.fills = "at once"
    flattener = desk.broker("flattener")
    until(lambda: not flattener.open_orders(), "the end of the entry")
    (fill,) = flattener.flatten(owner="ibs-ES")
    assert (fill.owner, fill.size, desk.exchange.size("ESZ5")) == ("ibs-ES", 2, 0)


def test_a_flattener_reports_the_exit_that_a_worker_was_killed_over(desk: Desk, tmp_path: Path) -> None:
    desk.exchange.fills = "on order"
    child = ChildProcess(CHILD, str(desk.gateway.port), str(desk.book), folder=tmp_path, name="child")
    try:
        desk.exchange.fill(desk.at_work())
        until(lambda: desk.sent() == 2, "the exit")
        child.kill()
    finally:
        child.end()
    desk.exchange.fill(desk.at_work())
    (fill,) = desk.broker("flattener").flatten(owner="ibs-ES")
    assert (fill.owner, fill.size, desk.exchange.size("ESZ5"), desk.sent()) == ("ibs-ES", 2, 0, 2)


@pytest.mark.parametrize(("age_ms", "sent"), [(5_000, 1), (20_001, 2)])
def test_an_exit_that_a_killed_worker_wrote_down_is_taken_for_never_sent_once_it_may_not_be_any_more(
    desk: Desk, age_ms: int, sent: int
) -> None:
    worker = desk.broker()
    worker.enter("ES", "long", 2, PRICE)
    desk.end(worker)
    exit_written_down(desk, age_ms)
    flattener = desk.broker("flattener", waits=SHORT)
    if sent == 1:
        with pytest.raises(OrderUnknown):
            flattener.flatten(owner="ibs-ES")
    else:
        assert [fill.size for fill in flattener.flatten(owner="ibs-ES")] == [2]
    assert desk.sent() == sent


def exit_written_down(desk: Desk, age_ms: int) -> None:
    """Writes down an exit of what the worker holds, as if he had died before he could send it."""
    with closing(open_records(desk.book, 5.0)) as book, book.transaction() as entries:
        orders = OrderRecords(entries)
        (entered,) = orders.entries_of("ibs-ES", "ES")
        at_ms, life = now_ms() - age_ms, begin(entered.size)
        orders.write(replace(entered, reference="pf-unsent", at_ms=at_ms, does="exit", life=life, booked={}))


def test_a_book_stays_with_the_account_that_its_positions_are_in(desk: Desk) -> None:
    broker = desk.broker()
    broker.enter("ES", "long", 1, PRICE)
    desk.end(broker)
    with pytest.raises(BrokerError, match="holds what is open in account DU1234567, and DU7 is named"):
        desk.broker(account="DU7")
    desk.gateway.stop()
    other = type(desk.exchange)(accounts=["DU7"])
    desk.gateway = Gateway(other, port=desk.gateway.port)
    desk.gateway.start()
    with pytest.raises(BrokerError, match="Expected account DU1234567 at the gateway, which has DU7"):
        desk.broker(connect_seconds=1.0)
