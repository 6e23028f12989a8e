"""Orders at Interactive Brokers of which nothing is heard, and what is made of them when it is."""

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

import pytest

from portfold.workers.brokers.ibkr.noting import Noting
from portfold.workers.brokers.ibkr.order_life import OrderLife
from portfold.workers.brokers.order import ExitFill
from portfold.workers.brokers.protocol import BrokerError, BrokerPosition, OrderUnknown
from tests.waiting import until
from tests.workers.brokers.ibkr.tws_desk import PRICE, SHORT, Desk, only


def test_an_order_that_the_gateway_swallowed_never_arrived_and_the_gateway_itself_says_so(desk: Desk) -> None:
    broker = desk.broker(waits=SHORT._replace(lists=20))
    desk.gateway.misbehaviour.orders = "swallowed"
    with pytest.raises(BrokerError, match="it never arrived") as refused:
        broker.enter("ES", "long", 1, PRICE)
    assert not isinstance(refused.value, OrderUnknown)
    assert (broker.positions(), broker.open_orders()) == ([], [])


def test_an_entry_that_was_filled_without_an_answer_is_found_in_the_lists(desk: Desk) -> None:
    broker = desk.broker(waits=SHORT._replace(lists=20))
    desk.gateway.misbehaviour.orders = "unanswered"
    assert broker.enter("ES", "long", 1, PRICE).size == 1
    assert desk.sent() == 1


def test_silence_makes_an_entry_unknown_and_it_counts_as_open(desk: Desk) -> None:
    broker = desk.holding(1)
    desk.gateway.misbehaviour.silent = True
    with pytest.raises(OrderUnknown, match="is unknown at Interactive Brokers"):
        broker.enter("ES", "long", 2, PRICE)
    assert [held.size for held in broker.positions()] == [3]
    with pytest.raises(BrokerError, match="it may still be filled"):
        broker.enter("ES", "long", 1, PRICE)
    assert desk.sent() == 2


def test_an_unknown_entry_is_settled_by_the_lists_when_the_gateway_speaks_again(desk: Desk) -> None:
    broker = desk.holding(1)
    desk.gateway.misbehaviour.silent = True
    with pytest.raises(OrderUnknown):
        broker.enter("ES", "long", 2, PRICE)
    late = list[None]()
    broker.on_taken_late(lambda: late.append(None))
    desk.gateway.misbehaviour.silent = False
    desk.gateway.hang_up()
    until(lambda: late, "the news that it was taken")
    now = [BrokerPosition("ibs-ES", "ES", "long", 3, PRICE, Decimal("6.75"), "ESZ2025")]
    until(lambda: broker.positions() == now, "its commission")
    until(lambda: broker.exit("ES", "long", 3, None).size == 3, "the exit")


@pytest.mark.parametrize(("how", "held"), [("breaks before", []), ("breaks after", [2])])
def test_a_connection_that_breaks_over_an_entry_is_made_again_and_the_lists_say_what_became_of_it(
    desk: Desk, how: str, held: list[int]
) -> None:
    broker = desk.broker(waits=SHORT._replace(fill=0.01, cancel=0.01))
    desk.gateway.misbehaviour.orders = how  # type: ignore[assignment]
    with suppress(BrokerError):
        broker.enter("ES", "long", 2, PRICE)
    desk.gateway.misbehaviour.orders = "taken"
    until(lambda: not broker.open_orders(), "the end of the order")
    assert [one.size for one in broker.positions()] == held
    assert desk.sent() == len(held)


def test_an_order_lost_with_its_connection_stays_unknown_while_the_account_holds_something_else(
    desk: Desk,
) -> None:
    broker = desk.broker(waits=SHORT._replace(fill=0.01, cancel=0.01))
    desk.gateway.misbehaviour.orders = "breaks before"
    desk.exchange.by_hand("ESZ5", 1)
    with pytest.raises(OrderUnknown):
        broker.enter("ES", "long", 1, PRICE)
    desk.gateway.misbehaviour.orders = "taken"
    until(lambda: desk.gateway.clients() == [101], "the next connection")
    with pytest.raises(BrokerError, match="it may still be filled"):
        until(lambda: broker.enter("ES", "long", 1, PRICE) is None, "a refusal")
    desk.exchange.by_hand("ESZ5", -1)
    until(lambda: broker.enter("ES", "long", 1, PRICE).size == 1, "an entry once both agree")


def test_what_the_next_connection_lists_before_its_account_is_known_proves_nothing(desk: Desk) -> None:
    broker = desk.broker(waits=SHORT)
    broker.check_contract("ES")
    desk.gateway.misbehaviour.orders, desk.gateway.misbehaviour.accounts = "breaks before", "late"
    desk.exchange.by_hand("ESZ5", 1)
    with pytest.raises(OrderUnknown):
        broker.enter("ES", "long", 1, PRICE)
    until(lambda: desk.gateway.clients() == [101], "the next connection")
    with pytest.raises(BrokerError):
        broker.cancel_working()
    assert only(broker.open_orders()).size == 1


