"""TradersPost over a real HTTP server that does what servers do: no order is sent twice, or lost."""

import io
import logging
import socket
import sqlite3
import threading
import time
from contextlib import nullcontext
from datetime import date
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from portfold.config import ConfigError, load
from portfold.log import open_log
from portfold.workers.brokers import orders_book
from portfold.workers.brokers.orders_book import now_ms
from portfold.workers.brokers.protocol import (
    BrokerError,
    BrokerPosition,
    BrokerSetup,
    NotOpen,
    OrderUnknown,
    sends_within,
)
from portfold.workers.brokers.registry import is_paper, open_broker
from portfold.workers.brokers.traderspost.broker import TradersPost
from portfold.workers.brokers.traderspost.reconciliation import Reconciliation
from tests.processes import ChildProcess, config_folder
from tests.waiting import until
from tests.workers.brokers.desk import CONTRACTS, Desk, locked
from tests.workers.brokers.traderspost.webhook_server import (
    HIDDEN,
    PATH,
    Behaviour,
    Late,
    Receiver,
    answers,
    breaks_off,
    dribbles,
    fails,
    refuses,
    resets,
    slowly,
    takes,
    too_soon,
)

PRICE = Decimal("71.25")
CHILD = "tests.workers.brokers.traderspost.traderspost_child"


def leg(size: int, price: str, owner: str = "ibs-CL", side: Any = "long") -> BrokerPosition:
    return BrokerPosition(owner, "CL", side, size, Decimal(price), Decimal("2.50") * size)


def unknown_entry(broker: TradersPost, desk: Desk) -> None:
    desk.server.behaves(resets)
    with pytest.raises(OrderUnknown):
        broker.enter("CL", "long", 1, PRICE)


# --- taken -----------------------------------------------------------------------------------------------


def test_an_entry_is_sent_as_traderspost_documents_it(desk: Desk) -> None:
    fill = desk.broker().enter("CL", "long", 2, PRICE)
    (signal,) = desk.server.signals
    assert signal.pop("time").endswith("Z")
    assert signal == {
        "ticker": "CLZ2025",
        "action": "buy",
        "sentiment": "bullish",
        "orderType": "market",
        "quantityType": "fixed_quantity",
        "quantity": 2,
        "signalPrice": "71.25",
        "extras": {"order": fill.fill_id, "worker": "ibs-CL"},
    }


def test_a_short_entry_sells_bearish(desk: Desk) -> None:
    fill = desk.broker().enter("CL", "short", 1, PRICE)
    (signal,) = desk.server.signals
    assert (signal["action"], signal["sentiment"]) == ("sell", "bearish")
    assert fill.price == Decimal("71.24")


@pytest.mark.parametrize(("size", "quantity"), [(2, None), (1, 1)])
def test_an_exit_names_a_quantity_only_when_something_stays_open(
    desk: Desk, size: int, quantity: int | None
) -> None:
    broker = desk.broker()
    broker.enter("CL", "long", 2, PRICE)
    broker.exit("CL", "long", size, Decimal("72"))
    signal = desk.server.signals[-1]
    assert (signal["ticker"], signal["action"], signal.get("quantity")) == ("CLZ2025", "exit", quantity)
    assert "sentiment" not in signal


def test_what_was_taken_is_believed_filled_a_tick_worse(desk: Desk) -> None:
    broker = desk.broker()
    fill = broker.enter("CL", "long", 2, PRICE)
    assert (fill.price, fill.commission) == (Decimal("71.26"), Decimal("5.00"))
    assert broker.positions() == [leg(2, "71.26")]
    out = broker.exit("CL", "long", 2, Decimal("72.00"))
    assert (out.price, out.entry_price, out.total_commission) == (
        Decimal("71.99"),
        Decimal("71.26"),
        Decimal("10.00"),
    )
    assert broker.positions() == []
    assert broker.unreported_exits("ibs-CL") == [out]
    broker.confirm_reported(out.fill_id)
    assert broker.unreported_exits("ibs-CL") == []


