"""A small record that is committed: every Python version has to decide it alike, to the last byte.

It is the first two days of a realistic log with a stop on the first of them, most marks and most denied
requests left out. `python -m tests.audit.golden_record` writes it anew, which is right only together with a
new FOLD_VERSION: these decisions were made.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.measuring.realistic_log import LogEntry, realistic_log
from portfold.coordinator.fold.state import State
from portfold.coordinator.store.entry_json import read_words, words_json
from portfold.coordinator.store.ledger import Decided, decide
from portfold.coordinator.store.recorded import Recorded
from portfold.events.chain import GENESIS
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry

FILE = Path(__file__).with_name("golden_record.jsonl")
_SEED, _UNTIL = 22, 4_905
_ONE_IN = 100
_OFTEN = ("EntryDenied", "PositionMarked")


CHAIN = "32e96af475565da86c4203d1f5c8c6706f5e4671b44ee5cd6216d6d0bba71064"
"""The chain at its end, on every Python and for ever."""


class Golden:
    """The record in the file."""

    portfolio = "golden"
    shown = "the golden record"
    chain = CHAIN

    def __init__(self) -> None:
        self.all = list(_read())
        self.events: int | None = len(self.all)
        self.cursor = self.all[-1].event.id

    def recorded(self) -> Iterator[Recorded]:
        """Every event with its decisions."""
        return iter(self.all)


def _read() -> Iterator[Recorded]:
    event: Entry | None = None
    decisions: list[Entry] = []
    for line in FILE.read_bytes().splitlines():
        kind, at, *fields = read_words(line)
        if kind == "decision":
            decisions.append(Entry(StreamId.parse(at), fields))
            continue
        if event is not None:
            yield Recorded(event, decisions)
        event, decisions = Entry(StreamId.parse(at), fields), []
    assert event is not None
    yield Recorded(event, decisions)


def _write() -> None:
    lines, chain = [], GENESIS
    for decided, fields in _decided(_thinned()):
        lines.append(words_json(["event", str(decided.at), *fields]))
        lines += [words_json(["decision", str(at), *words]) for at, words in decided.entries]
        chain = decided.chain
    FILE.write_bytes(b"\n".join(lines) + b"\n")
    print(f"CHAIN = {chain}")


def _thinned() -> Iterator[LogEntry]:
    """The log without most of what it says often; it ends with an event that was decided on."""
    seen = 0
    for decided, fields in _decided(realistic_log(_UNTIL, _SEED)):
        kinds = [fields[1], *(words[1] for _, words in decided.entries)]
        seen += any(kind in _OFTEN for kind in kinds)
        if not any(kind in _OFTEN for kind in kinds) or seen % _ONE_IN == 0:
            yield LogEntry(decided.at, fields)


def _decided(log: Iterable[LogEntry]) -> Iterator[tuple[Decided, list[str]]]:
    state, chain = State(), GENESIS
    for at, fields in log:
        decided = decide(state, chain, at, fields)
        chain = decided.chain
        yield decided, fields


if __name__ == "__main__":
    _write()
