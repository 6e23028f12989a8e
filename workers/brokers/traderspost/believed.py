"""What is believed of the orders in a book that nobody confirms: what is open, and what an exit has closed.

An entry of which nobody knows counts as open, also after an exit was taken: the exit may have come first. It
stays so until a person has looked, or a late answer says that it was taken. Only what was surely open is
closed, and only that has a profit, so none is counted twice.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from portfold.config import Contract
from portfold.config.costs import COMMISSION_PER_SIDE
from portfold.events.fields import Side
from portfold.workers.brokers.leg_arithmetic import join, reduce
from portfold.workers.brokers.legs_book import Entries
from portfold.workers.brokers.order import ExitFill
from portfold.workers.brokers.orders_book import HELD_BY, PERHAPS_OPEN, BrokerOrder, Orders, State
from portfold.workers.brokers.protocol import BrokerError, BrokerPosition, OrderUnknown


class Believed:
    """Within one transaction of the book. Fills cost the commissions of their `contracts`."""

    def __init__(self, entries: Entries, contracts: Mapping[str, Contract]) -> None:
        self.entries = entries
        self.orders = Orders(entries)
        self._contracts = contracts

    def held(self, owner: str | None) -> list[BrokerPosition]:
        """Returns what is open or may be, of one owner or of all, by owner and symbol."""
        held = {(leg.owner, leg.symbol): leg for leg in self.entries.legs(owner)}
        for order in self.orders.in_states(PERHAPS_OPEN):
            if order.does == "enter" and owner in (None, order.owner):
                key, perhaps = (order.owner, order.symbol), self._as_leg(order)
                held[key] = join(held[key], perhaps) if key in held else perhaps
        return [msgspec.structs.replace(held[key], contract=self._month(*key)) for key in sorted(held)]

    def entered(self, order: BrokerOrder, message: str) -> BrokerPosition:
        """Records that the entry was taken, so believed filled. Returns the leg that it alone made.

        An exit that was taken before this was known may have closed it: a person has to look.
        """
        self.note(order, "accepted", message)
        for one in self.orders.sent_after(order, "unproven"):
            if one.does == "exit":
                self.note(one, "unknown", f"taken; it may have closed what {order.id} opened")
        leg, fresh = self.entries.leg(order.owner, order.symbol), self._as_leg(order)
        self.entries.write_leg(join(leg, fresh) if leg else fresh)
        return fresh

    def exited(self, order: BrokerOrder, *, sure: int, everything: bool) -> ExitFill | None:
        """Records that the exit was taken. Returns its fill of the `sure` contracts that were open when it
        was sent; None where none surely was.
        """
        leg = self.entries.leg(order.owner, order.symbol)
        if leg is None or not sure:
            self.note(order, "unproven", "taken; whether anything was open nobody knows")
            return None
        self.note(order, "accepted", "taken, and believed filled")
        size = min(order.size, sure, leg.size)
        left, entry_commission = reduce(leg, size)
        self.entries.write_leg(left)
        if everything:
            for unknown in self.orders.of(order.owner, order.symbol, PERHAPS_OPEN):
                if unknown.does == "exit":
                    self.note(unknown, "flattened", f"{unknown.said}; then all was closed by {order.id}")
        fill = ExitFill(
            order.owner,
            order.symbol,
            order.side,
            size,
            order.price,
            self._commission(order.symbol, size),
            order.id,
            leg.price,
            entry_commission,
        )
        self.entries.write_unreported_exit(fill)
        return fill

    def note(self, order: BrokerOrder, state: State, message: str) -> None:
        """Writes down what has become of an order."""
        self.orders.write(msgspec.structs.replace(order, state=state, said=message))

    def refuse_while_unsettled(self, symbol: str) -> None:
        """Raises BrokerError while it is not known what became of an order on the symbol."""
        for order in self.orders.unsettled():
            if order.symbol == symbol:
                raise BrokerError(
                    f"No entry on {symbol} while nobody knows what became of order {order}. Look at the "
                    f"broker, then: portfold reconcile {order.id}"
                )

    def refuse_against_the_account(self, symbol: str, side: Side) -> None:
        """Raises BrokerError where anybody holds the other side: the account would net the two."""
        for held in self.held(None):
            if held.symbol == symbol and held.side != side:
                raise BrokerError(
                    f"{held.owner} is {held.side} {held.size} {symbol} and must close that before going "
                    f"{side}: the account has one position in a contract"
                )

    def shares(self, owner: str, symbol: str) -> bool:
        """Returns whether another owner holds, or may hold, contracts in it that he has not ordered
        closed.
        """
        return any(
            held.symbol == symbol and held.owner != owner and not self._is_leaving(held)
            for held in self.held(None)
        )

    def refuse_a_second_exit(self, owner: str, symbol: str, taken: BrokerOrder | None) -> None:
        """Raises OrderUnknown where an exit with a quantity could be the second for the same contracts.

        `taken`: one that the book does not know of. Without a quantity closing twice does no harm; with
        one it closes what another owner holds.
        """
        perhaps = [one for one in self.orders.of(owner, symbol, PERHAPS_OPEN) if one.does == "exit"]
        for order in [taken] if taken else perhaps:
            raise OrderUnknown(
                f"No second exit of {owner} on {symbol}, which would have to name a quantity, while nobody "
                f"knows what became of order {order}: it could close what is another's. Look at the broker, "
                f"then: portfold reconcile {order.id}"
            )

    def _is_leaving(self, held: BrokerPosition) -> bool:
        """Returns whether an exit of all of it is unknown: nobody has entered since, and it may go at any
        time.
        """
        unknown = self.orders.of(held.owner, held.symbol, ["unknown"])
        return any(order.does == "exit" and order.size >= held.size for order in unknown)

    def _month(self, owner: str, symbol: str) -> str:
        entered = [one for one in self.orders.of(owner, symbol, HELD_BY) if one.does == "enter"]
        return entered[-1].contract if entered else ""

    def _as_leg(self, order: BrokerOrder) -> BrokerPosition:
        commission = self._commission(order.symbol, order.size)
        return BrokerPosition(order.owner, order.symbol, order.side, order.size, order.price, commission)

    def _commission(self, symbol: str, size: int) -> Decimal:
        """Returns the commission; the usual one where the contract is no longer configured, as the position
        remains.
        """
        contract = self._contracts.get(symbol)
        return (contract.commission_per_side if contract else COMMISSION_PER_SIDE) * size