def test_an_exit_without_a_price_is_believed_filled_at_the_last_mark(desk: Desk) -> None:
    broker = desk.broker()
    broker.enter("CL", "long", 1, PRICE)
    broker.mark("CL", Decimal("-37.63"))
    (out,) = broker.flatten()
    assert out.price == Decimal("-37.64")


def test_a_position_is_closed_in_the_contract_it_was_opened_in(desk: Desk) -> None:
    desk.broker(today=date(2025, 11, 14)).enter("CL", "long", 1, PRICE)
    desk.broker(today=date(2025, 11, 15)).exit("CL", "long", 1, PRICE)
    desk.broker(today=date(2025, 11, 15)).enter("CL", "long", 1, PRICE)
    assert [signal["ticker"] for signal in desk.server.signals] == ["CLZ2025", "CLZ2025", "CLF2026"]


def test_a_position_is_closed_in_its_contract_however_many_orders_came_since(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orders_book, "SETTLED_KEPT", 3)
    desk.broker(today=date(2025, 11, 14)).enter("CL", "long", 1, PRICE)
    other = desk.broker("ibs-GC", names={"GC": "GCZ2025"})
    for _ in range(4):
        other.enter("GC", "long", 1, Decimal(2000))
        other.exit("GC", "long", 1, Decimal(2000))
    desk.broker(today=date(2025, 11, 15)).exit("CL", "long", 1, PRICE)
    assert desk.server.signals[-1]["ticker"] == "CLZ2025"


def test_an_account_nets_so_nobody_enters_against_another_owner(desk: Desk) -> None:
    desk.broker().enter("CL", "long", 1, PRICE)
    with pytest.raises(BrokerError, match="ibs-CL is long 1 CL and must close that before going short"):
        desk.broker("by-hand").enter("CL", "short", 1, PRICE)
    assert len(desk.server.signals) == 1


def test_an_exit_closes_nothing_of_another_owner_in_the_same_contract(desk: Desk) -> None:
    desk.broker().enter("CL", "long", 1, PRICE)
    desk.broker("by-hand").enter("CL", "long", 2, PRICE)
    desk.broker().exit("CL", "long", 1, PRICE)
    assert desk.server.signals[-1]["quantity"] == 1
    desk.broker("by-hand").exit("CL", "long", 2, PRICE)
    assert "quantity" not in desk.server.signals[-1], "now nobody else holds any"


def test_a_contract_named_in_the_configuration_goes_before_the_rules(desk: Desk) -> None:
    desk.broker(names={"CL": "MCLZ2025"}).enter("CL", "long", 1, PRICE)
    assert desk.server.signals[0]["ticker"] == "MCLZ2025"


# --- not taken -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (refuses(), "HTTP 400: invalid-payload: The payload is invalid."),
        (refuses(401, "invalid-password", "No"), "HTTP 401: invalid-password: No"),
        (refuses(429, "rate-limit", "Too many"), "HTTP 429: rate-limit: Too many"),
        (refuses(200), "HTTP 200: invalid-payload: The payload is invalid."),
        (answers(302, b""), "HTTP 302"),
        (answers(404, b"<html>" + b"x" * 100_000), "HTTP 404"),
    ],
)
def test_what_is_refused_is_final(desk: Desk, behaviour: Behaviour, words: str) -> None:
    desk.server.behaves(behaviour)
    broker = desk.broker()
    with pytest.raises(BrokerError, match=rf"TradersPost refused order .*: {words}$") as refused:
        broker.enter("CL", "long", 1, PRICE)
    assert not isinstance(refused.value, OrderUnknown)
    assert len(desk.server.signals) == 1
    assert broker.positions() == []
    assert broker.unsettled() == []
    broker.enter("CL", "long", 1, PRICE)  # the symbol is free


def test_a_broker_that_is_down_is_tried_within_bounds_and_loses_nothing(desk: Desk) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}{PATH}"
        down, up = desk.broker(url=url), desk.broker()
        with pytest.raises(BrokerError, match=r"No connection came about\. It is given up"):
            down.enter("CL", "long", 1, PRICE)
        up.enter("CL", "long", 1, PRICE)
        with pytest.raises(BrokerError, match="No connection came about"):
            down.exit("CL", "long", 1, PRICE)
        assert down.positions() == [leg(1, "71.26")]  # still open, and can still be closed
        up.exit("CL", "long", 1, PRICE)


