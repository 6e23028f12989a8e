"""An anchor proves that history up to it is the same, also where the record by itself adds up."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from portfold.coordinator.audit.record.anchor import Anchor, AnchorError, anchor_of, read_anchor
from portfold.coordinator.audit.record.record import ArchivedRecord, LiveRecord
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.recorded import Difference
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Entry
from tests.archive.past import Past, on_server
from tests.audit.in_memory import realistic
from tests.audit.record.anchors import ANCHOR, LINE, rewrite

# --- the line ---------------------------------------------------------------------------------------------


def test_an_anchor_is_one_line_that_is_read_back() -> None:
    assert ANCHOR.line == LINE
    assert read_anchor(LINE) == ANCHOR
    assert read_anchor(f"  {LINE}\n") == ANCHOR


WITH_SIGNATURE = replace(ANCHOR, key="ab" * 8, signature="A" * 86 + "==")


def test_a_signed_one_too() -> None:
    assert read_anchor(WITH_SIGNATURE.line) == WITH_SIGNATURE
    assert WITH_SIGNATURE.line == f"{LINE} key={'ab' * 8} signature={'A' * 86}=="


@pytest.mark.parametrize(
    ("was", "becomes", "sentence"),
    [
        (
            "portfold-anchor",
            "anchor",
            "expected a line that begins with portfold-anchor 1, got 'anchor 1 portf",
        ),
        (
            "anchor 1",
            "anchor 2",
            "expected a line that begins with portfold-anchor 1, got 'portfold-anchor 2",
        ),
        ("portfolio=main ", "", "portfolio: missing; expected a portfolio's name"),
        ("portfolio=main", "portfolio=a/b", "portfolio: expected a portfolio's name, got 'a/b'"),
        ("-3", "", "cursor: expected a stream ID such as 1736950000000-0, got '1736950000000'"),
        ("1736950000000-3", f"{2**64}-0", "cursor: expected a stream ID such as 1736950000000-0, got '1844"),
        ("1736950000000-3", "0-0", "cursor: expected an event's ID, got 0-0, which no event has"),
        ("chain=0", "chain=", "chain: expected a SHA-256 in 64 hexadecimal digits, got '123"),
        ("chain=0", "chain=G", "chain: expected a SHA-256 in 64 hexadecimal digits, got 'G123"),
        ("fold=1", "fold=one", "fold: expected the version of the rules, a whole number, got 'one'"),
        ("events=4711", "events=-1", "events: expected a whole number of events, got '-1'"),
        (
            "made=2025-01-15T20:30:00Z",
            "made=today",
            "made: expected a time such as 2025-01-15T20:30:00Z, got ",
        ),
        ("fold=1", "fold=1 more=x", "'more': not a field of an anchor, which are portfolio, cursor, chain, "),
        ("fold=1", "fold=1 key=" + "ab" * 8, "signature: missing; expected an Ed25519 signature in base 64"),
        ("fold=1", "fold=1 fold=1", "expected each field once, in this order: portfolio, cursor, "),
        ("fold=1 events=4711", "events=4711 fold=1", "expected each field once, in this order: portfolio, "),
    ],
)
def test_what_is_no_anchor_is_refused_by_the_name_of_the_field(was: str, becomes: str, sentence: str) -> None:
    with pytest.raises(AnchorError) as refused:
        read_anchor(LINE.replace(was, becomes, 1))
    assert str(refused.value).startswith(sentence)


@given(st.text(min_size=1).filter(str.strip))
def test_any_text_is_an_anchor_or_refused_in_a_printable_sentence(text: str) -> None:
    with pytest.raises(AnchorError) as refused:
        read_anchor(text)
    assert str(refused.value).isprintable()


@given(st.integers(0, len(WITH_SIGNATURE.line) - 1), st.characters(codec="ascii"))
def test_no_two_lines_are_the_same_anchor(place: int, letter: str) -> None:
    altered = WITH_SIGNATURE.line[:place] + letter + WITH_SIGNATURE.line[place + 1 :]
    try:
        read = read_anchor(altered)
    except AnchorError:
        return
    assert (read == WITH_SIGNATURE) == (altered.split() == WITH_SIGNATURE.line.split())


# --- the same history -------------------------------------------------------------------------------------


def difference(record: LiveRecord | ArchivedRecord, anchor: Anchor) -> Difference | None:
    return verify(record, anchors=[anchor]).difference


def test_an_anchor_holds_however_far_the_log_has_gone_on(past: Past, tmp_path: Path) -> None:
    past.happens(300)
    anchor = anchor_of(LiveRecord(past.bus))
    assert (anchor.portfolio, anchor.cursor, anchor.chain) == (past.bus.keys.name, *map(str, past.place[:2]))
    assert anchor.events == "300"
    assert difference(LiveRecord(past.bus), anchor) is None
    past.goes_on(["type", "TradingHalted", "by", "me", "reason", "news"])
    past.is_snapshot()
    assert difference(LiveRecord(past.bus), anchor) is None
    archive_history(past.bus, tmp_path / "archive", Keep(events=100))
    assert difference(LiveRecord(past.bus, tmp_path / "archive"), anchor) is None
    found = difference(ArchivedRecord(tmp_path / "archive"), anchor)
    assert found is not None
    assert found.event == StreamId.parse(anchor.cursor)


def test_an_archive_has_an_anchor_of_its_own(past: Past, tmp_path: Path) -> None:
    past.happens(300)
    archive_history(past.bus, tmp_path / "archive", Keep(events=100))
    anchor = anchor_of(ArchivedRecord(tmp_path / "archive"))
    assert difference(ArchivedRecord(tmp_path / "archive"), anchor) is None
    assert difference(LiveRecord(past.bus, tmp_path / "archive"), anchor) is None


def test_a_cut_off_end_is_found_where_the_head_was_set_back(past: Past) -> None:
    past.happens(300)
    anchor = anchor_of(LiveRecord(past.bus))
    rewrite(past, past.whole().events[:290])
    assert verify(LiveRecord(past.bus)).difference is None
    found = difference(LiveRecord(past.bus), anchor)
    assert found is not None
    last = on_server(past.bus).events[-1].id
    assert (found.event, found.proven) == (StreamId.parse(anchor.cursor), last)
    assert found.sentence == (
        f"The record ends at event {last}, before event {anchor.cursor}, at which the anchor of "
        f"{anchor.made} was made: its end is missing."
    )


@pytest.mark.parametrize("index", [2, 150, 299])
def test_a_history_that_was_decided_anew_is_another(past: Past, index: int) -> None:
    past.happens(300)
    anchor = anchor_of(LiveRecord(past.bus))
    events = past.whole().events
    events[index] = Entry(events[index].id, ["type", "ClockTicked"])
    rewrite(past, events)
    assert verify(LiveRecord(past.bus)).difference is None
    found = difference(LiveRecord(past.bus), anchor)
    assert found is not None
    assert (found.event, found.proven) == (StreamId.parse(anchor.cursor), ORIGIN)
    assert found.sentence.startswith(f"The history up to event {anchor.cursor} adds up, but is another than ")


def test_a_history_without_the_anchors_event_is_another(past: Past) -> None:
    past.happens(300)
    anchor = anchor_of(LiveRecord(past.bus))
    past.goes_on(["type", "ClockTicked"])
    events = past.whole().events
    del events[-2]
    rewrite(past, events)
    found = difference(LiveRecord(past.bus), anchor)
    assert found is not None
    assert (
        found.sentence
        == f"Event {anchor.cursor}, at which the anchor of {anchor.made} was made, is not on record."
    )


def test_of_many_anchors_the_first_that_does_not_hold_is_named() -> None:
    record = realistic(300)
    holds, fails, later = (
        replace(ANCHOR, cursor=str(record.all[index].event.id), chain=chain)
        for index, chain in ((99, chain_at(100)), (199, chain_at(199)), (299, "0" * 64))
    )
    assert verify(record, anchors=[holds]).difference is None
    found = verify(record, anchors=[holds, fails, later])
    assert found.difference is not None
    assert found.difference.event == record.all[199].event.id
    assert found.events == 200


def chain_at(count: int) -> str:
    """The chain after so many events."""
    follower = Follower()
    for recorded in realistic(300).all[:count]:
        follower.advance(*recorded.event)
    return follower.chain
