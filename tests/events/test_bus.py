"""The bus on a real server: what was written lies there, failures are told apart, commits are whole."""

import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis, RedisError

from portfold.events.chain import GENESIS, link
from portfold.events.codec import decode_event
from portfold.events.incoming import Malformed
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Committed, Entry, Extent, Head, Lease, at_time, trimmed_away
from portfold.events.wire.connection import connect
from portfold.events.wire.embedded import EmbeddedServer, server_binary
from portfold.events.wire.errors import BusError, BusRefused, BusUnreachable
from portfold.events.wire.keys import Keys
from tests.waiting import until

TICK = ["type", "ClockTicked"]
SEVEN = StreamId(7, 0)
_PASSWORD = "hunter2"  # noqa: S105 - of a server that lives for one test


@contextmanager
def frozen(server: EmbeddedServer) -> Iterator[None]:
    """Within the block the server is there and does not answer."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


# --- events ---------------------------------------------------------------------------------------------


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


# --- what can go wrong ----------------------------------------------------------------------------------

EVERYTHING: dict[str, Callable[[Bus], object]] = {
    "append": lambda bus: bus.append(TICK),
    "events_after": lambda bus: bus.events_after(ORIGIN, count=1),
    "events_after, waiting": lambda bus: bus.events_after(ORIGIN, count=1, block_ms=50),
    "decisions_after": lambda bus: bus.decisions_after(ORIGIN, count=1),
    "decisions_of": lambda bus: bus.decisions_of(StreamId(1, 1)),
    "last_event": lambda bus: bus.last_event(),
    "last_decision": lambda bus: bus.last_decision(),
    "last_pull": lambda bus: bus.last_pull(),
    "last_pull_id": lambda bus: bus.last_pull_id(),
    "orders_after": lambda bus: bus.orders_after(ORIGIN, ORIGIN, count=1, block_ms=50),
    "log_name": lambda bus: bus.log_name(),
    "take_lead": lambda bus: bus.take_lead("me", 1000),
    "keep_lead": lambda bus: bus.keep_lead("me", 1000),
    "commit": lambda bus: commit(bus, epoch=1),
    "head": lambda bus: bus.head(),
    "extent": lambda bus: bus.extent(),
    "decisions_extent": lambda bus: bus.decisions_extent(),
    "events_before": lambda bus: bus.events_before(ORIGIN, count=1),
    "notifiers": lambda bus: bus.notifiers(["discord"]),
    "lost": lambda bus: bus.lost([SEVEN]),
    "remember_server": lambda bus: bus.remember_server("run"),
    "acknowledge": lambda bus: bus.acknowledge(
        TICK, cursor=ORIGIN, folded=0, folded_from_now=0, cut_off=False
    ),
    "settings": lambda bus: bus.settings(),
    "leader": lambda bus: bus.leader(),
    "stand_by": lambda bus: bus.stand_by("me", 1000),
    "standby": lambda bus: bus.standby(),
    "status": lambda bus: bus.status(),
    "now_ms": lambda bus: bus.now_ms(),
    "server": lambda bus: bus.server(),
    "beat": lambda bus: bus.beat("ibs-ES", "s1", 1000),
    "beat_on": lambda bus: bus.beat_on("ibs-ES", "s1", 1000),
    "standing": lambda bus: bus.standing("ibs-ES"),
    "say_book_lacks": lambda bus: bus.say_book_lacks("ES", 1000),
    "book_lacks": lambda bus: bus.book_lacks(),
    "say_book_exceeds": lambda bus: bus.say_book_exceeds("ES", 1000),
    "book_exceeds": lambda bus: bus.book_exceeds(),
    "beats": lambda bus: bus.beats(["ibs-ES"]),
    "beats_lapse_at": lambda bus: bus.beats_lapse_at(["ibs-ES"]),
    "publish": lambda bus: bus.publish(bus.keys.bars, TICK),
    "published_after": lambda bus: bus.published_after(bus.keys.bars, ORIGIN, count=1, block_ms=50),
}


def commit(
    bus: Bus,
    *,
    epoch: int,
    before: StreamId = ORIGIN,
    after: StreamId = SEVEN,
    chain: str = "c" * 64,
    events: int = 0,
    decisions: dict[str, list[str]] | None = None,
    status: dict[str, str] | None = None,
) -> Committed:
    written = [(StreamId.parse(at), fields) for at, fields in (decisions or {}).items()]
    return bus.commit(
        epoch=epoch,
        before=before,
        after=after,
        chain=chain,
        events=events,
        decisions=written,
        status=status or {},
    )


def test_without_a_server_everything_is_unreachable(tmp_path: Path, portfolio: str) -> None:
    with EmbeddedServer(tmp_path) as server:
        url = server.url
    bus = Bus(connect(url, timeout_seconds=1), portfolio)
    for name, call in EVERYTHING.items():
        with pytest.raises(BusUnreachable, match="Redis did not answer while"):
            print(name, call(bus))
    bus.close()


def test_a_server_that_does_not_answer_is_unreachable_in_bounded_time(tmp_path: Path, portfolio: str) -> None:
    with EmbeddedServer(tmp_path) as server, frozen(server):
        bus = Bus(connect(server.url, timeout_seconds=0.05), portfolio)
        began = time.monotonic()
        for name, call in EVERYTHING.items():
            with pytest.raises(BusUnreachable, match="Redis did not answer while"):
                print(name, call(bus))
        assert time.monotonic() - began < 1.0 * len(EVERYTHING)
        bus.close()


@pytest.mark.parametrize(
    "key_and_calls",
    [
        ("events", ["append", "events_after", "events_after, waiting", "last_event", "extent", "lost"]),
        ("decisions", ["decisions_after", "decisions_of", "last_decision"]),
        ("head", ["take_lead", "head", "commit", "remember_server", "acknowledge"]),
        ("status", ["status"]),
        ("bars", ["publish", "published_after"]),
    ],
    ids=lambda case: case[0],
)
def test_a_key_of_another_type_is_a_refusal(
    bus: Bus, client: Any, key_and_calls: tuple[str, list[str]]
) -> None:
    key, calls = key_and_calls
    client.set(getattr(bus.keys, key), "somebody's text")
    for name in calls:
        with pytest.raises(BusRefused, match=r"Redis refused while .*WRONGTYPE"):
            print(name, EVERYTHING[name](bus))


def test_a_lease_of_another_type_is_a_refusal(bus: Bus, client: Any) -> None:
    client.hset(bus.keys.leader, "some", "hash")
    for name in ("take_lead", "keep_lead", "leader"):
        with pytest.raises(BusRefused, match="WRONGTYPE"):
            EVERYTHING[name](bus)


@pytest.mark.parametrize("field", ["cursor", "epoch", "folded"])
def test_a_head_that_was_overwritten_by_hand_is_a_refusal_that_names_the_field(
    bus: Bus, client: Any, field: str
) -> None:
    client.hset(bus.keys.head, mapping={"epoch": "1", "cursor": "1-1", "chain": GENESIS} | {field: "rubbish"})
    with pytest.raises(BusRefused, match=f"{field}: expected .*rubbish"):
        bus.head()
    with pytest.raises(BusRefused):
        bus.take_lead("me", 1000)


def test_a_password_that_is_missing_or_wrong_is_said(tmp_path: Path, portfolio: str) -> None:
    with EmbeddedServer(tmp_path) as server:
        with Redis.from_url(server.url) as client:
            client.config_set("requirepass", _PASSWORD)
        for password in (None, "wrong"):
            bus = Bus(connect(server.url, password=password), portfolio)
            with pytest.raises(BusError, match=r"(?i)auth|pass"):
                bus.now_ms()
            bus.close()
        bus = Bus(connect(server.url, password=_PASSWORD), portfolio)
        assert bus.now_ms() > 0
        bus.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1", "redis://127.0.0.1:port", "127.0.0.1:6379", ""])
def test_an_url_that_is_none_is_refused_with_what_was_expected(url: str) -> None:
    with pytest.raises(BusRefused, match="redis_url: expected redis://HOST:PORT/DB or unix://PATH, got"):
        connect(url)


def test_a_refused_url_keeps_its_password_to_itself() -> None:
    with pytest.raises(BusRefused) as refused:
        connect("http://user:hunter2@127.0.0.1")
    assert "hunter2" not in str(refused.value)


def is_answered(bus: Bus) -> bool:
    """Whether the server answers in time."""
    try:
        return bus.now_ms() > 0
    except BusUnreachable:
        return False


def test_nothing_is_sent_again_by_itself(tmp_path: Path, portfolio: str) -> None:
    with EmbeddedServer(tmp_path) as server:
        patient = Bus(connect(server.url), portfolio)
        patient.append(["n", "1"])
        impatient = Bus(connect(server.url, timeout_seconds=0.1), portfolio)
        until(lambda: is_answered(impatient), "a connection")
        with frozen(server), pytest.raises(BusUnreachable):
            impatient.append(["n", "2"])  # it lies in the server's socket, and is read when the server wakes
        until(lambda: len(patient.events_after(ORIGIN, count=9)) > 1, "what was sent")
        patient.append(["n", "3"])
        assert [entry.fields[1] for entry in patient.events_after(ORIGIN, count=9)] == ["1", "2", "3"]
        impatient.close()
        patient.close()


def test_a_connection_that_broke_is_made_anew_for_the_next_call(tmp_path: Path, portfolio: str) -> None:
    with EmbeddedServer(tmp_path) as server:
        bus = Bus(connect(server.url), portfolio)
        first = bus.append(TICK)
        server.kill()
        with pytest.raises(BusUnreachable):
            bus.append(TICK)
        server.restart()
        assert [entry.id for entry in bus.events_after(ORIGIN, count=9)] == [first]
        bus.close()


# --- the lease ------------------------------------------------------------------------------------------


def test_whoever_comes_first_leads_with_epoch_1_from_the_beginning(bus: Bus) -> None:
    assert bus.take_lead("ann", 60_000) == Lease(1, "ann", ORIGIN, "")
    assert bus.leader() == "ann"
    assert bus.head() == Head(1, ORIGIN, "")


def test_while_the_lease_lasts_nobody_else_leads_and_the_epoch_stays(bus: Bus) -> None:
    bus.take_lead("ann", 60_000)
    assert bus.take_lead("bob", 60_000) == Lease(0, "ann", ORIGIN, "")
    assert bus.leader() == "ann"
    assert bus.head() == Head(1, ORIGIN, "")


def test_a_lapsed_lease_is_the_next_ones_with_a_new_epoch(bus: Bus) -> None:
    bus.take_lead("ann", 20)
    until(lambda: bus.leader() is None, "the end of the lease")
    assert bus.take_lead("bob", 60_000) == Lease(2, "bob", ORIGIN, "")
    assert not bus.keep_lead("ann", 60_000)
    assert bus.leader() == "bob"


def test_the_holder_may_take_it_again_and_has_a_new_epoch(bus: Bus) -> None:
    assert [bus.take_lead("ann", 60_000).epoch for _ in range(3)] == [1, 2, 3]


def test_a_lease_that_is_kept_lasts_longer(bus: Bus, client: Any) -> None:
    bus.take_lead("ann", 5_000)
    assert bus.keep_lead("ann", 60_000)
    assert 5_000 < int(client.pttl(bus.keys.leader)) <= 60_000


def test_a_lease_cannot_be_kept_by_another_or_once_it_lapsed(bus: Bus, client: Any) -> None:
    bus.take_lead("ann", 60_000)
    assert not bus.keep_lead("bob", 60_000)
    client.delete(bus.keys.leader)
    assert not bus.keep_lead("ann", 60_000)
    assert bus.leader() is None


def test_a_lease_given_up_is_free_at_once_but_only_for_its_holder_to_give(bus: Bus) -> None:
    bus.take_lead("ann", 60_000)
    assert not bus.keep_lead("bob", 0)
    assert bus.leader() == "ann"
    assert bus.keep_lead("ann", 0)
    assert bus.leader() is None


# --- the commit -----------------------------------------------------------------------------------------


def everything_in(client: Any, keys: Keys) -> dict[str, object]:
    """All that a commit could touch."""
    return {key: client.dump(key) for key in (keys.events, keys.decisions, keys.head, keys.status)}


@pytest.fixture
def raw(server: EmbeddedServer) -> Iterator[Any]:
    with Redis.from_url(server.url) as plain:
        yield plain


def test_a_commit_writes_decisions_head_and_status_in_one_step(bus: Bus) -> None:
    bus.take_lead("ann", 60_000)
    done = commit(
        bus,
        epoch=1,
        decisions={"7-0": ["type", "A"], "7-1": ["type", "B", "n", "⛔"]},
        status={"daily_pnl": "-1.00", "open_positions": ""},
    )
    assert done == Committed("done", "1", "7-0", "2")
    assert bus.decisions_after(ORIGIN, count=9) == [
        Entry(StreamId(7, 0), ["type", "A"]),
        Entry(StreamId(7, 1), ["type", "B", "n", "⛔"]),
    ]
    assert bus.head() == Head(1, StreamId(7, 0), "c" * 64)
    assert bus.status() == {"daily_pnl": "-1.00", "open_positions": ""}


def test_a_commit_without_decisions_or_status_moves_the_cursor(bus: Bus) -> None:
    bus.take_lead("ann", 60_000)
    assert commit(bus, epoch=1).outcome == "done"
    assert bus.head() == Head(1, StreamId(7, 0), "c" * 64)
    assert (bus.status(), bus.last_decision()) == ({}, ORIGIN)


def test_the_next_commit_goes_on_from_the_cursor_and_adds_to_the_status(bus: Bus) -> None:
    bus.take_lead("ann", 60_000)
    commit(bus, epoch=1, status={"a": "1", "b": "1"})
    commit(bus, epoch=1, before=SEVEN, after=StreamId(8, 0), status={"b": "2"})
    assert bus.head() == Head(1, StreamId(8, 0), "c" * 64)
    assert bus.status() == {"a": "1", "b": "2"}


def test_a_commit_tells_how_many_fields_the_status_has_by_then(bus: Bus, client: Any) -> None:
    bus.take_lead("ann", 60_000)
    commit(bus, epoch=1, status={"a": "1", "b": "1"})
    client.delete(bus.keys.status)
    for status, fields in (({"b": "2"}, "1"), ({}, "1"), ({"a": "2"}, "2")):
        assert commit(bus, epoch=1, before=SEVEN, status=status).detail == fields


def test_a_lease_tells_how_far_the_log_is_decided(bus: Bus) -> None:
    bus.take_lead("ann", 60_000)
    commit(bus, epoch=1)
    assert bus.take_lead("ann", 60_000) == Lease(2, "ann", StreamId(7, 0), "c" * 64)


def test_a_large_batch_is_committed_whole(bus: Bus) -> None:
    bus.take_lead("ann", 60_000)
    decisions = {f"7-{n}": [str(n) for n in range(40)] for n in range(25_600)}
    status = {f"field-{n}": "x" * 1000 for n in range(100)}
    assert commit(bus, epoch=1, decisions=decisions, status=status).outcome == "done"
    assert bus.last_decision() == StreamId(7, 25_599)
    assert len(bus.status()) == 100


@pytest.mark.parametrize(
    ("attempt", "outcome"),
    [
        ({"epoch": 1}, "epoch"),
        ({"epoch": 3}, "epoch"),
        ({"epoch": 2, "before": ORIGIN}, "cursor"),
        ({"epoch": 2, "before": StreamId(7, 1)}, "cursor"),
        ({"epoch": 2, "before": StreamId(7, 0), "decisions": {"7-5": TICK, "9-0": TICK}}, "decisions"),
        ({"epoch": 2, "before": StreamId(7, 0), "decisions": {"6-0": TICK}}, "decisions"),
    ],
    ids=["older epoch", "epoch of nobody", "older cursor", "newer cursor", "same decision", "older decision"],
)
def test_a_commit_that_does_not_fit_writes_nothing_and_says_what_it_found(
    bus: Bus, raw: Any, attempt: dict[str, Any], outcome: str
) -> None:
    bus.take_lead("ann", 60_000)
    commit(bus, epoch=1, decisions={"7-5": TICK}, status={"a": "1"})
    bus.take_lead("ann", 60_000)
    before = everything_in(raw, bus.keys)
    found = commit(bus, **({"after": StreamId(9, 0), "chain": "d" * 64, "status": {"a": "2"}} | attempt))
    assert everything_in(raw, bus.keys) == before
    assert (found.outcome, found.epoch) == (outcome, "2")
    if outcome == "cursor":
        assert (found.cursor, found.detail) == ("7-0", "c" * 64)
    if outcome == "decisions":
        assert "equal or smaller" in found.detail


def test_the_head_counts_the_events_of_every_commit(bus: Bus) -> None:
    bus.take_lead("ann", 60_000)
    commit(bus, epoch=1, events=2)
    commit(bus, epoch=1, events=2)  # a repeat, which does nothing
    commit(bus, epoch=1, before=SEVEN, after=StreamId(9, 0), events=5)
    assert bus.head() == Head(1, StreamId(9, 0), "c" * 64, folded=7)
    assert bus.take_lead("ann", 60_000).folded == 7


def test_a_count_that_was_overwritten_by_hand_is_refused_before_anything_is_written(
    bus: Bus, raw: Any
) -> None:
    bus.take_lead("ann", 60_000)
    raw.hset(bus.keys.head, "folded", "rubbish")
    before = everything_in(raw, bus.keys)
    with pytest.raises(BusRefused, match="head, folded: expected a whole number, got rubbish"):
        commit(bus, epoch=1, decisions={"7-0": TICK})
    assert everything_in(raw, bus.keys) == before


@pytest.mark.parametrize(
    ("event", "extent", "trimmed"),
    [
        (SEVEN, Extent(5, 3, StreamId(7, 1), StreamId(9, 0)), True),
        (SEVEN, Extent(5, 3, StreamId(7, 0), StreamId(9, 0)), False),
        (
            SEVEN,
            Extent(3, 3, StreamId(7, 1), StreamId(9, 0)),
            False,
        ),  # begun anew: nothing was before its first
        (SEVEN, Extent(5, 0, ORIGIN, StreamId(7, 0)), True),
        (SEVEN, Extent(5, 0, ORIGIN, StreamId(6, 9)), False),
        (SEVEN, Extent(0, 0, ORIGIN, ORIGIN), False),
    ],
)
def test_only_what_is_before_the_first_of_a_log_that_held_more_was_trimmed(
    event: StreamId, extent: Extent, trimmed: bool
) -> None:
    assert trimmed_away(event, extent) == trimmed


def test_of_events_that_are_gone_the_last_is_named(bus: Bus, client: Any) -> None:
    ids = [bus.append(TICK) for _ in range(6)]
    assert bus.lost(ids) is None
    client.xdel(bus.keys.events, str(ids[0]), str(ids[2]), str(ids[4]))
    assert bus.lost(ids) == ids[4]
    assert bus.lost(ids[:2]) is None  # the first may have been trimmed
    assert bus.lost([]) is None


def test_a_repeated_commit_finds_what_the_first_one_did(bus: Bus) -> None:
    bus.take_lead("ann", 60_000)
    commit(bus, epoch=1, decisions={"7-0": TICK})
    again = commit(bus, epoch=1, decisions={"7-0": TICK})
    assert again == Committed("cursor", "1", "7-0", "c" * 64)
    assert len(bus.decisions_after(ORIGIN, count=9)) == 1


def test_nobody_who_never_led_commits(bus: Bus) -> None:
    assert commit(bus, epoch=1).outcome == "epoch"
    assert bus.head() is None


def test_a_decisions_key_of_another_type_is_an_outcome_and_nothing_is_written(bus: Bus, raw: Any) -> None:
    bus.take_lead("ann", 60_000)
    raw.set(bus.keys.decisions, "somebody's text")
    before = everything_in(raw, bus.keys)
    found = commit(bus, epoch=1, decisions={"7-0": TICK}, status={"a": "1"})
    assert found.outcome == "decisions"
    assert "WRONGTYPE" in found.detail
    assert everything_in(raw, bus.keys) == before


def test_a_status_key_of_another_type_does_not_keep_decisions_back(bus: Bus, client: Any) -> None:
    bus.take_lead("ann", 60_000)
    client.set(bus.keys.status, "somebody's text")
    assert commit(bus, epoch=1, decisions={"7-0": TICK}, status={"a": "1"}).outcome == "done"
    assert bus.last_decision() == StreamId(7, 0)
    assert bus.status() == {"a": "1"}


def test_scripts_that_the_server_forgot_are_brought_again(bus: Bus, client: Any) -> None:
    bus.take_lead("ann", 60_000)
    commit(bus, epoch=1)
    client.script_flush()
    assert commit(bus, epoch=1, before=StreamId(7, 0), after=StreamId(8, 0)).outcome == "done"
    client.script_flush()
    assert bus.keep_lead("ann", 60_000)


# --- presence -------------------------------------------------------------------------------------------


def test_a_heartbeat_is_there_until_it_lapses(bus: Bus) -> None:
    bus.beat("ibs-ES", "s1", 60_000)
    bus.beat("ibs-CL", "s2", 20)
    assert bus.beats(["ibs-ES", "nobody"]) == ["s1", None]
    until(lambda: bus.beats(["ibs-CL"]) == [None], "the heartbeat to lapse")
    assert bus.beats([]) == []


def test_the_kill_switch_is_heard_beside_the_decisions(bus: Bus, client: Any) -> None:
    assert (bus.last_pull(), bus.last_pull_id()) == (None, ORIGIN)
    pull = bus.pull_killswitch(["by", "ann"])
    client.execute_command("XADD", bus.keys.decisions, "7-0", *TICK)
    assert bus.last_pull() == Entry(pull, ["by", "ann"])
    assert bus.last_pull_id() == pull
    assert bus.orders_after(ORIGIN, ORIGIN, count=9, block_ms=1) == (
        [Entry(StreamId(7, 0), TICK)],
        [Entry(pull, ["by", "ann"])],
    )
    assert bus.orders_after(StreamId(7, 0), pull, count=9, block_ms=1) == ([], [])


# --- one portfolio, one node ----------------------------------------------------------------------------


@contextmanager
def cluster_node(folder: Path) -> Iterator[Any]:
    """A server that counts itself part of a cluster, reached by a socket in `folder`."""
    place = folder / "s"
    command = [str(server_binary()), "--port", "0", "--unixsocket", str(place), "--cluster-enabled", "yes"]
    command += ["--dir", str(folder), "--save", "", "--cluster-port", str(20_000 + secrets.randbelow(10_000))]
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL) as process,
        Redis(unix_socket_path=str(place)) as client,
    ):
        try:
            until(lambda: process.poll() is not None or answers(client), "a cluster node")
            yield client if process.poll() is None else None
        finally:
            process.kill()


def answers(client: Any) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Any]:
    """A cluster node; its port is chosen at random, so a taken one is no reason to give up."""
    for attempt in range(10):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with cluster_node(folder) as client:
            if client is not None:
                yield client
                return
    raise AssertionError("no port for a cluster node")


def test_a_cluster_keeps_all_keys_of_a_portfolio_in_one_slot(node: Any) -> None:
    def slot(key: str) -> Any:
        return node.execute_command("CLUSTER", "KEYSLOT", key)

    keys = Keys("main")
    names = [name for name in dir(Keys) if isinstance(getattr(Keys, name), property)]
    every = [*(getattr(keys, name) for name in names), keys.worker("ibs-ES"), keys.worker("ibs-CL")]
    assert len(every) >= 12
    assert {slot(key) for key in every} == {slot("main")}
    assert slot(Keys("other").events) != slot("main")