def test_an_exit_that_comes_too_soon_is_sent_again_and_an_entry_is_not(desk: Desk) -> None:
    broker = desk.broker()
    broker.enter("CL", "long", 1, PRICE)
    desk.server.behaves(too_soon(), too_soon(), takes, too_soon())
    broker.exit("CL", "long", 1, PRICE)
    with pytest.raises(BrokerError, match=r"TradersPost refused order .* HTTP 429"):
        broker.enter("CL", "long", 1, PRICE)
    assert [signal["action"] for signal in desk.server.signals] == ["buy", "exit", "exit", "exit", "buy"]
    assert broker.positions() == []


def test_an_exit_that_always_comes_too_soon_is_refused_and_can_be_ordered_again(desk: Desk) -> None:
    broker = desk.broker()
    broker.enter("CL", "long", 1, PRICE)
    desk.server.behaves(*[too_soon()] * 4)
    with pytest.raises(BrokerError, match=r"TradersPost refused order .* HTTP 429"):
        broker.exit("CL", "long", 1, PRICE)
    assert len(desk.server.signals) == 5
    assert broker.positions() == [leg(1, "71.26")]
    broker.exit("CL", "long", 1, PRICE)


# --- nobody knows ----------------------------------------------------------------------------------------


UNKNOWN = [
    pytest.param(None, "No answer within 1 s", id="hangs"),
    pytest.param(resets, "The connection broke before there was an answer", id="resets"),
    pytest.param(breaks_off, "No answer could be read: ProtocolError", id="breaks off"),
    pytest.param(dribbles(0.2), "No answer within 1 s", id="dribbles"),
    *[pytest.param(fails(status), f"HTTP {status}", id=str(status)) for status in (500, 502, 503, 504, 520)],
    pytest.param(answers(200, b'{"status": "queued"}'), "neither a yes nor a no", id="no-word"),
    pytest.param(
        answers(200, b"<html>Log in to the hotel's network</html>"), "but no JSON object", id="html"
    ),
]


@pytest.mark.parametrize(("behaviour", "words"), UNKNOWN)
def test_what_nobody_knows_is_not_sent_again_and_counts_as_open(
    desk: Desk, behaviour: Behaviour | None, words: str
) -> None:
    desk.server.behaves(behaviour or desk.server.hangs)
    broker = desk.broker(timeout=1)
    with pytest.raises(
        OrderUnknown, match=rf"Nobody knows what became of order .*{words}.* portfold reconcile"
    ):
        broker.enter("CL", "long", 1, PRICE)
    until(lambda: len(desk.server.signals) == 1, "the one request")
    (order,) = broker.unsettled()
    assert (order.state, order.symbol, order.contract) == ("unknown", "CL", "CLZ2025")
    assert broker.positions("ibs-CL") == [leg(1, "71.26")]


def test_while_an_order_is_unknown_entries_on_its_symbol_are_refused_and_others_are_not(desk: Desk) -> None:
    desk.server.behaves(desk.server.hangs)
    broker, other = desk.broker(timeout=1), desk.broker("ibs-CL-2")
    with pytest.raises(OrderUnknown):
        broker.enter("CL", "long", 1, PRICE)
    for each in (broker, other):
        with pytest.raises(BrokerError, match=r"No entry on CL while nobody knows what became of order"):
            each.enter("CL", "long", 1, PRICE)
    until(lambda: len(desk.server.signals) == 1, "the one request")
    broker.enter("ES", "long", 1, Decimal(5000))


