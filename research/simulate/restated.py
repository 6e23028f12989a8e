"""Restates trades: what they would have come to at other costs, or filled later.

A result that does not survive twice its costs, or fills of the next bar, is a result of the assumptions.
Later fills need bars: an order of a bar is then filled at the open of the next one, or at the close of the
bar a day later, slippage worse, and reported at that bar's end. A trade that was filled and stopped within
one bar has both later fills at one price, so it costs slippage and commission. Trades that bars cannot price,
and those whose later fills the bars do not have, or have in one bar, are left out and counted.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from msgspec import Struct, structs

from portfold.config import Configuration
from portfold.dollars import CENT, gross_pnl
from portfold.exchange_time import milliseconds_of
from portfold.research.simulate.market import ResearchMarket
from portfold.research.simulate.prices import Pricing
from portfold.research.trades.trade_file import Trade
from portfold.workers.brokers.leg_arithmetic import worse

_DAY_MS = 86_400_000
_Fill = tuple[int, Decimal] | None
_Later = Callable[[int], _Fill]


class Bars(Struct, frozen=True):
    """One symbol's opens and closes; `ends_ms` are the ends of their bars, increasing."""

    ends_ms: Sequence[int]
    opens: Sequence[Decimal]
    closes: Sequence[Decimal]

    def next_open(self, ms: int) -> tuple[int, Decimal] | None:
        """Returns the end and the open of the bar after `ms`."""
        index = bisect_right(self.ends_ms, ms)
        return (self.ends_ms[index], self.opens[index]) if index < len(self.ends_ms) else None

    def close_a_day_later(self, ms: int) -> tuple[int, Decimal] | None:
        """Returns the end and the close of the first bar that ends a day after `ms`, or later."""
        index = bisect_left(self.ends_ms, ms + _DAY_MS)
        return (self.ends_ms[index], self.closes[index]) if index < len(self.ends_ms) else None


class Restated(NamedTuple):
    """The trades as restated, how many were `left_out`, and whether fills are at opens that have passed."""

    trades: tuple[Trade, ...]
    left_out: int = 0
    at_open: bool = False


def bars_of(configuration: Configuration, market: ResearchMarket, symbols: Iterable[str]) -> dict[str, Bars]:
    """Reads the bars of those of the symbols that the market has. Raises BarsError, ResearchError."""
    feed, found = market.open(configuration), {}
    for symbol in sorted(set(symbols) & set(feed.symbols)):
        bars = list(feed.bars(symbol))
        ends = [milliseconds_of(bar.time) for bar in bars]
        found[symbol] = Bars(ends, [bar.open for bar in bars], [bar.close for bar in bars])
    return found


def costs_twice(trades: Iterable[Trade], pricing: Pricing) -> Restated:
    """Takes the costs of each trade's contract from it once more, commission and slippage of both sides."""
    made, left_out = [], 0
    for trade in trades:
        contract = pricing.contracts.get(trade.symbol)
        if contract is None:
            left_out += 1
            continue
        each_way = contract.commission_per_side + contract.slippage_ticks * contract.tick_value
        made.append(structs.replace(trade, pnl=trade.pnl - 2 * each_way * trade.size))
    return Restated(tuple(made), left_out)


def filled_at_the_next_open(trades: Iterable[Trade], pricing: Pricing, bars: Mapping[str, Bars]) -> Restated:
    """Fills each order at the open of the bar after the one it was filled at."""
    opens = {symbol: one.next_open for symbol, one in bars.items()}
    return _refilled(trades, pricing, opens)._replace(at_open=True)


def filled_a_day_later(trades: Iterable[Trade], pricing: Pricing, bars: Mapping[str, Bars]) -> Restated:
    """Fills each order at the close of the bar a day later."""
    return _refilled(trades, pricing, {symbol: one.close_a_day_later for symbol, one in bars.items()})


def _refilled(trades: Iterable[Trade], pricing: Pricing, later: Mapping[str, _Later]) -> Restated:
    made, left_out = [], 0
    for trade in trades:
        fills = None
        if pricing.has_price(trade) and trade.symbol in later:
            fills = later[trade.symbol](trade.entry_ms), later[trade.symbol](trade.exit_ms)
        refilled = _at(trade, pricing, *fills) if fills is not None else None
        if refilled is None:
            left_out += 1
        else:
            made.append(refilled)
    return Restated(tuple(made), left_out)


def _at(trade: Trade, pricing: Pricing, entered: _Fill, left: _Fill) -> Trade | None:
    if entered is None or left is None or (left[0] <= entered[0] and trade.entry_ms < trade.exit_ms):
        return None
    side, contract = pricing.side_of(trade), pricing.contracts[trade.symbol]
    entry = worse(entered[1], contract, buys=side == "long")
    exit_ = worse(left[1], contract, buys=side == "short")
    made = gross_pnl(side, entry, exit_, trade.size, contract.point_value)
    pnl = (made - 2 * contract.commission_per_side * trade.size).quantize(CENT, ROUND_HALF_EVEN)
    return structs.replace(
        trade,
        entry_ms=entered[0],
        exit_ms=left[0],
        pnl=pnl,
        side=side,
        entry_price=entry,
        exit_price=exit_,
        stop_price=_as_far_off(trade, entry),
    )


def _as_far_off(trade: Trade, entry: Decimal) -> Decimal | None:
    """Returns the stop as far from the later entry as it was from its own: it plans to lose as much, where a
    price that was named might be on the other side of that entry."""
    if trade.stop_price is None or trade.entry_price is None:
        return trade.stop_price
    return trade.stop_price + entry - trade.entry_price
