"""One run: the world of a seed, what its schedule has happen there, the peace afterwards, and the audit."""

from collections.abc import Collection
from functools import partial
from random import Random

from tests.simulation.happening import Happenings
from tests.simulation.outcome import Outcome, outcome_of
from tests.simulation.peace import peace
from tests.simulation.rules.in_force import InForce
from tests.simulation.schedule import Happening, drawn
from tests.simulation.scheduler import Violation
from tests.simulation.seats.cast import Cast
from tests.simulation.seats.substitutes import substituted

_ONE_AFTER_THE_OTHER_MS = 20


def simulate(
    seed: int,
    events: int = 300,
    kept: Collection[int] | None = None,
    *,
    rules: InForce | None = None,
    traced: bool = False,
) -> Outcome:
    """Runs the schedule of `seed`, of about so many `events`; with `kept` only these of its happenings.

    With `rules` it is under these, and not under those of the seed.
    """
    temper, happenings = drawn(seed, events, rules)
    cast = Cast(seed, temper)
    if traced:
        cast.world.network.trace = []
    violation = None
    with substituted(Random(f"{seed}:names"), cast.world):
        try:
            _play(cast, [one for number, one in enumerate(happenings) if kept is None or number in kept])
            peace(cast)
            cast.world.judge.audit()
        except Violation as found:
            violation = found
        finally:
            cast.world.close()
    return outcome_of(cast.world, violation)


def _play(cast: Cast, happenings: list[Happening]) -> None:
    """Starts everybody, and has the schedule happen."""
    scheduler, to_happen = cast.world.scheduler, Happenings(cast)
    for number, seat in enumerate(cast.world.seats.values()):
        scheduler.at(_ONE_AFTER_THE_OTHER_MS * number, None, seat.start)
    for happening in happenings:
        scheduler.at(happening.ms, None, partial(to_happen.happen, happening))
    scheduler.run(happenings[-1].ms if happenings else 0)