def test_an_exit_that_is_lost_is_sent_again_only_once_it_certainly_never_arrived(desk: Desk) -> None:
    broker = desk.holding(1, waits=SHORT._replace(lists=20))
    desk.gateway.misbehaviour.orders = "swallowed"
    with pytest.raises(BrokerError, match="it never arrived"):
        broker.exit("ES", "long", 1, None)
    desk.gateway.misbehaviour.orders = "taken"
    assert broker.exit("ES", "long", 1, None).size == 1
    assert (desk.sent(), desk.exchange.size("ESZ5")) == (2, 0)


def test_an_exit_is_not_sent_again_because_the_account_holds_what_is_anothers(desk: Desk) -> None:
    desk.broker("rsi-ES").enter("ES", "long", 1, PRICE)
    broker = desk.holding(1)
    desk.gateway.misbehaviour.orders, desk.gateway.misbehaviour.lists = "unanswered", "swallowed"
    with pytest.raises(OrderUnknown):
        broker.exit("ES", "long", 1, None)
    reference = only(broker.open_orders()).reference
    desk.end(broker)
    assert desk.exchange.size("ESZ5") == 1
    desk.exchange.begin_day()  # the lists say nothing of what was filled before
    desk.gateway.misbehaviour.orders, desk.gateway.misbehaviour.lists = "taken", "answered"
    again = desk.broker(waits=SHORT)
    with pytest.raises(OrderUnknown):
        again.exit("ES", "long", 1, None)
    assert (desk.sent(), desk.exchange.size("ESZ5")) == (0, 1)
    told = f"portfold reconcile {reference} --filled --price PRICE"
    until(lambda: "IN NO LIST" in desk.said() and told in desk.said(), "what a person is to do")


def test_an_exit_into_silence_is_not_sent_again_and_is_found_filled(desk: Desk) -> None:
    broker = desk.holding(1)
    desk.gateway.misbehaviour.silent = True

    def is_sent() -> bool:
        with pytest.raises(BrokerError):
            broker.exit("ES", "long", 1, None)
        return desk.sent() == 2

    until(is_sent, "the exit at the exchange")
    assert is_sent()
    desk.gateway.misbehaviour.silent = False
    desk.gateway.hang_up()
    until(lambda: not broker.positions(), "the exit in the book")
    (fill,) = broker.unreported_exits()
    assert (fill.size, desk.exchange.size("ESZ5"), desk.sent()) == (1, 0, 2)


def test_an_exit_filled_in_part_returns_that_part_and_the_rest_is_closed_by_the_next(desk: Desk) -> None:
    broker = desk.holding(3)
    desk.exchange.fills = "on order"
    with pytest.raises(OrderUnknown):
        broker.exit("ES", "long", 3, None)
    reference = desk.at_work()
    desk.exchange.fill(reference, 1)
    part = until(lambda: _or_none(lambda: broker.exit("ES", "long", 3, None).fills[0]), "the part")
    assert (part.size, [held.size for held in broker.positions()]) == (1, [2])
    desk.exchange.fill(reference)
    rest = until(lambda: _or_none(lambda: broker.exit("ES", "long", 2, None).fills[0]), "the rest")
    assert (rest.size, rest.fill_id == part.fill_id) == (2, False)
    assert (broker.positions(), desk.exchange.size("ESZ5"), desk.sent()) == ([], 0, 2)


def _or_none(act: Callable[[], ExitFill]) -> ExitFill | None:
    try:
        return act()
    except OrderUnknown:
        return None


def test_the_next_life_finds_what_the_last_one_sent(desk: Desk) -> None:
    broker = desk.broker(waits=SHORT)
    desk.gateway.misbehaviour.orders = "unanswered"
    desk.gateway.misbehaviour.lists = "swallowed"
    with pytest.raises(OrderUnknown):
        broker.enter("ES", "long", 2, PRICE)
    reference = only(broker.open_orders()).reference
    desk.end(broker)
    desk.gateway.misbehaviour.orders = "taken"
    desk.gateway.misbehaviour.lists = "answered"
    again = desk.broker()
    assert again.open_orders() == []
    assert [held.size for held in again.positions()] == [2]
    assert desk.exchange.order(reference).filled == 2


def test_an_exit_that_a_dead_process_sent_is_reported_by_whoever_comes_next(desk: Desk) -> None:
    broker = desk.holding(1)
    desk.exchange.open_hours("closed")
    with pytest.raises(OrderUnknown):
        broker.exit("ES", "long", 1, None)
    desk.end(broker)
    desk.exchange.open_hours("regular")
    again = desk.broker()
    until(again.unreported_exits, "the exit")
    assert again.positions() == []


