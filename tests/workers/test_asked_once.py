"""An author's callback that closes: called once for what is open, however often that is ordered."""

import io
from collections.abc import Iterator

import pytest

from coordinator.log import Log, open_log
from events.legs import Leg
from events.stream_id import StreamId
from workers.asked_once import AskedOnce, Reported
from workers.flatten_order import FlattenOrder

ES = Leg("ES", "long", 1, "mine")
CL = Leg("CL", "long", 1, "mine")


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(said: io.StringIO) -> Iterator[Log]:
    log, lines = open_log("mine", target=said)
    yield log
    lines.close()


def ordered(*legs: Leg, episode: str = "5-0", cause: str = "daily stop loss") -> FlattenOrder:
    return FlattenOrder(episode, StreamId(5, 0), cause, everything=True, positions=legs)


def test_for_one_order_it_is_called_again_only_if_a_fill_was_reported_since(log: Log) -> None:
    calls: list[tuple[str, ...]] = []
    reported = Reported()
    callback = AskedOnce(
        lambda order: calls.append(tuple(leg.symbol for leg in order.positions)), reported, log
    )
    reported.opened("ES")
    callback(ordered(ES))
    callback(ordered(ES, cause="flatten overdue"))
    assert calls == [("ES",)]
    reported.opened("CL")  # an order that the broker filled after the stop
    callback(ordered(ES, CL, cause="flatten overdue"))
    callback(ordered(ES, CL, cause="flatten overdue"))
    assert calls == [("ES",), ("ES", "CL")]
    callback(ordered(CL, episode="9-0"))
    assert len(calls) == 3


def test_it_is_called_again_if_it_raised(log: Log) -> None:
    calls: list[str] = []

    def fails_at_first(order: FlattenOrder) -> None:
        calls.append(order.cause)
        if len(calls) == 1:
            raise OSError("the broker is closed")

    callback = AskedOnce(fails_at_first, Reported(), log)
    with pytest.raises(OSError, match="the broker is closed"):
        callback(ordered(ES))
    for _ in range(3):
        callback(ordered(ES))
    assert len(calls) == 2


def test_a_pull_of_the_kill_switch_and_the_order_that_accounts_for_it_are_one(log: Log) -> None:
    calls: list[str] = []
    callback = AskedOnce(lambda order: calls.append(order.cause), Reported(), log)
    pull = FlattenOrder("killswitch 7-0", StreamId(5, 0), "kill switch by ann", everything=True)
    callback(pull)
    callback(ordered(ES, cause="ordered by ann"))
    assert calls == ["kill switch by ann"]


def test_a_fill_between_an_order_and_its_pull_is_closed_once(log: Log) -> None:
    """Either of the two may come first, and the order that the fill brings comes last."""
    calls: list[str] = []
    reported = Reported()
    callback = AskedOnce(lambda order: calls.append(order.cause), reported, log)
    callback(ordered(ES, cause="ordered by ann"))
    reported.opened("CL")
    callback(FlattenOrder("killswitch 7-0", StreamId(5, 0), "kill switch by ann", everything=True))
    callback(FlattenOrder("5-0", StreamId(9, 0), "late fill", everything=False, positions=(ES, CL)))
    assert calls == ["ordered by ann", "kill switch by ann"]
