"""Surveys all sets of symbols under each of several limits, in pieces of some thousand sets.

A set is the number whose bits are its symbols, in the order of `Compiled.symbols`. It takes no memory but
the figures, a few floats a set. Sets are looked at in a drawn order, under one of the limits after the other,
so that those which an interrupted survey has looked at are a fair sample of all.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numba import prange

from portfold.pieces.pieces import Pieces, in_order
from portfold.pieces.place import HERE, Place
from portfold.research.kernel.figures import (
    BREACHES,
    DRAWDOWN,
    MADE,
    OF_FIGURES,
    SHARPE,
    drawdowns_on,
    returns_on,
    sharpe_of,
    sums_of_parts,
)
from portfold.research.kernel.jit import compiled, compiled_in_parallel
from portfold.research.kernel.kernel import Kernel
from portfold.research.kernel.play import BY_LOT, POINTS, Book, Bounds, Tape, book_for, play, tape_for
from portfold.research.kernel.quarters import Choices, Quarterly, quarters_of
from portfold.research.kernel.stream import Offers, Stream, Whole, drawing_of
from portfold.research.search.grid import Cell, cells, own_stop
from portfold.research.statistics.metrics import Floats

PARTS = 12
"""Into how many parts the days are cut to judge the ranking: 924 choices of half of them."""
_AT_ONCE = 4096
_ORDER = 1
"""Seeds the order in which sets are looked at."""


class Account(NamedTuple):
    """What figures depend on: the beginning, the broker's limit, where days, parts and quarters are."""

    cash_cents: int
    breach_cents: int
    row_of: Whole
    days: int
    parts: Whole
    quarter_of: Whole
    quarter_bounds: Whole
    symbols: int


class Surveyed(NamedTuple):
    """Figures of the sets that were looked at under one of the limits, a row each; dollars.

    `number` is that of the set, the lowest first. `sums` and `squares` are those of the daily returns within
    each part of the days.
    """

    number: Whole
    sharpe: Floats
    max_dd: Floats
    made: Floats
    breach_events: Floats
    sums: Floats
    squares: Floats


class Survey(NamedTuple):
    """What was looked at of so many `sets`, by the limits; all of them unless `interrupted`."""

    surveyed: dict[Cell, Surveyed]
    sets: int
    interrupted: bool


class Surveying(NamedTuple):
    """What all pieces of a survey are given: the columns, what figures depend on, and the limits, by cell."""

    streams: Stream
    offers: Offers
    account: Account
    bounds: dict[Cell, Bounds]


class Asked(NamedTuple):
    """A piece of a survey: some sets under the limits of a cell, with so many threads."""

    cell: Cell
    sets: Whole
    threads: int


def survey(
    kernels: Sequence[Kernel],
    levels: Sequence[int],
    on_progress: Callable[[int], object],
    choices: Choices | None = None,
    place: Place = HERE,
) -> Survey:
    """Surveys all sets by each of the kernels, of one scenario under several daily stops, with each of these
    numbers of positions; Ctrl-C ends it with those that are done. `choices` looks at all of them.

    Calls `on_progress` with the number of sets done so far. Raises KeyboardInterrupt where none is, and what
    the place raises.
    """
    given = _surveying(kernels, levels)
    with place.working(given) as pieces:
        return _surveyed(pieces, given, on_progress, choices)


def _surveying(kernels: Sequence[Kernel], levels: Sequence[int]) -> Surveying:
    first, by_stop = kernels[0], {own_stop(kernel.scenario): kernel for kernel in kernels}
    bounds = {
        cell: by_stop[cell.daily_stop].bounds(cell.max_positions) for cell in cells(tuple(by_stop), levels)
    }
    return Surveying(first.compiled.streams, first.compiled.offers, account_of(first), bounds)


def _surveyed(
    pieces: Pieces[Surveying],
    given: Surveying,
    on_progress: Callable[[int], object],
    choices: Choices | None,
) -> Survey:
    under, count = tuple(given.bounds), 2**given.account.symbols - 1
    order = np.random.default_rng(_ORDER).permutation(count) + 1
    asked = [
        Asked(cell, order[first : first + _AT_ONCE], pieces.threads)
        for first in range(0, count, _AT_ONCE)
        for cell in under
    ]
    results = {cell: _room(count) for cell in under}
    looked = dict.fromkeys(under, 0)
    interrupted = False
    try:
        for (cell, sets, _), written in zip(asked, in_order(pieces, _look, asked), strict=True):
            results[cell].take(looked[cell], written)
            if choices is not None:
                choices.look(cell, sets, written.quarterly)
            looked[cell] += len(sets)
            on_progress(sum(looked.values()))
    except KeyboardInterrupt:
        if not any(looked.values()):
            raise
        interrupted = True
    found = {cell: _in_order(order[:done], results[cell]) for cell, done in looked.items() if done}
    return Survey(found, count * len(under), interrupted)


def _look(given: Surveying, asked: Asked) -> "Written":
    """Looks at some sets: a piece."""
    cell, sets, threads = asked
    count, quarters = len(sets), len(given.account.quarter_bounds) - 1
    written = Written(*_room(count), *(np.zeros((count, quarters)) for _ in Quarterly._fields))
    if threads == 1:  # numba's threads are those of the process, and no two may ask for them at once
        _share(given.streams, given.offers, given.bounds[cell], given.account, sets, (0, 1), written)
    else:
        _survey(given.streams, given.offers, given.bounds[cell], given.account, sets, threads * 4, written)
    return written


