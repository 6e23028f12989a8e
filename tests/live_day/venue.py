"""Both vendors over one market: the broker's gateway with its exchange, and the gateway of market data.

Data time moves when the day says so, and with it both of them: at each tick a price of every symbol trades at
the exchange and is a bar of a second in the data. It runs faster than the clock on the wall, within the five
minutes by which a bar may be off it to count as one of now (`workers.run.money`).
"""

import time
from collections.abc import Sequence
from decimal import Decimal
from types import TracebackType
from typing import NamedTuple, Self

from portfold.config import Configuration
from portfold.events.market import StepBar
from portfold.workers.market.source import MINUTE_MS
from portfold.workers.run.money import LATE_SECONDS
from tests.fakes.databento_gateway import wire
from tests.fakes.databento_gateway.gateway import Gateway as DataGateway
from tests.fakes.databento_gateway.market import Market as Tape
from tests.fakes.tws.exchange import PAPER_ACCOUNT, Exchange
from tests.fakes.tws.gateway import Gateway as BrokerGateway
from tests.fakes.tws.orders import Order
from tests.live_day.market import TICKS_A_MINUTE, Market, futures

COMMISSION = Decimal("2.25")
BEHIND_SECONDS = LATE_SECONDS + 105
"""By so much the data's clock is behind the wall's when the day begins, two minutes before its first bar."""
_TICK_MS = MINUTE_MS // TICKS_A_MINUTE
_MARGIN_SECONDS = 3


class Minute(NamedTuple):
    """The true bars of the minute that ended then, by symbol; `withheld`: no data of it was ever sent."""

    end_ms: int
    bars: dict[str, StepBar]
    withheld: bool


class Venue:
    """As long as the block lasts both gateways serve; `truth` is all that was traded, minute by minute."""

    def __init__(self, configuration: Configuration, symbols: Sequence[str], seed: int) -> None:
        contracts = configuration.contracts
        self.futures = futures(contracts, symbols)
        self.exchange = Exchange((each.listed for each in self.futures.values()), commission=COMMISSION)
        self.broker = BrokerGateway(self.exchange)
        self.market = Market({symbol: contracts[symbol].tick_size for symbol in symbols}, seed)
        self.now_ms = _begin_ms()
        self.tape = Tape(self.now_ms)
        self.data = DataGateway(self.tape)
        self._instruments = {
            symbol: self.tape.enlist(f"{symbol}.v.0", each.short) for symbol, each in self.futures.items()
        }
        self.truth: list[Minute] = []
        self.cash = self.exchange.accounts[PAPER_ACCOUNT].cash
        self._bars: dict[str, StepBar] = {}
        self._ticks = 0
        self._withheld = False

    def __enter__(self) -> Self:
        self.broker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.broker.stop()
        self.data.close()

    # --- time --------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begins the day now, however long it took until all were there."""
        self.now_ms = _begin_ms()

    @property
    def ahead_seconds(self) -> float:
        """For how long the end of a minute that begins now would be too far ahead of the wall's clock."""
        ahead = (self.now_ms + MINUTE_MS) / 1_000 - time.time()
        return max(0.0, ahead - LATE_SECONDS + _MARGIN_SECONDS)

    def tick(self, *, withheld: bool = False) -> None:
        """Lets ten seconds go by: every symbol trades, and whoever subscribed is told, unless `withheld`."""
        if self._ticks == 0:
            self.market.begin_minute()
        self._withheld = self._withheld or withheld
        for symbol, future in self.futures.items():
            price = self.market.next(symbol)
            record = wire.bar(self._instruments[symbol], self.now_ms, f"{price:f}")
            if withheld:
                self.tape.add(record)
            else:
                self.data.publish(record)
            self.exchange.trade(future.short, price)
            self._note(symbol, price)
        self.now_ms += _TICK_MS
        self._ticks += 1
        if self._ticks == TICKS_A_MINUTE:
            self._minute_over()

    def clock_goes_on(self) -> bool:
        """Tells whoever is there by now that the last minute is over. Returns false, as a wait goes on."""
        self.data.second_over(self.truth[-1].end_ms)
        return False

    def _note(self, symbol: str, price: Decimal) -> None:
        before = self._bars.get(symbol, StepBar(price, price, price, price, 0, self.futures[symbol].short))
        self._bars[symbol] = StepBar(
            before.open,
            max(before.high, price),
            min(before.low, price),
            price,
            (before.volume or 0) + 1,
            before.contract,
        )

    def _minute_over(self) -> None:
        self.truth.append(Minute(self.now_ms, self._bars, self._withheld))
        if not self._withheld:
            self.data.second_over(self.now_ms)
        self._bars, self._ticks, self._withheld = {}, 0, False

    # --- the account -------------------------------------------------------------------------------------

    def held(self, symbol: str) -> int:
        """Contracts in the account, below zero for short."""
        return self.exchange.size(self.futures[symbol].short)

    def held_symbols(self) -> list[str]:
        """The symbols of which the account holds anything."""
        return [symbol for symbol in self.futures if self.held(symbol)]

    def symbol_of(self, order: Order) -> str:
        """Whose order it is, in our words."""
        return next(symbol for symbol, each in self.futures.items() if each.listed == order.contract)

    def at_work(self) -> list[Order]:
        """The orders that somebody waits for: not those that rest."""
        return [order for order in self.exchange.working() if order.kind == "MKT"]

    def resting(self, symbol: str) -> list[Order]:
        """The stops that rest in a symbol."""
        working, listed = self.exchange.working(), self.futures[symbol].listed
        return [order for order in working if order.kind == "STP" and order.contract == listed]

    def against(self, symbol: str, dollars: int) -> int:
        """How many ticks the market moves at whose loss is so many dollars a contract, down below zero."""
        listed = self.futures[symbol].listed
        ticks = int(dollars / (listed.min_tick * Decimal(listed.multiplier)))
        return -ticks if self.held(symbol) > 0 else ticks

    def opens(self, order: Order) -> bool:
        """Whether the order opens a position, or adds to one."""
        held = self.held(self.symbol_of(order))
        return held == 0 or (held > 0) == order.buys

    def fill(self, order: Order, size: int | None = None, *, ticks: int = 0) -> bool:
        """Fills an order, or so many contracts of it, so many ticks off the last price.

        Returns false where it is over already.
        """
        with self.exchange.lock:
            if order.is_done:
                return False
            price = self.exchange.prices[order.contract.con_id] + ticks * order.contract.min_tick
            self.exchange.fill(order.reference, size, price)
            return True


def _begin_ms() -> int:
    return -(-int((time.time() - BEHIND_SECONDS) * 1_000) // MINUTE_MS) * MINUTE_MS
