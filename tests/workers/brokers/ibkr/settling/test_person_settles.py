"""Orders at Interactive Brokers of which it says no more, settled by a person who has looked there."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from portfold.cli.exits import OK
from portfold.workers.brokers.ibkr.settling.reconciliation import LiveReconciliation
from portfold.workers.brokers.orders_book import now_ms
from portfold.workers.brokers.protocol import BrokerError, OrderUnknown
from portfold.workers.brokers.settlement import Settlement
from tests.cli.command_line import called
from tests.coordinator.story import limits
from tests.live import Live
from tests.processes import config_folder, coordinating
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.brokers.ibkr.tws_desk import CONTRACTS, PRICE, SHORT, Desk, only

LATER_MS = 600_000


class Person:
    """Settles in the desk's book, ten minutes later; what is published is kept, unless it fails."""

    def __init__(self, desk: Desk) -> None:
        self.published: list[Settlement] = []
        self.fails = False
        self.books = LiveReconciliation(desk.book, CONTRACTS, self._publish, lambda: now_ms() + LATER_MS)

    def _publish(self, settlement: Settlement) -> None:
        if self.fails:
            raise BrokerError("the bus is away")
        self.published.append(settlement)

    def said(self) -> list[tuple[int, Decimal, Decimal]]:
        return [(each.size, each.price, each.pnl) for each in self.published]


@pytest.fixture
def person(desk: Desk) -> Iterator[Person]:
    made = Person(desk)
    yield made
    made.books.close()


def left_unknown(desk: Desk, act: Callable[[], object], *, arrives: bool = True) -> str:
    """The order that `act` sends and of which nothing is heard, also not by its process, which then ends."""
    (broker,) = desk.opened()
    desk.gateway.misbehaviour.silent = True
    desk.gateway.misbehaviour.orders = "taken" if arrives else "swallowed"
    with pytest.raises(OrderUnknown):
        act()
    reference = only(broker.open_orders()).reference
    desk.end(broker)
    desk.gateway.misbehaviour.silent, desk.gateway.misbehaviour.orders = False, "taken"
    return reference


def entry(desk: Desk, *, arrives: bool = True) -> str:
    broker = desk.broker(waits=SHORT)
    broker.check_contract("ES")
    return left_unknown(desk, lambda: broker.enter("ES", "long", 2, PRICE), arrives=arrives)


def exit_(desk: Desk, *, arrives: bool = True) -> str:
    broker = desk.holding(2)
    return left_unknown(desk, lambda: broker.exit("ES", "long", 2, None), arrives=arrives)


def test_an_entry_that_was_filled_is_in_book_and_log_once(desk: Desk, person: Person) -> None:
    order = entry(desk)
    assert [line.split(" (")[0] for line in person.books.in_words()] == [order]
    person.books.filled(order, Decimal(5001))
    assert person.said() == [(2, Decimal(5001), Decimal(0))]
    assert person.books.filled(order, Decimal(5002)) is None
    assert person.books.not_filled(order) is None
    assert (person.books.in_words(), len(person.published)) == ([], 1)


def test_an_entry_that_was_not_filled_blocks_no_other_any_more(desk: Desk, person: Person) -> None:
    order = entry(desk, arrives=False)
    person.books.not_filled(order)
    assert person.said() == [(0, Decimal(0), Decimal(0))]
    assert desk.broker().enter("ES", "long", 1, PRICE).size == 1


def test_a_price_is_needed_and_an_order_that_is_there_and_time_to_hear_of_it(
    desk: Desk, person: Person
) -> None:
    order = entry(desk)
    with pytest.raises(BrokerError, match="expected --price, as nobody has told"):
        person.books.filled(order, None)
    with pytest.raises(BrokerError, match="There is no order 'pf-1' in the book"):
        person.books.not_filled("pf-1")
    young = LiveReconciliation(desk.book, CONTRACTS, lambda _: None)
    with pytest.raises(BrokerError, match="may still be heard of; try again in a few minutes"):
        young.not_filled(order)
    young.close()
    assert len(person.books.in_words()) == 1


