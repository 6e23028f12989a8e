"""Every command that reads a log survives any ID that the server accepts.

An ID written by hand may name any millisecond up to 2^64: far beyond the calendar's last day. Whoever reads
such a log is told of its end of time; no command shows a traceback.
"""

from pathlib import Path

import pytest

from portfold.cli.exits import FAILED, OK
from portfold.events.stream_id import DECISIONS_PER_EVENT, StreamId
from tests.audit.told import Told
from tests.cli.command_line import called
from tests.coordinator.story import SECOND, WEDNESDAY
from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer

LARGEST = 2**64 - 1
BEYOND_THE_CALENDAR = 10**15
HALF_WAY = 2**63
LARGEST_ANSWERABLE = StreamId(LARGEST, LARGEST // DECISIONS_PER_EVENT - 1)
UNANSWERABLE = StreamId(LARGEST, LARGEST)

COMMANDS = [
    "status",
    "status --json",
    "doctor",
    "tail --all --text",
    "tail --all --json",
    "audit verify",
    "audit show",
    "audit show --format csv",
    "audit show --from {first} --to {last}",
    "audit at {first}",
    "audit at {last}",
    "audit at {last} --json",
    "audit at 9999-12-31",
    "audit why {first}",
    "audit why --last --json",
    "audit why --type StopLossTriggered",
    "audit why --type TradingDayStarted",
    "audit day",
    "audit day --from 2025-01-15 --json",
    "audit week",
    "audit week --json",
    "audit what-if --max-positions 1",
    "audit what-if --daily-stop-loss 1000 --json",
    "audit what-if --sweep max_positions=1..2",
    "audit export --to exported",
    "audit copy --to copied",
    "audit verify --archive copied --archive-only",
    "audit day --archive copied --archive-only --json",
    "archive --dir archived --keep-events 3",
    "archive --dir archived --verify",
    "audit day --archive archived --json",
]


def a_story(*far: int) -> Told:
    """An ordinary day, and a worker lost at each of the milliseconds `far`; at the last of them a stop."""
    story = Told(WEDNESDAY, mark_stale_ms=5 * SECOND)
    story.enters("CL", "ES")
    for ms in far:
        story.ms = ms
        story.marks("ES", "-10")
        story.asks("RTY")
        story.halt()
        story.resume(force=True)
        story.loses_worker("ibs-CL")
        story.starts("ibs-CL", "s2", positions="CL:long:1:100")
        story.ms += 60 * SECOND
        story.asks("RTY")
    story.marks("ES", "-2600")
    story.ms += 20 * SECOND
    story.closes("ES", "-2700")
    story.asks("RTY")
    return story


@pytest.mark.parametrize(
    ("far", "last"),
    [
        ([BEYOND_THE_CALENDAR], None),
        ([BEYOND_THE_CALENDAR, HALF_WAY], LARGEST_ANSWERABLE),
        ([HALF_WAY], UNANSWERABLE),
    ],
    ids=["beyond the calendar", "the largest answerable", "unanswerable"],
)
def test_no_id_breaks_a_command_that_reads_the_log(
    far: list[int], last: StreamId | None, server: EmbeddedServer, live: Live, tmp_path: Path
) -> None:
    story = a_story(*far).entries
    for at, words in story:
        live.by_hand(*words, at=str(at))
    with coordinating(server.url, live.keys.name):
        live.all_decided()
        if last is not None:
            live.by_hand("type", "ClockTicked", at=str(last))
        if last is LARGEST_ANSWERABLE:
            live.all_decided()
    first = next(at for at, _ in story if at.ms >= BEYOND_THE_CALENDAR)
    for command in COMMANDS:
        words = command.format(first=first, last=last or story[-1][0]).split()
        where = ("--url", server.url, "--portfolio", live.keys.name)
        ran = called(*words, *where, cwd=tmp_path)  # which raises what would be a traceback
        assert ran.code in (OK, FAILED), (command, ran.err)
