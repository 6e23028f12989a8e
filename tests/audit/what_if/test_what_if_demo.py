"""What if, of a recorded demo, checked by hand; of one that is run: `tests/cli/demo/test_two_days.py`."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from portfold.coordinator.audit.what_if.findings import (
    DayOver,
    FilledAnyway,
    StopComes,
    StopGoes,
    TradeEnded,
    TradeGone,
    Turned,
)
from portfold.events.stream_id import StreamId
from tests.audit.in_memory import InMemory
from tests.audit.supposing import Supposed, dollars, overrides
from tests.audit.what_if.recorded_demo import recorded_demo


@pytest.fixture(name="recorded_demo")
def _recorded_demo() -> InMemory:
    return recorded_demo()


def clock(at: str) -> str:
    """Day and time in Chicago, as `06 21:00`."""
    moment = datetime.fromtimestamp(StreamId.parse(at).ms / 1000, ZoneInfo("America/Chicago"))
    return f"{moment:%d %H:%M}"


def test_three_positions_in_place_of_four_on_the_recorded_demo_checked_by_hand(
    recorded_demo: InMemory,
) -> None:
    """Every entry that was allowed on the log, what was open or reserved then, and what is left of it with 3.

        trading day 2025-01-06                 with at most 3:
    18:00  RTY   -                             -
    20:00  SI    RTY                           RTY
    20:00  ES    RTY SI                        RTY SI
    21:00  6B    RTY SI ES                     RTY SI ES     denied: it made 57.50 until 03:00
           (22:00 ES closes, 00:00 RTY)
    01:00  ES    SI 6B                         SI
    02:00  RTY   SI 6B ES                      SI ES
           (02:00 ES closes, 03:00 6B)
    04:00  CL    SI RTY                        SI RTY
    04:00  ES    SI RTY CL                     SI RTY CL     denied: it made -530 until the stop at 07:00
           (04:00 SI closes)
    05:00  6B    RTY CL ES                     RTY CL
    07:00  STOP at -2,616.25                   without the 57.50 of 6B and the -387.50 of ES so far -2,286.25,
                                               and -2,322.50 when all is closed: no stop
    08:00  CL, RTY, SI denied: stopped_out     allowed
    08:00  6B, ES denied: stopped_out          denied: max_positions, the three before hold the slots
           ... and so on until 15:00: each again, whatever becomes of it is unknown

        trading day 2025-01-07
    18:00  CL    -                             -
    19:00  RTY   CL                            CL
    20:00  SI    CL RTY                        CL RTY
    21:00  6B    CL RTY SI                     CL RTY SI     denied: it made -17.50 until 22:00
           (21:00 CL closes, 23:00 SI, 00:00 RTY)
    01:00  CL    -                             -
    03:00  RTY   CL                            CL
    04:00  SI    CL RTY                        CL RTY
    04:00  ES    CL RTY SI                     CL RTY SI     denied: it made -5.00 until 06:00
           (04:00 RTY closes, 05:00 SI)
    08:00  ES    CL                            CL
    08:00  RTY   CL ES                         CL ES
    08:00  6B    CL ES RTY                     CL ES RTY     denied: it made 57.50 until 10:00
           (09:00 CL and ES close)
    10:00  ES    RTY 6B                        RTY
           (10:00 RTY closes)
    11:00  6B    ES                            ES
    11:00  CL    ES 6B                         ES 6B
    11:00  RTY   ES 6B CL                      ES 6B CL      denied: it made 5.00 until 15:00
           (13:00 CL closes)
    15:00  SI    ES 6B RTY                     ES 6B
    """
    supposed = Supposed(recorded_demo.recorded(), overrides(max_positions=3))
    closed = {one.request: one for one in supposed.each(TradeGone)}
    denied = [one for one in supposed.each(Turned) if one.recorded == "allowed"]
    assert [
        (clock(one.at), one.symbol, one.what_if, str(closed[one.at].pnl), clock(closed[one.at].closed))
        for one in denied
    ] == [
        ("05 21:00", "6B", "max_positions", "57.50", "06 03:00"),
        ("06 04:00", "ES", "max_positions", "-530.00", "06 07:00"),
        ("06 21:00", "6B", "max_positions", "-17.50", "06 22:00"),
        ("07 04:00", "ES", "max_positions", "-5.00", "07 06:00"),
        ("07 08:00", "6B", "max_positions", "57.50", "07 10:00"),
        ("07 11:00", "RTY", "max_positions", "5.00", "07 15:00"),
    ]
    assert len(closed) == 6

    stop = supposed.one(StopGoes)
    assert (clock(stop.at), stop.daily_pnl) == ("06 07:00", dollars("-2616.25"))
    assert supposed.each(StopComes) == []

    allowed = [one for one in supposed.each(Turned) if one.what_if == "allowed"]
    assert {one.recorded for one in allowed} == {"stopped_out"}
    assert [(clock(one.at), one.symbol) for one in allowed if not one.again] == [
        ("06 08:00", "CL"),
        ("06 08:00", "RTY"),
        ("06 08:00", "SI"),
        ("06 09:00", "6B"),
        ("06 10:00", "ES"),
    ]
    assert supposed.each(FilledAnyway) == []

    first, second = supposed.each(DayOver)
    assert (first.recorded.pnl, second.recorded.pnl) == (dollars("-2795.00"), dollars("-350.00"))
    assert first.what_if.pnl == first.recorded.pnl - dollars("57.50") + dollars("530.00")
    assert second.what_if.pnl == second.recorded.pnl + dollars("17.50") + dollars("5.00") - dollars(
        "57.50"
    ) - dollars("5.00")


def test_a_stop_at_2000_on_the_recorded_demo_checked_by_hand(recorded_demo: InMemory) -> None:
    """At 06:00 four positions are open, and -827.50 is booked of those before. They are marked at -131.25
    (6B), -360.00 (CL), -387.50 (ES) and last -435.00 (RTY): that makes -2,141.25."""
    supposed = Supposed(recorded_demo.recorded(), overrides(daily_stop_loss=2000))
    stop = supposed.one(StopComes)
    assert (clock(stop.at), stop.daily_pnl) == ("06 06:00", dollars("-2141.25"))
    assert supposed.each(Turned) == []  # nobody is allowed anything between 06:00 and the recorded stop
    assert [(one.symbol, str(one.pnl_at_stop), str(one.pnl)) for one in supposed.each(TradeEnded)] == [
        ("6B", "-131.25", "-267.50"),
        ("RTY", "-435.00", "-595.00"),
        ("ES", "-387.50", "-530.00"),
        ("CL", "-360.00", "-575.00"),
    ]
    first, second = supposed.each(DayOver)
    assert (first.what_if.pnl, second.what_if.pnl) == (dollars("-2141.25"), second.recorded.pnl)
