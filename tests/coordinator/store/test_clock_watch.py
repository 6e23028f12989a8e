"""Time on the log must not be ahead of the server's clock: that is on record, and denies entries."""

import io
import threading
from pathlib import Path
from typing import Any

import pytest

from portfold.config import load
from portfold.coordinator.process.process import Clocks, CoordinatorProcess
from portfold.coordinator.store.clock_watch import apart, halt_if_ahead
from portfold.events.codec import encode_checked
from portfold.events.incoming import ClockTicked
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus
from portfold.log import open_log
from tests.coordinator.story import DAY, HOUR, SECOND, code
from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.waiting import until

NOON = 1_736_942_400_000
FAR = 2**63


@pytest.mark.parametrize(("ahead_ms", "halts"), [(-DAY, False), (0, False), (5_000, False), (5_001, True)])
def test_five_seconds_ahead_may_be_a_slip_of_the_clock_and_more_may_not(
    ahead_ms: int, *, halts: bool
) -> None:
    assert (halt_if_ahead(StreamId(NOON + ahead_ms, 7), NOON) is not None) == halts


def test_the_halt_says_how_far_until_when_and_the_way_out() -> None:
    halt = halt_if_ahead(StreamId(NOON + HOUR, 0), NOON)
    assert halt is not None
    assert halt.by == "coordinator"
    assert halt.reason == (
        "The last event is 3,600.0 s ahead of the server's clock, so time stands still on the log until "
        "2025-01-15 13:00:00 UTC. Put the clock right or wait until then, and portfold resume; or start "
        "another portfolio."
    )


@pytest.mark.parametrize("last_ms", [253_402_300_799_999, 253_402_300_800_000, FAR])
def test_no_id_is_too_large_to_speak_of(last_ms: int) -> None:
    halt = halt_if_ahead(StreamId(last_ms, 0), NOON)
    assert halt is not None
    encode_checked(halt)


@pytest.mark.parametrize(
    ("server_ms", "says"),
    [
        (NOON, ""),
        (NOON + 60_000, ""),
        (NOON - 60_000, ""),
        (NOON + 60_001, "more than a minute ahead of this machine's"),
        (NOON - 60_001, "more than a minute behind this machine's"),
    ],
)
def test_clocks_more_than_a_minute_apart_are_mentioned(server_ms: int, says: str) -> None:
    assert says in apart(server_ms, NOON)
    assert bool(apart(server_ms, NOON)) == bool(says)


def test_an_event_from_the_future_halts_at_once_and_a_resume_changes_nothing_until_then(
    server: EmbeddedServer, portfolio: str, live: Live
) -> None:
    with coordinating(server.url, portfolio):
        live.enters("ES")
        live.by_hand("type", "ClockTicked", at=f"{live.bus.now_ms() + HOUR}-0")
        until(lambda: live.status()["halted"] == "true", "the halt")
        assert live.status()["halted_by"] == "coordinator"
        assert code(live.asks("CL")) == "halted"
        assert live.closes("ES") == []  # exits go on
        live.resume()
        until(lambda: len(live.said("TradingHalted")) == 2, "the halt again")
        assert code(live.asks("CL")) == "halted"


def test_it_halts_before_it_answers_where_the_future_was_written_while_nobody_coordinated(
    server: EmbeddedServer, portfolio: str, live: Live
) -> None:
    with coordinating(server.url, portfolio):
        live.enters("ES")
    live.by_hand("type", "ClockTicked", at=f"{live.bus.now_ms() + HOUR}-0")
    with coordinating(server.url, portfolio):
        live.all_decided()
        said = [entry.fields[1] for entry in live.events()]
        assert said.index("TradingHalted") < said.index("CoordinatorStarted", said.index("PositionOpened"))
        assert code(live.asks("CL")) == "halted"


def test_an_event_from_a_moment_ahead_is_no_reason(
    server: EmbeddedServer, portfolio: str, live: Live
) -> None:
    with coordinating(server.url, portfolio):
        live.by_hand("type", "ClockTicked", at=f"{live.bus.now_ms() + 4 * SECOND}-0")
        assert code(live.asks("ES")) == "allowed"
        live.all_decided()
        assert live.said("TradingHalted") == []


def test_a_driven_clock_may_show_anything(server: EmbeddedServer, portfolio: str, live: Live) -> None:
    future = live.bus.now_ms() + 400 * DAY
    live.publishes(ClockTicked(), future)
    with coordinating(server.url, portfolio, clock="driven"):
        live.hears(ClockTicked(), at=future + HOUR)
        live.all_decided()
        assert live.said("TradingHalted") == []
        assert live.status()["halted"] == "false"


@pytest.mark.parametrize(("clock", "warns"), [("server", True), ("driven", False)])
def test_a_machine_whose_clock_is_another_is_told_once(
    live: Live, bus: Bus, clock: Any, *, warns: bool
) -> None:
    said, stop = io.StringIO(), threading.Event()
    log, lines = open_log("coordinator", target=said)
    an_hour_ago = live.bus.now_ms() - HOUR
    process = CoordinatorProcess(
        load(None, {}, Path("/")),
        bus,
        clock=clock,
        log=log,
        stop=stop,
        clocks=Clocks(wall_ms=lambda: an_hour_ago),
    )
    for _ in process.steps():
        stop.set()
    lines.close()
    assert said.getvalue().count("more than a minute ahead of this machine's") == warns