def test_an_entry_that_is_found_at_work_for_nobody_is_cancelled(desk: Desk) -> None:
    broker = desk.broker(waits=SHORT)
    desk.exchange.fills = "on order"
    desk.gateway.misbehaviour.cancels = "swallowed"
    with pytest.raises(OrderUnknown, match="is working at Interactive Brokers"):
        broker.enter("ES", "long", 2, PRICE)
    desk.end(broker)
    desk.gateway.misbehaviour.cancels = "taken"
    again = desk.broker()
    until(lambda: not again.open_orders(), "the end of the entry")
    assert (desk.exchange.working(), again.positions()) == ([], [])


def test_an_order_in_doubt_is_asked_for_again_and_again_on_a_connection_that_stands(desk: Desk) -> None:
    broker = desk.broker(waits=SHORT, silence_seconds=0.1, connect_seconds=0.5)
    desk.gateway.misbehaviour.orders, desk.gateway.misbehaviour.lists = "unanswered", "swallowed"
    with pytest.raises(OrderUnknown):
        broker.enter("ES", "long", 2, PRICE)
    desk.gateway.misbehaviour.lists = "answered"
    until(lambda: not broker.open_orders(), "the end of the entry")
    assert [held.size for held in broker.positions()] == [2]


def test_what_tws_lists_after_it_lost_its_servers_proves_nothing_of_what_was_sent_before(desk: Desk) -> None:
    broker = desk.broker(waits=SHORT)
    desk.gateway.misbehaviour.orders, desk.gateway.misbehaviour.lists = "swallowed", "swallowed"
    with pytest.raises(OrderUnknown):
        broker.enter("ES", "long", 1, PRICE)
    desk.gateway.misbehaviour.orders, desk.gateway.misbehaviour.lists = "taken", "answered"
    desk.exchange.by_hand("ESZ5", 1)  # so that the account does not hold what the book says
    desk.gateway.lose_connectivity()
    desk.gateway.restore_connectivity(keep_data=True)
    until(lambda: desk.said().count("Connected to Interactive Brokers") == 2, "the servers")
    with pytest.raises(BrokerError, match="it may still be filled"):
        broker.enter("ES", "long", 1, PRICE)


def test_a_list_of_which_a_part_was_refused_proves_nothing_of_what_is_not_in_it(desk: Desk) -> None:
    broker = desk.broker(waits=SHORT._replace(lists=20.0))
    desk.gateway.misbehaviour.orders, desk.gateway.misbehaviour.lists = "unanswered", "refused"
    with pytest.raises(OrderUnknown):
        broker.enter("ES", "long", 1, PRICE)
    assert [held.size for held in broker.positions()] == [1]
    desk.gateway.misbehaviour.lists = "answered"
    assert broker.exit("ES", "long", 1, None).size == 1
    assert (desk.exchange.size("ESZ5"), desk.sent()) == (0, 2)


def test_a_list_that_is_noted_as_an_order_is_written_down_does_not_take_it_for_lost(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = desk.broker(waits=SHORT._replace(lists=20.0))
    broker.check_contract("ES")
    begin = Noting.begin

    def begin_after_a_list(noting: Noting, reference: str, life: OrderLife) -> None:
        desk.gateway.lose_connectivity()
        desk.gateway.restore_connectivity(keep_data=True)
        until(lambda: desk.said().count("Connected to Interactive Brokers") == 2, "the list")
        begin(noting, reference, life)

    monkeypatch.setattr(Noting, "begin", begin_after_a_list)
    desk.exchange.fills = "on order"
    with pytest.raises(BrokerError, match="was cancelled"):
        broker.enter("ES", "long", 1, PRICE)
    assert (desk.sent(), desk.exchange.working()) == (1, [])


def test_a_list_that_comes_late_is_no_proof_that_what_was_sent_since_never_arrived(desk: Desk) -> None:
    broker = desk.holding(1)
    desk.gateway.misbehaviour.lists = "late"
    with pytest.raises(BrokerError, match="did not answer"):
        broker.cancel_working()
    desk.gateway.misbehaviour.orders = "unanswered"
    desk.exchange.open_hours("closed")
    for _ in range(2):
        with pytest.raises(OrderUnknown):
            broker.exit("ES", "long", 1, None)
    assert desk.sent() == 2
    desk.gateway.misbehaviour.orders, desk.gateway.misbehaviour.lists = "taken", "answered"
    desk.exchange.open_hours("regular")
    assert broker.exit("ES", "long", 1, None).size == 1
    assert (desk.sent(), desk.exchange.size("ESZ5")) == (2, 0)


def test_after_a_list_that_never_came_the_connection_is_made_anew_and_says_what_never_arrived(
    desk: Desk,
) -> None:
    broker = desk.broker(waits=SHORT, silence_seconds=0.3)
    desk.gateway.misbehaviour.orders = desk.gateway.misbehaviour.lists = "swallowed"
    with pytest.raises(OrderUnknown):
        broker.enter("ES", "long", 1, PRICE)
    desk.gateway.misbehaviour.orders = "taken"
    desk.gateway.misbehaviour.lists = "answered"
    until(lambda: not broker.open_orders(), "the end of what never arrived")
    assert broker.enter("ES", "long", 1, PRICE).size == 1
