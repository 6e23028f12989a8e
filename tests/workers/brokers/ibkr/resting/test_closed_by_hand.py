"""Positions that a person closes at Interactive Brokers: their stops open nothing, and the book is told."""

from decimal import Decimal

import pytest

from portfold.events.incoming import PositionSettled
from portfold.workers.brokers.book_correction import correct
from portfold.workers.brokers.protocol import BrokerError, OrderUnknown
from tests.waiting import until
from tests.workers.brokers.ibkr.resting.protected import protected, resting, stops
from tests.workers.brokers.ibkr.tws_desk import CONTRACTS, LONG, PRICE, Desk

SOON = LONG._replace(shortfall=0.05)


def settle(desk: Desk, size: int) -> None:
    """A person says in the book how much of ES is held."""
    said = PositionSettled(
        by="jane",
        reason="closed in TWS",
        symbol="ES",
        worker="ibs-ES",
        side="long",
        size=size,
        price=PRICE,
        pnl=Decimal(0),
    )
    correct("ibkr", desk.book, CONTRACTS, said)


def test_the_stop_of_what_was_closed_by_hand_is_ended_before_it_opens_the_other_way(desk: Desk) -> None:
    broker = protected(desk, waits=SOON)
    desk.exchange.by_hand("ESZ5", -1)
    until(lambda: not stops(desk), "the end of the stop")
    until(lambda: "NOT IN THE ACCOUNT: it holds 0 of what ibs-ES has of ES" in desk.said(), "the sentence")
    desk.exchange.trade("ESZ5", "4990")
    until(broker.without_stop, "the end of it in the book")
    assert (desk.exchange.size("ESZ5"), desk.sent()) == (0, 3)  # entry, stop, and what was done by hand


def test_the_stop_of_what_was_closed_by_hand_in_part_is_of_the_rest_and_again_of_all_that_is_back(
    desk: Desk,
) -> None:
    broker = protected(desk, 3, waits=SOON)
    desk.exchange.by_hand("ESZ5", -1)
    resting(desk, 2, broker)
    desk.exchange.by_hand("ESZ5", 1)
    resting(desk, 3, broker)
    assert broker.exit("ES", "long", 3, None).size == 3
    until(lambda: not desk.exchange.working(), "the end of the stop")


def test_a_flatten_ends_the_stop_of_a_dead_worker_whose_position_was_closed_by_hand(desk: Desk) -> None:
    desk.end(protected(desk))
    desk.exchange.by_hand("ESZ5", -1)
    assert desk.broker("flattener").cancel_working() == []
    assert stops(desk) == []


def test_a_person_settles_in_the_book_what_he_has_closed_by_hand_and_its_stop_goes_with_it(
    desk: Desk,
) -> None:
    broker = protected(desk, 2)
    desk.exchange.by_hand("ESZ5", -1)
    settle(desk, 1)
    resting(desk, 1, broker)
    settle(desk, 0)
    until(lambda: not desk.exchange.working(), "the end of the stop")
    assert broker.positions() == []


def test_nothing_is_settled_in_the_book_while_an_order_may_still_be_filled(desk: Desk) -> None:
    broker = desk.holding(1)
    desk.exchange.fills = "on order"
    with pytest.raises(OrderUnknown):
        broker.exit("ES", "long", 1, None)
    with pytest.raises(BrokerError, match=r"settle it first: portfold reconcile pf-"):
        settle(desk, 0)
    assert [held.size for held in broker.positions()] == [1]
