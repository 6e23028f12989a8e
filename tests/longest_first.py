"""The order of a run on several workers: what takes long begins early, so that none of it is left at the end.

What takes long has said so: its `timeout` is more than that of the others. Of these each worker gets as many,
the longest first, with others between them: much of those is waiting, and a worker that computes fills it.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeVar

import pytest

_Test = TypeVar("_Test")


def longest_first(items: Sequence[pytest.Item], *, usual_seconds: float, workers: int) -> list[pytest.Item]:
    """The tests in the order in which they are to be run."""
    seconds = {item: _seconds(item, usual_seconds) for item in items}
    long = sorted((item for item in items if seconds[item] > usual_seconds), key=lambda item: -seconds[item])
    return dealt(long, [item for item in items if seconds[item] <= usual_seconds], workers)


def dealt(long: Sequence[_Test], others: Sequence[_Test], workers: int) -> list[_Test]:
    """All of them, a part for each worker after the other, as `--dist worksteal` cuts it; the long ones lie
    in the first half of each part, for others take from its end.
    """
    return list(_dealt(long, iter(others), len(long) + len(others), workers))


def _dealt(long: Sequence[_Test], others: Iterator[_Test], left: int, workers: int) -> Iterator[_Test]:
    for worker in range(workers):
        size = left // (workers - worker)
        left -= size
        own = long[worker::workers]
        short = max(0, size - len(own))
        between = short // (2 * max(1, len(own)))
        for each in own:
            yield each
            yield from islice(others, between)
        yield from islice(others, short - between * len(own))
    yield from others


def _seconds(item: pytest.Item, usual: float) -> float:
    own = item.get_closest_marker("timeout")
    return float(own.args[0]) if own is not None and own.args else usual
