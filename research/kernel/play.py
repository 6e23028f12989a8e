"""Plays a stream of happenings under limits, in machine code: the order of things is the fold's simulation.

What `coordinator.fold` decides of them is written down here a second time, for a few limits alone: symbols,
positions, contracts, the daily stop on realized or total P&L, the trading day. So it is never the last word:
`research.kernel.judging` holds it to the fold.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from portfold.research.kernel.jit import compiled, inlined
from portfold.research.kernel.stream import ALWAYS, ENTRY, EXIT, Offers, Stream, Whole

STOPPED_OUT, IN_POSITION, MOST_POSITIONS, MOST_CONTRACTS = 0, 1, 2, 3
CODES = ("stopped_out", "symbol_in_position", "max_positions", "max_contracts")
"""The codes of denials, by their number here."""
TAKEN, DENIED, POINTS, DAYS, STOPS, OPEN, BY_LOT = range(7)
OF_COUNTS = 7
NONE = -1


class Bounds(NamedTuple):
    """The limits: positions, contracts, cents of the daily stop; the number of the first day.

    `counts_open`: open profits and losses count towards the stop.
    """

    positions: int
    contracts: int
    stop_cents: int
    first_day: int
    counts_open: bool


class Book(NamedTuple):
    """What is open, by the number of its symbol: the trade, cents at its mark and those of earlier days.

    `left` is when its worker last left one.
    """

    member: NDArray[np.bool_]
    trade: Whole
    mark: Whole
    carried: Whole
    left: Whole


class Tape(NamedTuple):
    """What is written down: trades taken, denials, the curve, days, days of stops; how many of each."""

    taken: Whole
    closed_ms: Whole
    cents: Whole
    forced: NDArray[np.bool_]
    known: NDArray[np.bool_]
    denied: Whole
    code: Whole
    curve: Whole
    day: Whole
    day_cents: Whole
    day_points: Whole
    stop_day: Whole
    counts: Whole


@compiled
def play(stream: Stream, offers: Offers, bounds: Bounds, book: Book, tape: Tape) -> None:
    """Plays the happenings of the symbols that are members of the book; writes all down on the tape.

    What changes with each happening is in variables of its own, so that it stays in registers; and no columns
    are handed on but at a stop, as each call would count references to all of them.
    """
    book.trade[:], book.left[:] = NONE, NONE
    day, before, realized, open_cents = bounds.first_day, 0, 0, 0
    stopped_day, noted_ms, positions, contracts = NONE, NONE, 0, 0
    taken, denied, points, days, stops, by_lot = 0, 0, 0, 0, 0, 0
    for at in range(len(stream.ms)):
        symbol = stream.symbol[at]
        if not book.member[symbol]:
            continue
        trade, kind = stream.trade[at], stream.kind[at]
        if kind == ENTRY:
            if not _asks(stream.flat_before[at], book.trade[symbol], book.left[symbol]):
                continue
        elif book.trade[symbol] != trade:
            continue
        if stream.day[at] != day:
            made = realized + open_cents
            tape.day[days], tape.day_cents[days], tape.day_points[days] = day, made, points
            before, days = before + made, days + 1
            book.carried[:] = book.mark
            day, realized, open_cents = stream.day[at], 0, 0
        if kind == ENTRY:
            size = offers.size[trade]
            code = (
                STOPPED_OUT
                if stopped_day == day
                else _objection(book.trade[symbol], positions, contracts + size, bounds)
            )
            if code == NONE:
                book.trade[symbol], book.mark[symbol], book.carried[symbol] = trade, 0, 0
                positions, contracts = positions + 1, contracts + size
            else:
                tape.denied[denied], tape.code[denied], denied = trade, code, denied + 1
                by_lot |= code == MOST_POSITIONS or code == MOST_CONTRACTS  # noqa: PLR1714 - machine code
            continue
        ms, cents = stream.ms[at], stream.cents[at]
        if kind == EXIT:
            realized += cents - book.carried[symbol]
            open_cents -= book.mark[symbol] - book.carried[symbol]
            positions, contracts = positions - 1, contracts - offers.size[trade]
            left = _left(ms, offers.left_ms[trade], offers.exit_ms[trade], offers.ends[trade])
            book.left[symbol], book.trade[symbol] = left, NONE
            tape.taken[taken], tape.closed_ms[taken], tape.cents[taken] = trade, ms, cents
            tape.forced[taken], tape.known[taken], taken = False, True, taken + 1
        elif bounds.counts_open:
            open_cents += cents - book.mark[symbol]
            book.mark[symbol] = cents
        points, noted_ms = points + (ms != noted_ms), ms
        if stopped_day != day and -(realized + open_cents) >= bounds.stop_cents:
            stopped_day, tape.stop_day[stops], stops = day, day, stops + 1
            more, taken = _stop(ms, taken, offers, book, tape)
            realized, open_cents, positions, contracts = realized + more, 0, 0, 0
        tape.curve[points - 1] = before + realized + open_cents
    tape.day[days], tape.day_cents[days], tape.day_points[days] = day, realized + open_cents, points
    tape.counts[:] = np.array([taken, denied, points, days + 1, stops, positions, by_lot])


@compiled
def tape_for(streams: Stream, offers: Offers) -> Tape:
    """Makes a tape on which whatever comes of any drawing fits."""
    events, trades, days = streams.ms.shape[1] + 1, len(offers.size), streams.day.max() + 2
    return Tape(
        np.zeros(trades, np.int64),
        np.zeros(trades, np.int64),
        np.zeros(trades, np.int64),
        np.zeros(trades, np.bool_),
        np.zeros(trades, np.bool_),
        np.zeros(trades, np.int64),
        np.zeros(trades, np.int64),
        np.zeros(events, np.int64),
        np.zeros(days, np.int64),
        np.zeros(days, np.int64),
        np.zeros(days, np.int64),
        np.zeros(days, np.int64),
        np.zeros(OF_COUNTS, np.int64),
    )


@compiled
def book_for(member: NDArray[np.bool_]) -> Book:
    """Makes an empty book in which these symbols are traded."""
    count = len(member)
    return Book(
        member,
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
        np.zeros(count, np.int64),
    )


@inlined
def _asks(flat_before: int, held: int, left: int) -> bool:
    """Returns whether the worker asks: one with a signal, only while it is flat, and was in time."""
    return flat_before == ALWAYS or (held == NONE and left < flat_before)


@inlined
def _objection(held: int, positions: int, contracts: int, bounds: Bounds) -> int:
    """Returns the first rule that objects to an entry, NONE where none does; `contracts` with it."""
    if held != NONE:
        return IN_POSITION
    if positions >= bounds.positions:
        return MOST_POSITIONS
    return MOST_CONTRACTS if contracts > bounds.contracts else NONE


@inlined
def _left(ms: int, left_ms: int, exit_ms: int, ends: np.bool_) -> int:
    """Returns when the worker has left a trade that was closed: by its own exit, or at that moment."""
    return left_ms if left_ms != ALWAYS and ends and ms == exit_ms else ms


@inlined
def _stop(ms: int, taken: int, offers: Offers, book: Book, tape: Tape) -> tuple[int, int]:
    """Closes all that is open in the order of symbols; returns what that adds to what is realized today, and
    how many trades are on the tape then."""
    realized = 0
    for symbol in range(len(book.trade)):
        trade = book.trade[symbol]
        if trade == NONE:
            continue
        due = ms >= offers.exit_ms[trade] and offers.ends[trade]
        cents = offers.cents[trade] if due or not offers.priced[trade] else _at_close(trade, ms, offers)
        realized += cents - book.carried[symbol]
        left = _left(ms, offers.left_ms[trade], offers.exit_ms[trade], offers.ends[trade])
        book.left[symbol], book.trade[symbol] = left, NONE
        tape.taken[taken], tape.closed_ms[taken], tape.cents[taken] = trade, ms, cents
        tape.forced[taken], tape.known[taken] = not due, due or offers.priced[trade]
        taken += 1
    return realized, taken


@inlined
def _at_close(trade: int, ms: int, offers: Offers) -> int:
    """Returns what the trade makes at the last close known at `ms`."""
    first, last = offers.first_close[trade], offers.first_close[trade + 1]
    known = first + np.searchsorted(offers.close_ms[first:last], ms, side="right")
    made: int = offers.at_close[known - 1] if known > first else offers.at_entry[trade]
    return made
