"""A book of TradersPost orders that cannot be written: no order goes out that it would not hold."""

import sqlite3
import time
from http.server import BaseHTTPRequestHandler

import pytest

from portfold.workers.brokers.protocol import (
    BrokerError,
    NotOpen,
    OrderUnknown,
)
from tests.workers.brokers.desk import Desk, locked
from tests.workers.brokers.traderspost.orders import PRICE, leg, quantities, two_owners, unknown_entry
from tests.workers.brokers.traderspost.webhook_server import (
    fails,
    takes,
)


def test_an_exit_is_sent_while_the_book_is_locked_and_noted_afterwards(desk: Desk) -> None:
    broker = desk.broker()
    broker.enter("CL", "long", 1, PRICE)
    with locked(desk.book) as unlock:

        def take(request: BaseHTTPRequestHandler) -> None:
            unlock()
            takes(request)

        desk.server.behaves(take)
        assert broker.positions() == [leg(1, "71.26")]
        out = broker.exit("CL", "long", 1, None).fills[0]
    assert [signal["action"] for signal in desk.server.signals] == ["buy", "exit"]
    assert (broker.positions(), broker.unreported_exits(), broker.unsettled()) == ([], [out], [])


def test_an_exit_that_cannot_be_noted_is_sent_again_and_counts_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.brokers.traderspost.broker._PATIENCE_SECONDS", 0.2)
    broker = desk.broker()
    broker.enter("CL", "long", 1, PRICE)
    with locked(desk.book):
        for _ in range(2):
            with pytest.raises(OrderUnknown, match="was taken, and could not be noted"):
                broker.exit("CL", "long", 1, None)
        with pytest.raises(BrokerError, match="was locked by another process"):
            broker.enter("ES", "long", 1, PRICE)
    assert [signal["action"] for signal in desk.server.signals] == ["buy", "exit", "exit"]
    out = broker.exit("CL", "long", 1, None).fills[0]
    assert (broker.positions(), broker.unreported_exits(), broker.unsettled()) == ([], [out], [])


def test_an_exit_with_a_quantity_that_was_taken_and_not_noted_is_not_sent_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.workers.brokers.traderspost.broker._PATIENCE_SECONDS", 0.2)
    mine, theirs = two_owners(desk)
    with locked(desk.book):
        with pytest.raises(OrderUnknown, match="was taken, and could not be noted"):
            mine.exit("CL", "long", 1, None)
        with pytest.raises(OrderUnknown, match="No second exit of mine on CL"):
            mine.exit("CL", "long", 1, None)
    out = mine.exit("CL", "long", 1, None).fills[0]
    assert quantities(desk) == [1]
    assert (out.fill_id, out.size) == (desk.server.signals[0]["extras"]["order"], 1)
    assert mine.positions() == [leg(1, "71.26", "theirs")]
    with pytest.raises(NotOpen):
        mine.exit("CL", "long", 1, None)
    theirs.exit("CL", "long", 1, None)
    assert quantities(desk) == [1, None]


def test_an_exit_with_a_quantity_that_is_unknown_and_not_noted_is_noted_and_not_sent_again(
    desk: Desk,
) -> None:
    mine, _ = two_owners(desk)
    with locked(desk.book):
        desk.server.behaves(fails(502))
        with pytest.raises(BrokerError, match="That could not be noted"):
            mine.exit("CL", "long", 1, None)
    assert mine.unsettled() == []
    with pytest.raises(OrderUnknown, match="No second exit of mine on CL"):
        mine.exit("CL", "long", 1, None)
    assert [(order.does, order.state) for order in mine.unsettled()] == [("exit", "unknown")]
    assert quantities(desk) == [1]


def test_no_exit_waits_for_the_one_before_to_be_noted(desk: Desk) -> None:
    broker = desk.broker()
    symbols = ["CL", "ES", "GC"]
    for symbol in symbols:
        broker.enter(symbol, "long", 1, PRICE)
    desk.server.signals.clear()
    with locked(desk.book):
        begun = time.monotonic()
        with pytest.raises(OrderUnknown, match="was taken, and could not be noted"):
            broker.flatten()
        assert time.monotonic() - begun < 4, "each waited for the book as long as an entry does"
        assert len(desk.server.signals) == len(symbols)
    assert [out.symbol for out in broker.flatten()] == symbols
    assert len(desk.server.signals) == len(symbols)
    assert broker.positions() == []


def test_a_worker_starts_while_the_book_is_locked(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portfold.workers.brokers.traderspost.broker._PATIENCE_SECONDS", 0.2)
    unknown_entry(desk.broker(), desk)
    with sqlite3.connect(desk.book) as file:
        file.execute("UPDATE orders SET state = 'sending'")
    file.close()
    with locked(desk.book):
        assert desk.broker().positions() == [leg(1, "71.26")]
    assert [order.state for order in desk.broker().unsettled()] == ["unknown"]
