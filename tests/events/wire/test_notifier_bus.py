"""The notifier's bus: who has the destination reads and acknowledges, and nobody else can."""

from collections.abc import Iterator
from typing import Any

import pytest

from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.embedded import EmbeddedServer
from portfold.events.wire.errors import BusRefused
from portfold.events.wire.notifier_bus import DeliveryCursor, NotifierBus, Term, TermOver, group
from tests.waiting import until

TICK = ["type", "ClockTicked"]
LONG_MS = 60_000


@pytest.fixture
def bus(server: EmbeddedServer, portfolio: str) -> Iterator[NotifierBus]:
    opened = NotifierBus(connect(server.url), portfolio)
    yield opened
    opened.close()


def log(bus: Bus, client: Any, *events: str, head: str = "") -> None:
    """Events with these IDs, decided up to `head`, or all."""
    for event in events:
        client.execute_command("XADD", bus.keys.events, event, *TICK)
    client.hset(bus.keys.head, mapping={"epoch": 1, "cursor": head or events[-1]})


def term_of(bus: NotifierBus, who: str = "one") -> Term:
    return bus.take_over("discord", who, LONG_MS)


def taken(bus: NotifierBus, term: Term, again_after: StreamId | None = None, count: int = 99) -> list[str]:
    return [
        str(entry.id)
        for entry in bus.take("discord", term.number, again_after=again_after, count=count).events
    ]


def told(cursor: str, part: int = 0, book: str = "") -> DeliveryCursor:
    return DeliveryCursor(StreamId.parse(cursor), part, book)


def note(bus: NotifierBus, term: Term, cursor: str, *events: str, part: int = 0, book: str = "") -> None:
    bus.note_told("discord", term.number, told(cursor, part, book), [StreamId.parse(one) for one in events])


def pending(client: Any, bus: Bus) -> int:
    return int(client.xpending(bus.keys.events, group("discord"))["pending"])


# --- where it begins ------------------------------------------------------------------------------------


def test_on_an_empty_server_it_begins_before_the_first_event(bus: NotifierBus, client: Any) -> None:
    term = term_of(bus)
    assert term.told == DeliveryCursor(ORIGIN, 0, "")
    assert bus.extent().added == 0
    assert bus.last_event() == ORIGIN
    log(bus, client, "5-0", "6-0")
    assert taken(bus, term) == ["5-0", "6-0"]


def test_a_new_destination_begins_where_the_log_is_decided(bus: NotifierBus, client: Any) -> None:
    log(bus, client, "5-0", "6-0", "7-0", head="6-0")
    term = term_of(bus)
    assert term.told.cursor == StreamId(6, 0)
    assert taken(bus, term) == ["7-0"]


def test_the_next_notifier_goes_on_where_the_last_one_was(bus: NotifierBus, client: Any) -> None:
    term = term_of(bus)
    log(bus, client, "5-0", "6-0", "7-0")
    assert taken(bus, term, count=2) == ["5-0", "6-0"]
    note(bus, term, "5-0", "5-0", part=1, book="remembered")
    bus.keep("discord", "one", 0)
    again = term_of(bus, "another")
    assert (again.number, again.told) == (term.number + 1, told("5-0", 1, "remembered"))
    assert taken(bus, again, StreamId(5, 0)) == ["6-0"]
    assert taken(bus, again) == ["7-0"]


def test_a_place_that_was_removed_means_to_begin_anew_at_the_head(bus: NotifierBus, client: Any) -> None:
    term = term_of(bus)
    log(bus, client, "5-0", "6-0")
    taken(bus, term)
    client.delete(bus.keys.notifier("discord"))
    again = term_of(bus)
    assert again.told.cursor == StreamId(6, 0)
    assert pending(client, bus) == 0


def test_a_group_that_was_removed_is_made_again_where_the_destination_was(
    bus: NotifierBus, client: Any
) -> None:
    term = term_of(bus)
    log(bus, client, "5-0", "6-0", "7-0")
    taken(bus, term)
    note(bus, term, "5-0", "5-0")
    client.xgroup_destroy(bus.keys.events, group("discord"))
    with pytest.raises(BusRefused):
        taken(bus, term)
    assert taken(bus, term_of(bus)) == ["6-0", "7-0"]


def test_a_stream_of_another_type_is_refused(bus: NotifierBus, client: Any) -> None:
    client.set(bus.keys.events, "something else")
    with pytest.raises(BusRefused):
        term_of(bus)


# --- one at a time --------------------------------------------------------------------------------------


def test_while_one_has_it_another_does_not_get_it(bus: NotifierBus) -> None:
    term = term_of(bus, "one")
    other = term_of(bus, "other")
    assert (other.number, other.holder) == (0, "one")
    assert bus.keep("discord", "one", LONG_MS)
    assert not bus.keep("discord", "other", LONG_MS)
    assert term_of(bus, "one").number == term.number + 1


def test_a_lease_that_is_given_up_or_lapses_is_free(bus: NotifierBus) -> None:
    first = term_of(bus, "one")
    assert bus.keep("discord", "one", 0)
    assert bus.take_over("discord", "two", 1).number == first.number + 1
    assert until(lambda: term_of(bus, "three").number, "the lease to lapse") == first.number + 2


