"""Looks for the shortest histories in which the firm's rule is broken, one for each way it came about.

A breach with a late mark in it is looked at again with all marks on time: only what is then none was the
mark's. Of each way the shortest few that were found are made shorter in the end, and the shortest stays.
"""

from collections import Counter
from collections.abc import Callable
from random import Random

from msgspec import Struct, field

from portfold.research.prove.exploring import explored, history_of
from portfold.research.prove.history import History
from portfold.research.prove.playing import How, Scene, play
from portfold.research.prove.shrinking import shortest_history

_KEPT = 3


class Tried(Struct):
    """Of so many `histories`: how many broke the firm's rule in each way, and the `shortest` of each."""

    histories: int = 0
    broken: Counter[How] = field(default_factory=Counter)
    shortest: dict[How, History] = field(default_factory=dict)


def search(
    scene: Scene,
    *,
    seed: int,
    histories: int,
    on_progress: Callable[[int], object] = lambda _: None,
) -> Tried:
    """Tries so many random histories, from `seed`."""
    symbols = scene.limits.symbols.split(" ")
    tried, kept = Tried(histories), dict[How, list[History]]()
    for number in range(histories):
        found = explored(scene, symbols, Random(f"{seed}.{number}"))
        history = history_of(found)
        way = way_of(history, scene) if found.found is not None else None
        if way is not None:
            tried.broken[way] += 1
            plain = history if way == "late" else history.on_time
            kept[way] = sorted([*kept.get(way, []), plain], key=lambda one: one.size)[:_KEPT]
        on_progress(number + 1)
    for way, histories_kept in kept.items():
        tried.shortest[way] = min(
            (_shrunk(one, scene, way) for one in histories_kept), key=lambda one: one.size
        )
    return tried


def way_of(history: History, scene: Scene) -> How | None:
    """Returns how the firm's rule comes to be broken; None where it is not."""
    found = play(history, scene)
    if found is None or found.how != "late":
        return found.how if found is not None else None
    on_time = play(history.on_time, scene)
    return on_time.how if on_time is not None else "late"


def _shrunk(history: History, scene: Scene, way: How) -> History:
    return shortest_history(history, lambda one: way_of(one, scene) == way)
