"""Runs several searches at once, measures on all cores, and writes each measurement to the resume log.

Every process receives the whole scenario once.
"""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Generic, NamedTuple, Protocol, TypeVar

from portfold.research.errors import ResearchError
from portfold.research.processes import processes
from portfold.research.search.resume_log import Known, MeasuredSet
from portfold.research.search.search import Search, Symbols
from portfold.research.simulate.scenario import Scenario
from portfold.research.statistics.metrics import Floats, Metrics

_Found = TypeVar("_Found")
Submit = Callable[[int, Symbols], "Future[Metrics]"]
SubmitReturns = Callable[[int, Symbols], "Future[Floats]"]
SubmitBoth = Callable[[int, Symbols], "Future[tuple[Metrics, Floats]]"]
Histories = dict[tuple[int, Symbols], Floats]
"""The daily returns of sets, by the number of positions and the symbols."""
OnProgress = Callable[[int], object]

_ENDED_FROM_OUTSIDE = (
    "A process that simulated was ended from outside; maybe there was not enough memory. What is measured is "
    "kept: the same command goes on from there, and --jobs 1 needs the least."
)


def run_searches(
    searches: Mapping[int, Search[_Found]], submit: Submit, resume_log: Known, on_progress: OnProgress
) -> dict[int, _Found]:
    """Runs each search to its end; returns their results by number of positions.

    Calls `on_progress` with the number of measurements so far.

    Raises ResearchError where a process that measures was ended from outside.
    """
    open_measurements = _OpenMeasurements(submit)
    under_way = {level: _UnderWay(level, search) for level, search in searches.items()}
    for search in under_way.values():
        _go_on(search, resume_log, open_measurements)
    while open_measurements.open:
        measured = open_measurements.next()
        resume_log.add(measured)
        on_progress(len(resume_log.tried))
        search = under_way[measured.max_positions]
        search.missing.discard(measured.symbols)
        _go_on(search, resume_log, open_measurements)
    return {level: search.found for level, search in under_way.items()}


class _Question(NamedTuple):
    level: int
    symbols: Symbols


class _OpenMeasurements:
    """The measurements under way; `next` returns them in the order in which they are done."""

    def __init__(self, submit: Submit) -> None:
        self.open: dict[Future[Metrics], _Question] = {}
        self._submit = submit
        self._ended: SimpleQueue[Future[Metrics]] = SimpleQueue()

    def ask(self, question: _Question) -> None:
        """Submits a measurement. Raises ResearchError where the processes have ended."""
        try:
            future = self._submit(*question)
        except BrokenProcessPool as broken:
            raise ResearchError(_ENDED_FROM_OUTSIDE) from broken
        self.open[future] = question
        future.add_done_callback(self._ended.put)

    def next(self) -> MeasuredSet:
        """Waits for the next measurement. Raises ResearchError where a process was ended from outside."""
        future = self._ended.get()
        level, symbols = self.open.pop(future)
        try:
            return MeasuredSet(level, symbols, future.result())
        except BrokenProcessPool as broken:
            raise ResearchError(_ENDED_FROM_OUTSIDE) from broken


class _UnderWay(Generic[_Found]):
    """One search: the sets it has `wanted` measured, and those of them still `missing`."""

    found: _Found

    def __init__(self, level: int, search: Search[_Found]) -> None:
        self.level = level
        self._search = search
        self.wanted: Sequence[Symbols] = next(search)
        self.missing: set[Symbols] = set()
        self.ended = False

    def send(self, figures: Sequence[Metrics]) -> None:
        """Sends the figures of the wanted sets to the search, which then wants others, or ends."""
        try:
            self.wanted = self._search.send(figures)
        except StopIteration as ended:
            self.found = ended.value
            self.ended = True


