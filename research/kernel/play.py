"""Plays a stream of happenings under limits, in machine code: the order of things is the fold's simulation.

What `coordinator.fold` decides of them is written down here a second time, for a few limits alone: symbols,
positions, contracts, the daily stop on realized or total P&L, the trading day. So it is never the last word:
`research.kernel.judging` holds it to the fold.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from portfold.research.kernel.jit import compiled, inlined
from portfold.research.kernel.stream import ALWAYS, ENTRY, MARK, Offers, Stream, Whole

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

    `left` is when its worker last left one; `now` is what day it is, what it made, how much is open.
    """

    member: NDArray[np.bool_]
    trade: Whole
    mark: Whole
    carried: Whole
    left: Whole
    now: Whole


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


# The cells of `Book.now`.
_DAY, _REALIZED, _OPEN_CENTS, _BEFORE, _STOPPED, _NOTED_MS, _POSITIONS, _CONTRACTS = range(8)
_OF_NOW = 8


@compiled
def play(stream: Stream, offers: Offers, bounds: Bounds, book: Book, tape: Tape) -> None:
    """Plays the happenings of the symbols that are members of the book; writes all down on the tape."""
    _begin(bounds, book, tape)
    for at in range(len(stream.ms)):
        symbol, trade = stream.symbol[at], stream.trade[at]
        if stream.kind[at] == ENTRY:
            if book.member[symbol] and _asks(stream.flat_before[at], book.trade[symbol], book.left[symbol]):
                if stream.day[at] != book.now[_DAY]:
                    _roll(stream.day[at], book, tape)
                _enter(symbol, trade, offers, bounds, book, tape)
            continue
        if book.trade[symbol] != trade:
            continue
        if stream.day[at] != book.now[_DAY]:
            _roll(stream.day[at], book, tape)
        ms = stream.ms[at]
        if stream.kind[at] == MARK:
            if bounds.counts_open:
                book.now[_OPEN_CENTS] += stream.cents[at] - book.mark[symbol]
                book.mark[symbol] = stream.cents[at]
        else:
            _leave(symbol, ms, stream.cents[at], offers, book, tape)
        _note(ms, book, tape)
        made = book.now[_REALIZED] + book.now[_OPEN_CENTS]
        if not book.now[_STOPPED] and -made >= bounds.stop_cents:
            _stop(ms, offers, book, tape)
    _end_day(book, tape)
    tape.counts[OPEN] = book.now[_POSITIONS]


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
        np.zeros(_OF_NOW, np.int64),
    )


@inlined
def _asks(flat_before: int, held: int, left: int) -> bool:
    """Returns whether the worker asks: one with a signal, only while it is flat, and was in time."""
    return flat_before == ALWAYS or (held == NONE and left < flat_before)


@inlined
def _begin(bounds: Bounds, book: Book, tape: Tape) -> None:
    book.trade[:] = NONE
    book.left[:] = NONE
    book.now[:] = 0
    book.now[_DAY] = bounds.first_day
    book.now[_NOTED_MS] = NONE
    tape.counts[:] = 0


@inlined
def _enter(symbol: int, trade: int, offers: Offers, bounds: Bounds, book: Book, tape: Tape) -> None:
    """Allows the entry, or writes down its denial, by the first rule that objects."""
    code = NONE
    if book.now[_STOPPED]:
        code = STOPPED_OUT
    elif book.trade[symbol] != NONE:
        code = IN_POSITION
    elif book.now[_POSITIONS] >= bounds.positions:
        code = MOST_POSITIONS
    elif book.now[_CONTRACTS] + offers.size[trade] > bounds.contracts:
        code = MOST_CONTRACTS
    if code == NONE:
        book.trade[symbol] = trade
        book.mark[symbol] = 0
        book.carried[symbol] = 0
        book.now[_POSITIONS] += 1
        book.now[_CONTRACTS] += offers.size[trade]
        return
    count = tape.counts[DENIED]
    tape.denied[count] = trade
    tape.code[count] = code
    tape.counts[DENIED] = count + 1
    if code in (MOST_POSITIONS, MOST_CONTRACTS):
        tape.counts[BY_LOT] = 1


@inlined
def _leave(symbol: int, ms: int, cents: int, offers: Offers, book: Book, tape: Tape) -> None:
    """Closes the symbol's position: what it made is realized, less what earlier days counted."""
    trade = book.trade[symbol]
    book.now[_REALIZED] += cents - book.carried[symbol]
    book.now[_OPEN_CENTS] -= book.mark[symbol] - book.carried[symbol]
    book.now[_POSITIONS] -= 1
    book.now[_CONTRACTS] -= offers.size[trade]
    own = offers.left_ms[trade] != ALWAYS and offers.ends[trade] and ms == offers.exit_ms[trade]
    book.left[symbol] = offers.left_ms[trade] if own else ms
    book.trade[symbol] = NONE
    count = tape.counts[TAKEN]
    tape.taken[count] = trade
    tape.closed_ms[count] = ms
    tape.cents[count] = cents
    tape.forced[count] = False
    tape.known[count] = True
    tape.counts[TAKEN] = count + 1


@inlined
def _stop(ms: int, offers: Offers, book: Book, tape: Tape) -> None:
    """Latches the stop for the day, and closes all that is open in the order of symbols."""
    book.now[_STOPPED] = 1
    tape.stop_day[tape.counts[STOPS]] = book.now[_DAY]
    tape.counts[STOPS] += 1
    for symbol in range(len(book.trade)):
        trade = book.trade[symbol]
        if trade == NONE:
            continue
        due = ms >= offers.exit_ms[trade] and offers.ends[trade]
        cents = offers.cents[trade] if due or not offers.priced[trade] else _at_close(trade, ms, offers)
        _leave(symbol, ms, cents, offers, book, tape)
        tape.forced[tape.counts[TAKEN] - 1] = not due
        tape.known[tape.counts[TAKEN] - 1] = due or offers.priced[trade]
        _note(ms, book, tape)


@inlined
def _at_close(trade: int, ms: int, offers: Offers) -> int:
    """Returns what the trade makes at the last close known at `ms`."""
    first, last = offers.first_close[trade], offers.first_close[trade + 1]
    known = first + np.searchsorted(offers.close_ms[first:last], ms, side="right")
    made: int = offers.at_close[known - 1] if known > first else offers.at_entry[trade]
    return made


@inlined
def _note(ms: int, book: Book, tape: Tape) -> None:
    """Adds a point to the curve; the last of a moment replaces the earlier ones."""
    if ms != book.now[_NOTED_MS]:
        tape.counts[POINTS] += 1
        book.now[_NOTED_MS] = ms
    tape.curve[tape.counts[POINTS] - 1] = book.now[_BEFORE] + book.now[_REALIZED] + book.now[_OPEN_CENTS]


@inlined
def _roll(day: int, book: Book, tape: Tape) -> None:
    """Ends the day: what is open was counted by it, and the latch of its stop is lifted."""
    _end_day(book, tape)
    book.carried[:] = book.mark
    book.now[_REALIZED] = 0
    book.now[_OPEN_CENTS] = 0
    book.now[_STOPPED] = 0
    book.now[_DAY] = day


@inlined
def _end_day(book: Book, tape: Tape) -> None:
    made = book.now[_REALIZED] + book.now[_OPEN_CENTS]
    count = tape.counts[DAYS]
    tape.day[count] = book.now[_DAY]
    tape.day_cents[count] = made
    tape.day_points[count] = tape.counts[POINTS]
    tape.counts[DAYS] = count + 1
    book.now[_BEFORE] += made
