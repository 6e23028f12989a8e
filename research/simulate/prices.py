"""What a position was worth at a moment: from bars, where there are any.

A trade's row says what it made in the end. A stop in the middle of it needs another figure, and so does an
open loss: both come from the last close known at that moment. Costs of a forced exit are the paper broker's,
commission for both sides and slippage for the way out.

A trade whose P&L is not what its prices and the contract say, less plausible costs, is not priced at all: a
row of a micro contract priced as its big brother would be ten times off.
"""

from bisect import bisect_right
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
from portfold.workers.feeds.protocol import Feed

# What a round trip may cost a contract and still be believed: fees, and ticks of slippage on both ways.
_MOST_FEES = Decimal(20)
_MOST_TICKS = 10


class Closes(Struct, frozen=True):
    """One symbol's closes; `ends_ms` are the ends of their bars, increasing."""

    ends_ms: Sequence[int]
    prices: Sequence[Decimal]

    def last(self, ms: int, *, after_ms: int) -> Decimal | None:
        """The close of the last bar that ended by `ms`; None if that was not after `after_ms`."""
        place = bisect_right(self.ends_ms, ms) - 1
        return self.prices[place] if place >= 0 and self.ends_ms[place] > after_ms else None

    def between(self, after_ms: int, before_ms: int) -> Iterable[tuple[int, Decimal]]:
        """The closes of the bars that ended in between, both ends left out."""
        first = bisect_right(self.ends_ms, after_ms)
        for place in range(first, len(self.ends_ms)):
            if self.ends_ms[place] >= before_ms:
                return
            yield self.ends_ms[place], self.prices[place]


class Pricing(Struct, frozen=True):
    """Prices of what is open. Without `closes` nothing has one."""

    contracts: Mapping[str, Contract]
    closes: Mapping[str, Closes]

    def side_of(self, trade: Trade) -> Side:
        """The trade's side: as its row says, else the one its prices explain its P&L by, else long."""
        if trade.side is not None:
            return trade.side
        costs = {side: self._costs(trade, side) for side in _SIDES}
        found = [(abs(cost), side != "long", side) for side, cost in costs.items() if cost is not None]
        return min(found)[2] if found else "long"

    def has_price(self, trade: Trade) -> bool:
        """Whether bars can say what the trade was worth on its way."""
        cost = self._costs(trade, self.side_of(trade))
        if cost is None or trade.symbol not in self.closes:
            return False
        tick = self.contracts[trade.symbol].tick_value * trade.size
        return -tick <= cost <= _MOST_FEES * trade.size + _MOST_TICKS * tick

    def worth(self, trade: Trade, price: Decimal) -> Decimal:
        """What the open trade would make at `price`, in dollars, before commission."""
        entry = trade.entry_price
        if entry is None:
            raise ValueError(f"{trade.symbol}: a trade without an entry price has no worth")
        return gross_pnl(
            self.side_of(trade), entry, price, trade.size, self.contracts[trade.symbol].point_value
        )

    def forced_exit(self, trade: Trade, ms: int) -> tuple[Decimal, Decimal] | None:
        """The fill price and the P&L of closing the trade at `ms`, net of costs; None without a price.

        Before the first close after the entry the entry's own price is the last one known.
        """
        entry = trade.entry_price
        if entry is None or not self.has_price(trade):
            return None
        close = self.closes[trade.symbol].last(ms, after_ms=trade.entry_ms)
        contract, known = self.contracts[trade.symbol], entry if close is None else close
        price = worse(known, contract, buys=self.side_of(trade) == "short")
        pnl = self.worth(trade, price) - 2 * contract.commission_per_side * trade.size
        return price, pnl.quantize(CENT, ROUND_HALF_EVEN)

    def _costs(self, trade: Trade, side: Side) -> Decimal | None:
        """What the trade's prices made more than its P&L, if it was on `side`."""
        contract, entry, exit_ = self.contracts.get(trade.symbol), trade.entry_price, trade.exit_price
        if contract is None or entry is None or exit_ is None:
            return None
        return gross_pnl(side, entry, exit_, trade.size, contract.point_value) - trade.pnl


_SIDES: tuple[Side, Side] = ("long", "short")


def without_bars(configuration: Configuration) -> Pricing:
    """No prices at all."""
    return Pricing(configuration.contracts, {})


def from_market(configuration: Configuration, market: ResearchMarket, symbols: Iterable[str]) -> Pricing:
    """The closes that a market has of `symbols`. Raises BarsError, and ResearchError where it has none."""
    wanted, feed = sorted(set(symbols)), market.open(configuration)
    closes = {symbol: _closes(feed, symbol) for symbol in wanted if symbol in feed.symbols}
    if not closes:
        raise ResearchError(f"--bars: expected bars of {', '.join(wanted)}, and {market} has none of them.")
    return Pricing(configuration.contracts, closes)


def _closes(feed: Feed, symbol: str) -> Closes:
    bars = list(feed.bars(symbol))
    return Closes([milliseconds_of(bar.time) for bar in bars], [bar.close for bar in bars])