def _go_on(search: _UnderWay[_Found], resume_log: Known, open_measurements: _OpenMeasurements) -> None:
    """Continues the search while the resume log knows all it wants; submits the rest for measuring."""
    while not search.ended and not search.missing:
        figures = [resume_log.known(search.level, symbols) for symbols in search.wanted]
        known = [metrics for metrics in figures if metrics is not None]
        if len(known) == len(figures):
            search.send(known)
            continue
        pairs = zip(search.wanted, figures, strict=True)
        search.missing = {symbols for symbols, metrics in pairs if metrics is None}
        for symbols in sorted(search.missing):
            open_measurements.ask(_Question(search.level, symbols))


def keeping(histories: Histories, submit: SubmitBoth) -> Submit:
    """Returns a function that submits for figures, and keeps the daily returns of all sets measured by it."""

    def ask(level: int, symbols: Symbols) -> "Future[Metrics]":
        figures: Future[Metrics] = Future()

        def answer(both: "Future[tuple[Metrics, Floats]]") -> None:
            if both.cancelled():
                figures.cancel()
            elif (error := both.exception()) is not None:
                figures.set_exception(error)
            else:
                metrics, histories[level, symbols] = both.result()
                figures.set_result(metrics)

        submit(level, symbols).add_done_callback(answer)
        return figures

    return ask


def complete(histories: Histories, sets: Sequence[tuple[int, Symbols]], submit: SubmitReturns) -> None:
    """Simulates those of the sets whose daily returns are not known: a resume log holds figures alone.

    Raises ResearchError where a process that simulates was ended from outside.
    """
    try:
        missing = {one: submit(*one) for one in sets if one not in histories}
        histories |= {one: future.result() for one, future in missing.items()}
    except BrokenProcessPool as broken:
        raise ResearchError(_ENDED_FROM_OUTSIDE) from broken


# --- processes -----------------------------------------------------------------------------------------


class Measuring(NamedTuple):
    """Functions that submit a set, by its number of positions: for its figures, daily returns, or both."""

    measure: Submit
    returns: SubmitReturns
    both: SubmitBoth


class Simulating(Protocol):
    """Whatever simulates and measures sets: a scenario by the fold, or its kernel."""

    def measure(self, symbols: Symbols, max_positions: int, /) -> Metrics:
        """Returns the figures of a set."""

    def returns(self, symbols: Symbols, max_positions: int, /) -> Floats:
        """Returns the daily returns of a set."""

    def measure_with_returns(self, symbols: Symbols, max_positions: int, /) -> tuple[Metrics, Floats]:
        """Returns both."""


@contextmanager
def measuring(scenario: Scenario, jobs: int, kernel: Simulating | None = None) -> Iterator[Measuring]:
    """Gives functions that measure in `jobs` processes; with one job or a kernel, in a thread of this one."""
    if jobs == 1 or kernel is not None:
        thread, by = ThreadPoolExecutor(1), kernel or scenario
        try:
            yield Measuring(
                lambda level, symbols: thread.submit(by.measure, symbols, level),
                lambda level, symbols: thread.submit(by.returns, symbols, level),
                lambda level, symbols: thread.submit(by.measure_with_returns, symbols, level),
            )
        finally:
            thread.shutdown(wait=True, cancel_futures=True)
        return
    with processes(jobs, _begin, scenario) as pool:
        yield Measuring(
            lambda level, symbols: pool.submit(_measure, level, symbols),
            lambda level, symbols: pool.submit(_returns, level, symbols),
            lambda level, symbols: pool.submit(_both, level, symbols),
        )


_scenarios: list[Scenario] = []
"""The one scenario of a process that measures."""


def _begin(scenario: Scenario) -> None:
    _scenarios.append(scenario)
    gc.freeze()  # the scenario stays: the collector need not walk through it again and again


def _measure(level: int, symbols: Symbols) -> Metrics:
    return _scenarios[0].measure(symbols, level)


def _both(level: int, symbols: Symbols) -> tuple[Metrics, Floats]:
    return _scenarios[0].measure_with_returns(symbols, level)


def _returns(level: int, symbols: Symbols) -> Floats:
    return _scenarios[0].returns(symbols, level)
