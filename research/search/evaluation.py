"""Searches driven to their end: several at once, measured on all cores, each measurement written down.

Every process is given the scenario once, whole.
"""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Generic, NamedTuple, TypeVar

from portfold.research.errors import ResearchError
from portfold.research.processes import processes
from portfold.research.search.resume_log import Measured, ResumeLog
from portfold.research.search.search import Search, Symbols
from portfold.research.simulate.scenario import Scenario
from portfold.research.statistics.metrics import Metrics

_Found = TypeVar("_Found")
Submit = Callable[[int, Symbols], "Future[Metrics]"]
See = Callable[[int], object]

_ENDED_FROM_OUTSIDE = (
    "A process that simulated was ended from outside; maybe there was not enough memory. What is measured is "
    "kept: the same command goes on from there, and --jobs 1 needs the least."
)


def run_searches(
    searches: Mapping[int, Search[_Found]], submit: Submit, resume_log: ResumeLog, on_progress: See
) -> dict[int, _Found]:
    """What each search comes to, by its number of positions. `on_progress` is told how much is measured by
    now.

    Raises ResearchError where a process that measures was ended from outside.
    """
    asked = _Asked(submit)
    under_way = {level: _UnderWay(level, search) for level, search in searches.items()}
    for search in under_way.values():
        _go_on(search, resume_log, asked)
    while asked.open:
        measured = asked.next()
        resume_log.add(measured)
        on_progress(len(resume_log.tried))
        search = under_way[measured.max_positions]
        search.missing.discard(measured.symbols)
        _go_on(search, resume_log, asked)
    return {level: search.found for level, search in under_way.items()}


class _Question(NamedTuple):
    level: int
    symbols: Symbols


class _Asked:
    """What is being measured; answers come in the order in which they are there."""

    def __init__(self, submit: Submit) -> None:
        self.open: dict[Future[Metrics], _Question] = {}
        self._submit = submit
        self._ended: SimpleQueue[Future[Metrics]] = SimpleQueue()

    def ask(self, question: _Question) -> None:
        """Has it measured."""
        try:
            future = self._submit(*question)
        except BrokenProcessPool as broken:
            raise ResearchError(_ENDED_FROM_OUTSIDE) from broken
        self.open[future] = question
        future.add_done_callback(self._ended.put)

    def next(self) -> Measured:
        """Waits for the next answer."""
        future = self._ended.get()
        level, symbols = self.open.pop(future)
        try:
            return Measured(level, symbols, future.result())
        except BrokenProcessPool as broken:
            raise ResearchError(_ENDED_FROM_OUTSIDE) from broken


class _UnderWay(Generic[_Found]):
    """One search: what it wants to know, and of that what is still `missing`."""

    found: _Found

    def __init__(self, level: int, search: Search[_Found]) -> None:
        self.level = level
        self._search = search
        self.wanted: Sequence[Symbols] = next(search)
        self.missing: set[Symbols] = set()
        self.ended = False

    def goes_on(self, figures: Sequence[Metrics]) -> None:
        """Is told what it wanted to know, and wants more, or ends."""
        try:
            self.wanted = self._search.send(figures)
        except StopIteration as ended:
            self.found = ended.value
            self.ended = True


def _go_on(search: _UnderWay[_Found], resume_log: ResumeLog, asked: _Asked) -> None:
    """Lets the search go on as long as all it wants is known; has the rest measured."""
    while not search.ended and not search.missing:
        figures = [resume_log.known(search.level, symbols) for symbols in search.wanted]
        known = [one for one in figures if one is not None]
        if len(known) == len(figures):
            search.goes_on(known)
            continue
        pairs = zip(search.wanted, figures, strict=True)
        search.missing = {symbols for symbols, figure in pairs if figure is None}
        for symbols in sorted(search.missing):
            asked.ask(_Question(search.level, symbols))


# --- where it is measured -------------------------------------------------------------------------------


@contextmanager
def measuring(scenario: Scenario, jobs: int) -> Iterator[Submit]:
    """Measures in `jobs` processes; one job is a thread of this one."""
    if jobs == 1:
        thread = ThreadPoolExecutor(1)
        try:
            yield lambda level, symbols: thread.submit(scenario.measure, symbols, level)
        finally:
            thread.shutdown(wait=True, cancel_futures=True)
        return
    with processes(jobs, _begin, scenario) as pool:
        yield lambda level, symbols: pool.submit(_measure, level, symbols)


_given: list[Scenario] = []
"""The scenario, in a process that measures."""


def _begin(scenario: Scenario) -> None:
    _given.append(scenario)
    gc.freeze()  # the scenario stays: the collector need not walk through it again and again


def _measure(level: int, symbols: Symbols) -> Metrics:
    return _given[0].measure(symbols, level)
