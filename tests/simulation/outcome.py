"""What came of a run, in figures and in one number that stands for all of it."""

import hashlib
from collections import Counter

from msgspec import Struct

from tests.simulation.memory.stream import Stream
from tests.simulation.scheduler import Violation
from tests.simulation.seats.world import World


class Outcome(Struct, frozen=True):
    """`violation` is empty when all held, else it says which `invariant` did not, and how.

    `terms` counts leaders, `calls` those of the bus; `struck` the faults that did, by kind, `decided` the
    decisions by type. Where asked for, `trace` tells everything that happened, and `digest` stands for it.
    """

    seed: int
    events: int
    decisions: int
    terms: int
    calls: int
    struck: dict[str, int]
    decided: dict[str, int]
    digest: str
    trace: list[str]
    invariant: str = ""
    violation: str = ""


def outcome_of(world: World, violation: Violation | None) -> Outcome:
    """Looks at a world in which no more happens."""
    events, decisions = (
        world.server.stream(key) or Stream() for key in (world.keys.events, world.keys.decisions)
    )
    trace = world.network.trace
    return Outcome(
        seed=world.seed,
        events=len(events.entries),
        decisions=len(decisions.entries),
        terms=world.judge.epoch,
        calls=world.network.calls,
        struck=Counter(fault.kind for fault in world.network.struck),
        decided=Counter(entry.fields[1] for entry in decisions.entries),
        digest="" if trace is None else _digest(world, events, decisions, trace),
        trace=trace or [],
        invariant=violation.invariant if violation else "",
        violation=str(violation) if violation else "",
    )


def _digest(world: World, events: Stream, decisions: Stream, trace: list[str]) -> str:
    digest = hashlib.sha256(f"{world.scheduler.now} {world.network.calls}".encode())
    for lines in (trace, map(str, events.entries), map(str, decisions.entries)):
        digest.update("\n".join(lines).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
