"""Taking history off the server: both streams at once, only what is decided, and never all of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.archiver_bus import ArchiverBus, Trimmed
from portfold.events.wire.bus import MovedHistory
from portfold.events.wire.connection import connect
from tests.server import EmbeddedServer

LARGEST = 2**64 - 1
TICK = ["type", "ClockTicked"]


@pytest.fixture
def bus(server: EmbeddedServer, portfolio: str) -> Iterator[ArchiverBus]:
    opened = ArchiverBus(connect(server.url), portfolio)
    yield opened
    opened.close()


def log(bus: ArchiverBus, client: Any, *events: str, decided_on: str = "", head: str = "") -> None:
    """Events with these IDs; each in `decided_on` has two decisions; the head is at `head`, or the last."""
    for event in events:
        client.execute_command("XADD", bus.keys.events, event, *TICK)
        if event in decided_on.split():
            for index in (0, 1):
                decision = StreamId.parse(event).decision(index)
                client.execute_command("XADD", bus.keys.decisions, str(decision), "type", "EntryExpired")
    client.hset(bus.keys.head, mapping={"epoch": 1, "cursor": head or events[-1]})


def left(bus: ArchiverBus) -> list[list[str]]:
    """The IDs in both streams."""
    streams = (bus.events_after(ORIGIN, count=99), bus.decisions_after(ORIGIN, count=99))
    return [[str(entry.id) for entry in stream] for stream in streams]


def trim(bus: ArchiverBus, keep_from: str) -> Trimmed:
    return bus.trim(StreamId.parse(keep_from), "somewhere")


def test_what_is_before_goes_from_both_streams_and_what_is_kept_begins_with_that_event(
    bus: ArchiverBus, client: Any
) -> None:
    log(bus, client, "5-0", "5-1", "6-0", "7-0", decided_on="5-0 5-1 7-0")
    assert bus.archived() is None
    assert trim(bus, "5-1") == ("done", 1, 2)
    assert left(bus) == [["5-1", "6-0", "7-0"], ["5-100", "5-101", "7-0", "7-1"]]
    assert bus.archived() == MovedHistory(StreamId(5, 0), "somewhere", kept_from=StreamId(5, 1))
    assert trim(bus, "7-0") == ("done", 2, 2)
    assert left(bus) == [["7-0"], ["7-0", "7-1"]]
    assert bus.archived() == MovedHistory(StreamId(6, 0), "somewhere", kept_from=StreamId(7, 0))


def test_what_is_to_be_kept_from_the_first_on_stays_as_it_is(bus: ArchiverBus, client: Any) -> None:
    log(bus, client, "5-0", "6-0", decided_on="5-0 6-0")
    assert trim(bus, "5-0") == ("done", 0, 0)
    assert len(left(bus)[0]) == 2
    assert bus.archived() is None


def test_ids_given_out_are_not_given_out_again(bus: ArchiverBus, client: Any) -> None:
    log(bus, client, "5-0", "6-0", decided_on="5-0 6-0")
    trim(bus, "6-0")
    assert (bus.last_event(), bus.last_decision()) == (StreamId(6, 0), StreamId(6, 1))
    assert bus.extent().added == 2


@pytest.mark.parametrize(("head", "outcome"), [("6-0", "done"), ("5-9", "undecided"), ("0-0", "undecided")])
def test_nothing_goes_beyond_the_head(bus: ArchiverBus, client: Any, head: str, outcome: str) -> None:
    log(bus, client, "5-0", "6-0", "7-0", decided_on="5-0 6-0 7-0", head=head)
    assert trim(bus, "6-0").outcome == outcome
    assert len(left(bus)[0]) == (2 if outcome == "done" else 3)


def test_without_a_head_nothing_goes(bus: ArchiverBus, client: Any) -> None:
    log(bus, client, "5-0", "6-0", decided_on="5-0 6-0")
    client.delete(bus.keys.head)
    assert trim(bus, "6-0").outcome == "undecided"


@pytest.mark.parametrize("keep_from", ["5-1", "4-0"])
def test_the_first_event_to_keep_has_to_be_there(bus: ArchiverBus, client: Any, keep_from: str) -> None:
    log(bus, client, "5-0", "6-0", decided_on="5-0 6-0")
    assert trim(bus, keep_from) == ("gone", 0, 0)
    assert len(left(bus)[0]) == 2


@pytest.mark.parametrize(
    ("decided_on", "outcome"), [("5-0 6-0", "done"), ("5-0", "emptied"), ("", "emptied")]
)
def test_a_decision_has_to_be_left(bus: ArchiverBus, client: Any, decided_on: str, outcome: str) -> None:
    log(bus, client, "5-0", "6-0", decided_on=decided_on)
    before = left(bus)
    assert trim(bus, "6-0").outcome == outcome
    assert left(bus) == ([["6-0"], ["6-0", "6-1"]] if outcome == "done" else before)


@pytest.mark.parametrize(
    ("kept", "head"),
    [
        (f"{2**53}-0", f"{2**53 + 1}-0"),
        (f"{2**53 + 1}-0", f"{2**53}-0"),
        (f"{LARGEST - 1}-0", f"{LARGEST}-0"),
        (f"{LARGEST}-0", f"{LARGEST - 1}-0"),
        ("9-0", "10-0"),
        ("10-0", "9-0"),
        ("9-2", "9-10"),
        ("9-10", "9-2"),
        (f"9-{2**53}", f"9-{2**53 + 1}"),
        (f"9-{2**53 + 1}", f"9-{2**53}"),
    ],
)
def test_ids_are_compared_as_the_server_orders_them_however_large(
    bus: ArchiverBus, client: Any, kept: str, head: str
) -> None:
    log(bus, client, *sorted(["1-0", kept, head], key=StreamId.parse), decided_on=kept, head=head)
    decided = StreamId.parse(kept) <= StreamId.parse(head)
    assert trim(bus, kept).outcome == ("done" if decided else "undecided")


def test_an_event_that_has_no_room_for_decisions_can_be_the_first_that_stays(
    bus: ArchiverBus, client: Any
) -> None:
    crowded = f"6-{LARGEST}"
    log(bus, client, "5-0", "6-0", crowded, "7-0", decided_on="5-0 6-0 7-0")
    assert trim(bus, crowded) == ("done", 2, 4)
    assert left(bus) == [[crowded, "7-0"], ["7-0", "7-1"]]


@pytest.mark.parametrize(
    ("up_to", "n", "found"),
    [("9-0", 1, "8-0"), ("8-0", 1, "8-0"), ("7-0", 1, "6-0"), ("9-0", 3, "5-0"), ("9-0", 4, None)],
)
def test_events_are_counted_from_the_end(
    bus: ArchiverBus, client: Any, up_to: str, n: int, found: str | None
) -> None:
    log(bus, client, "5-0", "6-0", "8-0")
    assert bus.nth_last_event(StreamId.parse(up_to), n) == (StreamId.parse(found) if found else None)


@pytest.mark.parametrize("n", [999, 1000, 1001, 2000, 2001])
def test_events_are_counted_from_the_end_over_many_reads(bus: ArchiverBus, client: Any, n: int) -> None:
    with client.pipeline(transaction=False) as commands:
        for ms in range(1, 2002):
            commands.execute_command("XADD", bus.keys.events, f"{ms}-0", *TICK)
        commands.execute()
    assert bus.nth_last_event(StreamId(LARGEST, 0), n) == StreamId(2002 - n, 0)


def test_what_is_there_is_found(bus: ArchiverBus, client: Any) -> None:
    assert (bus.first_event(), bus.last_decided()) == (None, None)
    log(bus, client, "5-3", "6-0", "8-0", decided_on="5-3 6-0")
    assert bus.first_event() == StreamId(5, 3)
    assert [bus.first_event_since(ms) for ms in (-1, 5, 6, 7, 9)] == [
        StreamId(5, 3),
        StreamId(5, 3),
        StreamId(6, 0),
        StreamId(8, 0),
        None,
    ]
    assert bus.last_decided() == StreamId(6, 0)
    assert bus.last_decided(before=StreamId(6, 0)) == StreamId(5, 3)
    assert bus.last_decided(before=StreamId(5, 3)) is None
