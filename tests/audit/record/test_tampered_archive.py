"""A forged archive is found; what is said of a difference; and that no alteration anywhere goes unseen."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from portfold.cli.exits import FAILED, UNUSABLE
from portfold.coordinator.audit.record.record import LiveRecord
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.store.recorded import Recorded
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry
from tests.audit.in_memory import InMemory, realistic
from tests.audit.record.tampering import Scene, exchanged, forge_last
from tests.cli.command_line import called

Audit = Callable[..., tuple[int, str]]


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
