"""Measures how fast history is verified, every event decided again, from a server and from an archive.

A realistic log is put on a server and decided. Then, in turns over several rounds: `xread` merely reads all
events and decisions as text, with redis-py as it ships; `read` reads them as the record of an audit; `verify`
decides the events again and compares. Then the log is archived, and read and verified from there, without a
server, by one process and by two. The best round of each counts. At last it prints what each step of deciding
an event again takes, with the log in memory.
"""

import argparse
import gc
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

from redis import Redis

from benchmarks.measuring.machine import machine_line, server_line
from benchmarks.measuring.options import count, parser, sized
from benchmarks.measuring.realistic_log import realistic_log
from benchmarks.measuring.stage import APPENDFSYNC, PATIENCE_SECONDS, BenchmarkFailed, Stage, played
from portfold.coordinator.audit.explain.explanation import explain
from portfold.coordinator.audit.explain.lookup import find_id
from portfold.coordinator.audit.explain.status_at import status_at
from portfold.coordinator.audit.record.moment import read_moment
from portfold.coordinator.audit.record.pieces import prove_in_pieces
from portfold.coordinator.audit.record.record import ArchivedRecord, LiveRecord, Record
from portfold.coordinator.audit.record.verify import Proved, verify
from portfold.coordinator.fold.fold import fold
from portfold.coordinator.fold.state import State
from portfold.coordinator.store.archiver import Keep, archive_history
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.log_reader import READ_AT_ONCE
from portfold.coordinator.store.snapshot import snapshot_text
from portfold.events import chain
from portfold.events.codec import decode_event, encode
from portfold.events.wire.archiver_bus import ArchiverBus
from portfold.events.wire.connection import connect
from portfold.pieces.place import Place

EXPECTED_RATIO = 0.35
EXPECTED_BY_TWO = 0.6
_PROCESSES = 2
_PORTFOLIO = "audit"


def main() -> int:
    """Measures, prints the figures and returns the exit code."""
    options = parser("audit", __doc__)
    options.add_argument("--events", type=count, default=100_000, help="entries of the log (100000)")
    options.add_argument("--rounds", type=count, default=5, help="of which the best counts (5)")
    options.add_argument("--seed", type=int, default=1, help="of the log (1)")
    chosen = sized(options, events=5_000, rounds=1)
    return played(lambda stage: _measure(stage, chosen))


def _measure(stage: Stage, chosen: argparse.Namespace) -> None:
    bus = ArchiverBus(connect(stage.hand, timeout_seconds=PATIENCE_SECONDS), _PORTFOLIO)
    print(machine_line())
    print(server_line(bus, APPENDFSYNC), flush=True)
    stage.put_on_server(bus.keys.events, realistic_log(chosen.events, chosen.seed))
    _decide(bus)
    on_server = LiveRecord(bus)
    print(f"{chosen.events:,} events (seed {chosen.seed}), COUNT {READ_AT_ONCE:,}\n", flush=True)
    with Redis.from_url(stage.hand, decode_responses=True) as plain:
        xread, *rest = _best(
            chosen.rounds,
            lambda: _xread(plain, bus.keys.events, bus.keys.decisions),
            lambda: _read(on_server),
            lambda: _verify(on_server),
        )
    print(f"{'':22}{'events/s':>12}{'µs/event':>12}{'of xread':>12}")
    for name, seconds in zip(("xread", "read", "verify"), (xread, *rest), strict=True):
        _print(name, seconds, chosen.events, xread)
    archive_history(bus, stage.folder / "archive", Keep(events=1))
    bus.close()
    archived = ArchivedRecord(stage.folder / "archive")
    events = archived.events or 0
    with Place(_PROCESSES).working(None) as pieces:
        from_archive = _best(
            chosen.rounds,
            lambda: _read(archived),
            lambda: _verify(archived),
            lambda: _verify(archived, prove_in_pieces(archived, pieces)),
        )
    of_archive = xread * events / chosen.events
    for name, seconds in zip(
        ("read from archive", "verify from archive", "verify by two"), from_archive, strict=True
    ):
        _print(name, seconds, events, of_archive)
    _print_late(archived, chosen.rounds)
    _print_steps(archived, events, chosen.rounds)
    print(
        f"\nExpected: verify at {EXPECTED_RATIO} of xread or more; here {xread / rest[-1]:.2f}."
        f"\nFrom an archive by two processes at {EXPECTED_BY_TWO} of xread or more; "
        f"here {of_archive / from_archive[-1]:.2f}."
    )


