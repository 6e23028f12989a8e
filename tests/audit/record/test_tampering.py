"""Whatever somebody does to a record is found, and the place named: on a server, across archive and streams.

The streams are rewritten with explicit IDs, as only somebody with the server can.
"""

import gzip
import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.cli.exits import FAILED, UNUSABLE
from portfold.coordinator.audit.record.record import LiveRecord
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.store.archive import LISTING
from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.store.recorded import Difference, Recorded
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Entry
from tests.archive.past import Past
from tests.audit.in_memory import InMemory, realistic
from tests.cli.command_line import called

Audit = Callable[..., tuple[int, str]]


class Scene:
    """A log of which the first part was archived, and somebody who can do anything to the rest."""

    def __init__(self, past: Past, archive: Path) -> None:
        past.happens(600)
        archive_history(past.bus, archive, Keep(events=300), segment_events=100)
        self.past, self.archive = past, archive
        self.events, self.decisions = past.whole()

    def rewrites(self) -> None:
        """Puts `events` and `decisions` on the server as they are now, in the place of what is there."""
        keys = self.past.bus.keys
        with self.past.client.pipeline() as commands:
            for key, entries in ((keys.events, self.events), (keys.decisions, self.decisions)):
                commands.delete(key)
                for at, fields in entries:
                    words = [word.encode("utf-8", "surrogateescape") for word in fields]
                    commands.execute_command("XADD", key, str(at), *words)
            commands.execute()

    def says_of_event(self, index: int, name: str, value: str) -> None:
        """Exchanges the value of a field."""
        self.events[index] = exchanged(self.events[index], name, value)

    def first_event(self, kind: str, after: int = 20) -> int:
        """The place of an event of this kind."""
        return next(index for index in range(after, len(self.events)) if self.events[index].fields[1] == kind)

    def first_decision(self, kind: str, after: int = 20) -> int:
        """The place of a decision of this kind."""
        return next(
            index for index in range(after, len(self.decisions)) if self.decisions[index].fields[1] == kind
        )

    def difference(self) -> Difference:
        """What verifying finds."""
        self.rewrites()
        found = verify(LiveRecord(self.past.bus, self.archive)).difference
        assert found is not None
        return found


def exchanged(entry: Entry, name: str, value: str) -> Entry:
    """The entry with another value for a field."""
    fields = list(entry.fields)
    fields[fields.index(name) + 1] = value
    return Entry(entry.id, fields)


@pytest.fixture
def scene(past: Past, tmp_path: Path) -> Scene:
    """Archive and streams, untouched."""
    return Scene(past, tmp_path / "archive")


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


# --- the archive ------------------------------------------------------------------------------------------


def test_a_damaged_archive_cannot_be_read_and_the_file_is_named(scene: Scene, audit: Audit) -> None:
    segment = scene.archive / "segment-000002.jsonl.gz"
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(content)
    code, said = audit("verify", "--archive", str(scene.archive))
    assert code == UNUSABLE
    assert said.startswith(f"portfold: {segment}: this segment is not the one that archive.json lists")


def test_a_changed_archive_that_agrees_with_itself_is_found_and_the_event_named(scene: Scene) -> None:
    altered = forge_last(scene.archive, b'"EntryDenied"', b'"EntryAllowed"')
    found = verify(LiveRecord(scene.past.bus, scene.archive)).difference
    assert found is not None
    assert found.recorded is not None
    assert found.recorded.id == altered
    assert "says 'EntryAllowed' where the fold says 'EntryDenied'." in found.sentence


