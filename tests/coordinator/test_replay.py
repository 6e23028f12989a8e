"""The replay: a log that is whole reproduces itself; whatever is altered, missing or added is named."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from config import load
from config.locate import PACKAGED
from coordinator import replay as replaying
from coordinator.configured import configured_limits
from coordinator.follower import Follower
from coordinator.replay import replay
from events.bus import Bus
from events.codec import encode_checked
from events.incoming import EntryRequested, Event, PositionClosed, PositionOpened, WorkerStarted
from events.stream_id import StreamId

LIMITS = replace(configured_limits(load(str(PACKAGED), {}, PACKAGED)), max_positions=1)
A_DAY = 1_736_773_200_000


def story() -> list[Event]:
    """Limits, a worker, an entry allowed, filled and closed at a loss, another worker denied."""
    es, cl = ("ibs-ES", "s1"), ("ibs-CL", "s1")
    return [
        LIMITS,
        WorkerStarted(*es, 1, symbols="ES"),
        WorkerStarted(*cl, 1, symbols="CL"),
        EntryRequested(*es, 2, "ES", "long", 1),
        EntryRequested(*cl, 2, "CL", "long", 1),
        PositionOpened(*es, 3, "ES", "long", 1, Decimal(6000)),
        PositionClosed(*es, 4, "ES", "long", 1, Decimal(5940), Decimal(5), Decimal(-3005)),
        EntryRequested(*cl, 3, "CL", "long", 1),
    ]


def decide(bus: Bus, *, upto: int | None = None) -> list[StreamId]:
    """Puts the story on the log and commits what follows from its first `upto` events, as a leader does."""
    lease = bus.take_lead("tester", 60_000)
    follower = Follower()
    ids = [bus.append(encode_checked(event), f"{A_DAY + n}-0") for n, event in enumerate(story())]
    for entry in bus.events_after(follower.cursor, count=100)[:upto]:
        before = follower.cursor
        decided = follower.advance(entry.id, entry.fields)
        done = bus.commit(
            epoch=lease.epoch,
            before=before,
            after=entry.id,
            chain=decided.chain,
            events=1,
            decisions=decided.entries,
            status={},
        )
        assert done.outcome == "done"
    return ids


@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_a_whole_log_is_reproduced_whatever_the_batches(
    bus: Bus, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "_READ_AT_ONCE", batch)
    ids = decide(bus)
    seen: list[StreamId] = []
    replayed = replay(bus, lambda decided, _state: seen.append(decided.at))
    assert replayed.difference == ""
    assert (replayed.events, replayed.decisions) == (8, 6)
    assert seen == ids
    assert replayed.state.stats.total_entries_blocked == 2
    assert replayed.state.stop is not None


def test_an_empty_portfolio_has_nothing_to_differ_in(bus: Bus) -> None:
    replayed = replay(bus)
    assert (replayed.events, replayed.decisions, replayed.difference) == (0, 0, "")


def test_events_that_are_not_decided_yet_are_left_alone(bus: Bus) -> None:
    decide(bus, upto=5)
    replayed = replay(bus)
    assert (replayed.events, replayed.difference) == (5, "")


def test_a_missing_decision_is_named(bus: Bus, client: Any) -> None:
    ids = decide(bus)
    client.xdel(bus.keys.decisions, str(ids[3].decision(0)))
    replayed = replay(bus)
    assert replayed.events == 3
    assert f"expected {ids[3].decision(0)} next on the decisions stream" in replayed.difference


def test_a_missing_last_decision_is_named(bus: Bus, client: Any) -> None:
    ids = decide(bus)
    client.xdel(bus.keys.decisions, str(ids[-1].decision(0)))
    assert f"Decision {ids[-1].decision(0)} of event {ids[-1]} is not on" in replay(bus).difference


def test_an_altered_decision_is_named_with_the_word_that_differs(bus: Bus, client: Any) -> None:
    ids = decide(bus)
    rewrite(client, bus.keys.decisions, "ibs-CL", "ibs-6A")
    replayed = replay(bus)
    assert replayed.events == 4
    assert f"Decision {ids[4].decision(0)} of event {ids[4]}" in replayed.difference
    assert "says 'ibs-6A' where the fold says 'ibs-CL'" in replayed.difference


def test_a_decision_too_many_is_named(bus: Bus, client: Any) -> None:
    ids = decide(bus)
    extra = ids[-1].decision(1)
    client.xadd(bus.keys.decisions, {"type": "EntryAllowed"}, id=str(extra))
    assert f"Decision {extra} is on the decisions stream, and no event led to it" in replay(bus).difference


def test_an_altered_event_shows_even_where_its_own_decisions_stay_the_same(bus: Bus, client: Any) -> None:
    ids = decide(bus)
    rewrite(client, bus.keys.events, "6000", "6000.0")
    replayed = replay(bus)
    assert replayed.events <= 6
    assert str(ids[6].decision(0)) in replayed.difference  # the chain on the next decision gives it away


def test_an_altered_last_event_without_decisions_is_given_away_by_the_heads_chain(
    bus: Bus, client: Any
) -> None:
    decide(bus, upto=6)
    rewrite(client, bus.keys.events, "6000", "6000.0")
    assert "is not the head's" in replay(bus).difference


def test_a_trimmed_log_is_not_taken_for_whole(bus: Bus, client: Any) -> None:
    decide(bus)
    client.xtrim(bus.keys.events, maxlen=4, approximate=False)
    assert replay(bus).difference != ""


def test_a_log_that_ends_before_the_head_is_not_taken_for_whole(bus: Bus, client: Any) -> None:
    ids = decide(bus, upto=6)
    for event in ids[5:]:
        client.xdel(bus.keys.events, str(event))
    assert f"The log ends at {ids[4]}, before the head at {ids[5]}" in replay(bus).difference


def rewrite(client: Any, key: str, word: str, other: str) -> None:
    """Writes the stream anew with its first `word` exchanged, as only somebody with the server can."""
    entries = client.execute_command("XRANGE", key, "-", "+")
    client.delete(key)
    for entry_id, fields in entries:
        words = [w for pair in fields.items() for w in pair] if isinstance(fields, dict) else list(fields)
        if word in words:
            words[words.index(word)], word = other, ""
        client.execute_command("XADD", key, entry_id, *words)