def _decide(bus: ArchiverBus) -> None:
    """Commits the decisions on the whole log, as a leader does, and saves a snapshot.

    Raises BenchmarkFailed where a commit is refused.
    """
    epoch, follower = bus.take_lead("benchmark", 60_000).epoch, Follower()
    while batch := bus.events_after(follower.cursor, count=READ_AT_ONCE):
        before = follower.cursor
        decided = [follower.advance(at, fields) for at, fields in batch]
        done = bus.commit(
            epoch=epoch,
            before=before,
            after=follower.cursor,
            chain=follower.chain,
            events=len(batch),
            decisions=[entry for each in decided for entry in each.entries],
            status={},
        )
        if done.outcome != "done":
            raise BenchmarkFailed(f"The log could not be decided: {done}")
    bus.save_snapshot(snapshot_text(follower.checkpoint))


def _best(rounds: int, *each: Callable[[], object]) -> list[float]:
    """Returns the seconds of the best round of each; the rounds take turns."""
    best = [float("inf")] * len(each)
    for _ in range(rounds):
        for index, measured in enumerate(each):
            gc.collect()
            begun = perf_counter()
            measured()
            best[index] = min(best[index], perf_counter() - begun)
    return best


def _xread(client: Any, *streams: str) -> None:
    for stream in streams:
        after = "0-0"
        while reply := client.xread({stream: after}, count=READ_AT_ONCE):
            ((_, entries),) = reply
            after, _ = entries[-1]


def _read(record: Record) -> None:
    for _ in record.recorded():
        pass


def _verify(record: Record, begins: Proved | None = None) -> None:
    found = verify(record, begins=begins)
    if found.difference is not None:
        raise BenchmarkFailed(found.difference.sentence)


def _print(name: str, seconds: float, events: int, xread: float) -> None:
    figures = f"{events / seconds:>12,.0f}{seconds / events * 1e6:>12.2f}{xread / seconds:>12.2f}"
    print(f"{name:22}{figures}", flush=True)


def _print_late(archived: ArchivedRecord, rounds: int) -> None:
    """Prints what asking about the last event takes, which lies furthest from the first."""
    last, archive = archived.cursor, archived.archive
    moment = read_moment(str(last))
    found = _best(
        rounds,
        lambda: explain(archived, find_id(archived, last, _quietly), _quietly),
        lambda: status_at(archived, moment, _quietly),
    )
    print("\nAsked about the last event of the archive, in seconds:")
    for name, seconds in zip(("why", "at"), found, strict=True):
        print(f"{name:22}{'':12}{seconds:>12.2f}")
    states = sum(path.stat().st_size for path in archive.folder.glob("checkpoint-*"))
    share = states / sum(segment.bytes for segment in archive.segments)
    print(f"The states kept for that are {share:.1%} of the segments.")


def _quietly(_: int) -> None:
    """Shows nobody how far it is."""


def _print_steps(record: Record, events: int, rounds: int) -> None:
    best = [min(seconds) for seconds in zip(*(_steps(record) for _ in range(rounds)), strict=True)]
    print("\nOf that, what each step takes, in µs/event:")
    for name, seconds in zip(("decode", "fold", "encode", "chain"), best, strict=True):
        print(f"{name:22}{'':12}{seconds / events * 1e6:>12.2f}")


def _steps(record: Record) -> list[float]:
    """Returns the seconds spent on each step of deciding all events again, a batch at a time."""
    state, link, total = State(), chain.GENESIS, [0.0] * 4
    recorded = record.recorded()
    while batch := [one.event for one, _ in zip(recorded, range(READ_AT_ONCE), strict=False)]:
        marks = [perf_counter()]
        decoded = [decode_event(fields) for _, fields in batch]
        marks.append(perf_counter())
        decisions = [fold(state, at, event) for (at, _), event in zip(batch, decoded, strict=True)]
        marks.append(perf_counter())
        texts = [[encode(decision) for decision in each] for each in decisions]
        marks.append(perf_counter())
        for (at, fields), written in zip(batch, texts, strict=True):
            link = chain.link(link, str(at), fields, written)
        marks.append(perf_counter())
        total = [spent + to - since for spent, since, to in zip(total, marks[:-1], marks[1:], strict=True)]
    return total


if __name__ == "__main__":
    sys.exit(main())
