"""The streams of the bus on a real server: what was written lies there, and is read as it lies."""

import threading
import time
from typing import Any

import pytest
from redis import Redis

from portfold.events.chain import GENESIS, link
from portfold.events.codec import decode_event
from portfold.events.incoming import Malformed
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Entry, at_time
from portfold.events.wire.errors import BusRefused
from tests.events.wire.commits import TICK
from tests.server import EmbeddedServer
from tests.waiting import until


def test_an_event_is_read_back_under_the_id_it_was_given_with_its_fields_in_order(bus: Bus) -> None:
    first = bus.append(["type", "B", "z", "1", "a", ""])
    second = bus.append(TICK)
    assert bus.events_after(ORIGIN, count=10) == [
        Entry(first, ["type", "B", "z", "1", "a", ""]),
        Entry(second, TICK),
    ]
    assert bus.last_event() == second > first


def test_the_servers_clock_stamps_an_event(bus: Bus) -> None:
    before = bus.now_ms()
    assert before <= bus.append(TICK).ms <= bus.now_ms()


def test_a_driven_clock_stamps_an_event_with_the_next_place_in_its_millisecond(bus: Bus) -> None:
    assert [bus.append(TICK, at_time(ms)) for ms in (5, 5, 7)] == [
        StreamId(5, 0),
        StreamId(5, 1),
        StreamId(7, 0),
    ]


def test_a_driven_clock_cannot_go_back(bus: Bus) -> None:
    bus.append(TICK, at_time(7))
    with pytest.raises(BusRefused, match=r"Redis refused while adding an event: .*equal or smaller"):
        bus.append(TICK, at_time(6))
    assert bus.last_event() == StreamId(7, 0)


@pytest.mark.parametrize(
    "words",
    [
        ["type", "ClockTicked", "type", "TradingHalted"],
        ["", ""],
        ["type", "ClockTicked", "x", "\udcff\udcfe"],  # bytes FF FE
        ["a\nb", "\x00\r\n"],
        ["type", "ClockTicked", "note", "⛔ ü"],
        ["n"] * 4000,
    ],
    ids=["a name twice", "empty", "no UTF-8", "control characters", "beyond ASCII", "long"],
)
def test_whatever_was_written_by_hand_is_read_as_it_lies_there_and_chained(
    bus: Bus, client: Any, words: list[str]
) -> None:
    raw = [word.encode("utf-8", "surrogateescape") for word in words]
    client.execute_command("XADD", bus.keys.events, "1-1", *raw)
    assert bus.events_after(ORIGIN, count=1) == [Entry(StreamId(1, 1), words)]
    assert isinstance(decode_event(words), Malformed)
    assert link(GENESIS, "1-1", words, []) != link(GENESIS, "1-1", [*words[:-1], "other"], [])


def test_no_more_entries_are_read_than_asked_for_and_none_that_is_not_after(bus: Bus) -> None:
    ids = [bus.append(TICK) for _ in range(5)]
    assert [entry.id for entry in bus.events_after(ids[1], count=2)] == ids[2:4]
    assert bus.events_after(ids[4], count=2) == []


@pytest.mark.parametrize("block_ms", [None, 0, 1, 30])
def test_a_read_of_nothing_ends_when_its_time_is_up(bus: Bus, block_ms: int | None) -> None:
    began = time.monotonic()
    assert bus.events_after(ORIGIN, count=1, block_ms=block_ms) == []
    assert bus.decisions_after(ORIGIN, count=1, block_ms=block_ms) == []
    assert time.monotonic() - began >= 2 * (block_ms or 0) / 1000


def test_a_waiting_read_is_woken_by_the_event(bus: Bus, server: EmbeddedServer) -> None:
    read: list[Entry] = []
    reader = threading.Thread(target=lambda: read.extend(bus.events_after(ORIGIN, count=1, block_ms=4000)))
    reader.start()
    with Redis.from_url(server.url, decode_responses=True) as client:
        until(lambda: client.info("clients")["blocked_clients"] > 0, "a reader that waits")
    written = bus.append(TICK)
    reader.join(20)
    assert read == [Entry(written, TICK)]


def test_the_last_event_is_known_even_when_it_was_taken_out(bus: Bus, client: Any) -> None:
    assert bus.last_event() == bus.last_decision() == ORIGIN
    bus.append(TICK, "5-5")
    client.xdel(bus.keys.events, "5-5")
    assert bus.last_event() == StreamId(5, 5)


def test_the_decisions_of_an_event_are_those_in_its_room_and_no_others(bus: Bus, client: Any) -> None:
    for at in ("7-99", "7-100", "7-199", "7-200", "8-100"):
        client.execute_command("XADD", bus.keys.decisions, at, "n", at)
    assert [entry.fields[1] for entry in bus.decisions_of(StreamId(7, 1))] == ["7-100", "7-199"]
    assert bus.decisions_of(StreamId(7, 3)) == []
