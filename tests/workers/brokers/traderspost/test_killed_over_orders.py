"""Processes that are killed over an order to TradersPost, and those that share a book with them."""

import threading
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler
from itertools import chain, repeat
from pathlib import Path

import pytest

from portfold.workers.brokers.orders_book import now_ms
from portfold.workers.brokers.protocol import (
    BrokerError,
    NotOpen,
    OrderUnknown,
)
from tests.processes import ChildProcess
from tests.waiting import until
from tests.workers.brokers.desk import Desk, locked
from tests.workers.brokers.traderspost.orders import PRICE, leg
from tests.workers.brokers.traderspost.webhook_server import takes

CHILD = "tests.workers.brokers.traderspost.traderspost_child"


def test_of_two_who_close_the_same_contracts_one_does(desk: Desk) -> None:
    owner, flattener = desk.broker(timeout=10), desk.broker("flattener")
    owner.enter("CL", "long", 1, PRICE)
    desk.server.came.acquire()
    go = threading.Event()
    desk.server.behaves(lambda request: (go.wait(10), takes(request))[1])
    thread = threading.Thread(target=owner.exit, args=("CL", "long", 1, PRICE))
    thread.start()
    assert desk.server.came.acquire(timeout=10)
    with pytest.raises(BrokerError, match=r"An order on CL is being sent: .*; try again"):
        flattener.exit("CL", "long", 1, None, owner="ibs-CL")
    go.set()
    thread.join(10)
    with pytest.raises(NotOpen):
        flattener.exit("CL", "long", 1, None, owner="ibs-CL")
    assert [signal["action"] for signal in desk.server.signals] == ["buy", "exit"]


def test_a_clock_that_was_put_back_blocks_no_exit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, flattener = desk.broker(timeout=10), desk.broker("flattener")
    owner.enter("CL", "long", 1, PRICE)
    now, sent, go = now_ms(), threading.Event(), threading.Event()

    def hangs(request: BaseHTTPRequestHandler) -> None:
        sent.set()
        go.wait(10)
        takes(request)

    desk.server.behaves(hangs)

    def close() -> None:
        with pytest.raises(BrokerError, match="settled it meanwhile"):
            owner.exit("CL", "long", 1, PRICE)

    thread = threading.Thread(target=close)
    thread.start()
    assert sent.wait(10)
    monkeypatch.setattr("portfold.workers.brokers.traderspost.broker.now_ms", lambda: now - 3_600_000)
    desk.server.behaves(takes)
    flattener.exit("CL", "long", 1, None, owner="ibs-CL")
    assert flattener.positions() == []
    go.set()
    thread.join(10)


def test_an_exit_that_the_machine_slept_over_is_not_sent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else may have closed it meanwhile, and a third have entered: the account nets them."""
    broker = desk.broker()
    broker.enter("CL", "long", 1, PRICE)
    written = now_ms()
    clock = chain([written], repeat(written + 600_000))
    monkeypatch.setattr("portfold.workers.brokers.traderspost.broker.now_ms", lambda: next(clock))
    with pytest.raises(BrokerError, match="was not sent"):
        broker.exit("CL", "long", 1, PRICE)
    assert [signal["action"] for signal in desk.server.signals] == ["buy"]
    monkeypatch.setattr("portfold.workers.brokers.traderspost.broker.now_ms", now_ms)
    broker.exit("CL", "long", 1, PRICE)
    assert broker.positions() == []


@pytest.mark.parametrize("does", ["enter", "exit"])
def test_killed_in_the_middle_of_an_order_nothing_is_sent_twice(
    desk: Desk, tmp_path: Path, does: str
) -> None:
    if does == "exit":
        desk.broker().enter("CL", "long", 1, PRICE)
        desk.server.came.acquire()
    desk.server.behaves(desk.server.hangs)
    words = [desk.server.url, str(desk.book), does]
    child = ChildProcess(CHILD, *words, folder=tmp_path, name="child")
    try:
        assert desk.server.came.acquire(timeout=20)
        child.kill()
    finally:
        child.end()
    sent = len(desk.server.signals)

    again = desk.broker()
    (order,) = again.unsettled()
    assert (order.state, order.does, order.said) == ("unknown", does, "The process that sent it died")
    assert again.positions() == [leg(1, "71.26")]
    with pytest.raises(BrokerError, match="No entry on CL while nobody knows"):
        again.enter("CL", "long", 1, PRICE)
    assert len(desk.server.signals) == sent
    with pytest.raises(OrderUnknown) if does == "enter" else nullcontext():
        again.exit("CL", "long", 1, PRICE)
    assert again.positions() == ([leg(1, "71.26")] if does == "enter" else [])


def test_what_a_dead_worker_was_sending_the_flattener_closes_once_it_can_have_been_sent(
    desk: Desk, tmp_path: Path
) -> None:
    desk.server.behaves(desk.server.hangs)
    words = [desk.server.url, str(desk.book), "enter"]
    child = ChildProcess(CHILD, *words, folder=tmp_path, name="child")
    try:
        assert desk.server.came.acquire(timeout=20)
        child.kill()
    finally:
        child.end()
    hasty, patient = desk.broker("flattener"), desk.broker("flattener-2", timeout=1, send_seconds=2)
    assert hasty.positions("ibs-CL") == [leg(1, "71.26")]
    with pytest.raises(BrokerError, match="is being sent"):
        hasty.exit("CL", "long", 1, None, owner="ibs-CL")
    desk.server.behaves(desk.server.hangs)

    def is_sent() -> bool:
        with pytest.raises(BrokerError) as told:
            patient.exit("CL", "long", 1, None, owner="ibs-CL")
        return told.type is OrderUnknown

    until(is_sent, "the time to be over in which it can have been sent")
    assert desk.server.came.acquire(timeout=20)
    with pytest.raises(OrderUnknown, match="which proves nothing"):
        patient.exit("CL", "long", 1, None, owner="ibs-CL")
    assert hasty.positions() == [leg(1, "71.26")]


def test_whether_an_entry_may_be_sent_is_asked_with_the_book_free(desk: Desk) -> None:
    def others_can_write() -> bool:
        with locked(desk.book):
            return True

    broker = desk.broker()
    broker.enter("CL", "long", 1, PRICE, may_send=others_can_write)
    assert broker.positions() == [leg(1, "71.26")]
