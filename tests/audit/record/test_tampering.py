"""Whatever somebody does to the streams is found, and the place named.

The streams are rewritten with explicit IDs, as only somebody with the server can.
"""

import pytest

from portfold.coordinator.audit.record.record import LiveRecord
from portfold.coordinator.audit.record.verify import verify
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Entry
from tests.archive.past import Past
from tests.audit.record.tampering import Scene, exchanged


def test_untouched_it_is_reproduced(scene: Scene) -> None:
    scene.rewrites()
    found = verify(LiveRecord(scene.past.bus, scene.archive))
    assert (found.events, found.difference) == (600, None)
    assert scene.events[0].id > ORIGIN
    assert 300 <= len(scene.events) < 600


# --- events -----------------------------------------------------------------------------------------------


def test_a_changed_field_that_changes_a_decision_is_named_with_both(scene: Scene) -> None:
    index = scene.first_event("EntryRequested")
    event = scene.events[index]
    scene.says_of_event(index, "symbol", "XX")
    found = scene.difference()
    on_record = next(entry for entry in scene.decisions if entry.id == event.id.decision(0))
    assert found.event == event.id
    assert found.recorded == on_record
    assert found.expected is not None
    assert found.expected.fields[:6] == [
        *("type", "EntryDenied", "worker", event.fields[3], "symbol", "XX"),
    ]
    assert found.sentence.startswith(f"Decision {on_record.id} of event {event.id} says ")


def test_a_changed_field_that_changes_no_decision_shows_at_the_next_chain(scene: Scene) -> None:
    index = scene.first_event("PositionMarked")
    event = scene.events[index]
    assert not [entry for entry in scene.decisions if entry.id.event() == event.id]
    scene.says_of_event(index, "price", scene.events[index].fields[13] + "0")
    found = scene.difference()
    following = next(entry for entry in scene.decisions if entry.id > event.id.decision(0))
    assert (found.event, found.recorded) == (following.id.event(), following)
    assert found.proven < event.id <= found.event
    assert "is right, but the chain on it is not" in found.sentence


def test_a_removed_event_is_named_by_the_decision_on_it(scene: Scene) -> None:
    removed = scene.events.pop(scene.first_event("EntryRequested"))
    found = scene.difference()
    assert found.event == removed.id
    assert (
        found.sentence
        == f"Decision {removed.id.decision(0)} is on record, and event {removed.id} is not there."
    )
    assert (found.recorded is None, found.expected) == (False, None)


def test_a_removed_event_without_decisions_lies_behind_what_is_proven(scene: Scene) -> None:
    removed = scene.events.pop(scene.first_event("PositionMarked"))
    found = scene.difference()
    assert found.proven < removed.id <= found.event


def test_an_inserted_event_is_named_where_it_is_answered(scene: Scene) -> None:
    index = scene.first_event("EntryRequested")
    before = scene.events[index].id
    inserted = Entry(StreamId(before.ms, before.seq + 1), scene.events[index].fields)
    assert scene.events[index + 1].id > inserted.id
    scene.events.insert(index + 1, inserted)
    found = scene.difference()
    assert found.event == inserted.id
    assert found.sentence.startswith(
        f"Decision {inserted.id.decision(0)} of event {inserted.id} is not on record"
    )
    assert found.expected is not None


def test_an_inserted_event_without_decisions_lies_behind_what_is_proven(scene: Scene) -> None:
    index = scene.first_event("PositionMarked")
    before = scene.events[index].id
    inserted = Entry(StreamId(before.ms, before.seq + 1), ["type", "ClockTicked"])
    assert scene.events[index + 1].id > inserted.id
    scene.events.insert(index + 1, inserted)
    found = scene.difference()
    assert found.proven < inserted.id < found.event


def test_two_swapped_events_are_found_at_the_first_of_them(scene: Scene) -> None:
    index = scene.first_event("EntryRequested")
    one, two = scene.events[index : index + 2]
    assert one.fields != two.fields
    scene.events[index : index + 2] = [Entry(one.id, two.fields), Entry(two.id, one.fields)]
    found = scene.difference()
    assert found.proven < one.id <= found.event <= two.id


