"""The format of a segment: whatever can lie in a stream comes back, and the file can be read by other means."""

import gzip
import json
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from coordinator.recorded import Recorded
from coordinator.segment import FORMAT, ArchiveError, Closing, Opening, SegmentWriter, open_segment
from events.bus import Entry
from events.stream_id import StreamId

OPENING = Opening(FORMAT, "main", 1, "0" * 64, "0" * 64, 1, "5-0")

words = st.binary(max_size=20).map(lambda word: word.decode("utf-8", "surrogateescape")) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=20
)
ids = st.builds(StreamId, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
entries = st.builds(Entry, ids, st.lists(words, max_size=6))
logs = st.lists(st.builds(Recorded, entries, st.lists(entries, max_size=3)), min_size=1, max_size=6)


def written(log: list[Recorded], opening: Opening = OPENING) -> tuple[bytes, Closing]:
    file = BytesIO()
    writer = SegmentWriter(file, opening)
    for recorded in log:
        writer.add(recorded)
    return file.getvalue(), writer.close("f" * 64)


def content(log: list[Recorded], opening: Opening = OPENING) -> bytes:
    file = BytesIO()
    writer = SegmentWriter(file, opening)
    for recorded in log:
        writer.add(recorded)
    writer.close("f" * 64)
    return file.getvalue()
