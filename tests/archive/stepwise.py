"""An archiver in a process of its own that stops at a chosen point, says so, and waits there to be killed."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, NamedTuple
from unittest import mock

from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.events.wire.archiver_bus import ArchiverBus
from portfold.events.wire.connection import connect

ROOT = Path(__file__).parents[2]
REACHED = "reached"
KEPT = 20
SEGMENT_EVENTS = 90


class Point(NamedTuple):
    """Right after the n-th call of the function."""

    function: str
    nth: int


POINTS = {
    "an entry of a segment is written": Point("portfold.coordinator.store.segment.SegmentWriter.add", 30),
    "the first segment is on the disk": Point("portfold.coordinator.store.segment.to_disk", 1),
    "the second segment is on the disk": Point("portfold.coordinator.store.segment.to_disk", 2),
    "the first segment has its name": Point("portfold.coordinator.store.segment.put_in_place", 1),
    "the second segment has its name": Point("portfold.coordinator.store.segment.put_in_place", 2),
    "the first state is on the disk": Point("portfold.whole_files.to_disk", 1),
    "the first listing is on the disk": Point("portfold.whole_files.to_disk", 2),
    "the second listing is on the disk": Point("portfold.whole_files.to_disk", 4),
    "the first segment is listed": Point("portfold.coordinator.store.archive.Archive.list_next", 1),
    "the last segment is listed": Point("portfold.coordinator.store.archive.Archive.list_next", 3),
    "all is proved": Point("portfold.coordinator.store.archiver._Run._prove", 1),
    "one segment is trimmed": Point("portfold.events.wire.archiver_bus.ArchiverBus.trim", 1),
    "all is trimmed": Point("portfold.events.wire.archiver_bus.ArchiverBus.trim", 3),
}


@contextmanager
def archiver_at(point: str, url: str, portfolio: str, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """An archiver that has got as far as `point`; is gone, killed, after the block."""
    words = [sys.executable, "-m", "tests.archive.stepwise", point, url, portfolio, str(folder)]
    with subprocess.Popen(
        words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{REACHED}\n"
        try:
            yield process
        finally:
            process.kill()


def main(point: str, url: str, portfolio: str, folder: str) -> None:
    """Archives up to the point."""
    bus = ArchiverBus(connect(url), portfolio)
    with stopping(*POINTS[point]):
        archive_history(bus, Path(folder), Keep(events=KEPT), segment_events=SEGMENT_EVENTS)


@contextmanager
def stopping(function: str, nth: int) -> Iterator[None]:
    """Within the block the function's n-th call does not return before a line is read."""
    real: Callable[..., Any] = resolve_name(function)
    calls = 0

    def stops(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        result = real(*arguments, **named)
        calls += 1
        if calls == nth:
            print(REACHED, flush=True)
            sys.stdin.readline()
        return result

    with mock.patch(function, stops):
        yield


if __name__ == "__main__":
    main(*sys.argv[1:])
