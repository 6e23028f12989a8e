"""Measures how many events a second the fold replays in one process, beside the time of decoding alone.

Four measurements over one realistic log, in CPU seconds, each the best of a few rounds: `decode` reads the
fields of the entries into events; `fold` folds those events into the state; `decide` does all that the
coordinator and the audit do for an entry: decode, fold, encode the decisions, chain; `checked` also checks
the invariants after each event, as a leader does. With `--every-rule` the same log is measured once more
with all rules in force that may be absent, in turns, and compared. The fields are new strings each time, as
they come off the wire, so that none of them has been hashed before.
"""

import gc
from collections import Counter
from collections.abc import Sequence
from time import process_time
from typing import NamedTuple

from benchmarks.measuring.every_rule import with_every_rule
from benchmarks.measuring.machine import machine_line
from benchmarks.measuring.options import count, parser, sized
from benchmarks.measuring.realistic_log import LogEntry, realistic_log
from portfold.coordinator.fold.fold import fold
from portfold.coordinator.fold.invariants import check
from portfold.coordinator.fold.state import State
from portfold.coordinator.store.ledger import decide
from portfold.events.chain import GENESIS
from portfold.events.codec import decode_event

EXPECTED_FOLDS = 150_000
_CHUNK = 256  # as many as the leader reads at once


class Seconds(NamedTuple):
    """CPU seconds spent on each of the four measurements."""

    decode: float
    fold: float
    decide: float
    checked: float


def main() -> None:
    """Makes the log, measures, prints the figures."""
    options = parser("fold_rate", __doc__)
    options.add_argument("--events", type=count, default=300_000, help="entries of the log (300000)")
    options.add_argument("--rounds", type=count, default=3, help="of which the best counts (3)")
    options.add_argument("--seed", type=int, default=1, help="of the log (1)")
    options.add_argument("--every-rule", action="store_true", help="compare with all rules in force")
    chosen = sized(options, events=20_000, rounds=1)
    print(machine_line(), flush=True)
    log = realistic_log(chosen.events, chosen.seed)
    print(f"{len(log):,} events (seed {chosen.seed}): {_mix(log)}\n", flush=True)
    logs = [log, with_every_rule(log)] if chosen.every_rule else [log]
    gc.collect()
    gc.freeze()  # the collector need not walk through the whole log: in production it is not in memory
    rounds = [[_round(each) for each in logs] for _ in range(chosen.rounds)]
    plain, *ruled = (_best(of_one) for of_one in zip(*rounds, strict=True))
    _print(len(log), plain)
    for best in ruled:
        print("\nWith every rule:")
        _print(len(log), best)
        print(f"Fold {best.fold / plain.fold:.2f} x, decide {best.decide / plain.decide:.2f} x, as without.")


def _mix(log: Sequence[LogEntry]) -> str:
    counts = Counter(entry.fields[1] for entry in log)
    return ", ".join(f"{kind} {counted / len(log):.1%}" for kind, counted in counts.most_common(5))


def _round(log: Sequence[LogEntry]) -> Seconds:
    """Measures the whole log once, in chunks, the four measurements in turns."""
    folding, deciding, leading, chain, led = State(), State(), State(), GENESIS, GENESIS
    total = Seconds(0, 0, 0, 0)
    for start in range(0, len(log), _CHUNK):
        entries = _off_the_wire(log[start : start + _CHUNK])
        begun = process_time()
        events = [decode_event(fields) for _, fields in entries]
        decoded = process_time()
        for (at, _), event in zip(entries, events, strict=True):
            fold(folding, at, event)
        folded = process_time()
        entries = _off_the_wire(entries)
        begun_anew = process_time()
        for at, fields in entries:
            chain = decide(deciding, chain, at, fields).chain
        decided = process_time()
        entries = _off_the_wire(entries)
        begun_to_lead = process_time()
        for at, fields in entries:
            done = decide(leading, led, at, fields)
            check(leading, done.at, done.event)
            led = done.chain
        checked = process_time()
        total = Seconds(
            total.decode + decoded - begun,
            total.fold + folded - decoded,
            total.decide + decided - begun_anew,
            total.checked + checked - begun_to_lead,
        )
    return total


def _off_the_wire(entries: Sequence[LogEntry]) -> list[LogEntry]:
    return [LogEntry(at, [text.encode().decode() for text in fields]) for at, fields in entries]


def _best(rounds: Sequence[Seconds]) -> Seconds:
    return Seconds(*(min(each) for each in zip(*rounds, strict=True)))


def _print(events: int, best: Seconds) -> None:
    print(f"{'':8}{'events/s':>12}{'µs/event':>12}{'x decode':>12}")
    for name, seconds in best._asdict().items():
        print(
            f"{name:8}{events / seconds:>12,.0f}{seconds / events * 1e6:>12.2f}{seconds / best.decode:>12.2f}"
        )
    print(f"\nExpected: fold at {EXPECTED_FOLDS:,} events/s or more; here {events / best.fold:,.0f}.")


if __name__ == "__main__":
    main()
