"""Stops that rest at Interactive Brokers beside positions: placed, replaced, gone with the exit, filled."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from portfold.events.fields import Side
from portfold.workers.brokers.ibkr.broker import InteractiveBrokers
from portfold.workers.brokers.protocol import BrokerError, NotOpen, OrderUnknown
from portfold.workers.brokers.resting.protective import StopPlace, is_protective
from portfold.workers.protection import protecting
from tests.waiting import until
from tests.workers.brokers.ibkr.resting.protected import FIVE, protected, resting, stops
from tests.workers.brokers.ibkr.tws_desk import PRICE, SHORT, Desk


@pytest.mark.parametrize(("side", "action", "price"), [("long", "SELL", "4995"), ("short", "BUY", "5005")])
def test_from_the_fill_on_a_stop_rests_on_the_other_side_until_it_is_cancelled(
    desk: Desk, side: Side, action: str, price: str
) -> None:
    protected(desk, 2, side)
    (stop,) = stops(desk)
    assert (stop.fields["action"], stop.size, stop.price_of("auxPrice")) == (action, 2, Decimal(price))
    assert (stop.fields["tif"], stop.outside_hours, is_protective(stop.reference)) == ("GTC", True, True)
    assert (stop.fields["ocaGroup"], stop.fields["ocaType"]) == (stop.reference, "1")


@pytest.mark.parametrize(
    ("distance", "rests"), [(None, "4996.25"), (Decimal("4.75"), "4996.25"), (Decimal("4.25"), "4996.50")]
)
def test_a_stop_that_the_strategy_names_rests_there_unless_the_distance_from_the_fill_is_nearer(
    distance: Decimal | None, rests: str, desk: Desk
) -> None:
    broker = desk.broker()
    place = StopPlace(distance, Decimal("4996.25"))
    desk.exchange.fills = "on order"
    with ThreadPoolExecutor(1) as pool:
        entry = pool.submit(protecting(broker.enter, place), "ES", "long", 2, PRICE)
        desk.exchange.fill(desk.at_work(), 2, "5000.75")
        entry.result(60)
    stop = resting(desk, 2, broker)
    assert (stop.fields["action"], stop.price_of("auxPrice")) == ("SELL", Decimal(rests))
    assert broker.without_stop() == []


def test_without_a_distance_nothing_rests(desk: Desk) -> None:
    broker = desk.broker()
    broker.enter("ES", "long", 1, PRICE)
    broker.exit("ES", "long", 1, None)
    assert desk.sent() == 2
    assert broker.without_stop() == []


def test_with_each_part_of_an_entry_the_stop_is_replaced_by_one_of_what_is_held(desk: Desk) -> None:
    broker = desk.broker()
    desk.exchange.fills = "on order"
    with ThreadPoolExecutor(1) as pool:
        entry = pool.submit(broker.enter, "ES", "long", 3, PRICE, stop_distance=FIVE)
        reference = desk.at_work()
        desk.exchange.fill(reference, 1, "5000")
        first = resting(desk, 1)
        desk.exchange.fill(reference, 2, "5000.75")
        entry.result(60)
    second = resting(desk, 3)
    assert (first.status, second.price_of("auxPrice")) == ("Cancelled", Decimal("4995.50"))


def test_the_stop_is_gone_with_the_exit_and_can_open_nothing(desk: Desk) -> None:
    broker = protected(desk)
    assert not is_protective(broker.exit("ES", "long", 1, None).fills[0].fill_id)
    assert desk.exchange.working() == []
    desk.exchange.trade("ESZ5", "4000")
    assert desk.exchange.size("ESZ5") == 0


def test_after_a_part_is_closed_a_stop_of_the_rest_is_there(desk: Desk) -> None:
    broker = protected(desk, 3)
    broker.exit("ES", "long", 2, None)
    resting(desk, 1, broker)
    assert "WITHOUT ITS STOP" not in desk.said()


def test_a_stop_that_is_filled_is_an_exit_that_nobody_has_reported_and_who_trades_hears_of_it(
    desk: Desk,
) -> None:
    broker = protected(desk, 2)
    heard = list[int]()
    broker.on_closed_late(lambda: heard.append(len(broker.unreported_exits())))
    desk.exchange.trade("ESZ5", "4994.75")
    until(lambda: heard, "the news")
    (fill,) = broker.unreported_exits()
    assert (fill.size, fill.price, fill.total_commission) == (2, Decimal("4994.75"), Decimal("9.00"))
    assert (is_protective(fill.fill_id), broker.positions(), desk.exchange.working()) == (True, [], [])
    with pytest.raises(NotOpen):
        broker.exit("ES", "long", 2, None)


def test_a_stop_that_is_filled_while_an_exit_is_on_its_way_ends_that(desk: Desk) -> None:
    broker = protected(desk, 2)
    desk.exchange.fills = "on order"
    with ThreadPoolExecutor(1) as pool:
        leaving = pool.submit(broker.exit, "ES", "long", 2, None)
        until(lambda: len(desk.exchange.working()) == 2, "the exit at the exchange")
        desk.exchange.fill(stops(desk)[0].reference)
        with pytest.raises(NotOpen, match="was executed first"):
            leaving.result(60)
    until(lambda: not broker.positions(), "the stop in the book")
    assert (desk.exchange.size("ESZ5"), desk.exchange.working()) == (0, [])


def test_an_exit_that_is_filled_in_part_ends_the_stop_and_the_next_one_is_of_the_rest(desk: Desk) -> None:
    broker = protected(desk, 3, waits=SHORT._replace(lists=20.0))
    desk.exchange.fills = "on order"
    with pytest.raises(OrderUnknown):
        broker.exit("ES", "long", 3, None)
    (leaving,) = [each for each in desk.exchange.working() if each.kind == "MKT"]
    desk.exchange.fill(leaving.reference, 1)
    assert stops(desk) == []
    desk.exchange.end(leaving.reference)
    assert resting(desk, 2, broker).price_of("auxPrice") == 4995


def test_a_stop_that_is_being_executed_is_waited_for_and_nothing_closed_beside_it(desk: Desk) -> None:
    broker = protected(desk, 2, waits=SHORT._replace(lists=20.0))
    desk.exchange.fills = "on order"
    (stop,) = stops(desk)
    desk.exchange.fill(stop.reference, 1, "4995")
    until(lambda: any(each.life.filled for each in broker.open_orders()), "the part in the book")
    part = broker.exit("ES", "long", 2, None)
    assert (part.size, part.price) == (1, Decimal(4995))
    assert [held.size for held in broker.positions()] == [1]
    desk.exchange.fill(stop.reference, 1, "4994")
    until(lambda: not broker.positions(), "the rest in the book")
    assert (desk.sent(), desk.exchange.size("ESZ5")) == (2, 0)
    assert [each.size for each in broker.unreported_exits()] == [1, 1]


def test_a_stop_that_outlives_its_leg_at_the_broker_is_cancelled_and_nothing_is_entered_before(
    desk: Desk,
) -> None:
    broker = protected(desk)
    desk.exchange.groups = "ignored"
    desk.gateway.misbehaviour.cancels = "swallowed"
    broker.exit("ES", "long", 1, None)
    with pytest.raises(BrokerError, match=r"protective stop pf-stop-.* may still be at work"):
        broker.enter("ES", "long", 1, PRICE, stop_distance=FIVE)
    desk.gateway.misbehaviour.cancels = "taken"
    until(lambda: not desk.exchange.working(), "the end of the stop")


@pytest.mark.parametrize("by", ["the broker", "somebody"])
def test_a_position_whose_stop_is_refused_or_cancelled_is_said_added_to_by_nobody_and_always_left(
    desk: Desk, by: str
) -> None:
    broker = protected(desk)
    desk.gateway.misbehaviour.orders = "refused"
    desk.exchange.end(stops(desk)[0].reference, "margin", "Inactive" if by == "the broker" else "Cancelled")
    until(lambda: "WITHOUT ITS STOP: ES of ibs-ES is open" in desk.said(), "the sentence")
    until(lambda: len(broker.without_stop()) == 1, "the finding")
    with pytest.raises(BrokerError, match="while what ibs-ES holds is without its protective stop"):
        until(lambda: broker.enter("ES", "long", 1, PRICE, stop_distance=FIVE) is None, "a refusal")
    desk.gateway.misbehaviour.orders = "taken"
    resting(desk, 1, broker)
    until(lambda: "has its protective stop again" in desk.said(), "the all clear")
    assert broker.without_stop() == []
    assert broker.exit("ES", "long", 1, None).size == 1


def test_a_position_without_its_stop_is_left_all_the_same(desk: Desk) -> None:
    broker = desk.broker()
    broker.enter("ES", "long", 1, PRICE, stop_distance=FIVE)
    resting(desk, 1, broker)
    desk.gateway.misbehaviour.orders = "refused"
    desk.exchange.end(stops(desk)[0].reference)
    until(broker.without_stop, "the loss of the stop")
    desk.gateway.misbehaviour.orders = "taken"
    until(lambda: _left(broker), "the exit")
    until(lambda: not desk.exchange.working(), "the end of all orders")
    assert desk.exchange.size("ESZ5") == 0


def _left(broker: InteractiveBrokers) -> bool:
    try:
        broker.exit("ES", "long", 1, None)
    except NotOpen:
        return True
    except BrokerError:
        return False
    return True


# --- lives, connections, others -------------------------------------------------------------------------


def test_the_next_life_finds_the_stop_and_places_no_other(desk: Desk) -> None:
    desk.end(protected(desk, 2))
    again = desk.broker()
    resting(desk, 2, again)
    assert again.exit("ES", "long", 2, None).size == 2
    assert (desk.exchange.working(), desk.sent()) == ([], 3)


def test_a_stop_that_was_filled_while_nobody_lived_is_found_and_reported(desk: Desk) -> None:
    desk.end(protected(desk, 2))
    desk.exchange.trade("ESZ5", "4990")
    again = desk.broker()
    until(again.unreported_exits, "the exit")
    assert (again.positions(), [is_protective(each.fill_id) for each in again.unreported_exits()]) == (
        [],
        [True],
    )


def test_a_stop_rests_over_the_night_and_is_there_after_it(desk: Desk) -> None:
    broker = protected(desk)
    desk.gateway.stop()
    desk.exchange.begin_day()
    desk.gateway.start()
    until(lambda: desk.said().count("Connected to Interactive Brokers") == 2, "the next connection")
    resting(desk, 1, broker)
    assert len([each for each in desk.exchange.orders if each.kind == "STP"]) == 1
    desk.exchange.trade("ESZ5", "4990")
    until(lambda: not broker.positions(), "the stop in the book")


def test_a_life_that_ended_before_its_stop_was_placed_leaves_that_to_the_next(desk: Desk) -> None:
    broker = desk.broker(waits=SHORT)
    desk.gateway.misbehaviour.orders = "unanswered"
    desk.gateway.misbehaviour.lists = "swallowed"
    with pytest.raises(OrderUnknown):
        broker.enter("ES", "long", 2, PRICE, stop_distance=FIVE)
    desk.end(broker)
    desk.gateway.misbehaviour.orders = "taken"
    desk.gateway.misbehaviour.lists = "answered"
    assert stops(desk) == []
    resting(desk, 2, desk.broker())


def test_a_stop_that_never_arrived_is_placed_again_once_that_is_certain(desk: Desk) -> None:
    broker = desk.broker(silence_seconds=0.1, waits=SHORT._replace(lists=20.0))
    refused = _before_stops(desk, broker)
    until(lambda: "WITHOUT ITS STOP" in desk.said(), "the sentence")
    desk.gateway.misbehaviour.orders = "taken"
    resting(desk, 1, broker)
    assert refused == 1


def test_an_exit_that_was_lost_is_over_once_the_stop_has_closed_what_it_was_to_close(desk: Desk) -> None:
    broker = protected(desk, waits=SHORT)
    desk.gateway.misbehaviour.orders = desk.gateway.misbehaviour.lists = "swallowed"
    with pytest.raises(OrderUnknown):
        broker.exit("ES", "long", 1, None)
    desk.exchange.trade("ESZ5", "4995")
    _connect_anew(desk)
    until(lambda: not broker.open_orders() and not broker.positions(), "the end of both")
    assert [fill.price for fill in broker.unreported_exits()] == [4995]


def test_a_stop_that_was_lost_is_over_once_the_exit_has_closed_what_it_was_beside(desk: Desk) -> None:
    broker = desk.broker(waits=SHORT)
    desk.gateway.misbehaviour.lists = "swallowed"
    _before_stops(desk, broker)
    until(lambda: desk.said().count("An order was sent") == 2, "the stop on its way")
    desk.gateway.misbehaviour.orders, desk.exchange.fills = "taken", "at once"
    assert broker.exit("ES", "long", 1, None).size == 1
    _connect_anew(desk)
    until(lambda: not broker.open_orders(), "the end of the stop")
    assert broker.enter("ES", "long", 1, PRICE).size == 1


def _connect_anew(desk: Desk) -> None:
    desk.gateway.misbehaviour.orders, desk.gateway.misbehaviour.lists = "taken", "answered"
    desk.gateway.hang_up()
    until(lambda: desk.said().count("Connected to Interactive Brokers") == 2, "the next connection")


def _before_stops(desk: Desk, broker: InteractiveBrokers) -> int:
    """Enters, and has every later order swallowed."""
    desk.exchange.fills = "on order"
    with ThreadPoolExecutor(1) as pool:
        entry = pool.submit(broker.enter, "ES", "long", 1, PRICE, stop_distance=FIVE)
        reference = desk.at_work()
        desk.gateway.misbehaviour.orders = "swallowed"
        desk.exchange.fill(reference)
        return entry.result(60).size


@pytest.mark.parametrize("silent", [False, True])
def test_a_flattener_that_closes_for_the_dead_takes_the_stop_away(desk: Desk, silent: bool) -> None:  # noqa: FBT001
    desk.end(protected(desk, 2))
    flattener = desk.broker("flattener")
    if silent:
        desk.exchange.fills = "on order"
    with ThreadPoolExecutor(1) as pool:
        closing = pool.submit(flattener.flatten, owner="ibs-ES")
        if silent:
            until(lambda: len(desk.exchange.working()) == 2, "the exit beside the stop")
            desk.exchange.fill(next(e.reference for e in desk.exchange.working() if e.kind == "MKT"))
        (fill,) = closing.result(60)
    assert (fill.owner, fill.size, desk.exchange.size("ESZ5"), desk.exchange.working()) == (
        "ibs-ES",
        2,
        0,
        [],
    )


Watched = Callable[[Desk], object]


@pytest.mark.parametrize(
    "trouble",
    [
        lambda desk: desk.gateway.hang_up(),
        lambda desk: (desk.gateway.lose_connectivity(), desk.gateway.restore_connectivity(keep_data=True)),
    ],
)
def test_a_break_of_the_connection_changes_nothing_of_what_rests(desk: Desk, trouble: Watched) -> None:
    broker = protected(desk)
    trouble(desk)
    until(lambda: desk.said().count("Connected to Interactive Brokers") == 2, "the next connection")
    resting(desk, 1, broker)
    assert desk.sent() == 2
    assert "WITHOUT ITS STOP" not in desk.said()