def test_an_exit_stays_possible_and_proves_nothing_of_an_unknown_entry(desk: Desk) -> None:
    broker = desk.broker(timeout=1)
    unknown_entry(broker, desk)
    for _ in range(2):
        with pytest.raises(
            OrderUnknown, match="which proves nothing: the entry that it is to close is unknown"
        ):
            broker.exit("CL", "long", 1, Decimal("70.00"))
        assert desk.server.signals[-1]["action"] == "exit"
        assert "quantity" not in desk.server.signals[-1]
    assert broker.positions() == [leg(1, "71.26")]
    assert broker.unreported_exits() == []
    assert [(order.does, order.state) for order in broker.unsettled()] == [("enter", "unknown")]
    with pytest.raises(BrokerError, match="No entry on CL while nobody knows"):
        broker.enter("CL", "long", 1, PRICE)  # it may still come, late


def test_an_exit_closes_what_is_surely_open_and_leaves_what_is_not(desk: Desk) -> None:
    broker = desk.broker(timeout=1)
    broker.enter("CL", "long", 2, PRICE)
    unknown_entry(broker, desk)
    out = broker.exit("CL", "long", 3, Decimal("70.00"))
    assert (out.size, out.entry_price, out.total_commission) == (2, Decimal("71.26"), Decimal("10.00"))
    assert broker.unreported_exits() == [out]
    assert broker.positions() == [leg(1, "71.26")]


def test_an_entry_that_was_taken_after_all_is_closed_by_the_next_exit(desk: Desk) -> None:
    broker = desk.broker(timeout=0.5)
    desk.server.behaves(late := Late(takes))
    with pytest.raises(OrderUnknown):
        broker.enter("CL", "long", 1, PRICE)
    late.go.set()
    until(lambda: not broker.unsettled(), "the late answer")
    assert broker.positions() == [leg(1, "71.26")]
    out = broker.exit("CL", "long", 1, Decimal("70.00"))
    assert (out.entry_price, out.price) == (Decimal("71.26"), Decimal("69.99"))
    assert broker.positions() == []


def test_an_exit_that_was_sent_before_a_late_answer_closes_nothing_for_sure(desk: Desk) -> None:
    broker = desk.broker(timeout=1)
    desk.server.behaves(late := Late(takes))
    with pytest.raises(OrderUnknown):
        broker.enter("CL", "long", 1, PRICE)

    def answer_the_entry_first(request: Any) -> None:
        late.go.set()
        until(lambda: not broker.unsettled() or broker.unsettled()[0].does == "exit", "the late answer")
        takes(request)

    desk.server.behaves(answer_the_entry_first)
    broker = desk.broker("flattener", timeout=30)
    with pytest.raises(OrderUnknown, match="which proves nothing"):
        broker.exit("CL", "long", 1, Decimal("70.00"), owner="ibs-CL")
    assert broker.positions() == [leg(1, "71.26")]


def test_a_late_no_is_told_to_whoever_looks(desk: Desk) -> None:
    broker = desk.broker(timeout=0.5)
    desk.server.behaves(late := Late(refuses()))
    with pytest.raises(OrderUnknown):
        broker.enter("CL", "long", 1, PRICE)
    late.go.set()
    until(lambda: "answered late, refused: HTTP 400" in broker.unsettled()[0].said, "the late answer")
    assert broker.positions() == [leg(1, "71.26")]  # and the log counts it, until somebody has settled it


def test_an_exit_nobody_knows_of_leaves_the_position_open_and_can_be_ordered_again(desk: Desk) -> None:
    broker = desk.broker(timeout=1)
    broker.enter("CL", "long", 1, PRICE)
    desk.server.behaves(desk.server.hangs)
    with pytest.raises(OrderUnknown):
        broker.exit("CL", "long", 1, Decimal("70.00"))
    assert broker.positions() == [leg(1, "71.26")]
    assert broker.unreported_exits() == []
    broker.exit("CL", "long", 1, Decimal("70.00"))
    assert broker.positions() == []
    assert [order.state for order in broker.unsettled()] == ["flattened"]


def two_owners(desk: Desk) -> tuple[TradersPost, TradersPost]:
    """Each long one of the same contract; of the account's two nobody may close both."""
    mine, theirs = desk.broker("mine"), desk.broker("theirs")
    for broker in (mine, theirs):
        broker.enter("CL", "long", 1, PRICE)
    desk.server.signals.clear()
    return mine, theirs


