"""`python -m tests.simulation`: runs schedules, and shows the shortest that breaks an invariant."""

import argparse
import os
import sys
import time
from typing import Any

from portfold.cli.progress import progress
from tests.simulation.outcome import Outcome
from tests.simulation.plants.planted import PLANTS
from tests.simulation.runner import Tally, run_one, run_parts, shortest

_DEFAULT_EVENTS = 300


def main() -> int:
    """0 when all invariants held, 1 when one did not."""
    asked = _asked()
    if asked.only is not None:
        return _replay(asked)
    if asked.digests:
        for seed in range(asked.first, asked.first + asked.seeds):
            print(seed, run_one(seed, **_how(asked), traced=True).digest)
        return 0
    began = time.monotonic()
    tally = Tally()
    parts = run_parts(asked.first, asked.seeds, **_how(asked), jobs=asked.jobs)
    with progress("Simulating", asked.seeds, "schedules") as on_progress:
        for part in parts:
            tally.add(part)
            if tally.violated is not None:
                break
            on_progress(tally.schedules)
    _print_tally(tally, asked.first, time.monotonic() - began)
    if tally.violated is None:
        return 0
    _print_shortest(tally.violated, asked)
    return 1


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many schedules")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--events", type=int, default=_DEFAULT_EVENTS, help="about how many events in each")
    parser.add_argument("--plant", choices=list(PLANTS), default="", help="takes a safeguard out")
    parser.add_argument(
        "--rules", choices=("some", "always"), default="some", help="which seeds have rules of every kind"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many processes")
    parser.add_argument(
        "--only", type=_numbers, help="replays these happenings of the first seed, such as 3,17"
    )
    parser.add_argument("--digests", action="store_true", help="prints what stands for each run, and no more")
    return parser.parse_args()


def _how(asked: argparse.Namespace) -> dict[str, Any]:
    return {"events": asked.events, "plant": asked.plant, "always_rules": asked.rules == "always"}


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def _replay(asked: argparse.Namespace) -> int:
    outcome = run_one(asked.first, **_how(asked), kept=asked.only, traced=True)
    print(*outcome.trace, sep="\n")
    print(f"seed {asked.first}: {outcome.violation or 'no violation'}")
    return 1 if outcome.violation else 0


def _print_tally(tally: Tally, first: int, seconds: float) -> None:
    print(
        f"{tally.schedules:,} schedules from seed {first}: {tally.events:,} events, "
        f"{tally.decisions:,} decisions, {tally.terms:,} terms of leaders, {tally.calls:,} calls of the bus; "
        f"{seconds:.0f} s"
    )
    for name, counts in (("faults", tally.struck), ("decisions", tally.decided)):
        print(f"  {name}: " + ", ".join(f"{kind} {count:,}" for kind, count in counts.most_common()))
    print("no violation" if tally.violated is None else f"VIOLATION in seed {tally.violated.seed}")


def _print_shortest(outcome: Outcome, asked: argparse.Namespace) -> None:
    print(f"  {outcome.violation}\nshrinking ...", flush=True)
    few = shortest(outcome, **_how(asked))
    for number, happening in few.items():
        print(f"  {number:4}  {happening}")
    again = run_one(outcome.seed, **_how(asked), kept=set(few))
    command = f"python -m tests.simulation --first {outcome.seed} --only {','.join(map(str, few)) or ','}"
    if asked.events != _DEFAULT_EVENTS:
        command += f" --events {asked.events}"
    if asked.rules != "some":
        command += f" --rules {asked.rules}"
    if asked.plant:
        command += f" --plant {asked.plant}"
    print(f"  {again.violation}\nreplay: {command}")


if __name__ == "__main__":
    sys.exit(main())
