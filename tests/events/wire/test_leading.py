"""The lease and the commit on a real server: one leads, and what it commits is whole."""

from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Committed, Entry, Extent, Head, Lease, trimmed_away
from portfold.events.wire.connection import connect
from portfold.events.wire.errors import BusRefused
from portfold.events.wire.keys import Keys
from tests.events.wire.commits import SEVEN, TICK, commit
from tests.server import EmbeddedServer
from tests.waiting import until

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


def test_a_large_batch_is_committed_whole(server: EmbeddedServer, portfolio: str) -> None:
    bus = Bus(connect(server.url, timeout_seconds=60), portfolio)  # a million words, on a busy machine
    bus.take_lead("ann", 60_000)
    decisions = {f"7-{n}": [str(n) for n in range(40)] for n in range(25_600)}
    status = {f"field-{n}": "x" * 1000 for n in range(100)}
    assert commit(bus, epoch=1, decisions=decisions, status=status).outcome == "done"
    assert bus.last_decision() == StreamId(7, 25_599)
    assert len(bus.status()) == 100


TICK_AT_7_5 = (StreamId(7, 5), TICK)
NEXT: dict[str, Any] = {
    "before": ORIGIN,
    "after": StreamId(9, 0),
    "chain": "d" * 64,
    "events": 0,
    "decisions": [],
    "status": {"a": "2"},
}


@pytest.mark.parametrize(
    ("attempt", "outcome"),
    [
        ({"epoch": 1}, "epoch"),
        ({"epoch": 3}, "epoch"),
        ({"epoch": 2, "before": ORIGIN}, "cursor"),
        ({"epoch": 2, "before": StreamId(7, 1)}, "cursor"),
        (
            {
                "epoch": 2,
                "before": StreamId(7, 0),
                "decisions": [(StreamId(7, 5), TICK), (StreamId(9, 0), TICK)],
            },
            "decisions",
        ),
        ({"epoch": 2, "before": StreamId(7, 0), "decisions": [(StreamId(6, 0), TICK)]}, "decisions"),
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
    found = bus.commit(**(NEXT | attempt))
    assert everything_in(raw, bus.keys) == before
    assert (found.outcome, found.epoch) == (outcome, "2")
    if outcome == "cursor":
        assert (found.cursor, found.detail) == ("7-0", "c" * 64)
    if outcome == "decisions":
        assert "equal or smaller" in found.detail


def test_a_term_is_a_number_and_a_name_as_a_server_that_failed_over_gives_a_number_again(
    server: EmbeddedServer, bus: Bus, raw: Any
) -> None:
    other = Bus(connect(server.url), bus.keys.name)
    bus.take_lead("ann", 60_000)
    raw.hset(bus.keys.head, "epoch", "0")  # as on a replica that never heard of ann's term
    raw.delete(bus.keys.leader)
    assert other.take_lead("bob", 60_000).epoch == 1
    raw.delete(bus.keys.leader)
    before = everything_in(raw, bus.keys)
    assert commit(bus, epoch=1).outcome == "epoch"
    assert bus.lead_append(TICK, "*", epoch=1).outcome == "epoch"
    assert not bus.keep_lead("ann", 60_000, 1)
    assert everything_in(raw, bus.keys) == before
    assert other.keep_lead("bob", 60_000, 1)
    assert commit(other, epoch=1).outcome == "done"
    other.close()


def test_nothing_is_decided_on_an_event_that_a_server_lost_when_it_failed_over(bus: Bus, raw: Any) -> None:
    bus.take_lead("ann", 60_000)
    bus.append(TICK, "5-0")
    bus.append(TICK, "7-0")
    raw.xdel(bus.keys.events, "7-0")
    before = everything_in(raw, bus.keys)
    assert commit(bus, epoch=1, events=2, decisions={"7-0": TICK}).outcome == "gone"
    assert everything_in(raw, bus.keys) == before
    assert commit(bus, epoch=1, after=StreamId(5, 0), events=1).outcome == "done"


def test_an_event_that_was_trimmed_away_after_it_was_read_is_decided(bus: Bus, raw: Any) -> None:
    bus.take_lead("ann", 60_000)
    bus.append(TICK, "7-0")
    bus.append(TICK, "9-0")
    raw.xtrim(bus.keys.events, minid="9-0")
    assert commit(bus, epoch=1, events=1).outcome == "done"


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
    event: StreamId, extent: Extent, *, trimmed: bool
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