def test_destinations_are_independent(bus: NotifierBus, client: Any) -> None:
    discord, log_term = term_of(bus), bus.take_over("log", "other", LONG_MS)
    log(bus, client, "5-0")
    assert taken(bus, discord) == ["5-0"]
    entries = bus.take("log", log_term.number, again_after=None, count=9).events
    assert [str(entry.id) for entry in entries] == ["5-0"]


def test_whoever_was_replaced_can_neither_take_nor_acknowledge(bus: NotifierBus, client: Any) -> None:
    old = term_of(bus, "one")
    log(bus, client, "5-0", "6-0")
    taken(bus, old, count=1)
    bus.keep("discord", "one", 0)
    new = term_of(bus, "two")
    with pytest.raises(TermOver):
        taken(bus, old)
    with pytest.raises(TermOver):
        note(bus, old, "6-0", "5-0", "6-0")
    assert bus.told("discord") == told("0-0")
    assert pending(client, bus) == 1
    assert taken(bus, new, ORIGIN) == ["5-0"]


def test_whose_lease_lapsed_can_still_acknowledge_while_nobody_has_taken_over(
    bus: NotifierBus, client: Any
) -> None:
    term = term_of(bus)
    log(bus, client, "5-0")
    taken(bus, term)
    client.delete(bus.keys.notifier_lease("discord"))
    note(bus, term, "5-0", "5-0")
    assert bus.told("discord") == told("5-0")


# --- taking and noting ----------------------------------------------------------------------------------


def test_how_things_stand_comes_with_the_events(bus: NotifierBus, client: Any) -> None:
    term = term_of(bus)
    log(bus, client, "5-0", "6-0", head="5-0")
    client.hset(bus.keys.archive, mapping={"up_to": "4-0", "folder": "somewhere"})
    client.set(bus.keys.leader, "somebody")
    before = bus.now_ms()
    found = bus.take("discord", term.number, again_after=None, count=9)
    assert (found.decided, found.archived, found.leader) == (StreamId(5, 0), StreamId(4, 0), "somebody")
    assert before <= found.now_ms <= bus.now_ms()
    nothing = bus.take("discord", term.number, again_after=None, count=9)
    assert (nothing.events, nothing.gone) == ([], [])


def test_bytes_that_are_no_text_come_as_they_lie_there(bus: NotifierBus, client: Any) -> None:
    term = term_of(bus)
    client.execute_command("XADD", bus.keys.events, "5-0", b"\xff\xfe", b"\xed\xb3\xbf\x00")
    [entry] = bus.take("discord", term.number, again_after=None, count=9).events
    assert [word.encode("utf-8", "surrogateescape") for word in entry.fields] == [
        b"\xff\xfe",
        b"\xed\xb3\xbf\x00",
    ]


def test_what_was_trimmed_while_it_waited_is_known_to_be_gone(bus: NotifierBus, client: Any) -> None:
    term = term_of(bus)
    log(bus, client, "5-0", "6-0", "7-0")
    taken(bus, term)
    client.xtrim(bus.keys.events, minid="7-0", approximate=False)
    found = bus.take("discord", term.number, again_after=ORIGIN, count=9)
    assert (found.gone, [entry.id for entry in found.events]) == (
        [StreamId(5, 0), StreamId(6, 0)],
        [StreamId(7, 0)],
    )
    bus.forget("discord", found.gone)
    assert pending(client, bus) == 1


def test_thousands_are_acknowledged_in_one_step(bus: NotifierBus, client: Any) -> None:
    term = term_of(bus)
    events = [f"5-{number}" for number in range(1, 2502)]
    log(bus, client, *events)
    assert len(taken(bus, term, count=9999)) == 2501
    note(bus, term, events[-1], *events)
    assert pending(client, bus) == 0


def test_nothing_is_told_where_no_notifier_ever_was(bus: NotifierBus) -> None:
    assert bus.told("discord") is None


def test_the_decisions_of_a_stretch_of_events(bus: NotifierBus, client: Any) -> None:
    for decision in ("5-0", "5-1", "5-100", "5-199", "5-200", "6-0"):
        client.execute_command("XADD", bus.keys.decisions, decision, *TICK)
    found = bus.decisions_between(StreamId(5, 0), StreamId(5, 1))
    assert [str(entry.id) for entry in found] == ["5-0", "5-1", "5-100", "5-199"]
    unanswerable = StreamId(5, 2**64 - 1)
    assert bus.decisions_between(unanswerable, unanswerable) == []
    found = bus.decisions_between(unanswerable, StreamId(6, 0))
    assert [str(entry.id) for entry in found] == ["6-0"]


@pytest.mark.parametrize("destination", ["discord", "events", "log"])
def test_no_destination_takes_another_key(destination: str) -> None:
    keys = NotifierBus(connect("redis://127.0.0.1:1"), "main").keys
    assert keys.notifier(destination) == f"portfolio:{{main}}:notifier:{destination}"
    assert keys.notifier_lease(destination) == f"portfolio:{{main}}:notifier-lease:{destination}"