def forge_last(archive: Path, was: bytes, becomes: bytes) -> StreamId:
    """Exchanges a word in the last segment, and every hash that tells; returns the entry that has it."""
    listing = json.loads((archive / LISTING).read_bytes())
    listed = listing["segments"][-1]
    path = archive / listed["file"]
    *lines, closing = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    index = next(index for index, line in enumerate(lines) if was in line)
    lines[index] = lines[index].replace(was, becomes)
    sealed = json.loads(closing) | {"sha256": hashlib.sha256(b"".join(lines)).hexdigest()}
    path.write_bytes(gzip.compress(b"".join([*lines, msgspec.json.encode(sealed), b"\n"]), mtime=0))
    listed |= {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
    listing["sha256"] = hashlib.sha256(msgspec.json.encode(listing | {"sha256": ""})).hexdigest()
    (archive / LISTING).write_bytes(msgspec.json.format(msgspec.json.encode(listing), indent=1) + b"\n")
    return StreamId.parse(json.loads(lines[index])[1])


# --- what is said -----------------------------------------------------------------------------------------


def test_a_difference_is_told_with_its_moment_and_both_sides_and_ends_with_1(
    scene: Scene, tmp_path: Path
) -> None:
    index = scene.first_decision("EntryDenied")
    was = scene.decisions[index]
    scene.decisions[index] = exchanged(was, "type", "EntryAllowed")
    scene.rewrites()
    name, url = scene.past.bus.keys.name, scene.past.url
    words = ("audit", "verify", "--url", url, "--portfolio", name, "--archive", str(scene.archive))
    ran = called(*words, cwd=tmp_path)
    assert (ran.code, ran.err) == (FAILED, "")
    differs, at, sentence, on_record, should_stand, proven, before = ran.out.splitlines()
    event = was.id.event()
    assert differs == f"Differs: {name} on {url}"
    assert at == f"At event {event}, {chicago(event)}:"
    assert sentence == (
        f"Decision {was.id} of event {event} says 'EntryAllowed' where the fold says 'EntryDenied'."
    )
    assert on_record.startswith(f"  on record:     {was.id} type=EntryAllowed worker={was.fields[3]} symbol=")
    assert should_stand.startswith(
        f"  should stand:  {was.id} type=EntryDenied worker={was.fields[3]} symbol="
    )
    assert proven.startswith("All up to event 1736")
    assert before.startswith("Before that ")
    as_json = called(*words, "--json", cwd=tmp_path)
    found = json.loads(as_json.out)
    assert (as_json.code, found["reproduced"]) == (FAILED, False)
    assert found["difference"]["recorded"] == {"id": str(was.id), "fields": scene.decisions[index].fields}
    assert found["difference"]["expected"] == {"id": str(was.id), "fields": was.fields}


def chicago(event: StreamId) -> str:
    at = datetime.fromtimestamp(event.ms // 1000, ZoneInfo("America/Chicago"))
    return f"{at:%a %Y-%m-%d %H:%M:%S}.{event.ms % 1000:03} CST"


# --- by chance --------------------------------------------------------------------------------------------

WHOLE = realistic(400)


@given(st.integers(0, 399), st.data())
def test_any_one_alteration_anywhere_is_found_and_lies_behind_what_is_proven(
    index: int, data: st.DataObject
) -> None:
    event, decisions = WHOLE.all[index]
    how = data.draw(
        st.sampled_from(["change", "remove", "insert", "swap", "change decision", "remove decision"])
    )
    altered = list(WHOLE.all)
    if how == "change":
        fields = list(event.fields)
        fields[data.draw(st.integers(0, len(fields) - 1))] += "0"
        altered[index] = Recorded(Entry(event.id, fields), decisions)
    elif how == "remove":
        del altered[index]
        if index < len(altered):
            later = altered[index]
            altered[index] = Recorded(later.event, [*decisions, *later.decisions])
    elif how == "insert":
        between = StreamId(event.id.ms, event.id.seq + 1)
        altered.insert(index + 1, Recorded(Entry(between, ["type", "ClockTicked"]), []))
    elif how == "swap" and index < 399:
        later = altered[index + 1]
        altered[index] = Recorded(Entry(event.id, later.event.fields), decisions)
        altered[index + 1] = Recorded(Entry(later.event.id, event.fields), later.decisions)
    elif decisions:
        place = data.draw(st.integers(0, len(decisions) - 1))
        one = decisions[place]
        word = data.draw(st.integers(0, len(one.fields) - 1))
        fields = [*one.fields[:word], one.fields[word] + "0", *one.fields[word + 1 :]]
        others = [*decisions[:place], *([Entry(one.id, fields)] if how == "change decision" else [])]
        altered[index] = Recorded(event, [*others, *decisions[place + 1 :]])
    if altered == WHOLE.all:
        return
    record = InMemory([])
    record.all, record.cursor, record.chain = altered, WHOLE.cursor, WHOLE.chain
    found = verify(record).difference
    assert found is not None
    assert found.proven < event.id or (how == "insert" and found.proven == event.id)
