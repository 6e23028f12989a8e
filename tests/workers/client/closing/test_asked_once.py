"""A callback that closes is asked once for what is open, whichever orders bring it and in which order."""

import io
import json
from decimal import Decimal

import pytest

from portfold.events.decisions import FILLED_SINCE
from portfold.events.legs import Holding, Leg
from portfold.events.stream_id import StreamId
from portfold.log import open_log
from portfold.workers.client.closing.asked_once import AskedOnce, Reported
from portfold.workers.client.closing.flatten_order import FlattenOrder

_STOP, _PULLED, _FILLED = (StreamId(ms, 0) for ms in (1, 2, 3))
STOP = FlattenOrder("1-0", _STOP, "daily stop loss", everything=True)
PULL = FlattenOrder("killswitch 9-0", _PULLED, "kill switch by ann", everything=True)
ORDERED = FlattenOrder("1-0", _PULLED, "ordered by ann", everything=True)
LATE = FlattenOrder(
    "1-0", _FILLED, "NQ filled after", everything=False, positions=(Leg("NQ", "long", 1, "me"),)
)


def asked_for(*happens: FlattenOrder | str) -> list[str]:
    """The causes for which it was called, with fills of the named symbols in between."""
    causes: list[str] = []
    reported = Reported()
    log, lines = open_log("me", target=io.StringIO())
    asked = AskedOnce(lambda order: causes.append(order.cause), reported, log)
    for one in happens:
        if isinstance(one, str):
            with reported.opening(one, 1):
                pass
        else:
            asked(one)
    lines.close()
    return causes


def test_once_an_episode() -> None:
    assert asked_for("ES", STOP, STOP, ORDERED) == [STOP.cause]
    assert asked_for("ES", PULL, ORDERED) == [PULL.cause]
    assert asked_for("ES", STOP, PULL, ORDERED) == [STOP.cause, PULL.cause]


def test_again_for_each_fill_since() -> None:
    assert asked_for(STOP, "NQ", LATE, "NQ", LATE) == [STOP.cause, LATE.cause, LATE.cause]
    assert asked_for(STOP, "ES", LATE) == [STOP.cause], "of another symbol"


def test_not_again_for_a_fill_that_another_order_was_carried_out_for() -> None:
    assert asked_for("ES", STOP, "NQ", PULL, LATE, ORDERED) == [STOP.cause, PULL.cause]
    assert asked_for("ES", STOP, "NQ", LATE, ORDERED) == [STOP.cause, LATE.cause]


def test_not_again_for_a_fill_that_an_order_carried_out_late_has_found() -> None:
    """The stop found nothing open, so its episode was over; the order of the fill has one of its own."""
    of_the_fill = LATE._replace(episode="2-0", cause=f"NQ {FILLED_SINCE}")
    assert asked_for("NQ", STOP, of_the_fill) == [STOP.cause]
    assert asked_for(STOP, "NQ", of_the_fill) == [STOP.cause, of_the_fill.cause], "the stop came before it"
    another = of_the_fill._replace(episode="3-0")
    assert asked_for("NQ", STOP, of_the_fill, "NQ", another) == [STOP.cause, another.cause]
    assert asked_for(of_the_fill) == [of_the_fill.cause], "what an earlier life opened has no fill here"


def test_of_two_late_fills_each_is_asked_for() -> None:
    """Whichever is ordered closed first: a callback may close what the order names and nothing else."""
    other = LATE._replace(cause="CL filled after", positions=(Leg("CL", "long", 1, "me"),))
    assert asked_for("ES", STOP, "CL", "NQ", LATE, other, LATE) == [STOP.cause, LATE.cause, other.cause]


def test_all_of_it_after_a_part() -> None:
    """A stop within the episode of a part; what an earlier life opened has no fill here."""
    part, rest = LATE._replace(cause="ibs was lost"), Leg("CL", "long", 1, "me")
    stop = STOP._replace(positions=(*part.positions, rest))
    assert asked_for("NQ", part, stop, stop) == [part.cause, stop.cause]
    assert asked_for(part, PULL, stop) == [part.cause, PULL.cause]


def test_again_if_it_raised() -> None:
    causes: list[str] = []

    def fails_at_first(order: FlattenOrder) -> None:
        causes.append(order.cause)
        if len(causes) == 1:
            raise OSError("the broker is closed")

    log, lines = open_log("me", target=io.StringIO())
    asked = AskedOnce(fails_at_first, Reported(), log)
    with pytest.raises(OSError, match="the broker is closed"):
        asked(STOP)
    for _ in range(3):
        asked(STOP)
    lines.close()
    assert len(causes) == 2


def test_once_for_an_order_its_pull_and_the_fill_in_between() -> None:
    """The pull and the order name one event; the order that the fill brings comes last."""
    pull = PULL._replace(event=_STOP)
    late = FlattenOrder("1-0", _FILLED, "late fill", everything=False, positions=LATE.positions)
    assert asked_for("ES", STOP, "NQ", pull, late) == [STOP.cause, PULL.cause]


# --- what it did not report ------------------------------------------------------------------------------


def said_to_be_left(*happens: FlattenOrder, reported: Reported, closes: int = 0) -> list[str]:
    """The symbols that each complaint names, of a callback that reports a close of so many ES."""

    def callback(_: FlattenOrder) -> None:
        if closes:
            with reported.closing("ES", closes):
                pass

    said = io.StringIO()
    log, lines = open_log("me", target=said)
    asked = AskedOnce(callback, reported, log)
    for one in happens:
        asked(one)
    lines.close()
    told = [json.loads(line) for line in said.getvalue().splitlines()]
    assert all(one["level"] == "critical" for one in told)
    return [one["symbols"] for one in told]


def two_es() -> Reported:
    reported = Reported()
    with reported.opening("ES", 2):
        pass
    return reported


BUS_LOST = FlattenOrder("bus lost 1", StreamId(0, 0), "bus lost", everything=True)
BY_THE_LOG = ORDERED._replace(positions=(Leg("ES", "long", 2, "me"),))


@pytest.mark.parametrize("order", [PULL, BUS_LOST, BY_THE_LOG])
@pytest.mark.parametrize(("closes", "left"), [(0, ["ES"]), (1, ["ES"]), (2, [])])
def test_a_callback_that_does_not_report_all_of_it_closed_is_told(
    order: FlattenOrder, closes: int, left: list[str]
) -> None:
    assert said_to_be_left(order, order, reported=two_es(), closes=closes) == left


def test_and_once_for_a_pull_and_the_order_that_its_event_brings() -> None:
    assert said_to_be_left(PULL, BY_THE_LOG, reported=two_es()) == ["ES"]
    assert said_to_be_left(PULL, BY_THE_LOG, reported=Reported()) == ["ES"], "which only the log knows of"


def test_of_what_an_earlier_life_opened_too() -> None:
    reported = Reported()
    reported.holds([Holding("ES", "long", 2, Decimal(5000))])
    assert said_to_be_left(PULL, reported=reported, closes=1) == ["ES"]


def test_and_not_of_what_somebody_else_has_closed() -> None:
    reported = two_es()
    reported.closed_elsewhere("ES")
    assert said_to_be_left(PULL, reported=reported) == []


def test_and_not_where_somebody_else_has_closed_a_part_and_the_callback_the_rest() -> None:
    reported = two_es()
    reported.closed_elsewhere("ES", left=1)
    assert said_to_be_left(PULL, reported=reported, closes=1) == []