def _room(count: int) -> "_Results":
    return _Results(np.zeros((count, OF_FIGURES)), np.zeros((count, PARTS)), np.zeros((count, PARTS)))


def _in_order(sets: Whole, results: "_Results") -> Surveyed:
    """Returns the rows of these sets, the first of the results, by their numbers."""
    order = np.argsort(sets)
    figures, sums, squares = (rows[order] for rows in results)
    return Surveyed(
        sets[order],
        sharpe=figures[:, SHARPE],
        max_dd=figures[:, DRAWDOWN],
        made=figures[:, MADE],
        breach_events=figures[:, BREACHES],
        sums=sums,
        squares=squares,
    )


def account_of(kernel: Kernel) -> Account:
    """Returns what the figures of this kernel's scenario depend on."""
    scenario, days = kernel.scenario, kernel.scenario.days
    place = {day: number for number, day in enumerate(days)}
    row_of = np.array([place.get(day, -1) for day in kernel.compiled.days], np.int64)
    parts = np.linspace(0, len(days), PARTS + 1).round().astype(np.int64)
    return Account(
        round(float(scenario.account.cash) * 100),
        round(float(scenario.account.breach_limit) * 100),
        row_of,
        len(days),
        parts,
        *quarters_of(kernel.compiled.days, days),
        len(kernel.compiled.symbols),
    )


def members(number: int, symbols: Sequence[str]) -> tuple[str, ...]:
    """Returns the symbols of the set with this number, sorted."""
    return tuple(sorted(symbol for place, symbol in enumerate(symbols) if number >> place & 1))


def number_of(chosen: Sequence[str], symbols: Sequence[str]) -> int:
    """Returns the number of the set of these symbols."""
    return sum(1 << place for place, symbol in enumerate(symbols) if symbol in chosen)


class Written(NamedTuple):
    """Where a batch writes to, a row a set: results, and what it made of quarters."""

    figures: Floats
    sums: Floats
    squares: Floats
    quarter_sums: Floats
    quarter_squares: Floats
    deepest: Floats
    breaches: Floats

    @property
    def quarterly(self) -> Quarterly:
        """Returns what it made of quarters."""
        return Quarterly(self.quarter_sums, self.quarter_squares, self.deepest, self.breaches)


class _Results(NamedTuple):
    """What is kept of all sets, a row a set."""

    figures: Floats
    sums: Floats
    squares: Floats

    def take(self, first: int, written: Written) -> None:
        """Keeps what was made of the next sets."""
        end = first + len(written.figures)
        for column, rows in zip(self, written, strict=False):
            column[first:end] = rows


class Desk(NamedTuple):
    """What a share plays on."""

    book: Book
    tape: Tape


@compiled
def _one(
    streams: Stream,
    offers: Offers,
    bounds: Bounds,
    account: Account,
    desk: Desk,
    row: int,
    results: Written,
) -> None:
    """Plays the members in the order of each drawing, once where no lot decides; writes the means."""
    drawn, drawings = 0, streams.ms.shape[0]
    returns, mean = np.zeros(account.days), np.zeros(account.days)
    figures, deepest, breaches = results.figures[row], results.deepest[row], results.breaches[row]
    while drawn < drawings:
        play(drawing_of(streams, drawn), offers, bounds, desk.book, desk.tape)
        drawn += 1
        returns_on(desk.tape, account.row_of, account.cash_cents / 100, returns)
        drawdowns_on(
            desk.tape, account.cash_cents, account.breach_cents, account.quarter_of, deepest, breaches
        )
        figures[SHARPE] += sharpe_of(returns)
        figures[MADE] += (
            desk.tape.curve[desk.tape.counts[POINTS] - 1] / 100 if desk.tape.counts[POINTS] else 0
        )
        mean += returns
        if not desk.tape.counts[BY_LOT]:
            break
    figures /= drawn
    deepest /= drawn
    breaches /= drawn
    figures[DRAWDOWN], figures[BREACHES] = deepest[-1], breaches[-1]
    mean /= drawn
    sums_of_parts(mean, account.parts, results.sums[row], results.squares[row])
    sums_of_parts(mean, account.quarter_bounds, results.quarter_sums[row], results.quarter_squares[row])


@compiled
def _share(
    streams: Stream,
    offers: Offers,
    bounds: Bounds,
    account: Account,
    sets: Whole,
    share: tuple[int, int],
    results: Written,
) -> None:
    """Surveys one of so many shares of the sets, on a tape of its own."""
    tape = tape_for(streams, offers)
    member = np.zeros(account.symbols, np.bool_)
    book = book_for(member)
    for row in range(share[0], len(sets), share[1]):
        for place in range(len(member)):
            member[place] = sets[row] >> place & 1 == 1
        _one(streams, offers, bounds, account, Desk(book, tape), row, results)


@compiled_in_parallel
def _survey(
    streams: Stream,
    offers: Offers,
    bounds: Bounds,
    account: Account,
    sets: Whole,
    shares: int,
    results: Written,
) -> None:
    """Surveys the sets in so many shares, on all cores."""
    for share in prange(shares):
        _share(streams, offers, bounds, account, sets, (share, shares), results)
