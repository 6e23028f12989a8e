"""What the account holds and nobody on the log owns: handed to the flattener under the name `account`.

No order of ours entered it, so it is in no broker's book. A broker that asks its account before it closes
takes it into its book, and closes it like any other position. One that only knows what was ordered through it
cannot: that is logged, once for each position, with what to do; it is no error that is tried again.

Guarantees: nothing is taken over twice, whatever was closed of it, by this process or one before it; nor what
is in the book as a fill whose worker died before it could report it. Of two closes of the same contracts the
second would close what others hold. So the book is read first, and the log has to be decided up to then.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from portfold.coordinator.views.portfolio_view import ShownPosition
from portfold.coordinator.views.view_field import what_can_be_read
from portfold.dollars import ZERO
from portfold.events.account import ACCOUNT
from portfold.events.legs import Leg
from portfold.events.wire.bus import Bus
from portfold.log import Log
from portfold.remedies import settle
from portfold.workers.brokers.order import ExitFill
from portfold.workers.brokers.protocol import Broker, BrokerPosition, can_adopt

NO_ORDER_OF_OURS = "the account holds what no order of this broker entered, so it cannot close it"


class _Book(NamedTuple):
    """What is in the book, and what was closed for nobody and is not reported yet."""

    positions: Sequence[BrokerPosition]
    leaving: Sequence[ExitFill]

    def of_nobody(self, held: ShownPosition) -> int:
        """Returns the contracts of it that were taken over and are still to be closed."""
        return sum(one.size for one in self.positions if one.owner == ACCOUNT and _is_same(one, held))

    def left(self, held: ShownPosition) -> int:
        """Returns the contracts of it that were closed just now."""
        return sum(fill.size for fill in self.leaving if _is_same(fill, held))

    def unreported(self, held: ShownPosition, on_log: Iterable[ShownPosition]) -> int:
        """Returns by how much workers hold more on its side than they have reported."""
        booked = sum(one.size for one in self.positions if one.owner != ACCOUNT and _is_same(one, held))
        reported = sum(one.size for one in on_log if one.worker != ACCOUNT and _is_same(one, held))
        return max(0, booked - reported)


class Unowned:
    """Has `broker` take over what is nobody's. What it cannot close is logged once."""

    def __init__(self, bus: Bus, broker: Broker, log: Log) -> None:
        self._bus = bus
        self._broker = broker
        self._log = log
        self._told: set[tuple[str, str, int, int]] = set()

    def take_over(self, legs: Iterable[Leg]) -> None:
        """Takes over those of the legs that are nobody's. Raises nothing: the others are to be closed too."""
        wanted = {(leg.symbol, leg.side) for leg in legs if leg.worker == ACCOUNT}
        if not wanted:
            return
        try:
            book = _Book(self._broker.positions(), self._broker.unreported_exits(ACCOUNT))
            on_log = self._open_on_the_log()
            if on_log is None:
                self._log.warning("What only the account holds is not taken over yet: events are undecided")
                return
            for held in on_log:
                if held.worker == ACCOUNT and (held.symbol, held.side) in wanted:
                    self._take(held, book, on_log)
        except Exception as error:  # noqa: BLE001 - the bus, or whatever a user's own broker raises
            text = "What only the account holds could not be taken over; again with the next reminder"
            self._log.critical(text, why=repr(error))

    def _open_on_the_log(self) -> Sequence[ShownPosition] | None:
        """Returns what is open by all that is on the log by now; None where it is behind. Raises BusError."""
        last, head = self._bus.last_event(), self._bus.head()
        if head is None or head.cursor < last:
            return None
        return what_can_be_read(self._bus.status()).view.positions

    def _take(self, held: ShownPosition, book: _Book, on_log: Sequence[ShownPosition]) -> None:
        adopt = can_adopt(self._broker)
        if adopt is None:
            self._tell(held)
            return
        in_hand = book.of_nobody(held)
        missing = held.size - in_hand - book.left(held) - book.unreported(held, on_log)
        if missing > 0:
            size = in_hand + missing
            adopt(BrokerPosition(ACCOUNT, held.symbol, held.side, size, held.price, ZERO))
            self._log.warning("Taken over from the account", symbol=held.symbol, size=size)

    def _tell(self, held: ShownPosition) -> None:
        identity = (held.symbol, held.side, held.size, held.opened_ms)
        if identity not in self._told:
            self._told.add(identity)
            self._log.critical(
                f"NOT CLOSED: {NO_ORDER_OF_OURS}",
                open=f"{held.symbol} {held.side} {held.size}",
                what_to_do=f"close it at the broker, and: {settle(held.symbol, ACCOUNT, '0')}",
            )


def _is_same(one: BrokerPosition | ExitFill | ShownPosition, held: ShownPosition) -> bool:
    return (one.symbol, one.side) == (held.symbol, held.side)
