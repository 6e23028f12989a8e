"""Turns trades into the events that their workers would publish, in the order in which they would be folded.

The events, with their stream IDs and numbers, are built once and shared by every simulation. A simulation of
fewer symbols skips the events of the others; the rest keep their IDs and their order.

At one moment exits and marks come first, then entries, so that a slot freed at the close of a bar can be
taken at that close; last comes what the entries' own bars say of them. Exits and marks of one moment count
together: what adds to the day comes first, so that the day is at its lowest when all of them are in, and no
order among them triggers a stop that their sum does not.

Among entries the order is drawn by lot, from the seed, the moment and the symbol: in a live portfolio the
request that comes a millisecond earlier gets the last slot, which no order of names or files would resemble.
A symbol draws the same lot whatever else is traded. One drawing is one history of many that might have been,
so there are several; they share all events but those whose order the lots decide.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from enum import IntEnum
from hashlib import blake2b
from itertools import groupby
from typing import NamedTuple, TypedDict

from msgspec import Struct, structs

from portfold.dollars import ZERO
from portfold.events.incoming import (
    EntryRequested,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    WorkerStarted,
)
from portfold.events.stream_id import StreamId
from portfold.research.simulate.prices import Pricing
from portfold.research.simulate.sessions import KnownSessions, Publication, publications
from portfold.research.trades.trade_file import Trade

SESSION = "simulation"
STOPPED_BEFORE_ITS_EXIT = "daily stop loss"
# Room for the events that only a simulation can add: the fill of an allowed entry, and the closes of a stop.
_IDS_EACH = 100
_NUMBERS_EACH = 3


class _Phase(IntEnum):
    """The order within one moment. A trade is marked by its entry's bar, or ends with it, after it began."""

    HELD = 0
    ENTRY = 1
    ENTERED = 2


class Happening(NamedTuple):
    """An event that a trade may cause. `trade` is its index in the timeline's trades.

    An entry has a `request` with the ID `at`; the `fact` is then its fill, with the ID `filled_at`. Where
    that is a signal's, `flat_before` is when its worker has to have left what it held, in ms.
    """

    symbol: str
    trade: int
    at: StreamId
    fact: PositionOpened | PositionMarked | PositionClosed
    request: EntryRequested | None
    filled_at: StreamId
    flat_before: int | None = None


class TradeEvents(Struct, frozen=True):
    """The `happenings` of `trades` in order, the ID of an `opening` before them, and whether any is a mark.

    `published` are the sessions of the exchange, and when they are published; by default none are.
    """

    trades: tuple[Trade, ...]
    happenings: tuple[Happening, ...]
    opening: StreamId
    pricing: Pricing
    marked: bool
    published: tuple[Publication, ...] = ()

    def of(self, symbols: Collection[str]) -> Sequence[Happening]:
        """Selects the happenings of some symbols."""
        chosen = frozenset(symbols)
        return [happening for happening in self.happenings if happening[0] in chosen]

    @property
    def requests(self) -> Iterator[EntryRequested]:
        """Yields what is asked for, in order."""
        return (one.request for one in self.happenings if one.request is not None)

    def drawn_by(self, lots: str) -> "TradeEvents":
        """Returns the same events with the entries of each moment in the order of other lots."""
        happenings: list[Happening] = []
        for (ms, asks), those in groupby(self.happenings, lambda one: (one.at.ms, one.request is not None)):
            group = list(those)
            if asks and len(group) > 1:
                places = [(one.at, one.filled_at) for one in group]
                group.sort(key=lambda one: (_lot(lots, ms, one.symbol), one.trade))
                group = [
                    one._replace(at=at, filled_at=filled_at)
                    for one, (at, filled_at) in zip(group, places, strict=True)
                ]
            happenings += group
        return structs.replace(self, happenings=tuple(happenings))

    def with_sessions(self, known: KnownSessions) -> "TradeEvents":
        """Returns the same events with these sessions published."""
        until_ms = self.happenings[-1].at.ms
        return structs.replace(self, published=tuple(publications(known, self.opening, until_ms)))

    def workers(self, symbols: Iterable[str]) -> Iterable[tuple[StreamId, WorkerStarted]]:
        """Yields the starts of the symbols' workers, which come after limits and sessions."""
        for number, symbol in enumerate(symbols, start=2):
            started = WorkerStarted(worker=worker_of(symbol), session=SESSION, seq=0, symbols=symbol)
            yield StreamId(self.opening.ms, number), started

    def is_due(self, index: int, ms: int) -> bool:
        """Returns whether a trade has its own exit by then; what the bars end before has none."""
        trade = self.trades[index]
        return ms >= trade.exit_ms and (trade.asked is None or trade.asked.ended)

    def forced_exit(self, index: int, at: StreamId, number: int) -> tuple[PositionClosed, bool]:
        """Returns the close of a trade that a stop ends at `at`, and whether its price is that of the moment.

        Without a bar the price is the trade's own exit, which lay in the future then.
        """
        trade = self.trades[index]
        due = self.is_due(index, at.ms)
        found = None if due else self.pricing.forced_exit(trade, at.ms)
        price, pnl = found or (trade.exit_price or ZERO, trade.pnl)
        return closing(trade, number, price, pnl, STOPPED_BEFORE_ITS_EXIT), due or found is not None


def worker_of(symbol: str) -> str:
    """Names the symbol's worker in a simulation."""
    return f"sim-{symbol}"


def drawings(
    trades: Iterable[Trade], pricing: Pricing, seed: int, count: int, *, counts_open: bool
) -> tuple[TradeEvents, ...]:
    """Builds the events of `trades`, of all symbols together, in the order of so many drawings of lots.

    `counts_open`: open profits and losses count towards the daily stop. Expects at least one trade.
    """
    events = _events(trades, pricing, counts_open=counts_open)
    names = (f"{seed}" if number == 0 else f"{seed}.{number}" for number in range(count))
    return tuple(events.drawn_by(lots) for lots in names)


