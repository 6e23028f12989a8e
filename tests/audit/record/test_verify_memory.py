"""Verifying holds a batch at a time: memory does not grow with the log."""

import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from portfold.coordinator.audit.record.record import LiveRecord
from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.recorded import Recorded
from portfold.events.chain import GENESIS
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Entry
from tests.archive.past import Past
from tests.audit.in_memory import realistic


class Endless:
    """A log of `count` events that is made while it is read, and held by nobody."""

    portfolio = shown = "endless"

    def __init__(self, count: int) -> None:
        self.events: int | None = count
        self.cursor, self.chain = ORIGIN, GENESIS

    def recorded(self) -> Iterator[Recorded]:
        day = realistic(1_000).all
        follower, start = Follower(), 0
        for number in range(self.events or 0):
            at, fields = day[number % len(day)].event
            start = number // len(day) * 7 * 86_400_000
            decided = follower.advance(StreamId(at.ms + start, at.seq), fields)
            entry = Entry(decided.at, fields)
            yield Recorded(entry, [Entry(*one) for one in decided.entries])
        self.cursor, self.chain = follower.cursor, follower.chain


def test_memory_does_not_grow_with_the_log() -> None:
    """40 bytes for each event more would be found: that is 5 % of some 75 MB."""
    short, long = resident_after(10_000, 100_000)
    assert long < short * 1.05


def resident_after(*counts: int) -> list[int]:
    """The most memory that a process of its own ever had, in the system's unit, after it verified a log of
    so many events, and then one of so many more."""
    script = (
        "import resource\n"
        "from portfold.coordinator.audit.record.verify import verify\n"
        "from tests.audit.record.test_verify_memory import Endless\n"
        f"for count in {counts}:\n"
        "    assert verify(Endless(count)).events == count\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        check=True,
        timeout=300,
    )
    return [int(line) for line in ran.stdout.splitlines()]


def test_of_archive_and_streams_a_batch_is_held_at_once(past: Past, tmp_path: Path) -> None:
    past.happens(4_000)
    archive_history(past.bus, tmp_path / "archive", Keep(events=2_000), segment_events=500)
    record = LiveRecord(past.bus, tmp_path / "archive", at_once=200)
    peaks = []
    tracemalloc.start()
    try:
        for number, _ in enumerate(record.recorded(), start=1):
            if number % 500 == 0:
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.reset_peak()
    finally:
        tracemalloc.stop()
    assert len(peaks) == 8
    assert max(peaks[4:]) < max(peaks[:4]) * 1.5