def test_a_cut_off_end_is_named(scene: Scene) -> None:
    head = scene.events[-1].id
    scene.events = scene.events[:-5]
    scene.decisions = [entry for entry in scene.decisions if entry.id.event() <= scene.events[-1].id]
    found = scene.difference()
    assert found.event == head
    assert found.sentence == (
        f"The log ends at {scene.events[-1].id}, before the head at {head}: its end is missing."
    )


def test_an_altered_last_event_without_decisions_is_given_away_by_the_heads_chain(scene: Scene) -> None:
    at = f"{scene.events[-1].id.ms + 1}-0"
    (halted,) = scene.past.goes_on(["type", "TradingHalted", "by", "me", "reason", "news"], at=at)
    scene.events, scene.decisions = scene.past.whole()
    proven = scene.decisions[-1].id.event()
    scene.says_of_event(-1, "reason", "lunch")
    found = scene.difference()
    assert (found.event, found.proven) == (halted, proven)
    assert found.sentence.startswith(f"The chain of the log up to {halted} is not the head's, ")


def test_a_trimmed_beginning_is_named(past: Past) -> None:
    past.happens(300)
    gone = past.whole().events[:100]
    past.client.xtrim(past.bus.keys.events, minid=str(past.whole().events[100].id), approximate=False)
    found = verify(LiveRecord(past.bus)).difference
    assert found is not None
    assert (gone[0].id <= found.event <= gone[-1].id, found.proven) == (True, ORIGIN)


# --- decisions --------------------------------------------------------------------------------------------


def test_a_changed_decision_is_named_with_what_should_stand_there(scene: Scene) -> None:
    index = scene.first_decision("EntryDenied")
    was = scene.decisions[index]
    scene.decisions[index] = exchanged(was, "type", "EntryAllowed")
    found = scene.difference()
    assert (found.event, found.recorded, found.expected) == (was.id.event(), scene.decisions[index], was)
    assert "says 'EntryAllowed' where the fold says 'EntryDenied'." in found.sentence


@pytest.mark.parametrize("name", ["event", "chain"])
def test_a_decision_that_is_bound_otherwise_is_named(scene: Scene, name: str) -> None:
    index = scene.first_decision("EntryDenied")
    was = scene.decisions[index]
    scene.decisions[index] = exchanged(was, name, scene.decisions[0].fields[-1 if name == "chain" else -3])
    found = scene.difference()
    assert (found.event, found.expected) == (was.id.event(), was)


def test_a_removed_decision_is_named_with_its_words(scene: Scene) -> None:
    removed = scene.decisions.pop(scene.first_decision("EntryDenied"))
    found = scene.difference()
    assert (found.event, found.recorded, found.expected) == (removed.id.event(), None, removed)
    assert f"Decision {removed.id} of event {removed.id.event()} is not on record" in found.sentence


def test_a_removed_last_decision_is_named(scene: Scene) -> None:
    removed = scene.decisions.pop()
    found = scene.difference()
    assert (found.event, found.recorded, found.expected) == (removed.id.event(), None, removed)


def test_an_inserted_decision_is_named(scene: Scene) -> None:
    index = scene.first_decision("EntryDenied")
    one = scene.decisions[index]
    inserted = Entry(StreamId(one.id.ms, one.id.seq + 1), one.fields)
    scene.decisions.insert(index + 1, inserted)
    found = scene.difference()
    assert (found.event, found.recorded, found.expected) == (one.id.event(), inserted, None)
    assert (
        found.sentence
        == f"Decision {inserted.id} is on record, and event {one.id.event()} does not lead to it."
    )


def test_a_decision_behind_the_end_is_named(scene: Scene) -> None:
    last = scene.events[-1].id
    inserted = Entry(StreamId(last.ms + 1, 0), scene.decisions[-1].fields)
    scene.decisions.append(inserted)
    found = scene.difference()
    assert (found.event, found.recorded) == (inserted.id, inserted)
    assert found.sentence.startswith(
        f"Decision {inserted.id} is on record, and event {inserted.id} is not decided"
    )


def test_decisions_without_a_head_are_no_empty_portfolio(scene: Scene) -> None:
    scene.past.client.delete(scene.past.bus.keys.head)
    assert "is not decided, or is not there" in scene.difference().sentence