def _events(trades: Iterable[Trade], pricing: Pricing, *, counts_open: bool) -> TradeEvents:
    sided = (structs.replace(trade, side=pricing.side_of(trade)) for trade in trades)
    ordered = tuple(sorted(sided, key=_in_order))
    moments = [
        moment
        for index, trade in enumerate(ordered)
        for moment in _moments(index, trade, pricing, counts_open=counts_open)
    ]
    moments.sort(key=lambda moment: (*moment[:3], moment.trade))
    happenings = tuple(
        _happening(rank, moment, ordered[moment.trade], pricing)
        for rank, moment in enumerate(moments, start=1)
    )
    marked = any(isinstance(happening.fact, PositionMarked) for happening in happenings)
    return TradeEvents(ordered, happenings, StreamId(happenings[0].at.ms, 0), pricing, marked)


def _in_order(trade: Trade) -> tuple[object, ...]:
    """Returns the key of a trade's place: its beginning, then since when its worker has to be flat.

    Of two entries of a symbol at one moment, a limit's that was filled within a bar and one at its close, a
    trader makes the one that it wanted first. What else is in a row tells how it ends.
    """
    flat_before = trade.asked.flat_before_ms if trade.asked is not None else trade.entry_ms
    return (trade.entry_ms, flat_before, *trade.content)


class _Kind(IntEnum):
    ENTRY = 0
    MARK = 1
    EXIT = 2


class _Moment(NamedTuple):
    """The moment of one event of a trade; all that its trade says then takes `less` dollars from the day.

    `price` is the close that a mark is at, and `unrealized` what the trade would make at it.
    """

    ms: int
    phase: _Phase
    less: Decimal
    kind: _Kind
    trade: int
    price: Decimal = ZERO
    unrealized: Decimal = ZERO


def _moments(index: int, trade: Trade, pricing: Pricing, *, counts_open: bool) -> Iterator[_Moment]:
    yield _Moment(trade.entry_ms, _Phase.ENTRY, ZERO, _Kind.ENTRY, index)
    counted = ZERO
    ends = trade.exit_ms if trade.asked is None or trade.asked.ended else None
    for ms, price in pricing.marks(trade):
        worth = pricing.worth(trade, price)
        if ms != ends:
            yield _Moment(ms, _phase(trade, ms), counted - worth, _Kind.MARK, index, price, worth)
            counted = worth if counts_open else ZERO
        elif worth >= trade.pnl:  # it was left at this close: mark and exit come together
            yield _Moment(ms, _phase(trade, ms), counted - trade.pnl, _Kind.MARK, index, price, worth)
    if ends is not None:
        yield _Moment(ends, _phase(trade, ends), counted - trade.pnl, _Kind.EXIT, index)


def _phase(trade: Trade, ms: int) -> _Phase:
    return _Phase.ENTERED if ms == trade.entry_ms else _Phase.HELD


def _lot(lots: str, ms: int, symbol: str) -> bytes:
    return blake2b(f"{lots} {ms} {symbol}".encode(), digest_size=8).digest()


def _happening(rank: int, moment: _Moment, trade: Trade, pricing: Pricing) -> Happening:
    at, number = StreamId(moment.ms, rank * _IDS_EACH), rank * _NUMBERS_EACH
    symbol, side = trade.symbol, trade.side or "long"
    worker = worker_of(symbol)
    fact: PositionOpened | PositionMarked | PositionClosed
    request, flat_before = None, None
    if moment.kind is _Kind.ENTRY:
        plan = _plan_of(trade, pricing)
        request = EntryRequested(worker, SESSION, number, symbol, side, trade.size, **plan)
        price = trade.entry_price or ZERO
        fact = PositionOpened(worker, SESSION, number + 1, symbol, side, trade.size, price)
        flat_before = trade.asked.flat_before_ms if trade.asked is not None else None
    elif moment.kind is _Kind.MARK:
        fact = PositionMarked(
            worker, SESSION, number, symbol, side, moment.price, moment.unrealized, moment_ms=at.ms
        )
    else:
        fact = closing(trade, number, trade.exit_price or ZERO, trade.pnl, "")
    return Happening(symbol, moment.trade, at, fact, request, StreamId(at.ms, at.seq + 1), flat_before)


class _Plan(TypedDict, total=False):
    """What a request names of what it plans to lose."""

    stop_price: str
    price: str
    risk: Decimal


def _plan_of(trade: Trade, pricing: Pricing) -> _Plan:
    """Returns what the trade's row says that it planned.

    A stop becomes dollars, as the limits of a simulation have no point values. Without a contract nobody
    knows them, and the fold says so.
    """
    if trade.risk is not None:
        return {"risk": trade.risk}
    stop, price, contract = trade.stop_price, trade.entry_price, pricing.contracts.get(trade.symbol)
    if stop is None or price is None:
        return {}
    if contract is None:
        return {"stop_price": f"{stop:f}", "price": f"{price:f}"}
    return {"risk": abs(price - stop) * contract.point_value * trade.size}


def closing(trade: Trade, number: int, price: Decimal, pnl: Decimal, reason: str) -> PositionClosed:
    """Returns the report of the trade's end; its P&L is net, and its commission 0, as it is not known
    apart."""
    return PositionClosed(
        worker=worker_of(trade.symbol),
        session=SESSION,
        seq=number,
        symbol=trade.symbol,
        side=trade.side or "long",
        size=trade.size,
        price=price,
        commission=ZERO,
        pnl=pnl,
        reason=reason,
    )
