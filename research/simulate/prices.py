"""Prices open positions at any moment, from bars.

A trade's row has its final P&L only. A stop before its end, and an open loss, need the P&L of their moment:
both come from the last close known then. Costs of a forced exit are the paper broker's: commission for both
sides and slippage for the exit.

A trade filled at the open of a bar is reported when that bar ends, and its close is known then: with fills at
the next bar a trade is marked at the moment of its entry too, as the live trader marks it. No price of a bar
that has passed, not even the entry's own, is one at which a stop could close.

A trade whose P&L is not what its prices and the contract give, less plausible costs, is not priced at all: a
micro contract priced as the full-size one would be ten times off.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from msgspec import Struct

from portfold.config import Configuration, Contract
from portfold.dollars import CENT, gross_pnl
from portfold.events.fields import Side
from portfold.exchange_time import milliseconds_of
from portfold.research.errors import ResearchError
from portfold.research.simulate.market import ResearchMarket
from portfold.research.trades.trade_file import Trade
from portfold.workers.brokers.leg_arithmetic import worse
from portfold.workers.brokers.paper import fill_at
from portfold.workers.feeds.protocol import Feed

# The highest plausible costs of a round trip for each contract: fees, and ticks of slippage in and out.
_MOST_FEES = Decimal(20)
_MOST_TICKS = 10


class Closes(Struct, frozen=True):
    """One symbol's closes; `ends_ms` are the ends of their bars, increasing."""

    ends_ms: Sequence[int]
    prices: Sequence[Decimal]

    def last(self, ms: int, *, from_ms: int) -> Decimal | None:
        """Returns the close of the last bar that ended by `ms`; None if it ended before `from_ms`."""
        index = bisect_right(self.ends_ms, ms) - 1
        return self.prices[index] if index >= 0 and self.ends_ms[index] >= from_ms else None

    def between(self, from_ms: int, before_ms: int) -> Iterable[tuple[int, Decimal]]:
        """Yields the closes of the bars that ended from `from_ms` on and before `before_ms`."""
        first = bisect_left(self.ends_ms, from_ms)
        for index in range(first, len(self.ends_ms)):
            if self.ends_ms[index] >= before_ms:
                return
            yield self.ends_ms[index], self.prices[index]


class Pricing(Struct, frozen=True):
    """Prices open trades; without `closes` no trade has a price.

    `marks_entry_bar`: entries are filled at the open of the bar at whose end they are reported.
    """

    contracts: Mapping[str, Contract]
    closes: Mapping[str, Closes]
    marks_entry_bar: bool = False

    def side_of(self, trade: Trade) -> Side:
        """Returns the trade's side: that of its row, else the one that its stop protects, else the one by
        which its prices explain its P&L, else long."""
        if trade.side is not None:
            return trade.side
        if trade.stop_price is not None and trade.entry_price is not None:
            return "long" if trade.stop_price < trade.entry_price else "short"
        costs = {side: self._costs(trade, side) for side in _SIDES}
        found = [(abs(cost), side != "long", side) for side, cost in costs.items() if cost is not None]
        return min(found)[2] if found else "long"

    def has_price(self, trade: Trade) -> bool:
        """Returns whether bars can price the trade while it is open."""
        cost = self._costs(trade, self.side_of(trade))
        if cost is None or trade.symbol not in self.closes:
            return False
        tick = self.contracts[trade.symbol].tick_value * trade.size
        return -tick <= cost <= _MOST_FEES * trade.size + _MOST_TICKS * tick

    def marks(self, trade: Trade) -> Iterable[tuple[int, Decimal]]:
        """Yields when the trade is marked while it is open, and at which close; nothing without a price.

        Who leaves at a bar's close has marked his position there before, as has who never left.
        """
        if not self.has_price(trade):
            return ()
        from_ms = trade.entry_ms if self.marks_entry_bar else trade.entry_ms + 1
        asked = trade.asked
        to_the_end = asked is not None and (asked.left_ms >= trade.exit_ms or not asked.ended)
        return self.closes[trade.symbol].between(from_ms, trade.exit_ms + to_the_end)

    def worth(self, trade: Trade, price: Decimal) -> Decimal:
        """Returns what the open trade would make at `price`, in dollars, before commission. Raises
        ValueError."""
        entry = trade.entry_price
        if entry is None:
            raise ValueError(f"{trade.symbol}: a trade without an entry price has no worth")
        return gross_pnl(
            self.side_of(trade), entry, price, trade.size, self.contracts[trade.symbol].point_value
        )

    def forced_exit(self, trade: Trade, ms: int) -> tuple[Decimal, Decimal] | None:
        """Returns the fill price and the P&L, net of costs, of closing the trade at `ms`; None without a
        price.

        The price is the last close known then; the entry's own where no bar has ended since the entry.
        """
        entry = trade.entry_price
        if entry is None or not self.has_price(trade):
            return None
        close = self.closes[trade.symbol].last(ms, from_ms=trade.entry_ms)
        contract, known = self.contracts[trade.symbol], entry if close is None else close
        price = worse(known, contract, buys=self.side_of(trade) == "short")
        pnl = self.worth(trade, price) - 2 * contract.commission_per_side * trade.size
        return price, pnl.quantize(CENT, ROUND_HALF_EVEN)

    def _costs(self, trade: Trade, side: Side) -> Decimal | None:
        """Returns the costs that explain the trade's P&L by its prices, if it was on `side`."""
        contract, entry, exit_ = self.contracts.get(trade.symbol), trade.entry_price, trade.exit_price
        if contract is None or entry is None or exit_ is None:
            return None
        return gross_pnl(side, entry, exit_, trade.size, contract.point_value) - trade.pnl


_SIDES: tuple[Side, Side] = ("long", "short")


def without_bars(configuration: Configuration) -> Pricing:
    """Returns a pricing without any prices."""
    return Pricing(configuration.contracts, {})


def from_market(configuration: Configuration, market: ResearchMarket, symbols: Iterable[str]) -> Pricing:
    """Reads the closes of `symbols` in a market.

    Raises BarsError, ConfigError for options that the broker does not have, and ResearchError where the
    market has none of the symbols.
    """
    wanted, feed = sorted(set(symbols)), market.open(configuration)
    closes = {symbol: _closes(feed, symbol) for symbol in wanted if symbol in feed.symbols}
    if not closes:
        raise ResearchError(f"--bars: expected bars of {', '.join(wanted)}, and {market} has none of them.")
    return Pricing(configuration.contracts, closes, marks_entry_bar=fill_at(configuration) == "next_bar")


def _closes(feed: Feed, symbol: str) -> Closes:
    bars = list(feed.bars(symbol))
    return Closes([milliseconds_of(bar.time) for bar in bars], [bar.close for bar in bars])
