"""The notifier's bus: who has the destination looks and notes what is told, and nobody else can."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.errors import BusRefused
from portfold.events.wire.notifier_bus import DeliveryCursor, NotifierBus, Term, TermOver, former_group
from tests.server import EmbeddedServer
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


def told(cursor: str, part: int = 0, book: str = "") -> DeliveryCursor:
    return DeliveryCursor(StreamId.parse(cursor), part, book)


def note(bus: NotifierBus, term: Term, cursor: str, *, part: int = 0, book: str = "") -> None:
    bus.note_delivered("discord", term.number, told(cursor, part, book))


def groups(client: Any, bus: Bus) -> list[str]:
    return [group["name"] for group in client.xinfo_groups(bus.keys.events)]


# --- where it begins ------------------------------------------------------------------------------------


def test_on_an_empty_server_it_begins_before_the_first_event(bus: NotifierBus) -> None:
    assert term_of(bus).delivered == DeliveryCursor(ORIGIN, 0, "")
    assert bus.extent().added == 0
    assert bus.last_event() == ORIGIN


def test_a_new_destination_begins_where_the_log_is_decided(bus: NotifierBus, client: Any) -> None:
    log(bus, client, "5-0", "6-0", "7-0", head="6-0")
    assert term_of(bus).delivered.cursor == StreamId(6, 0)


def test_the_next_notifier_goes_on_where_the_last_one_was(bus: NotifierBus, client: Any) -> None:
    term = term_of(bus)
    log(bus, client, "5-0", "6-0", "7-0")
    note(bus, term, "5-0", part=1, book="remembered")
    bus.keep("discord", "one", 0)
    again = term_of(bus, "another")
    assert (again.number, again.delivered) == (term.number + 1, told("5-0", 1, "remembered"))


def test_a_place_that_was_removed_means_to_begin_anew_at_the_head(bus: NotifierBus, client: Any) -> None:
    term_of(bus)
    log(bus, client, "5-0", "6-0")
    client.delete(bus.keys.notifier("discord"))
    again = term_of(bus)
    assert (again.delivered.cursor, again.lost) == (StreamId(6, 0), False)


@pytest.mark.parametrize(
    ("place", "begins", "lost"),
    [
        ("6-0", "6-0", False),
        ("7-0", "7-0", False),  # seen and not yet decided
        ("7-1", "6-0", True),
        ("9999999999999-0", "6-0", True),
        ("18446744073709551616-0", "6-0", True),
        ("06-0", "6-0", True),
        ("6-00", "6-0", True),
        ("rubbish", "6-0", True),
        ("", "6-0", True),
    ],
)
def test_a_place_that_the_log_never_came_to_is_none(
    bus: NotifierBus, client: Any, place: str, begins: str, *, lost: bool
) -> None:
    old = term_of(bus)
    log(bus, client, "5-0", "6-0", "7-0", head="6-0")
    client.hset(bus.keys.notifier("discord"), "cursor", place)
    term = term_of(bus)
    assert (str(term.delivered.cursor), term.lost) == (begins, lost)
    assert term.number > old.number
    note(bus, term, begins)
    assert not term_of(bus).lost


@pytest.mark.parametrize(
    "term",
    [
        "",
        "x",
        "-5",
        "1.5",
        "01",
        "0",
        "9999999999999",
        "99999999999999",
        "100000000000000",
        "999999999999999",
    ],
)
@pytest.mark.parametrize("part", ["", "x", "-1", "007", "3"])
def test_whatever_somebody_made_of_term_and_part_the_next_has_a_term_and_a_place(
    bus: NotifierBus, client: Any, term: str, part: str
) -> None:
    log(bus, client, "5-0")
    begun = {"cursor": "5-0", "part": part, "term": term}
    client.hset(bus.keys.notifier("discord"), mapping=begun)
    first = term_of(bus)
    assert first.delivered == told("5-0", 3 if part == "3" else 0)
    assert term not in ("0", "99999999999999") or first.number == int(term) + 1
    note(bus, first, "5-0")
    assert bus.look("discord", first.number).decided == StreamId(5, 0)
    assert term_of(bus).number != first.number


def test_a_place_where_all_was_trimmed_behind_it_is_good(bus: NotifierBus, client: Any) -> None:
    term = term_of(bus)
    log(bus, client, "5-0", "6-0", "7-0")
    note(bus, term, "5-0")
    client.xtrim(bus.keys.events, minid="7-0", approximate=False)
    again = term_of(bus)
    assert (again.delivered.cursor, again.lost) == (StreamId(5, 0), False)


# --- what earlier versions left -------------------------------------------------------------------------


def test_of_a_consumer_group_nothing_is_lost_that_it_had_read_and_not_told(
    bus: NotifierBus, client: Any
) -> None:
    log(bus, client, "5-0", "6-0", "7-0", "8-0")
    client.xgroup_create(bus.keys.events, former_group("discord"), "0-0")
    client.xgroup_create(bus.keys.events, "somebody's", "0-0")
    client.xreadgroup(former_group("discord"), "notifier", {bus.keys.events: ">"}, count=3)
    client.xack(bus.keys.events, former_group("discord"), "5-0")
    before = {"cursor": "5-0", "part": 1, "book": "remembered", "lost": "", "term": 4}
    client.hset(bus.keys.notifier("discord"), mapping=before)
    term = term_of(bus)
    assert (term.number, term.delivered) == (5, told("5-0", 1, "remembered"))
    assert groups(client, bus) == ["somebody's"]


def test_a_consumer_group_without_a_place_goes_and_is_begun_anew(bus: NotifierBus, client: Any) -> None:
    log(bus, client, "5-0", "6-0")
    client.xgroup_create(bus.keys.events, former_group("discord"), "0-0")
    assert term_of(bus).delivered.cursor == StreamId(6, 0)
    assert groups(client, bus) == []


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
    log(bus, client, "5-0")
    discord, other = term_of(bus), bus.take_over("log", "other", LONG_MS)
    bus.note_delivered("log", other.number, told("5-0", 1))
    assert bus.delivered("discord") == told("5-0")
    assert bus.look("discord", discord.number).decided == StreamId(5, 0)


def test_whoever_was_replaced_can_neither_look_nor_note(bus: NotifierBus, client: Any) -> None:
    old = term_of(bus, "one")
    log(bus, client, "5-0", "6-0")
    bus.keep("discord", "one", 0)
    new = term_of(bus, "two")
    with pytest.raises(TermOver):
        bus.look("discord", old.number)
    with pytest.raises(TermOver):
        note(bus, old, "6-0")
    assert bus.delivered("discord") == told("0-0")
    note(bus, new, "5-0")
    assert bus.delivered("discord") == told("5-0")


def test_whose_lease_lapsed_can_still_note_while_nobody_has_taken_over(bus: NotifierBus, client: Any) -> None:
    term = term_of(bus)
    log(bus, client, "5-0")
    client.delete(bus.keys.notifier_lease("discord"))
    note(bus, term, "5-0")
    assert bus.delivered("discord") == told("5-0")


# --- looking --------------------------------------------------------------------------------------------


def test_how_things_stand(bus: NotifierBus, client: Any) -> None:
    term = term_of(bus)
    nothing = bus.look("discord", term.number)
    assert (nothing.decided, nothing.archived, nothing.leader) == (ORIGIN, ORIGIN, "")
    log(bus, client, "5-0", "6-0", head="5-0")
    client.hset(bus.keys.archive, mapping={"up_to": "4-0", "folder": "somewhere"})
    client.set(bus.keys.leader, "somebody")
    before = bus.now_ms()
    found = bus.look("discord", term.number)
    assert (found.decided, found.archived, found.leader) == (StreamId(5, 0), StreamId(4, 0), "somebody")
    assert before <= found.now_ms <= bus.now_ms()


def test_a_server_that_takes_no_writes_refuses_the_look_as_well(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as full:
        client: Any = connect(full.url)
        opened = NotifierBus(client, "main")
        term = term_of(opened)
        client.config_set("maxmemory", "1")
        with pytest.raises(BusRefused):
            opened.look("discord", term.number)
        client.config_set("maxmemory", "0")
        assert opened.look("discord", term.number).decided == ORIGIN
        opened.close()


def test_a_head_that_somebody_overwrote_is_refused(bus: NotifierBus, client: Any) -> None:
    term = term_of(bus)
    client.hset(bus.keys.head, "cursor", "rubbish")
    with pytest.raises(BusRefused, match="head, cursor"):
        bus.look("discord", term.number)


def test_nothing_is_told_where_no_notifier_ever_was(bus: NotifierBus) -> None:
    assert bus.delivered("discord") is None


@pytest.mark.parametrize("destination", ["discord", "events", "log"])
def test_no_destination_takes_another_key(destination: str) -> None:
    keys = NotifierBus(connect("redis://127.0.0.1:1"), "main").keys
    assert keys.notifier(destination) == f"portfolio:{{main}}:notifier:{destination}"
    assert keys.notifier_lease(destination) == f"portfolio:{{main}}:notifier-lease:{destination}"
