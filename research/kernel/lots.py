"""How far the figures of one set hang on who was a millisecond sooner: a thousand drawings of lots.

Drawing number n is that of `SEED.n`, as in `research.simulate.trade_events`, so that the fold can simulate
any of them; it does the lowest and the highest. Only the order of entries of one moment differs between
drawings.
"""

from collections.abc import Sequence
from hashlib import blake2b
from itertools import groupby

import msgspec
import numpy as np
from msgspec import structs

from portfold.research.kernel.figures import returns_on, sharpe_of
from portfold.research.kernel.judging import KernelDiffers, agree
from portfold.research.kernel.kernel import Kernel
from portfold.research.kernel.play import BY_LOT, POINTS, book_for, play
from portfold.research.kernel.stream import ENTRY, Stream, Whole, drawing_of
from portfold.research.kernel.survey import account_of
from portfold.research.statistics.lots import LotsSpread, spread_of
from portfold.research.statistics.metrics import Floats

DRAWINGS = 1000
_ALIKE = 1e-6


def lots_spread(kernel: Kernel, symbols: Sequence[str], max_positions: int, seed: int) -> LotsSpread | None:
    """Plays the set in the order of a thousand drawings; None where no lot decides anything.

    Raises KernelDiffers where the fold makes something else of the lowest or the highest.
    """
    member = np.array([symbol in symbols for symbol in kernel.compiled.symbols])
    drawn = _Drawn(kernel, member)
    sharpes, made, decided = np.zeros(DRAWINGS), np.zeros(DRAWINGS), False
    account, book = account_of(kernel), book_for(member)
    returns: Floats = np.zeros(account.days)
    for number in range(DRAWINGS):
        stream = drawn.by(_name(seed, number))
        play(stream, kernel.compiled.offers, kernel.bounds(max_positions), book, kernel.tape)
        if not kernel.tape.counts[BY_LOT]:
            break
        decided = True
        returns_on(kernel.tape, account.row_of, account.cash_cents / 100, returns)
        sharpes[number] = sharpe_of(returns)
        made[number] = kernel.tape.curve[kernel.tape.counts[POINTS] - 1] / 100
    if not decided:
        return None
    for number in {int(sharpes.argmin()), int(sharpes.argmax())}:
        _judge(kernel, symbols, max_positions, _name(seed, number), float(sharpes[number]))
    return spread_of(sharpes, made)


def _name(seed: int, number: int) -> str:
    return f"{seed}.{number}" if number else f"{seed}"


class _Drawn:
    """The happenings of some symbols, and which entries a lot can put into another order."""

    def __init__(self, kernel: Kernel, member: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        whole = drawing_of(kernel.compiled.streams, 0)
        own = np.flatnonzero(member[whole.symbol])
        self._stream = Stream(*(column[own] for column in whole))
        self._groups = _contested(self._stream)
        names, ms = kernel.compiled.symbols, self._stream.ms
        places = np.concatenate(self._groups) if self._groups else np.zeros(0, np.int64)
        self._places = places
        self._asked = [f" {ms[at]} {names[self._stream.symbol[at]]}".encode() for at in places]
        self._group = np.repeat(np.arange(len(self._groups)), [len(group) for group in self._groups])

    def by(self, lots: str) -> Stream:
        """Returns the happenings in the order of these lots."""
        begin = lots.encode()
        digests = b"".join(blake2b(begin + asked, digest_size=8).digest() for asked in self._asked)
        drawn = np.frombuffer(digests, ">u8")
        order = np.lexsort((self._stream.trade[self._places], drawn, self._group))
        to, taken = self._places, self._places[order]
        symbol, trade, flat = (column.copy() for column in self._ordered)
        for column in (symbol, trade, flat):
            column[to] = column[taken]
        return self._stream._replace(symbol=symbol, trade=trade, flat_before=flat)

    @property
    def _ordered(self) -> tuple[Whole, Whole, Whole]:
        return self._stream.symbol, self._stream.trade, self._stream.flat_before


def _contested(stream: Stream) -> list[Whole]:
    """Returns the places of the entries of each moment at which several ask."""
    entries = [int(at) for at in np.flatnonzero(stream.kind == ENTRY)]
    groups = [list(group) for _, group in groupby(entries, lambda at: int(stream.ms[at]))]
    return [np.array(group, np.int64) for group in groups if len(group) > 1]


def _judge(kernel: Kernel, symbols: Sequence[str], max_positions: int, lots: str, sharpe: float) -> None:
    """Simulates one drawing by the fold. Raises KernelDiffers."""
    scenario = kernel.scenario
    alone = structs.replace(scenario, drawings=(scenario.timeline.drawn_by(lots),))
    simulations = alone.simulations(symbols, max_positions)
    agree(Kernel(alone), simulations)
    found = alone.mean_figures(simulations).sharpe
    if abs(found - sharpe) > _ALIKE:
        raise KernelDiffers(
            f"The kernel and the fold differ on {' '.join(symbols)} with {max_positions} positions and lots "
            f"drawn from {lots}: Sharpe {sharpe} by the kernel, {found} by the fold.",
            msgspec.json.encode({"symbols": symbols, "max_positions": max_positions, "lots": lots}),
        )
