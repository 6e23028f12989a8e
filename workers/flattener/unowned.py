"""What the account holds and nobody on the log owns: handed to the flattener under the name `account`.

No order of ours entered it, so it is in no broker's book. A broker that asks its account before it closes
takes it into its book, and closes it like any other position. One that only knows what was ordered through it
cannot: that is logged, once for each position, with what to do; it is no error that is tried again.
"""

from collections.abc import Iterable

from portfold.coordinator.views.portfolio_view import ShownPosition
from portfold.coordinator.views.view_field import what_can_be_read
from portfold.dollars import ZERO
from portfold.events.account import ACCOUNT
from portfold.events.legs import Leg
from portfold.events.wire.bus import Bus
from portfold.log import Log
from portfold.remedies import settle
from portfold.workers.brokers.protocol import Broker, BrokerPosition, can_adopt

NO_ORDER_OF_OURS = "the account holds what no order of this broker entered, so it cannot close it"


class Unowned:
    """Has `broker` take over what is nobody's. Each position is taken over, or logged, once."""

    def __init__(self, bus: Bus, broker: Broker, log: Log) -> None:
        self._bus = bus
        self._broker = broker
        self._log = log
        self._seen: set[tuple[str, str, int, int]] = set()

    def take_over(self, legs: Iterable[Leg]) -> None:
        """Takes over those of the legs that are nobody's. Raises nothing: the others are to be closed too."""
        wanted = {(leg.symbol, leg.side) for leg in legs if leg.worker == ACCOUNT}
        if not wanted:
            return
        try:
            for held in what_can_be_read(self._bus.status()).view.positions:
                if held.worker == ACCOUNT and (held.symbol, held.side) in wanted:
                    self._take(held)
        except Exception as error:  # noqa: BLE001 - the bus, or whatever a user's own broker raises
            text = "What only the account holds could not be taken over; again with the next reminder"
            self._log.critical(text, why=repr(error))

    def _take(self, held: ShownPosition) -> None:
        identity = (held.symbol, held.side, held.size, held.opened_ms)
        if identity in self._seen:
            return
        adopt = can_adopt(self._broker)
        if adopt is None:
            self._log.critical(
                f"NOT CLOSED: {NO_ORDER_OF_OURS}",
                open=f"{held.symbol} {held.side} {held.size}",
                what_to_do=f"close it at the broker, and: {settle(held.symbol, ACCOUNT, '0')}",
            )
        elif not self._is_closing(held):
            adopt(BrokerPosition(ACCOUNT, held.symbol, held.side, held.size, held.price, ZERO))
            self._log.warning("Taken over from the account", symbol=held.symbol, size=held.size)
        self._seen.add(identity)

    def _is_closing(self, held: ShownPosition) -> bool:
        """Returns whether an earlier process has taken it over: it is in the book, or closed just now."""
        booked = self._broker.positions(ACCOUNT)
        if any(one.symbol == held.symbol and one.size >= held.size for one in booked):
            return True
        return any(fill.symbol == held.symbol for fill in self._broker.unreported_exits(ACCOUNT))
