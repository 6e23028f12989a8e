"""Many runs, on as many processors as wanted, and the sum of what happened in them."""

import gc
from collections import Counter
from collections.abc import Collection, Generator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from multiprocessing import get_context

from msgspec import Struct, field

from tests.simulation.outcome import Outcome
from tests.simulation.plants.planted import PLANTS, RULES_TO_SHOW
from tests.simulation.rules.in_force import InForce, of_every_kind
from tests.simulation.schedule import Happening, drawn
from tests.simulation.shrink import shrunk
from tests.simulation.simulation import simulate

_SEEDS_AT_ONCE = 20


class Tally(Struct):
    """What so many runs came to. `violated` is the run of the lowest seed that broke an invariant."""

    schedules: int = 0
    events: int = 0
    decisions: int = 0
    terms: int = 0
    calls: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    decided: Counter[str] = field(default_factory=Counter)
    violated: Outcome | None = None

    def count(self, outcome: Outcome) -> None:
        """Adds a run."""
        self.schedules += 1
        self.events += outcome.events
        self.decisions += outcome.decisions
        self.terms += outcome.terms
        self.calls += outcome.calls
        self.struck.update(outcome.struck)
        self.decided.update(outcome.decided)
        if outcome.violation and self.violated is None:
            self.violated = outcome

    def add(self, other: "Tally") -> None:
        """Adds the runs of later seeds."""
        self.schedules += other.schedules
        self.events += other.events
        self.decisions += other.decisions
        self.terms += other.terms
        self.calls += other.calls
        self.struck.update(other.struck)
        self.decided.update(other.decided)
        self.violated = self.violated or other.violated


def run_parts(
    first: int, seeds: int, *, events: int, plant: str = "", always_rules: bool = False, jobs: int = 1
) -> Generator[Tally, None, None]:
    """Runs the schedules of so many seeds, some at once; tells what they came to in the order of seeds."""
    run_some = partial(_run_some, events=events, plant=plant, always_rules=always_rules)
    begins = range(first, first + seeds, _SEEDS_AT_ONCE)
    sizes = [min(_SEEDS_AT_ONCE, first + seeds - begin) for begin in begins]
    if jobs == 1:
        yield from map(run_some, begins, sizes)
        return
    # A new interpreter each: a fork of a process with threads may hang.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        parts: list[Future[Tally]] = [
            pool.submit(run_some, begin, size) for begin, size in zip(begins, sizes, strict=True)
        ]
        try:
            for part in parts:
                yield part.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def run_all(first: int, seeds: int, *, events: int, plant: str = "") -> Tally:
    """The same in this process, up to the first violation."""
    tally = Tally()
    for part in run_parts(first, seeds, events=events, plant=plant):
        tally.add(part)
        if tally.violated is not None:
            break
    return tally


def _run_some(first: int, seeds: int, *, events: int, plant: str, always_rules: bool) -> Tally:
    tally = Tally()
    gc.disable()  # one run's garbage is small, and collected between two
    gc.freeze()  # what was there before is looked at by none of these collections
    try:
        for seed in range(first, first + seeds):
            tally.count(run_one(seed, events=events, plant=plant, always_rules=always_rules))
            gc.collect()
            if tally.violated is not None:
                break
    finally:
        gc.unfreeze()
        gc.enable()
    return tally


def run_one(
    seed: int,
    *,
    events: int,
    plant: str = "",
    always_rules: bool = False,
    kept: Collection[int] | None = None,
    traced: bool = False,
) -> Outcome:
    """One run, maybe with a bug planted, maybe of only some of its happenings."""
    rules = _rules(seed, plant, always=always_rules)
    with PLANTS[plant]() if plant else nullcontext():
        return simulate(seed, events, kept, rules=rules, traced=traced)


def shortest(
    outcome: Outcome, *, events: int, plant: str = "", always_rules: bool = False
) -> dict[int, Happening]:
    """The few happenings, by number, that break the same invariant as the whole schedule did."""
    rules = _rules(outcome.seed, plant, always=always_rules)
    happenings = drawn(outcome.seed, events, rules).happenings

    def breaks(numbers: list[int]) -> bool:
        again = run_one(
            outcome.seed, events=events, plant=plant, always_rules=always_rules, kept=set(numbers)
        )
        return again.invariant == outcome.invariant

    return {number: happenings[number] for number in shrunk(range(len(happenings)), breaks)}


def _rules(seed: int, plant: str, *, always: bool) -> InForce | None:
    """Those that show the plant; else those of the seed, which some seeds have only where all are to."""
    return RULES_TO_SHOW.get(plant, of_every_kind(seed) if always else None)
