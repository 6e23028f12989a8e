"""The count in the head shows every event that vanished, and where a server was set back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.coordinator.store.log_integrity import what_is_lost
from portfold.events.incoming import ClockTicked
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus, Extent, Head
from portfold.events.wire.connection import connect
from tests.coordinator.story import code
from tests.live import Live
from tests.processes import NOT_COORDINATING, READY, coordinating
from tests.server import EmbeddedServer
from tests.set_back import Backup
from tests.waiting import until

# --- the count ------------------------------------------------------------------------------------------


def test_the_head_counts_every_event_that_was_ever_decided(decided: Live) -> None:
    head = until(decided.bus.head, "a head")
    assert head.folded == len(decided.events()) == decided.bus.extent().added


@pytest.mark.parametrize(
    ("added", "waiting", "folded", "says"),
    [
        (10, 3, 7, ""),
        (11, 3, 7, "Events vanished before anybody decided on them: 1 ("),
        (9, 3, 7, "The log was deleted and begun anew"),
    ],
)
def test_one_event_too_many_or_too_few_shows(added: int, waiting: int, folded: int, says: str) -> None:
    extent = Extent(added, waiting, StreamId(5, 0), StreamId(9, 0))
    lost = what_is_lost(extent, Head(1, StreamId(4, 0), "", folded), waiting)
    assert lost.startswith(says)
    assert bool(lost) == bool(says)


@pytest.mark.parametrize(
    ("last", "says"), [("9-0", ""), ("8-99", "The log ends at 8-99, before the head at 9-0")]
)
def test_a_log_may_end_at_the_head_and_not_before(last: str, says: str) -> None:
    extent = Extent(7, 7, StreamId(1, 0), StreamId.parse(last))
    lost = what_is_lost(extent, Head(1, StreamId(9, 0), "", 7), 0)
    assert lost.startswith(says)
    assert bool(lost) == bool(says)


@given(st.lists(st.sampled_from(["add", "fold", "trim", "vanish"]), max_size=40))
def test_what_is_lost_is_what_vanished_unread_whatever_else_happened(deeds: list[str]) -> None:
    log: list[int] = []
    added = cursor = folded = vanished = 0
    for deed in deeds:
        unread = [at for at in log if at > cursor]
        if deed == "add":
            added += 1
            log.append(added)
        elif deed == "fold" and unread:
            cursor, folded = unread[0], folded + 1
        elif deed == "trim" and log and log[0] <= cursor:
            log.pop(0)
        elif deed == "vanish" and unread:
            log.remove(unread[-1])
            vanished += 1
    extent = Extent(added, len(log), StreamId(log[0] if log else 0, 0), StreamId(added, 0))
    lost = what_is_lost(extent, Head(1, StreamId(cursor, 0), "", folded), sum(at > cursor for at in log))
    assert bool(lost) == bool(vanished)
    assert not vanished or f"decided on them: {vanished} (" in lost


# --- another server, or this one set back ---------------------------------------------------------------


@contextmanager
def own(folder: Path, portfolio: str, client: Any) -> Iterator[tuple[EmbeddedServer, Live]]:
    with EmbeddedServer(folder) as server:
        bus = Bus(connect(server.url), portfolio)
        try:
            yield server, Live(bus, client)
        finally:
            bus.close()


def test_a_restart_of_the_server_is_understood_and_said_once_the_log_adds_up(
    portfolio: str, client: Any, tmp_path: Path
) -> None:
    told = "The server was restarted, or is another one; the log adds up"
    with own(tmp_path, portfolio, client) as (server, live):
        with coordinating(server.url, portfolio):
            live.asks("ES")
        with coordinating(server.url, portfolio) as same:
            live.asks("CL")
            assert told not in same.texts()
        before = until(live.bus.head, "a head").server
        server.restart()
        with coordinating(server.url, portfolio) as other:
            said = other.says(told)
            assert said["before"] == before != said["run"]
            assert other.texts().index(told) < other.texts().index(READY)
        assert until(live.bus.head, "a head").server == said["run"] == live.bus.server()["run_id"]


def test_a_coordinator_that_saw_further_than_the_log_it_comes_back_to_halts_on_record(
    portfolio: str, client: Any, tmp_path: Path
) -> None:
    with own(tmp_path, portfolio, client) as (server, live), coordinating(server.url, portfolio) as leader:
        live.asks("ES")
        backup = Backup(server)
        live.asks("CL")
        seen = until(live.bus.head, "a head").cursor
        backup.restore()
        leader.says(READY, times=2)
        again = Live(live.bus, client)
        assert code(again.asks("SI", worker="asker")) == "halted"
        [halt] = again.said("TradingHalted")
        assert halt["by"] == "coordinator"
        assert f"had seen it decided up to {seen}: it lost its end." in halt["reason"]
        again.resume()
        assert code(again.asks("SI")) == "allowed"


def test_one_that_never_saw_further_says_nothing(portfolio: str, client: Any, tmp_path: Path) -> None:
    with own(tmp_path, portfolio, client) as (server, live), coordinating(server.url, portfolio) as leader:
        live.asks("ES")
        server.kill()
        leader.says(NOT_COORDINATING)
        server.restart()
        leader.says(READY, times=2)
        assert code(live.asks("CL")) == "allowed"
        live.hears(ClockTicked())
        assert live.said("TradingHalted") == []
