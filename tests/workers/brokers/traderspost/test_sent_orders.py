"""Orders to TradersPost over a real HTTP server: those that are taken, and those that are not."""

import socket
from datetime import date
from decimal import Decimal

import pytest

from portfold.workers.brokers import orders_book
from portfold.workers.brokers.protocol import (
    BrokerError,
    OrderUnknown,
)
from tests.workers.brokers.desk import Desk
from tests.workers.brokers.traderspost.orders import PRICE, leg
from tests.workers.brokers.traderspost.webhook_server import (
    PATH,
    Behaviour,
    answers,
    refuses,
    takes,
    too_soon,
)

# --- taken -----------------------------------------------------------------------------------------------


def test_an_entry_is_sent_as_traderspost_documents_it(desk: Desk) -> None:
    fill = desk.broker().enter("CL", "long", 2, PRICE).fills[0]
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
    fill = desk.broker().enter("CL", "short", 1, PRICE).fills[0]
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
    fill = broker.enter("CL", "long", 2, PRICE).fills[0]
    assert (fill.price, fill.commission) == (Decimal("71.26"), Decimal("5.00"))
    assert broker.positions() == [leg(2, "71.26")]
    out = broker.exit("CL", "long", 2, Decimal("72.00")).fills[0]
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
