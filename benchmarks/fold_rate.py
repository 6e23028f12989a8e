"""How fast the fold replays: events a second in one process, beside the time to merely decode the same events.

Three things over one realistic log, in CPU seconds, the best of a few rounds: `decode` reads the entries'
fields into events; `fold` takes events already read through the state; `decide` is all that the coordinator
and the audit do for an entry: decode, fold, write the decisions down, chain. The fields are made anew for
each round, as they come off the wire: no text that is known to Python, none whose hash is.
"""

import argparse
import gc
import time
from collections import Counter
from collections.abc import Callable, Sequence

from benchmarks.machine import machine_line
from benchmarks.realistic_log import LogEntry, realistic_log
from coordinator.fold import fold
from coordinator.ledger import decide
from coordinator.state import State
from events.chain import GENESIS
from events.codec import decode_event

EXPECTED_FOLDS = 150_000
_CHUNK = 5_000

Work = Callable[[Sequence[LogEntry]], float]
"""Does its part of a chunk of the log and returns the CPU seconds it took."""


def main() -> None:
    """Makes the log, measures, prints."""
    options = _options()
    log = realistic_log(options.events, options.seed)
    print(machine_line())
    print(f"{len(log):,} events (seed {options.seed}): {_mix(log)}\n")
    gc.collect()
    gc.freeze()  # the collector need not walk through the whole log: in production it is not in memory
    decoding = _best(log, _decoding, options.rounds)
    folding = _best(log, _folding, options.rounds)
    deciding = _best(log, _deciding, options.rounds)
    print(f"{'':8}{'events/s':>12}{'µs/event':>12}{'x decode':>12}")
    for name, seconds in (("decode", decoding), ("fold", folding), ("decide", deciding)):
        rate, each = len(log) / seconds, seconds / len(log) * 1e6
        print(f"{name:8}{rate:>12,.0f}{each:>12.2f}{seconds / decoding:>12.2f}")
    print(f"\nExpected: fold at {EXPECTED_FOLDS:,} events/s or more; here {len(log) / folding:,.0f}.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fold_rate", description=__doc__)
    parser.add_argument("--events", type=int, default=300_000, help="entries of the log (300000)")
    parser.add_argument("--rounds", type=int, default=3, help="of which the best counts (3)")
    parser.add_argument("--seed", type=int, default=1, help="of the log (1)")
    return parser.parse_args()


def _mix(log: Sequence[LogEntry]) -> str:
    counts = Counter(entry.fields[1] for entry in log)
    return ", ".join(f"{kind} {count / len(log):.1%}" for kind, count in counts.most_common(5))


def _best(log: Sequence[LogEntry], begin: Callable[[], Work], rounds: int) -> float:
    """CPU seconds for the whole log in the best round."""
    return min(_round(log, begin()) for _ in range(rounds))


def _round(log: Sequence[LogEntry], work: Work) -> float:
    chunks = (log[start : start + _CHUNK] for start in range(0, len(log), _CHUNK))
    return sum(work([_off_the_wire(entry) for entry in chunk]) for chunk in chunks)


def _off_the_wire(entry: LogEntry) -> LogEntry:
    return LogEntry(entry.id, [text.encode().decode() for text in entry.fields])


def _decoding() -> Work:
    def work(entries: Sequence[LogEntry]) -> float:
        begun = time.process_time()
        for entry in entries:
            decode_event(entry.fields)
        return time.process_time() - begun

    return work


def _folding() -> Work:
    state = State()

    def work(entries: Sequence[LogEntry]) -> float:
        events = [(entry.id, decode_event(entry.fields)) for entry in entries]
        begun = time.process_time()
        for at, event in events:
            fold(state, at, event)
        return time.process_time() - begun

    return work


def _deciding() -> Work:
    state, chain = State(), GENESIS

    def work(entries: Sequence[LogEntry]) -> float:
        nonlocal chain
        begun = time.process_time()
        for entry in entries:
            chain = decide(state, chain, entry.id, entry.fields).chain
        return time.process_time() - begun

    return work


if __name__ == "__main__":
    main()
