"""Makes a history that shows something as short as it gets, within a bound of tries.

Greedy: leave out spans of it, from long ones to single steps, then make what moves smaller, for as long as
what it shows is still shown. The result is the shortest that was found, not a proof that none is shorter.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from msgspec import structs

from portfold.research.prove.history import History, Step

Item = TypeVar("Item")
Candidate = TypeVar("Candidate")

MOST_TRIES = 3_000


def shortest_history(history: History, shows: Callable[[History], bool], tries: int = MOST_TRIES) -> History:
    """Returns a history no longer than this one that shows the same; this one shows it."""
    return _reduced(history, _shorter, shows, tries)


def fewest(items: Sequence[Item], shows: Callable[[Sequence[Item]], bool], tries: int) -> Sequence[Item]:
    """Returns as few of the items as still show the same, in their order; all of them show it."""
    return _reduced(items, without_spans, shows, tries)


def _reduced(
    best: Candidate,
    shorter: Callable[[Candidate], Iterator[Candidate]],
    shows: Callable[[Candidate], bool],
    tries: int,
) -> Candidate:
    left = tries
    while True:
        for candidate in shorter(best):
            if not left:
                return best
            left -= 1
            if shows(candidate):
                best = candidate
                break
        else:
            return best


def without_spans(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Yields the items without a span of them, of all lengths from half of them down to one."""
    span = max(len(items) // 2, 1)
    while items and span:
        for begins in range(len(items) - span, -1, -span):
            yield [*items[:begins], *items[begins + span :]]
        span //= 2


def _shorter(history: History) -> Iterator[History]:
    if history.worse_ticks:
        yield structs.replace(history, worse_ticks=0)
        yield structs.replace(history, worse_ticks=history.worse_ticks - 1)
    for steps in without_spans(history.steps):
        yield structs.replace(history, steps=tuple(steps))
    for place, step in enumerate(history.steps):
        for simpler in _simpler(step):
            steps = (*history.steps[:place], simpler, *history.steps[place + 1 :])
            yield structs.replace(history, steps=steps)


def _simpler(step: Step) -> Iterator[Step]:
    if step.late:
        yield structs.replace(step, late=False)
    sign = 1 if step.amount > 0 else -1
    smaller = (abs(step.amount) // 2, abs(step.amount) - abs(step.amount) // 8, abs(step.amount) - 1)
    for amount in dict.fromkeys(smaller):
        if 0 < amount < abs(step.amount):
            yield structs.replace(step, amount=sign * amount)
