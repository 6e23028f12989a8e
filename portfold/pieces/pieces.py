"""What work in pieces is to whoever has some: pieces are handed in, answers come back; where is all the same.

A piece is a function of a module, called with what all pieces are `given` and with arguments of its own; it
keeps nothing and writes nothing, so that it may be done anywhere, and done again. Guarantees: an answer is
what the function makes of these arguments, or an error; a piece that was lost is never answered by anything
else.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, as_completed, wait
from itertools import pairwise
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from portfold.errors import FAILED, UNREACHABLE, UNUSABLE, PortfoldError

_Given = TypeVar("_Given")
_Given_co = TypeVar("_Given_co", covariant=True)
_Answer = TypeVar("_Answer")
_Argument = TypeVar("_Argument")
_Arguments = ParamSpec("_Arguments")
AHEAD = 2
"""So many pieces for each that is done at once: one under way, the next one there already."""


class WorkLost(PortfoldError):
    """Whoever did the work ended before it was done: nothing is known of what was under way."""

    exit_code = FAILED


class ClusterUnusable(PortfoldError):
    """The cluster is not one that can do this work; the text names what was expected."""

    exit_code = UNUSABLE


class ClusterUnreachable(PortfoldError):
    """No scheduler answers at the address."""

    exit_code = UNREACHABLE


class Pieces(Protocol[_Given_co]):
    """Where pieces are done: `width` at once, as far as is known; `ahead` are handed in at once to keep all
    busy; each piece may use so many `threads`.
    """

    @property
    def width(self) -> int: ...

    @property
    def ahead(self) -> int: ...

    @property
    def threads(self) -> int: ...

    def submit(
        self,
        do: Callable[Concatenate[_Given_co, _Arguments], _Answer],
        /,
        *arguments: _Arguments.args,
        **named: _Arguments.kwargs,
    ) -> "Future[_Answer]":
        """Hands in a piece. Its answer may raise what the function raises, WorkLost, ClusterUnusable."""


def in_order(
    pieces: Pieces[_Given],
    do: Callable[[_Given, _Argument], _Answer],
    arguments: Iterable[_Argument],
) -> Iterator[_Answer]:
    """Yields the answers in the order of the arguments; no more pieces are under way than keep all busy."""
    under_way: deque[Future[_Answer]] = deque()
    for argument in arguments:
        under_way.append(pieces.submit(do, argument))
        if len(under_way) >= pieces.ahead:
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()


def as_done(
    pieces: Pieces[_Given],
    do: Callable[[_Given, _Argument], _Answer],
    arguments: Iterable[_Argument],
) -> Iterator[_Answer]:
    """Yields the answers as they come; no more pieces are under way than keep all busy."""
    under_way: set[Future[_Answer]] = set()
    for argument in arguments:
        under_way.add(pieces.submit(do, argument))
        patience = None if len(under_way) >= pieces.ahead else 0
        done, under_way = wait(under_way, patience, FIRST_COMPLETED)
        yield from (one.result() for one in done)
    yield from (one.result() for one in as_completed(under_way))


def shares(count: int, most: int) -> list[range]:
    """Divides so many into at most `most` shares of like size, in order; none is empty."""
    number = max(1, min(count, most))
    edges = [count * share // number for share in range(number + 1)]
    return [range(first, end) for first, end in pairwise(edges) if first < end]


def cores() -> int:
    """Counts the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
