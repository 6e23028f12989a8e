"""One symbol's entries: fitted, asked for, ordered and reported.

The order of an entry: gate, order, fill reported; a no after the gate gives the slot back. Guarantees: an
order is sent only while its slot stands, and never twice; what may have been filled keeps its slot; an entry
that the broker cannot take as it is meant is refused before anything is asked, and hurts its own worker only;
no price of one month of a contract becomes an order in another.
"""

from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from portfold.config import Contract
from portfold.log import Log
from portfold.workers.brokers.contract_names import is_same_month
from portfold.workers.brokers.protocol import (
    BrokerError,
    OpenedBroker,
    OrderUnknown,
    Withheld,
    month_entered,
    sends_within,
)
from portfold.workers.brokers.resting.protective import StopPlace, can_limit, can_place
from portfold.workers.client.amount import exact, whole
from portfold.workers.client.decision import Decision
from portfold.workers.feeds.bar import Bar
from portfold.workers.protection import Protection, plan_of, protecting
from portfold.workers.run.gate_protocol import Gate
from portfold.workers.run.reporting import denial_line, entry_line, report_entry
from portfold.workers.strategies.guarded import StrategyFailed
from portfold.workers.strategies.intent import Enter
from portfold.workers.strategies.priced import expected_price, on_the_grid, unfit_prices, wrong_side


class Granted(NamedTuple):
    """An entry that the gate has allowed: by which slot, at about which price, and where its stop rests."""

    wish: Enter
    price: Decimal
    place: StopPlace
    entry: Decision


class Entering:
    """Enters `contract` by `gate` and `broker`; `protection` says where stops rest."""

    def __init__(
        self, contract: Contract, gate: Gate, broker: OpenedBroker, log: Log, protection: Protection
    ) -> None:
        self._contract, self._gate, self._broker, self._log = contract, gate, broker, log
        self._protection = protection

    def fitted(self, wish: Enter, bar: Bar) -> Enter | None:
        """Returns the entry with its prices on the grid; None for one that is not to be had at this bar,
        which is said. Raises StrategyFailed for one that is none at any, by its prices or by its broker.
        """
        who, expected = self._gate.worker, unfit_prices(wish)
        if expected:
            raise StrategyFailed(f"{who} wants an entry of {bar.symbol}: expected {expected}")
        close = exact(bar.close, "close")
        cannot = wrong_side(wish, expected_price(wish, close))
        if wish.limit is not None and not can_limit(self._broker):
            cannot = "limit: expected none, as this broker has no limit entries: paper has"
        elif wish.stop is not None and not can_place(self._broker):
            cannot = "stop: expected none, as no stop can rest at this broker: at paper and ibkr one can"
        if cannot:
            at = f"at the bar of {bar.symbol} that ends {bar.time:%Y-%m-%d %H:%M:%S} UTC"
            raise StrategyFailed(f"{who} wants an entry that is not to be had: {cannot}, {at}")
        fitted = on_the_grid(replace(wish, size=whole(wish.size)), self._contract.tick_size)
        if gone := wrong_side(fitted, expected_price(fitted, close)):
            self._log.warning(f"{bar.symbol} entry dropped: on the grid no tick is between", why=gone)
            return None
        if gone := self._in_another_month(fitted, bar):
            self._log.warning(f"{bar.symbol} entry dropped: its prices are of another month", why=gone)
            return None
        return fitted

    def at_market(self, wish: Enter, price: Decimal) -> bool:
        """Enters at about `price`. Returns whether anything was filled."""
        price = exact(price, "price")
        if gone := wrong_side(wish, price):
            self._log.warning(
                f"{self._contract.symbol} entry dropped: its price is beyond its stop", why=gone
            )
            return False
        place = self._protection.place(wish.stop)
        with self.asked(wish, price, place, hold=False) as entry:
            return bool(entry) and self.order(Granted(wish, price, place, entry))

    def asked(self, wish: Enter, price: Decimal, place: StopPlace, *, hold: bool) -> Decision:
        """Returns the gate's answer, and says a no."""
        symbol, plan = self._contract.symbol, plan_of(place, wish.side, price)
        entry = self._gate.request_entry(symbol, wish.side, wish.size, hold=hold, **plan)
        if not entry:
            self._log.info(denial_line(symbol, wish.side, wish.size, entry, self._gate.worker))
        return entry

    def place(self, stop: Decimal | None) -> StopPlace:
        """Returns where the stop of an entry rests, see `Protection.place`."""
        return self._protection.place(stop)

    def prolong(self, entry: Decision) -> None:
        """Has the slot of an entry that has waited last as long as its order can take, if it would not."""
        if not self._gate.standing(entry, seconds=sends_within(self._broker)):
            self._gate.renew(entry)

    def order(self, granted: Granted, filled_at: Decimal | None = None) -> bool:
        """Orders what was granted, and reports it; a limit that the bars went through is filled at
        `filled_at`. Returns whether anything was filled.
        """
        try:
            return self._order_and_report(granted, filled_at)
        except OrderUnknown as unknown:
            symbol = self._contract.symbol
            self._log.critical("What became of an entry is unknown", symbol=symbol, why=str(unknown))
            if not self._gate.announce_again():  # the broker counts it as open, so the log must
                granted.entry.keep()  # until it can be announced
            return False

    def _in_another_month(self, wish: Enter, bar: Bar) -> str:
        """Says that an entry which names prices by this bar would be in another month than the bar is of;
        nothing where it would not. Between the feed's roll and the broker's it passes by itself.
        """
        if not bar.contract or (wish.limit is None and wish.stop is None):
            return ""
        try:
            entered = month_entered(self._broker, bar.symbol)
        except BrokerError as error:
            return f"which contract would be entered is not known: {error}"
        if is_same_month(entered, bar.contract):
            return ""
        return f"the bars are of {bar.contract}, and entered is {entered}"

    def _order_and_report(self, granted: Granted, filled_at: Decimal | None) -> bool:
        wish, price, place, entry = granted
        symbol = self._contract.symbol
        with self._gate.orders:
            if not self._gate.standing(entry):
                self._log.warning("Entry dropped: a flatten was ordered meanwhile", symbol=symbol)
                return False
            try:
                outcome = protecting(self._broker.enter, place, at_limit=filled_at is not None)(
                    symbol,
                    wish.side,
                    wish.size,
                    price if filled_at is None else filled_at,
                    may_send=lambda: self._gate.standing(entry, seconds=sends_within(self._broker)),
                )
            except OrderUnknown:
                raise
            except Withheld as withheld:
                self._log.warning("Entry not sent any more", symbol=symbol, why=str(withheld))
                return False
            except BrokerError as error:
                self._log.error("Entry refused by the broker", symbol=symbol, why=str(error))
                return False
            self._log.info(entry_line(outcome, self._gate.worker), outcome=str(outcome))
            report_entry(self._gate, outcome, price, place)
            return True
