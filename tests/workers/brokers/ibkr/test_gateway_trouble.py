"""The gateway at its worst: gone, back, with another account, without servers, with our number in use."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from portfold.workers.brokers.ibkr.account_check import AccountRefused, check_account
from portfold.workers.brokers.protocol import BrokerError, OrderUnknown
from tests.fakes.tws.exchange import Exchange
from tests.fakes.tws.gateway import Gateway
from tests.fakes.tws.listed import Listed
from tests.processes import ROOT
from tests.waiting import until
from tests.workers.brokers.desk import locked
from tests.workers.brokers.ibkr.tws_desk import PRICE, SHORT, Desk

PAPER, LIVE = "DU1234567", "U7654321"


@pytest.mark.parametrize(
    ("accounts", "named", "traded"),
    [
        ([PAPER], None, PAPER),
        ([PAPER], PAPER, PAPER),
        ([LIVE], LIVE, LIVE),
        ([PAPER, "DU2"], "DU2", "DU2"),
        (["DF1"], None, "DF1"),
    ],
)
def test_a_paper_account_is_traded_by_itself_and_a_live_one_when_it_is_named(
    accounts: list[str], named: str | None, traded: str
) -> None:
    assert check_account(accounts, named) == traded


@pytest.mark.parametrize(
    ("accounts", "named", "sentence"),
    [
        ([LIVE], None, "U7654321, which is no paper account"),
        ([PAPER, "DU2"], None, "name one in broker.options.account"),
        ([PAPER], LIVE, "Expected account U7654321 at the gateway, which has DU1234567"),
        ([], None, "the accounts none"),
    ],
)
def test_any_other_account_is_refused(accounts: list[str], named: str | None, sentence: str) -> None:
    with pytest.raises(AccountRefused, match=sentence):
        check_account(accounts, named)


def with_accounts(desk: Desk, *accounts: str) -> None:
    desk.gateway.stop()
    desk.exchange = Exchange(accounts=accounts)
    desk.gateway = Gateway(desk.exchange, port=desk.gateway.port)
    desk.gateway.start()


def test_a_gateway_with_a_live_account_opens_no_broker_unless_it_is_named(desk: Desk) -> None:
    with_accounts(desk, LIVE)
    with pytest.raises(BrokerError, match="no paper account"):
        desk.broker(connect_seconds=1.0)
    broker = desk.broker(account=LIVE)
    assert broker.enter("ES", "long", 1, PRICE).size == 1
    assert desk.exchange.size("ESZ5", LIVE) == 1


def test_after_a_restart_at_night_orders_go_out_again(desk: Desk) -> None:
    broker = desk.holding(1)
    desk.gateway.stop()
    until(lambda: "No connection to Interactive Brokers" in desk.said(), "the break in the log")
    with pytest.raises(BrokerError, match="No connection"):
        broker.exit("ES", "long", 1, None)
    assert [held.size for held in broker.positions()] == [1]
    desk.gateway.start()
    until(lambda: desk.gateway.clients() == [101], "the next connection")
    assert until(lambda: _exit_size(desk), "the exit") == 1
    assert desk.said().count("No connection to Interactive Brokers") <= 3


def _exit_size(desk: Desk) -> int:
    try:
        return desk.opened()[0].exit("ES", "long", 1, None).size
    except BrokerError:
        return 0


def test_an_exit_waits_for_no_pause_between_two_attempts_to_connect(desk: Desk) -> None:
    broker = desk.broker(reconnect_seconds=3_600.0)
    broker.enter("ES", "long", 1, PRICE)
    desk.gateway.stop()
    until(lambda: "No connection to Interactive Brokers" in desk.said(), "the break in the log")
    desk.gateway.start()
    assert broker.exit("ES", "long", 1, None).size == 1


@pytest.mark.parametrize("keep_data", [True, False], ids=["1102", "1101"])
def test_without_servers_no_order_is_sent_and_what_was_missed_is_asked_for(
    desk: Desk, *, keep_data: bool
) -> None:
    broker = desk.holding(1)
    desk.exchange.open_hours("closed")
    with pytest.raises(OrderUnknown):
        broker.exit("ES", "long", 1, None)
    desk.gateway.lose_connectivity()
    until(lambda: "TWS has lost its servers (1100)" in desk.said(), "the break in the log")
    desk.exchange.open_hours("regular")  # it is filled, and nobody hears of it
    with pytest.raises(BrokerError, match="TWS has lost its servers"):
        broker.enter("ES", "long", 1, PRICE)
    assert [held.size for held in broker.positions()] == [1]
    desk.gateway.restore_connectivity(keep_data=keep_data)
    until(lambda: not broker.positions(), "what was missed")
    assert desk.sent() == 2


def test_a_client_id_in_use_is_said_and_taken_once_it_is_free(desk: Desk) -> None:
    desk.gateway.misbehaviour.client_ids_taken = {101}
    broker = desk.broker(waits=SHORT, connect_seconds=0.3)
    with pytest.raises(BrokerError, match="client id 101 is in use by another program"):
        broker.enter("ES", "long", 1, PRICE)
    desk.gateway.misbehaviour.client_ids_taken = set()
    until(lambda: desk.gateway.clients() == [101], "the connection")


def test_a_connection_that_is_closed_as_it_should_be_is_no_error(desk: Desk) -> None:
    broker = desk.holding(1)
    desk.end(broker)
    until(lambda: desk.gateway.clients() == [], "the end of the connection")
    assert "No connection" not in desk.said()


def test_each_owner_has_a_number_of_his_own_in_every_life(desk: Desk) -> None:
    one, _two = desk.broker("one"), desk.broker("two")
    assert desk.gateway.clients() == [101, 102]
    desk.end(one)
    until(lambda: desk.gateway.clients() == [102], "one client")
    desk.broker("one")
    assert desk.gateway.clients() == [101, 102]


def test_a_gateway_that_falls_silent_is_hung_up_on(desk: Desk) -> None:
    desk.broker(silence_seconds=0.05, connect_seconds=0.3)
    desk.gateway.misbehaviour.silent = True
    until(lambda: "No connection to Interactive Brokers" in desk.said(), "the break in the log")
    desk.gateway.misbehaviour.silent = False
    until(lambda: desk.said().count("Connected to Interactive Brokers") == 2, "the next connection")


def test_garbage_breaks_nothing(desk: Desk) -> None:
    broker = desk.broker()
    desk.gateway.tell_garbage(b"\0\0\0\x08\xff\xfe9\0abc\0\0\0\0\x023\0")
    assert broker.enter("ES", "long", 1, PRICE).size == 1


@pytest.mark.parametrize(
    ("multiplier", "tick", "sentence"),
    [
        (
            "5",
            "0.25",
            "A point of ESZ2025 is worth 5 dollars at Interactive Brokers and 50 in contracts.json",
        ),
        ("50", "0.05", "ESZ2025 moves by 0.05 at Interactive Brokers and by 0.25 in contracts.json"),
    ],
)
def test_no_order_goes_out_in_a_contract_that_is_not_the_one_of_contracts_json(
    desk: Desk, multiplier: str, tick: str, sentence: str
) -> None:
    broker = desk.broker()
    desk.exchange.contracts = [Listed(1, "ES", "ESZ5", "20251219", multiplier, Decimal(tick))]
    with pytest.raises(BrokerError, match=sentence):
        broker.enter("ES", "long", 1, PRICE)
    assert desk.sent() == 0


def test_an_unknown_contract_is_said(desk: Desk) -> None:
    broker = desk.broker()
    desk.exchange.contracts = []
    with pytest.raises(BrokerError, match="Expected one contract ESZ2025 at Interactive Brokers, found none"):
        broker.enter("ES", "long", 1, PRICE)


def test_an_exit_is_sent_while_the_book_is_locked_and_noted_once_it_is_free(desk: Desk) -> None:
    broker = desk.holding(1)
    with locked(desk.book) as release:
        for _ in range(2):
            with pytest.raises(BrokerError):
                broker.exit("ES", "long", 1, None)
        assert (desk.exchange.size("ESZ5"), desk.sent()) == (0, 2)
        release()
    until(lambda: not broker.positions(), "the exit in the book")
    (fill,) = broker.unreported_exits()
    assert fill.commission == Decimal("2.25")


def test_an_entry_is_not_sent_while_the_book_is_locked(desk: Desk) -> None:
    broker = desk.broker(waits=SHORT)
    with locked(desk.book), pytest.raises(BrokerError, match="was locked by another process"):
        broker.enter("ES", "long", 1, PRICE)
    assert desk.sent() == 0


def test_of_two_threads_that_close_the_same_while_the_book_is_locked_one_sends(desk: Desk) -> None:
    broker = desk.holding(1)
    with locked(desk.book) as release, ThreadPoolExecutor(2) as pool:
        failed = [pool.submit(broker.exit, "ES", "long", 1, None).exception for _ in range(2)]
        assert all(isinstance(failure(60), BrokerError) for failure in failed)
        assert (desk.exchange.size("ESZ5"), desk.sent()) == (0, 2)
        release()
    until(lambda: not broker.positions(), "the exit in the book")
    assert len(broker.unreported_exits()) == 1


def test_a_socket_that_is_gone_before_it_is_closed_ends_no_connecting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.broker()

    def fails(_connection: object) -> None:
        raise OSError(107, "Transport endpoint is not connected")

    monkeypatch.setattr("ib_async.connection.Connection.disconnect", fails)
    desk.gateway.hang_up()
    until(lambda: desk.said().count("Connected to Interactive Brokers") == 2, "the next connection")


def test_the_client_is_imported_whole_before_any_thread_needs_a_part_of_it() -> None:
    made = "AccountConnection(ConnectionSetup('127.0.0.1', 1, 1, None), None)"
    source = f"import sys; from portfold.workers.brokers.ibkr.account_connection import *; {made}"
    proof = "; assert {'ib_async.client', 'ib_async.contract', 'ib_async.order'} <= set(sys.modules)"
    subprocess.run([sys.executable, "-c", source + proof], check=True, timeout=60, cwd=ROOT)
