"""Runs several searches at once, measures wherever pieces are done, and keeps each measurement at once."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Generic, NamedTuple, Protocol, TypeVar

from portfold.pieces.pieces import Pieces, WorkLost, in_order
from portfold.pieces.place import Place
from portfold.research.errors import ResearchError
from portfold.research.search.resume_log import Known, MeasuredSet
from portfold.research.search.search import Search, Symbols
from portfold.research.statistics.metrics import Floats, Metrics

_Found = TypeVar("_Found")
Submit = Callable[[int, Symbols], "Future[Metrics]"]
SubmitBoth = Callable[[int, Symbols], "Future[tuple[Metrics, Floats]]"]
TriedSets = Sequence[tuple[int, Symbols]]
"""Sets by the number of positions and the symbols."""
Histories = dict[tuple[int, Symbols], Floats]
"""The daily returns of sets, alike."""
OnProgress = Callable[[int], object]

_KEPT = (
    "What is measured is kept: the same command goes on from there; in one process, --jobs 1, it needs least."
)


def run_searches(
    searches: Mapping[int, Search[_Found]],
    submit: Submit,
    resume_log: Known,
    on_progress: OnProgress,
    *,
    ahead: int,
) -> dict[int, _Found]:
    """Runs each search to its end; returns their results by number of positions.

    At most `ahead` measurements are handed in at once. Calls `on_progress` with the number of measurements
    so far.

    Raises ResearchError where whoever measures was ended from outside.
    """
    open_measurements = _OpenMeasurements(submit, ahead)
    under_way = {level: _UnderWay(level, search) for level, search in searches.items()}
    for search in under_way.values():
        _go_on(search, resume_log, open_measurements)
    while (measured := open_measurements.next()) is not None:
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
    """What is to be measured, in order; `next` returns measurements in the order in which they are done."""

    def __init__(self, submit: Submit, ahead: int) -> None:
        self._submit, self._ahead = submit, ahead
        self._asked: deque[_Question] = deque()
        self._open: dict[Future[Metrics], _Question] = {}
        self._ended: SimpleQueue[Future[Metrics]] = SimpleQueue()

    def ask(self, question: _Question) -> None:
        """Asks for a measurement."""
        self._asked.append(question)

    def next(self) -> MeasuredSet | None:
        """Waits for the next measurement; None where nothing is asked. Raises ResearchError where whoever
        measured was ended from outside.
        """
        while self._asked and len(self._open) < self._ahead:
            question = self._asked.popleft()
            future = self._submit(*question)
            self._open[future] = question
            future.add_done_callback(self._ended.put)
        if not self._open:
            return None
        future = self._ended.get()
        level, symbols = self._open.pop(future)
        try:
            return MeasuredSet(level, symbols, future.result())
        except WorkLost as lost:
            raise ResearchError(f"{lost} {_KEPT}") from lost


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


def complete(histories: Histories, sets: TriedSets, returns: Callable[[TriedSets], Iterator[Floats]]) -> None:
    """Simulates those of the sets whose daily returns are not known: a resume log holds figures alone.

    Raises ResearchError where whoever simulates was ended from outside.
    """
    missing = [one for one in dict.fromkeys(sets) if one not in histories]
    try:
        histories |= dict(zip(missing, returns(missing), strict=True))
    except WorkLost as lost:
        raise ResearchError(f"{lost} {_KEPT}") from lost


# --- where it is done -----------------------------------------------------------------------------------


class Simulating(Protocol):
    """Whatever simulates and measures sets: a scenario by the fold, or its kernel."""

    def measure(self, symbols: Symbols, max_positions: int, /) -> Metrics:
        """Returns the figures of a set."""

    def returns(self, symbols: Symbols, max_positions: int, /) -> Floats:
        """Returns the daily returns of a set."""

    def measure_with_returns(self, symbols: Symbols, max_positions: int, /) -> tuple[Metrics, Floats]:
        """Returns both."""


class Measuring:
    """Measures sets by their number of positions and symbols, wherever the pieces are done."""

    def __init__(self, pieces: Pieces[Simulating]) -> None:
        self._pieces = pieces
        self.ahead = pieces.ahead

    def measure(self, level: int, symbols: Symbols) -> "Future[Metrics]":
        """Submits a set for its figures."""
        return self._pieces.submit(_measure, level, symbols)

    def returns(self, sets: TriedSets) -> Iterator[Floats]:
        """Yields the daily returns of each of the sets."""
        return in_order(self._pieces, _returns, sets)

    def both(self, level: int, symbols: Symbols) -> "Future[tuple[Metrics, Floats]]":
        """Submits a set for both."""
        return self._pieces.submit(_both, level, symbols)


@contextmanager
def measuring(by: Simulating, place: Place) -> Iterator[Measuring]:
    """Measures at that place. Raises ClusterUnusable, ClusterUnreachable."""
    with place.working(by) as pieces:
        yield Measuring(pieces)


def _measure(by: Simulating, level: int, symbols: Symbols) -> Metrics:
    return by.measure(symbols, level)


def _both(by: Simulating, level: int, symbols: Symbols) -> tuple[Metrics, Floats]:
    return by.measure_with_returns(symbols, level)


def _returns(by: Simulating, tried: tuple[int, Symbols]) -> Floats:
    level, symbols = tried
    return by.returns(symbols, level)
