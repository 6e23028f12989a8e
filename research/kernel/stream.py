"""The happenings of a scenario as columns of whole numbers, as the kernel reads them.

They are in the order of `research.simulate.trade_events`, once for each drawing of lots. Amounts are cents,
times milliseconds; a trading day is its number among those of the happenings.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from portfold.coordinator.fold.state import leg_key
from portfold.coordinator.fold.trading_day import trading_day_at
from portfold.events.incoming import PositionMarked
from portfold.research.kernel.jit import compiled
from portfold.research.simulate.scenario import Scenario
from portfold.research.simulate.trade_events import Happening, TradeEvents, worker_of
from portfold.research.trades.trade_file import Trade

ENTRY, MARK, EXIT = 0, 1, 2
ALWAYS = -1
"""Asked for whatever was held before: a row of a file of trades alone."""
_NEVER_MS = 2**62

Whole = NDArray[np.int64]


class Stream(NamedTuple):
    """What happens, in order: its symbol and trade, kind, moment, day, and cents: of a mark, or of an exit.

    `flat_before` is that of a signal's entry, else ALWAYS. Of several drawings a column has a row each.
    """

    symbol: Whole
    trade: Whole
    kind: Whole
    ms: Whole
    day: Whole
    cents: Whole
    flat_before: Whole


class Offers(NamedTuple):
    """The trades: size, exit, own P&L, when the worker has left one (ALWAYS: at its exit), whether it ends.

    What a stop makes of trade t at a close is `at_close[k]` for the closes `close_ms[k]` known to it, k from
    `first_close[t]` up to `first_close[t + 1]`; before the first of them it is `at_entry[t]`. A trade without
    a price, where not `priced[t]`, makes its own P&L.
    """

    size: Whole
    exit_ms: Whole
    cents: Whole
    left_ms: Whole
    ends: NDArray[np.bool_]
    priced: NDArray[np.bool_]
    at_entry: Whole
    first_close: Whole
    close_ms: Whole
    at_close: Whole


class Compiled(NamedTuple):
    """A scenario for the kernel: `streams` of all drawings; the `days` and the number of the first of them.

    The number of a symbol is its place in `symbols`, which are in the order in which a stop closes them.
    """

    streams: Stream
    offers: Offers
    days: tuple[str, ...]
    first_day: int
    symbols: tuple[str, ...]
    counts_open: bool


@compiled
def drawing_of(streams: Stream, drawing: int) -> Stream:
    """Returns the stream of one drawing."""
    return Stream(
        streams.symbol[drawing],
        streams.trade[drawing],
        streams.kind[drawing],
        streams.ms[drawing],
        streams.day[drawing],
        streams.cents[drawing],
        streams.flat_before[drawing],
    )


def compile_scenario(scenario: Scenario) -> Compiled:
    """Reads the scenario into columns."""
    timeline = scenario.timeline
    counts_open = scenario.limits.stop_loss_on == "total"
    symbols = tuple(sorted(scenario.symbols, key=lambda symbol: leg_key(symbol, "long", worker_of(symbol))))
    number = {symbol: place for place, symbol in enumerate(symbols)}
    moments = sorted({timeline.opening.ms, *(one.at.ms for one in timeline.happenings)})
    days, day_of = _days_of(moments, scenario.limits.zone, scenario.limits.roll)
    drawn = [_stream_of(drawing, number, day_of) for drawing in scenario.drawings]
    streams = Stream(*(np.vstack(columns) for columns in zip(*drawn, strict=True)))
    first = day_of[timeline.opening.ms]
    return Compiled(streams, _offers_of(timeline), days, first, symbols, counts_open)


def _days_of(moments: list[int], zone: str, roll: str) -> tuple[tuple[str, ...], dict[int, int]]:
    """Returns the trading days of the moments, which are in order, and the number of each one's day."""
    days: list[str] = []
    day_of: dict[int, int] = {}
    ends_ms = moments[0]
    for ms in moments:
        if ms >= ends_ms:
            day = trading_day_at(ms, zone, roll)
            days.append(day.date)
            ends_ms = day.ends_ms
        day_of[ms] = len(days) - 1
    return tuple(days), day_of


def _stream_of(drawing: TradeEvents, number: dict[str, int], day_of: dict[int, int]) -> Stream:
    happenings, trades = drawing.happenings, drawing.trades
    kinds = [_kind(one) for one in happenings]
    cents = [_cents(one, kind, trades) for one, kind in zip(happenings, kinds, strict=True)]
    flat = [ALWAYS if one.flat_before is None else one.flat_before for one in happenings]
    return Stream(
        _whole([number[one.symbol] for one in happenings]),
        _whole([one.trade for one in happenings]),
        _whole(kinds),
        _whole([one.at.ms for one in happenings]),
        _whole([day_of[one.at.ms] for one in happenings]),
        _whole(cents),
        _whole(flat),
    )


def _kind(happening: Happening) -> int:
    if happening.request is not None:
        return ENTRY
    return MARK if isinstance(happening.fact, PositionMarked) else EXIT


def _cents(happening: Happening, kind: int, trades: tuple[Trade, ...]) -> int:
    if kind == MARK and isinstance(happening.fact, PositionMarked):
        return int(happening.fact.unrealized.scaleb(2))
    return int(trades[happening.trade].pnl.scaleb(2)) if kind == EXIT else 0


def _offers_of(timeline: TradeEvents) -> Offers:
    trades, pricing = timeline.trades, timeline.pricing
    close_ms: list[int] = []
    at_close: list[int] = []
    at_entry: list[int] = []
    first_close = [0]
    priced = []
    for trade in trades:
        known = pricing.forced_exit(trade, trade.entry_ms - 1)
        priced.append(known is not None)
        at_entry.append(int(known[1].scaleb(2)) if known is not None else 0)
        if known is not None:
            for ms, _ in pricing.closes[trade.symbol].between(trade.entry_ms, _known_until(trade)):
                found = pricing.forced_exit(trade, ms)
                close_ms.append(ms)
                at_close.append(int(found[1].scaleb(2)) if found is not None else 0)
        first_close.append(len(close_ms))
    return Offers(
        _whole([trade.size for trade in trades]),
        _whole([trade.exit_ms for trade in trades]),
        _whole([int(trade.pnl.scaleb(2)) for trade in trades]),
        _whole([ALWAYS if trade.asked is None else trade.asked.left_ms for trade in trades]),
        np.array([trade.asked is None or trade.asked.ended for trade in trades], np.bool_),
        np.array(priced, np.bool_),
        _whole(at_entry),
        _whole(first_close),
        _whole(close_ms),
        _whole(at_close),
    )


def _known_until(trade: Trade) -> int:
    """Returns before which moment a stop may still need a price: one without an end may be open for ever."""
    return trade.exit_ms + 1 if trade.asked is None or trade.asked.ended else _NEVER_MS


def _whole(values: list[int]) -> Whole:
    return np.array(values, np.int64)
