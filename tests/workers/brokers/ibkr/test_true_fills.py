"""Orders at Interactive Brokers that the broker answers: fills with their own prices and commissions."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from portfold.workers.brokers.protocol import BrokerError, BrokerPosition, NotOpen, OrderUnknown, Withheld
from tests.waiting import until
from tests.workers.brokers.ibkr.tws_desk import PRICE, SHORT, Desk


def test_an_entry_and_its_exit_have_the_prices_and_commissions_of_their_executions(desk: Desk) -> None:
    broker = desk.broker()
    desk.exchange.trade("ESZ5", "5000.25")
    fill = broker.enter("ES", "long", 2, PRICE).fills[0]
    assert (fill.size, fill.price, fill.commission) == (2, Decimal("5000.25"), Decimal("4.50"))
    assert broker.positions() == [
        BrokerPosition("ibs-ES", "ES", "long", 2, Decimal("5000.25"), Decimal("4.50"), "ESZ2025")
    ]
    desk.exchange.trade("ESZ5", "5001.75")
    left = broker.exit("ES", "long", 2, None).fills[0]
    assert (left.size, left.price, left.total_commission) == (2, Decimal("5001.75"), Decimal("9.00"))
    assert broker.positions() == []
    assert broker.unreported_exits() == [left]
    assert desk.exchange.equity() == 100_000 + 150 - 9
    broker.confirm_reported(left.fill_id)
    assert broker.unreported_exits() == []


def test_a_short_is_entered_by_selling_and_closed_by_buying(desk: Desk) -> None:
    broker = desk.broker()
    broker.enter("ES", "short", 1, PRICE)
    assert desk.exchange.size("ESZ5") == -1
    broker.flatten()
    assert (desk.exchange.size("ESZ5"), broker.positions()) == (0, [])


def test_an_entry_filled_in_parts_has_a_fill_for_each(desk: Desk) -> None:
    broker = desk.broker()
    desk.exchange.fills = "on order"
    with ThreadPoolExecutor(1) as pool:
        entry = pool.submit(broker.enter, "ES", "long", 3, PRICE)
        reference = desk.at_work()
        desk.exchange.fill(reference, 2, "5000")
        until(lambda: broker.positions()[0].price == 5000, "the first part in the book")
        desk.exchange.fill(reference, 1, "5000.75")
        fill = entry.result(60)
    assert (fill.state, fill.rest, fill.price, fill.commission) == (
        "filled",
        0,
        Decimal("5000.25"),
        Decimal("6.75"),
    )
    assert [(each.size, each.price, each.commission) for each in fill.fills] == [
        (2, Decimal(5000), Decimal("4.50")),
        (1, Decimal("5000.75"), Decimal("2.25")),
    ]
    assert broker.positions()[0].size == 3


def test_an_entry_that_is_not_filled_in_time_is_cancelled_and_keeps_what_it_got(desk: Desk) -> None:
    broker = desk.broker(waits=SHORT._replace(cancel=20))
    desk.exchange.fills = "on order"
    with ThreadPoolExecutor(1) as pool:
        entry = pool.submit(broker.enter, "ES", "long", 3, PRICE)
        desk.exchange.fill(desk.at_work(), 1)
        outcome = entry.result(60)
    assert (outcome.state, outcome.size, outcome.rest) == ("cancelled", 1, 2)
    assert (desk.exchange.working(), broker.positions()[0].size) == ([], 1)


def test_an_entry_that_got_nothing_in_time_is_cancelled_and_refused(desk: Desk) -> None:
    broker = desk.broker(waits=SHORT._replace(cancel=20))
    desk.exchange.open_hours("closed")
    with pytest.raises(BrokerError, match="was cancelled by Interactive Brokers"):
        broker.enter("ES", "long", 1, PRICE)
    assert (desk.exchange.working(), broker.positions()) == ([], [])


def test_a_refusal_says_why_and_nothing_is_open(desk: Desk) -> None:
    broker = desk.broker()
    desk.gateway.misbehaviour.orders = "refused"
    desk.gateway.misbehaviour.refusal = "Order rejected - reason:Exceeds margin"
    with pytest.raises(BrokerError, match=r"was rejected by Interactive Brokers: 201: .*Exceeds margin"):
        broker.enter("ES", "long", 1, PRICE)
    assert (broker.positions(), broker.open_orders()) == ([], [])


def test_a_refusal_after_acceptance_is_one_too(desk: Desk) -> None:
    broker = desk.broker()
    desk.exchange.fills = "on order"
    with ThreadPoolExecutor(1) as pool:
        entry = pool.submit(broker.enter, "ES", "long", 1, PRICE)
        desk.exchange.end(desk.at_work(), "margin", "Inactive")
        with pytest.raises(BrokerError, match="was rejected"):
            entry.result(60)


def test_an_entry_that_may_not_be_sent_any_more_is_not(desk: Desk) -> None:
    broker = desk.broker()
    with pytest.raises(Withheld):
        broker.enter("ES", "long", 1, PRICE, may_send=lambda: False)
    assert (desk.sent(), broker.positions()) == (0, [])


def test_a_commission_that_does_not_come_is_estimated_and_corrects_the_leg_when_it_does(desk: Desk) -> None:
    broker = desk.broker(waits=SHORT._replace(fill=20))
    desk.gateway.misbehaviour.commissions = "held"
    assert broker.enter("ES", "long", 2, PRICE).commission == Decimal("5.00")
    desk.gateway.tell_commissions()
    until(lambda: broker.positions()[0].commission_paid == Decimal("4.50"), "the commission in the book")


def test_a_commission_that_comes_after_its_exit_was_reported_is_told(desk: Desk) -> None:
    broker = desk.holding(2, waits=SHORT._replace(fill=20))
    desk.gateway.misbehaviour.commissions = "held"
    assert broker.exit("ES", "long", 2, None).commission == Decimal("5.00")
    desk.gateway.tell_commissions()
    until(lambda: "the account has paid it, the log has not" in desk.said(), "the late commission")
    assert '"dollars_more": "-0.50"' in desk.said()


@pytest.mark.parametrize(("how", "dollars"), [("never", "2.50"), ("unset", "2.50"), ("unset first", "2.25")])
def test_the_number_for_none_is_no_commission(desk: Desk, how: str, dollars: str) -> None:
    broker = desk.broker(waits=SHORT._replace(fill=20))
    desk.gateway.misbehaviour.commissions = how  # type: ignore[assignment]
    assert broker.enter("ES", "long", 1, PRICE).commission == Decimal(dollars)


def test_a_gateway_that_says_everything_twice_counts_once(desk: Desk) -> None:
    desk.gateway.misbehaviour.repeats = True
    broker = desk.broker()
    assert broker.enter("ES", "long", 2, PRICE).commission == Decimal("4.50")
    desk.end(broker)
    again = desk.broker()
    assert [held.size for held in again.positions()] == [2]
    assert again.exit("ES", "long", 2, None).commission == Decimal("4.50")
    assert len(again.unreported_exits()) == 1


def test_of_two_that_close_the_same_contracts_one_order_goes_out(desk: Desk) -> None:
    broker = desk.broker()
    broker.enter("ES", "long", 1, PRICE)
    desk.exchange.fills = "on order"
    with ThreadPoolExecutor(2) as pool:
        exits = [pool.submit(broker.exit, "ES", "long", 1, None) for _ in range(2)]
        desk.exchange.fill(desk.at_work())
        failed = [each.exception(60) for each in exits]
    assert desk.exchange.size("ESZ5") == 0
    assert desk.sent() == 2
    assert any(error is None for error in failed)
    assert len(broker.unreported_exits()) == 1


def test_what_is_not_open_is_not_closed(desk: Desk) -> None:
    broker = desk.broker()
    broker.enter("ES", "long", 1, PRICE)
    for symbol, size in (("ES", 2), ("CL", 1)):
        with pytest.raises(NotOpen):
            broker.exit(symbol, "long", size, None)
    assert desk.sent() == 1


def test_a_flattener_closes_what_another_owner_left_open(desk: Desk) -> None:
    desk.broker("ibs-ES").enter("ES", "long", 2, PRICE)
    (fill,) = desk.broker("flattener").flatten(owner="ibs-ES")
    assert (fill.owner, fill.size, desk.exchange.size("ESZ5")) == ("ibs-ES", 2, 0)


def test_no_one_goes_against_what_another_holds(desk: Desk) -> None:
    desk.broker("one").enter("ES", "long", 1, PRICE)
    with pytest.raises(BrokerError, match="one is long 1 ES"):
        desk.broker("two").enter("ES", "short", 1, PRICE)


def test_an_exit_of_what_the_account_does_not_hold_is_not_sent(desk: Desk) -> None:
    broker = desk.broker()
    broker.enter("ES", "long", 1, PRICE)
    desk.exchange.by_hand("ESZ5", -1)
    with pytest.raises(BrokerError, match="would open the other way"):
        until(lambda: broker.exit("ES", "long", 1, None) is None, "a refusal")
    assert desk.exchange.size("ESZ5") == 0


def test_an_exit_outside_of_hours_works_on_and_is_waited_for_not_sent_again(desk: Desk) -> None:
    broker = desk.holding(1)
    desk.exchange.open_hours("closed")
    for _ in range(2):
        with pytest.raises(OrderUnknown, match="whoever closes again waits for it"):
            broker.exit("ES", "long", 1, None)
    assert desk.sent() == 2
    desk.exchange.open_hours("regular")
    until(lambda: broker.positions() == [], "the exit in the book")
    fill = broker.exit("ES", "long", 1, None).fills[0]
    assert broker.unreported_exits() == [fill]
    with pytest.raises(NotOpen):
        broker.exit("ES", "long", 1, None)
