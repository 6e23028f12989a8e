"""From executions to the book: legs, and exits that are to be reported; each execution is booked once.

An entry's executions become part of the leg as they come. An exit's, and a protective stop's, are booked
together, when it is over or when whoever waited for it gives up: one fill with their average price. A
commission that is not known yet is booked as contracts.json has it; what it really was corrects the leg as
long as it is open.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from portfold.config import Contract
from portfold.config.costs import COMMISSION_PER_SIDE
from portfold.events.fields import Side
from portfold.workers.brokers.ibkr.order_life import BrokerMessage, Execution, average_price, hear
from portfold.workers.brokers.ibkr.order_records import LiveOrder, OrderRecords
from portfold.workers.brokers.leg_arithmetic import join, reduce
from portfold.workers.brokers.legs_book import Entries
from portfold.workers.brokers.protocol import BrokerError, BrokerPosition, ExitFill


class Unbookable(NamedTuple):
    """Contracts that were executed and are in no leg, as the leg was smaller or on the other side."""

    order: LiveOrder
    size: int


class Booking:
    """Within one transaction of the book."""

    def __init__(self, entries: Entries, contracts: Mapping[str, Contract]) -> None:
        self.entries = entries
        self.orders = OrderRecords(entries)
        self.unbookable: list[Unbookable] = []
        self.corrected: list[LiveOrder] = []
        self._contracts = contracts

    # --- what is heard -----------------------------------------------------------------------------------

    def hear(self, reference: str, message: BrokerMessage) -> LiveOrder | None:
        """Writes down what the broker says of an order; None where it is none of this book's."""
        order = self.orders.order(reference)
        if order is None:
            return None
        life = hear(order.life, message)
        if life == order.life:
            return order
        if isinstance(message, Execution) and message.name in order.booked:
            self.corrected.append(order)
        heard = replace(order, life=life)
        if order.does == "enter":
            heard = self._correct_commissions(self._book_entry(heard))
        self.orders.write(heard)
        return heard

    def book_exit(self, reference: str) -> ExitFill | None:
        """Books what the exit has got and is not booked yet. Returns its fill; None where that is nothing."""
        order = self.orders.order(reference)
        if order is None or order.does == "enter":
            return None
        fresh = order.unbooked
        if not fresh:
            return None
        per_contract = self._per_contract(order.symbol)
        known = order.life.commissions
        charged = {name: known.get(name, per_contract * each.size) for name, each in fresh.items()}
        got = sum(each.size for each in fresh.values())
        fill_id = order.reference if not order.booked else f"{order.reference}.{len(order.booked)}"
        self.orders.write(replace(order, booked={**order.booked, **charged}))
        leg = self.entries.leg(order.owner, order.symbol)
        held = leg.size if leg is not None and leg.side == order.side else 0
        size = min(got, held)
        if size < got:
            self.unbookable.append(Unbookable(order, got - size))
        if leg is None or not size:
            return None
        left, entry_commission = reduce(leg, size)
        self.entries.write_leg(left)
        fill = ExitFill(
            order.owner,
            order.symbol,
            order.side,
            size,
            average_price(fresh.values()),
            sum(charged.values(), Decimal(0)),
            fill_id,
            leg.price,
            entry_commission,
        )
        self.entries.write_unreported_exit(fill)
        return fill

    # --- what is open ------------------------------------------------------------------------------------

    def held(self, owner: str | None) -> list[BrokerPosition]:
        """Returns what is open or may be, of one owner or of all, by owner and symbol: an entry that is not
        over may still get what it lacks.
        """
        held = {(leg.owner, leg.symbol): leg for leg in self.entries.legs(owner)}
        for order in self.orders.open():
            if order.does == "enter" and owner in (None, order.owner):
                key = (order.owner, order.symbol)
                leg = held.get(key)
                price = leg.price if leg else Decimal(0)
                rest = order.life.remaining
                more = BrokerPosition(*key, order.side, rest, price, self._per_contract(order.symbol) * rest)
                held[key] = join(leg, more) if leg else more
        return [held[key] for key in sorted(held)]

    def open_orders(self, owner: str, symbol: str, does: str) -> list[LiveOrder]:
        """Returns the owner's orders on the symbol that are not settled."""
        return [
            each
            for each in self.orders.open()
            if (each.owner, each.symbol, each.does) == (owner, symbol, does)
        ]

    def stop_distance(self, owner: str, symbol: str) -> Decimal | None:
        """Returns how far from the price of the leg its protective stop is to rest; None where none is."""
        entered = self.orders.newest_entry(owner, symbol)
        return entered.stop_distance if entered is not None else None

    def takes(self, order: LiveOrder) -> int:
        """Returns how many contracts of its leg an exit will have closed, that are in the leg still; a
        protective stop only those that it has closed: the rest it closes if nothing else does.
        """
        remaining = 0 if order.does == "stop" else order.life.remaining
        return remaining + sum(each.size for each in order.unbooked.values())

    def in_account(self, con_id: int) -> int:
        """Returns what the legs and unbooked exits say that the account holds of a contract."""
        expected = 0
        for leg in self.entries.legs(None):
            entered = [each for each in self.orders.entries_of(leg.owner, leg.symbol) if each.booked]
            if entered and entered[-1].con_id == con_id:
                expected += leg.size if leg.side == "long" else -leg.size
        for order in self.orders.open():
            if order.does != "enter" and order.con_id == con_id:
                unbooked = sum(each.size for each in order.unbooked.values())
                expected += unbooked if order.buys else -unbooked
        return expected

    def refuse_entry(self, owner: str, symbol: str, side: Side) -> None:
        """Raises BrokerError where an entry on the symbol could bring about what nobody wants: while another
        may still be filled, while what is held lacks its stop, or against what anybody holds.
        """
        self._refuse_while_open(owner, symbol)
        self._refuse_while_unguarded(owner, symbol)
        self._refuse_against_the_account(symbol, side)

    # --- inside ------------------------------------------------------------------------------------------

    def _refuse_while_open(self, owner: str, symbol: str) -> None:
        """Raises BrokerError while an entry on the symbol is not over: one's own, or anybody's unknown."""
        for order in self.orders.open():
            concerns = order.owner == owner or order.life.state == "unknown"
            if concerns and order.symbol == symbol and order.does == "enter":
                raise BrokerError(
                    f"No entry on {symbol} while order {order} is {order.life.state}: it may still be filled"
                )

    def _refuse_while_unguarded(self, owner: str, symbol: str) -> None:
        """Raises BrokerError while what is held has not the stop that it is to have, or a stop may be at work
        that outlived its leg, and would close more than is held.
        """
        leg, stops = self.entries.leg(owner, symbol), self.open_orders(owner, symbol, "stop")
        if leg is None and stops:
            raise BrokerError(f"No entry on {symbol} while protective stop {stops[0]} may still be at work")
        if leg is not None and not stops and self.stop_distance(owner, symbol) is not None:
            raise BrokerError(f"No entry on {symbol} while what {owner} holds is without its protective stop")

    def _refuse_against_the_account(self, symbol: str, side: Side) -> None:
        """Raises BrokerError where anybody holds the other side: the account would net the two."""
        for held in self.held(None):
            if held.symbol == symbol and held.side != side:
                raise BrokerError(
                    f"{held.owner} is {held.side} {held.size} {symbol} and must close that before going "
                    f"{side}: the account has one position in a contract"
                )

    def _book_entry(self, order: LiveOrder) -> LiveOrder:
        booked = dict(order.booked)
        for name, execution in order.unbooked.items():
            per_contract = self._per_contract(order.symbol)
            charged = order.life.commissions.get(name, per_contract * execution.size)
            booked[name] = charged
            leg = self.entries.leg(order.owner, order.symbol)
            if leg is not None and leg.side != order.side:
                self.unbookable.append(Unbookable(order, execution.size))
                continue
            fresh = BrokerPosition(
                order.owner, order.symbol, order.side, execution.size, execution.price, charged
            )
            self.entries.write_leg(join(leg, fresh) if leg else fresh)
        return replace(order, booked=booked)

    def _correct_commissions(self, order: LiveOrder) -> LiveOrder:
        """Gives the leg what its executions really cost, where that is known now and was booked otherwise."""
        known = order.life.commissions
        wrong = {
            name: known[name] for name in order.booked if name in known and known[name] != order.booked[name]
        }
        if not wrong:
            return order
        leg = self.entries.leg(order.owner, order.symbol)
        newest = self.orders.entries_of(order.owner, order.symbol)[-1]
        if leg is None or newest.reference != order.reference:
            return order  # what it opened is closed, or cannot be told from what came after
        more = sum((dollars - order.booked[name] for name, dollars in wrong.items()), Decimal(0))
        self.entries.write_leg(
            BrokerPosition(leg.owner, leg.symbol, leg.side, leg.size, leg.price, leg.commission_paid + more)
        )
        return replace(order, booked={**order.booked, **wrong})

    def _per_contract(self, symbol: str) -> Decimal:
        contract = self._contracts.get(symbol)
        return contract.commission_per_side if contract else COMMISSION_PER_SIDE