def quantities(desk: Desk) -> list[int | None]:
    """What each exit names; None closes all."""
    return [signal.get("quantity") for signal in desk.server.signals]


def unknown_exit(broker: TradersPost, desk: Desk) -> None:
    desk.server.behaves(fails(502))
    with pytest.raises(OrderUnknown, match="Nobody knows what became of order"):
        broker.exit("CL", "long", 1, None)


def test_an_exit_with_a_quantity_is_not_sent_twice_while_another_owner_holds_the_contract(desk: Desk) -> None:
    mine, theirs = two_owners(desk)
    unknown_exit(mine, desk)
    (order,) = mine.unsettled()
    for broker in (mine, desk.broker("flattener")):
        with pytest.raises(OrderUnknown, match=f"No second exit of mine on CL, .* reconcile {order.id}"):
            broker.exit("CL", "long", 1, None, owner="mine")
    assert quantities(desk) == [1]
    theirs.exit("CL", "long", 1, None)
    mine.exit("CL", "long", 1, None)
    assert quantities(desk) == [1, None, None]
    assert mine.positions() == []


def test_an_exit_with_a_quantity_goes_again_once_a_person_has_looked(desk: Desk) -> None:
    mine, _ = two_owners(desk)
    unknown_exit(mine, desk)
    reconciliation = Reconciliation(desk.book, CONTRACTS, lambda _: None)
    reconciliation.not_filled(mine.unsettled()[0].id)
    reconciliation.close()
    mine.exit("CL", "long", 1, None)
    assert quantities(desk) == [1, 1]
    assert mine.positions() == [leg(1, "71.26", "theirs")]


def test_where_all_who_hold_the_contract_leave_their_exits_go_on(desk: Desk) -> None:
    mine, theirs = two_owners(desk)
    for broker in (mine, theirs):
        unknown_exit(broker, desk)
    for broker in (mine, theirs):
        broker.exit("CL", "long", 1, None)
    assert quantities(desk) == [1, None, None, None]
    assert mine.positions() == []
    assert [order.state for order in mine.unsettled()] == ["flattened", "flattened"]


def test_a_slow_broker_is_waited_for(desk: Desk) -> None:
    desk.server.behaves(slowly(0.4))
    broker = desk.broker(timeout=10)
    broker.enter("CL", "long", 1, PRICE)
    assert broker.positions() == [leg(1, "71.26")]
    assert len(desk.server.signals) == 1


def test_flatten_closes_what_it_can_and_raises_for_the_rest(desk: Desk) -> None:
    broker = desk.broker(timeout=1)
    broker.enter("CL", "long", 1, PRICE)
    broker.enter("ES", "short", 1, Decimal(5000))
    desk.server.behaves(desk.server.hangs)
    with pytest.raises(OrderUnknown):
        broker.flatten()
    assert [held.symbol for held in broker.positions()] == ["CL"]
    assert [fill.symbol for fill in broker.unreported_exits()] == ["ES"]


# --- processes -------------------------------------------------------------------------------------------


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
    child = ChildProcess(
        "tests.workers.brokers.traderspost.traderspost_child", *words, folder=tmp_path, name="child"
    )
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
    child = ChildProcess(
        "tests.workers.brokers.traderspost.traderspost_child", *words, folder=tmp_path, name="child"
    )
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


# --- a book that cannot be written -----------------------------------------------------------------------


def test_an_exit_is_sent_while_the_book_is_locked_and_noted_afterwards(desk: Desk) -> None:
    broker = desk.broker()
    broker.enter("CL", "long", 1, PRICE)
    with locked(desk.book) as unlock:

        def take(request: BaseHTTPRequestHandler) -> None:
            unlock()
            takes(request)

        desk.server.behaves(take)
        assert broker.positions() == [leg(1, "71.26")]
        out = broker.exit("CL", "long", 1, None)
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
    out = broker.exit("CL", "long", 1, None)
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
    out = mine.exit("CL", "long", 1, None)
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


# --- the secret, and the configuration -------------------------------------------------------------------


