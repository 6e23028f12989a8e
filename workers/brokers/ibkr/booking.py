"""From executions to the book: legs, and exits that are to be reported; each execution is booked once.

An entry's executions become part of the leg as they come. An exit's, and a protective stop's, are booked when
it is over or when whoever waited for it gives up: each a fill of its own. A commission that is not known yet
is booked as contracts.json has it; what it really was corrects the leg as long as it is open, and is told
where it came too late for that.
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from portfold.config import Contract
from portfold.config.costs import COMMISSION_PER_SIDE
from portfold.events.fields import Side
from portfold.workers.brokers.ibkr.order_life import BrokerMessage, Execution, hear
from portfold.workers.brokers.ibkr.order_records import LiveOrder, OrderRecords
from portfold.workers.brokers.leg_arithmetic import join, reduce
from portfold.workers.brokers.legs_book import Entries
from portfold.workers.brokers.order import ExitFill, Fill
from portfold.workers.brokers.protocol import BrokerError, BrokerPosition
from portfold.workers.brokers.resting.protective import StopPlace


class Unbookable(NamedTuple):
    """Contracts that were executed and are in no leg, as the leg was smaller or on the other side."""

    order: LiveOrder
    size: int


class ChargedLate(NamedTuple):
    """An order cost so many dollars `more` than its reports say: the broker said so too late for them."""

    order: LiveOrder
    more: Decimal


def fills_of(order: LiveOrder, per_contract: Decimal) -> tuple[Fill, ...]:
    """Returns what an order has got, a fill for each execution; one not charged yet costs `per_contract`."""
    return tuple(
        Fill(
            order.owner,
            order.symbol,
            order.side,
            execution.size,
            execution.price,
            order.life.commission(name, per_contract),
            name,
        )
        for name, execution in order.life.executions.items()
    )


class Booking:
    """Within one transaction of the book."""

    def __init__(self, entries: Entries, contracts: Mapping[str, Contract]) -> None:
        self.entries = entries
        self.orders = OrderRecords(entries)
        self.unbookable: list[Unbookable] = []
        self.corrected: list[LiveOrder] = []
        self.charged_late: list[ChargedLate] = []
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
        if order.by_person:  # who said that it was filled is told so now, and it is counted already
            if isinstance(message, Execution) and order.life.state != "filled":
                self.unbookable.append(Unbookable(order, message.size))
            return order
        if isinstance(message, Execution) and message.name in order.booked:
            self.corrected.append(order)
        heard = replace(order, life=life)
        if order.does == "enter":
            heard = self._book_entry(heard)
        heard = self._correct_commissions(heard)
        self.orders.write(heard)
        return heard

    def book_exit(self, reference: str) -> list[ExitFill]:
        """Books what the exit has got and is not booked yet. Returns its fills, one for each execution."""
        order = self.orders.order(reference)
        if order is None or order.does == "enter":
            return []
        per_contract = self._per_contract(order.symbol)
        charged = {name: order.life.commission(name, per_contract) for name in order.unbooked}
        self.orders.write(replace(order, booked={**order.booked, **charged}))
        fills = (self._take_out(order, name, charged[name]) for name in order.unbooked)
        return [fill for fill in fills if fill is not None]

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
        return [replace(held[key], contract=self._month(*key)) for key in sorted(held)]

    def open_orders(self, owner: str, symbol: str, does: str) -> list[LiveOrder]:
        """Returns the owner's orders on the symbol that are not settled."""
        return [
            each
            for each in self.orders.open()
            if (each.owner, each.symbol, each.does) == (owner, symbol, does)
        ]

    def stop_place(self, owner: str, symbol: str) -> StopPlace:
        """Returns where the protective stop of the leg is to rest, if one is. The price that an entry named
        is of its own leg alone: one that a person settled since never had it, and only the distance is its.
        """
        entered, leg = self.orders.newest_entry(owner, symbol), self.entries.leg(owner, symbol)
        if entered is None:
            return StopPlace()
        return entered.place if leg is None or entered.is_of(leg) else StopPlace(entered.stop_distance)

    def takes(self, order: LiveOrder) -> int:
        """Returns how many contracts of its leg an exit will have closed, that are in the leg still; a
        protective stop only those that it has closed: the rest it closes if nothing else does.
        """
        remaining = 0 if order.does == "stop" else order.life.remaining
        return remaining + sum(each.size for each in order.unbooked.values())

    def holds_without(self, order: LiveOrder, positions: Mapping[int, int]) -> bool:
        """Returns whether the account, with these `positions` by contract id, shows that an order got nothing
        but what is in the book: it holds exactly what all owners have there. More on its side proves it of a
        stop, which is in no list any more and so at work nowhere.
        """
        if self._is_somewhere(order.symbol):
            return False
        more = positions.get(order.con_id, 0) - self.in_account(order.con_id)
        if order.does == "stop":
            return more >= 0 if order.side == "long" else more <= 0
        return more == 0

    def in_account(self, con_id: int) -> int:
        """Returns what the legs and unbooked exits say that the account holds of a contract."""
        expected = 0
        for leg in self.entries.legs(None):
            size = self._size_in(leg, con_id)
            expected += size if leg.side == "long" else -size
        for order in self.orders.open():
            if order.does != "enter" and order.con_id == con_id:
                unbooked = sum(each.size for each in order.unbooked.values())
                expected += unbooked if order.buys else -unbooked
        return expected

    def closed_unreported(self) -> dict[str, int]:
        """See `protocol.closed_unreported`; of all owners."""
        found: Counter[str] = Counter()
        for fill in self.entries.unreported_exits(None):
            found[fill.symbol] += -fill.size if fill.side == "long" else fill.size
        for order in self.orders.open():
            if order.does != "enter":
                unbooked = sum(each.size for each in order.unbooked.values())
                found[order.symbol] += unbooked if order.buys else -unbooked
        return dict(found)

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
        if leg is not None and not stops and self.stop_place(owner, symbol).is_named:
            raise BrokerError(f"No entry on {symbol} while what {owner} holds is without its protective stop")

    def _refuse_against_the_account(self, symbol: str, side: Side) -> None:
        """Raises BrokerError where anybody holds the other side: the account would net the two."""
        for held in self.held(None):
            if held.symbol == symbol and held.side != side:
                raise BrokerError(
                    f"{held.owner} is {held.side} {held.size} {symbol} and must close that before going "
                    f"{side}: the account has one position in a contract"
                )

    def _size_in(self, leg: BrokerPosition, con_id: int) -> int:
        """Returns how much of the leg is in a contract; of one that no order of ours entered what is being
        closed there.
        """
        entered = self.orders.newest_entry(leg.owner, leg.symbol)
        if entered is not None:
            return leg.size if entered.con_id == con_id else 0
        exits = self.open_orders(leg.owner, leg.symbol, "exit")
        return sum(self.takes(each) for each in exits if each.con_id == con_id)

    def _is_somewhere(self, symbol: str) -> bool:
        """Returns whether anybody holds what no order of ours entered, and nobody knows in which contract."""
        for leg in self.entries.legs(None):
            if leg.symbol == symbol and self.orders.newest_entry(leg.owner, symbol) is None:
                exits = self.open_orders(leg.owner, symbol, "exit")
                if leg.size > sum(self.takes(each) for each in exits):
                    return True
        return False

    def _take_out(self, order: LiveOrder, name: str, charged: Decimal) -> ExitFill | None:
        """Takes one execution's contracts out of the leg, as far as they are in it. Returns that fill."""
        execution = order.life.executions[name]
        leg = self.entries.leg(order.owner, order.symbol)
        held = leg.size if leg is not None and leg.side == order.side else 0
        size = min(execution.size, held)
        if size < execution.size:
            self.unbookable.append(Unbookable(order, execution.size - size))
        if leg is None or not size:
            return None
        left, entry_commission = reduce(leg, size)
        self.entries.write_leg(left)
        fill = ExitFill(
            order.owner,
            order.symbol,
            order.side,
            size,
            execution.price,
            charged,
            order.fill_name(name),
            leg.price,
            entry_commission,
        )
        self.entries.write_unreported_exit(fill)
        return fill

    def _book_entry(self, order: LiveOrder) -> LiveOrder:
        booked, leg_price = dict(order.booked), order.leg_price
        for name, execution in order.unbooked.items():
            charged = order.life.commission(name, self._per_contract(order.symbol))
            booked[name] = charged
            leg = self.entries.leg(order.owner, order.symbol)
            if leg is not None and leg.side != order.side:
                self.unbookable.append(Unbookable(order, execution.size))
                continue
            fresh = BrokerPosition(
                order.owner, order.symbol, order.side, execution.size, execution.price, charged
            )
            held = join(leg, fresh) if leg else fresh
            self.entries.write_leg(held)
            leg_price = held.price
        return replace(order, booked=booked, leg_price=leg_price)

    def _correct_commissions(self, order: LiveOrder) -> LiveOrder:
        """Takes in what executions really cost, where they were booked otherwise: the leg that they opened
        gets it. Where that is closed, or they closed it, it is reported already, and is only told.
        """
        known = order.life.commissions
        wrong = {
            name: known[name] for name in order.booked if name in known and known[name] != order.booked[name]
        }
        if not wrong:
            return order
        more = sum((dollars - order.booked[name] for name, dollars in wrong.items()), Decimal(0))
        leg = self.entries.leg(order.owner, order.symbol)
        if order.does == "enter" and leg is not None and self._is_newest(order):
            paid = leg.commission_paid + more
            self.entries.write_leg(BrokerPosition(leg.owner, leg.symbol, leg.side, leg.size, leg.price, paid))
        else:  # closed, or cannot be told from what came after
            self.charged_late.append(ChargedLate(order, more))
        return replace(order, booked={**order.booked, **wrong})

    def _month(self, owner: str, symbol: str) -> str:
        """Returns the contract that was entered last; empty for what no order of ours entered."""
        return next((each.contract for each in reversed(self.orders.entries_of(owner, symbol))), "")

    def _is_newest(self, order: LiveOrder) -> bool:
        return self.orders.entries_of(order.owner, order.symbol)[-1].reference == order.reference

    def _per_contract(self, symbol: str) -> Decimal:
        contract = self._contracts.get(symbol)
        return contract.commission_per_side if contract else COMMISSION_PER_SIDE