def test_an_exit_that_was_filled_is_settled_with_what_it_made_and_reported_by_nobody_else(
    desk: Desk, person: Person
) -> None:
    order = exit_(desk)
    person.books.filled(order, Decimal(5010))
    # 2 contracts, 10 points of $50, 2.25 in and the 2.50 of contracts.json out
    assert person.said() == [(0, Decimal(0), Decimal("990.50"))]
    again = desk.broker()
    assert (again.positions(), again.unreported_exits(), again.open_orders()) == ([], [], [])


def test_an_exit_that_was_not_filled_changes_nothing_on_the_log(desk: Desk, person: Person) -> None:
    order = exit_(desk, arrives=False)
    settled = person.books.not_filled(order)
    assert settled is not None
    assert (settled.published, person.published) == (False, [])


def test_what_could_not_be_published_is_published_when_it_is_settled_again(
    desk: Desk, person: Person
) -> None:
    order = entry(desk)
    person.fails = True
    with pytest.raises(BrokerError, match="the bus is away"):
        person.books.filled(order, Decimal(5001))
    assert person.books.in_words()[0].endswith("but not on the log: give --filled again.")
    person.fails = False
    person.books.filled(order, Decimal(5001))
    assert person.said() == [(2, Decimal(5001), Decimal(0))]
    assert person.books.in_words() == []


@pytest.mark.parametrize("filled", [True, False])
def test_what_the_broker_tells_after_all_is_not_counted_twice_and_said_where_it_is_news(
    desk: Desk,
    person: Person,
    filled: bool,  # noqa: FBT001
) -> None:
    broker = desk.broker(waits=SHORT)
    desk.gateway.misbehaviour.orders, desk.gateway.misbehaviour.lists = "unanswered", "swallowed"
    with pytest.raises(OrderUnknown):
        broker.enter("ES", "long", 2, PRICE)
    order = only(broker.open_orders()).reference
    desk.end(broker)
    person.books.filled(order, PRICE) if filled else person.books.not_filled(order)
    desk.gateway.misbehaviour.orders, desk.gateway.misbehaviour.lists = "taken", "answered"
    again = desk.broker()
    assert [held.size for held in again.positions()] == ([2] if filled else [])
    until(lambda: ("EXECUTED AND IN NO LEG" in desk.said()) is not filled, "the news")


def test_a_stop_that_was_filled_while_nobody_was_there_for_days_is_settled(
    desk: Desk, person: Person
) -> None:
    broker = desk.broker()
    broker.enter("ES", "long", 1, PRICE, stop_distance=Decimal(5))
    until(lambda: any(each.rests for each in broker.open_orders()), "the stop")
    stop = only(broker.open_orders()).reference
    desk.end(broker)
    assert person.books.in_words() == []
    with pytest.raises(
        BrokerError, match="rests at Interactive Brokers, as far as is known: cancel it there"
    ):
        person.books.not_filled(stop)
    desk.exchange.trade("ESZ5", "4990")
    desk.exchange.begin_day()
    again = desk.broker()
    assert [held.size for held in again.positions()] == [1], "its lists say nothing of it any more"
    desk.end(again)
    person.books.filled(stop, Decimal(4990))
    assert person.said() == [(0, Decimal(0), Decimal(-500) - Decimal("4.75"))]
    assert desk.broker().positions() == []


def test_the_command_lists_and_settles_it(
    desk: Desk, live: Live, server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.brokers.ibkr.settling.reconciliation._SENDING_MS", 0)
    order = entry(desk)
    config = config_folder(
        tmp_path / "config", runtime={"broker": {"kind": "ibkr", "options": {"port": desk.gateway.port}}}
    )
    where = ["--url", server.url, "--portfolio", live.keys.name, "--book", str(desk.book)]
    where += ["--config", str(config)]
    with coordinating(server.url, live.keys.name):
        live.hears(limits())
        live.starts("ibs-ES", symbols="ES", positions="ES:long:2:5000")
        listed = called("reconcile", *where, cwd=tmp_path)
        assert listed.code == OK, listed.err
        assert listed.out.startswith(f"{order} (enter long 2 ESZ2025 of ibs-ES) unknown")
        by = ("--by", "ann", "--reason", "seen")
        done = called("reconcile", order, "--not-filled", *by, *where, cwd=tmp_path)
        assert done.code == OK, done.err
        live.all_decided()
    (settled,) = live.said("PositionSettled")
    assert (settled["symbol"], settled["worker"], settled["size"]) == ("ES", "ibs-ES", "0")
