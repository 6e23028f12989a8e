"""Surveys all sets of symbols under each of several limits, on all cores.

A set is the number whose bits are its symbols, in the order of `Compiled.symbols`. It takes no memory but the
figures, a few floats a set. Between batches it says how far it has come, and can be interrupted.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numba
import numpy as np
from numba import prange

from portfold.research.kernel.figures import (
    BREACHES,
    DRAWDOWN,
    MADE,
    OF_FIGURES,
    SHARPE,
    drawdown_of,
    returns_on,
    sharpe_of,
    sums_of_parts,
)
from portfold.research.kernel.jit import compiled, compiled_in_parallel
from portfold.research.kernel.kernel import Kernel
from portfold.research.kernel.play import BY_LOT, POINTS, Book, Bounds, Tape, book_for, play, tape_for
from portfold.research.kernel.stream import Offers, Stream, Whole, drawing_of
from portfold.research.statistics.metrics import Floats

PARTS = 12
"""Into how many parts the days are cut to judge the ranking: 924 choices of half of them."""
_AT_ONCE = 4096


class Account(NamedTuple):
    """What figures depend on: the beginning, the broker's limit, where days and parts of them are."""

    cash_cents: int
    breach_cents: int
    row_of: Whole
    days: int
    parts: Whole
    symbols: int


class Surveyed(NamedTuple):
    """Figures of all sets under one of the limits: a row for each set, number 1 first; dollars.

    `sums` and `squares` are those of the daily returns within each part of the days.
    """

    sharpe: Floats
    max_dd: Floats
    made: Floats
    breach_events: Floats
    sums: Floats
    squares: Floats


def survey(
    kernel: Kernel, levels: Sequence[int], on_progress: Callable[[int], object], done_before: int = 0
) -> dict[int, Surveyed]:
    """Surveys all sets with each of these numbers of positions.

    Calls `on_progress` with the number of sets done so far.
    """
    account, count = account_of(kernel), 2 ** len(kernel.compiled.symbols) - 1
    found: dict[int, Surveyed] = {}
    done = done_before
    for level in levels:
        figures = np.zeros((count, OF_FIGURES))
        parts = np.zeros((2, count, PARTS))
        for first in range(0, count, _AT_ONCE):
            sets = np.arange(first + 1, min(first + _AT_ONCE, count) + 1)
            rows = slice(first, first + len(sets))
            _survey(
                kernel.compiled.streams,
                kernel.compiled.offers,
                kernel.bounds(level),
                account,
                sets,
                numba.get_num_threads() * 4,
                _Results(figures[rows], parts[0, rows], parts[1, rows]),
            )
            done += len(sets)
            on_progress(done)
        columns = (figures[:, column] for column in (SHARPE, DRAWDOWN, MADE, BREACHES))
        found[level] = Surveyed(*columns, *parts)
    return found


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
        len(kernel.compiled.symbols),
    )


def members(number: int, symbols: Sequence[str]) -> tuple[str, ...]:
    """Returns the symbols of the set with this number, sorted."""
    return tuple(sorted(symbol for place, symbol in enumerate(symbols) if number >> place & 1))


def number_of(chosen: Sequence[str], symbols: Sequence[str]) -> int:
    """Returns the number of the set of these symbols."""
    return sum(1 << place for place, symbol in enumerate(symbols) if symbol in chosen)


class _Results(NamedTuple):
    """Where a batch writes to, a row a set."""

    figures: Floats
    sums: Floats
    squares: Floats


@compiled_in_parallel
def _survey(
    streams: Stream,
    offers: Offers,
    bounds: Bounds,
    account: Account,
    sets: Whole,
    shares: int,
    results: _Results,
) -> None:
    """Surveys the sets in so many shares; each share has a tape of its own."""
    for share in prange(shares):
        tape = tape_for(streams, offers)
        member = np.zeros(account.symbols, np.bool_)
        book = book_for(member)
        for row in range(share, len(sets), shares):
            for place in range(len(member)):
                member[place] = sets[row] >> place & 1 == 1
            _one(streams, offers, bounds, account, Desk(book, tape), row, results)


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
    results: _Results,
) -> None:
    """Plays the members in the order of each drawing, once where no lot decides; writes the means."""
    drawn, drawings = 0, streams.ms.shape[0]
    returns, mean = np.zeros(account.days), np.zeros(account.days)
    figures = results.figures[row]
    while drawn < drawings:
        play(drawing_of(streams, drawn), offers, bounds, desk.book, desk.tape)
        drawn += 1
        returns_on(desk.tape, account.row_of, account.cash_cents / 100, returns)
        deepest, breaches = drawdown_of(desk.tape, account.cash_cents, account.breach_cents)
        figures[SHARPE] += sharpe_of(returns)
        figures[DRAWDOWN] += deepest / 100
        figures[MADE] += (
            desk.tape.curve[desk.tape.counts[POINTS] - 1] / 100 if desk.tape.counts[POINTS] else 0
        )
        figures[BREACHES] += breaches
        mean += returns
        if not desk.tape.counts[BY_LOT]:
            break
    figures /= drawn
    mean /= drawn
    sums_of_parts(mean, account.parts, results.sums[row], results.squares[row])