@pytest.mark.parametrize(
    "behaviour",
    [resets, breaks_off, fails(500), refuses(), answers(302, b"")],
    ids=["resets", "breaks off", "500", "400", "302"],
)
def test_the_address_is_in_no_error_and_no_log(
    desk: Desk, behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    desk.server.behaves(*[behaviour] * 4)
    with caplog.at_level(logging.DEBUG), pytest.raises(BrokerError) as told:
        desk.broker().enter("CL", "long", 1, PRICE)
    error: BaseException | None = told.value
    while error is not None:
        assert HIDDEN not in str(error) + repr(error)
        error = error.__cause__ or error.__context__
    assert HIDDEN not in caplog.text  # that it is in no line of ours is looked at after every test


def setup_of(folder: Path, options: object, environ: dict[str, str], **fields: object) -> BrokerSetup:
    runtime = {"broker": {"kind": "traderspost", "options": options}, **fields}
    configuration = load(str(config_folder(folder / "config", runtime=runtime)), {}, folder)
    log, _ = open_log("worker", target=io.StringIO())
    return BrokerSetup(configuration, "ibs-CL", folder / "book.sqlite", log, environ)


def test_the_configuration_opens_it_with_the_address_from_the_environment(
    tmp_path: Path, receiver: Receiver
) -> None:
    options = {"webhook_url_env": "TRADERSPOST_URL", "contracts": {"CL": "CLH2030"}}
    setup = setup_of(tmp_path, options, {"TRADERSPOST_URL": receiver.url})
    assert not is_paper(setup.configuration)
    broker = open_broker(setup)
    broker.enter("CL", "long", 1, PRICE)
    broker.close()
    assert receiver.signals[0]["ticker"] == "CLH2030"


@pytest.mark.parametrize(
    ("options", "environ", "sentence"),
    [
        ({}, {}, "broker.options.webhook_url_env: expected the name of an environment variable"),
        ({"webhook_url_env": "T"}, {}, "expected the environment variable T to be set, got nothing"),
        ({"webhook_url_env": "T"}, {"T": ""}, "expected the environment variable T to be set, got nothing"),
        (
            {"webhook_url_env": "T"},
            {"T": f"http://example.com/{HIDDEN}"},
            "expected the environment variable T to hold an address that begins with https://, got something",
        ),
        ({"webhook_url_env": f"https://example.com/{HIDDEN}"}, {}, "the secret itself stays out of the file"),
        (
            {"webhook_url": "x"},
            {},
            "broker.options.webhook_url: expected a known key (the nearest is webhook",
        ),
        ({"webhook_url_env": "T", "timeout_seconds": 0}, {}, "broker.options.timeout_seconds: expected a "),
        ({"webhook_url_env": "T", "contracts": {"CL": "cl"}}, {}, "broker.options.contracts.CL: expected a "),
    ],
)
def test_what_is_wrong_with_the_configuration_is_told_without_the_secret(
    tmp_path: Path, options: object, environ: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        open_broker(setup_of(tmp_path, options, environ))
    assert sentence in str(refused.value)
    assert HIDDEN not in str(refused.value)


def test_it_says_how_long_an_entry_may_be_unanswered(desk: Desk) -> None:
    assert sends_within(desk.broker(timeout=7)) == 7


def test_sending_must_be_over_before_the_slot_expires(tmp_path: Path) -> None:
    options, environ = {"webhook_url_env": "T", "timeout_seconds": 9}, {"T": "https://example.com/"}
    with pytest.raises(ConfigError) as refused:
        open_broker(setup_of(tmp_path, options, environ))
    assert "broker.options.timeout_seconds: expected less, as an answer and sending" in str(refused.value)
    assert "31 s, or reservation_seconds to be more than that, which is 30, got 9" in str(refused.value)
    open_broker(setup_of(tmp_path, options, environ, reservation_seconds=31.5)).close()


def test_a_symbol_without_a_roll_rule_needs_its_contract_named(desk: Desk) -> None:
    broker = desk.broker(names={"XX": "XXZ2025"})
    with pytest.raises(BrokerError, match="Expected a symbol with a contract"):
        broker.enter("XX", "long", 1, PRICE)
