"""The format of a segment: whatever can lie in a stream comes back, and other programs can read it too."""

import gzip
import json
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from portfold.coordinator.store.recorded import Recorded
from portfold.coordinator.store.segment import FORMAT, ArchiveError, Opening, SegmentWriter, open_segment
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry

OPENING = Opening(FORMAT, "main", 1, "0" * 64, "0" * 64, 1, "5-0")

# What a stream holds are bytes; those that are no UTF-8 are read as lone surrogates.
words = st.one_of(
    st.binary(max_size=20), st.text(max_size=20).map(lambda text: text.encode(errors="replace"))
)
fields = st.lists(words.map(lambda word: word.decode("utf-8", "surrogateescape")), max_size=6)
ids = st.builds(StreamId, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
entries = st.builds(Entry, ids, fields)
logs = st.lists(st.builds(Recorded, entries, st.lists(entries, max_size=3)), min_size=1, max_size=6)

EVENT = Entry(StreamId(5, 0), ["type", "ClockTicked"])
DECISION = Entry(StreamId(5, 0), ["type", "EntryExpired", "event", "5-0", "chain", "f" * 64])
LOG = [Recorded(EVENT, [DECISION])]


def content(log: list[Recorded], opening: Opening = OPENING) -> bytes:
    """The segment's file."""
    file = BytesIO()
    writer = SegmentWriter(file, opening)
    for recorded in log:
        writer.add(recorded)
    writer.close("f" * 64)
    return file.getvalue()


@given(logs)
def test_whatever_can_lie_in_a_stream_comes_back_and_always_as_the_same_bytes(log: list[Recorded]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "segment"
        path.write_bytes(content(log))
        with open_segment(path) as segment:
            assert segment.opening == OPENING
            assert list(segment) == log
        assert segment.closing is not None
        assert segment.closing.events == len(log)
        assert segment.closing.last == str(log[-1].event.id)
    assert content(log) == content(log)


@given(logs)
def test_every_line_is_json_of_its_own(log: list[Recorded]) -> None:
    lines = [json.loads(line) for line in gzip.decompress(content(log)).split(b"\n")[:-1]]
    assert lines[0]["portfolio"] == "main"
    assert lines[1:-1] == [
        [kind, str(at), *words]
        for event, decisions in log
        for kind, (at, words) in [("event", event), *(("decision", decision) for decision in decisions)]
    ]
    assert lines[-1]["decisions"] == sum(len(decisions) for _, decisions in log)


def test_a_segment_is_the_log_alone_and_says_neither_when_nor_where_it_was_written() -> None:
    assert content(LOG)[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def fault(path: Path, written: bytes) -> str:
    """What is said of a file with this content."""
    path.write_bytes(written)
    with pytest.raises(ArchiveError) as caught, open_segment(path) as segment:
        list(segment)
    return str(caught.value).replace(f"{path}: ", "")


def lines(*exchanged: tuple[int, bytes]) -> bytes:
    """A segment with some of its lines exchanged."""
    each = gzip.decompress(content(LOG)).splitlines()
    for number, line in exchanged:
        each[number] = line
    return gzip.compress(b"".join(line + b"\n" for line in each if line))


@pytest.mark.parametrize(
    "written",
    [
        b"no gzip at all",
        lines((0, b"")),
        lines((0, b"{}")),
        lines((0, b"[]")),
        lines((1, b"")),
        lines((1, b'["event"]')),
        lines((1, b'["event","5"]')),
        lines((1, b'["thing","5-0"]')),
        lines((1, b'["event","5-0","type",7]')),
        lines((1, b'"event"')),
        lines((1, b"\xff")),
        lines((2, b"")),
        lines((2, b'["decision","5-0","type","EntryAllowed"]')),
        lines((3, b"{}")),
        lines((1, b""), (2, b"")),
        content(LOG) + content(LOG),
    ],
)
def test_what_is_no_segment_is_refused(tmp_path: Path, written: bytes) -> None:
    assert fault(tmp_path / "segment", written) == "this segment is damaged. Restore it from a backup."


def test_a_segment_that_was_cut_off_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "segment"
    assert "ends before its closing line" in fault(path, lines((3, b"")))
    assert "is truncated" in fault(path, content(LOG)[:-3])
    assert "is truncated" in fault(path, content(LOG)[:40])
    assert "is damaged" in fault(path, b"")


def test_another_format_is_named(tmp_path: Path) -> None:
    path = tmp_path / "segment"
    assert fault(path, content(LOG, replace(OPENING, format=2))) == "its format is 2; this portfold reads 1."


def test_a_folder_in_a_segments_place_is_no_segment(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"cannot be read: Is a directory"), open_segment(tmp_path):
        pass
    with pytest.raises(ArchiveError, match="is missing"), open_segment(tmp_path / "none"):
        pass
