"""The life of one order, made of what the broker says of it, in the states of `brokers.order`. Pure.

Guarantees: each execution counts once, by its own id, with its own commission, however often, late and in
whatever order messages come; what was executed is never taken back, except by the broker's own correction of
that execution. An order is over only when the executions are in for all that the broker says was filled: a
status that counts three while two are known leaves it open. Should an execution come after that all the same,
it counts too. Whatever is said, nothing raises.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from portfold.workers.brokers.order import OVER, State

Reported = Literal["accepted", "working", "filled", "cancelled", "rejected"]
_HEARD: tuple[Reported, ...] = ("accepted", "working")
_ENDED: tuple[Reported, ...] = ("filled", "cancelled", "rejected")


class Status(Struct, frozen=True):
    """The broker says that the order stands so, and that `filled` contracts of it are.

    `certain` false: a refusal that could be one of something else; it counts only while the order is not
    heard of.
    """

    reported: Reported
    filled: int = 0
    message: str = ""
    certain: bool = True


class Execution(Struct, frozen=True):
    """`size` contracts were traded at `price`; a later number after the last dot of `exec_id` corrects it."""

    exec_id: str
    size: int
    price: Decimal
    at_ms: int = 0

    @property
    def name(self) -> str:
        """What an execution and its corrections have in common; never given to another."""
        return self.exec_id.rpartition(".")[0] or self.exec_id

    @property
    def correction(self) -> tuple[int, str]:
        """What orders the corrections of one execution."""
        number = self.exec_id.rpartition(".")[2]
        return (int(number) if number.isascii() and number.isdecimal() else -1), self.exec_id


class Commission(Struct, frozen=True):
    """The dollars that an execution cost; None where the broker sent its number for none."""

    exec_id: str
    dollars: Decimal | None


class Lost(Struct, frozen=True):
    """The broker is out of reach, or silent for too long, and what becomes of the order is not known."""

    message: str = ""


class NotThere(Struct, frozen=True):
    """The broker has listed all that it has, and this order is certainly not among it: it never arrived."""

    message: str = ""


BrokerMessage = Status | Execution | Commission | Lost | NotThere


class OrderLife(Struct, frozen=True):
    """What is known of an order of `size` contracts. Made by `begin` and `hear` alone."""

    size: int
    executions: Mapping[str, Execution] = {}
    commissions: Mapping[str, Decimal] = {}
    heard: int = 0
    ended: int = 0
    reported_filled: int = 0
    lost: bool = False
    message: str = ""

    @property
    def filled(self) -> int:
        """Contracts that it got, by their executions; more than its size where the broker says so."""
        return sum(each.size for each in self.executions.values())

    @property
    def remaining(self) -> int:
        """Contracts that it may still get: none once it is over."""
        return 0 if self.is_over else max(0, self.size - self.filled)

    @property
    def state(self) -> State:
        """What has become of it."""
        if self.filled >= self.size:
            return "filled"
        ended = _ENDED[self.ended - 1] if self.ended else None
        if ended in ("cancelled", "rejected") and self.filled >= self.reported_filled:
            return "cancelled" if self.filled else ended
        if self.lost:
            return "unknown"
        if self.filled:
            return "partly_filled"
        return _HEARD[self.heard - 1] if self.heard else "sending"

    @property
    def is_over(self) -> bool:
        """Returns whether no more can become of it, and all it got is known."""
        return self.state in OVER

    def commission(self, name: str, per_contract: Decimal) -> Decimal:
        """Dollars that one of its executions cost; `per_contract` where that is not known."""
        return self.commissions.get(name, per_contract * self.executions[name].size)

    @property
    def lacks_commissions(self) -> bool:
        """Returns whether an execution's commission is still to come."""
        return any(name not in self.commissions for name in self.executions)


def begin(size: int) -> OrderLife:
    """Returns the life of an order that is about to be sent."""
    return OrderLife(size)


def hear(life: OrderLife, message: BrokerMessage) -> OrderLife:
    """Returns the life after a message; the same one where it says nothing new."""
    match message:
        case Status():
            return _hear_status(life, message)
        case Execution():
            return _hear_execution(life, message)
        case Commission():
            return _hear_commission(life, message)
        case Lost():
            return life if life.is_over else replace(life, lost=True, message=message.message)
        case NotThere():
            if life.is_over or life.filled:
                return life
            return replace(life, ended=_ENDED.index("rejected") + 1, lost=False, message=message.message)


def _hear_status(life: OrderLife, status: Status) -> OrderLife:
    filled = max(life.reported_filled, min(status.filled, life.size))
    if status.reported in _HEARD:
        rank = _HEARD.index(status.reported) + 1
        return replace(life, heard=max(life.heard, rank), reported_filled=filled, lost=False)
    if not status.certain and (life.heard or life.filled):
        return life
    if status.reported == "filled":
        return replace(life, heard=len(_HEARD), reported_filled=life.size, lost=False)
    ended = max(life.ended, _ENDED.index(status.reported) + 1)
    message = status.message if ended > life.ended or not life.message else life.message
    return replace(life, ended=ended, reported_filled=filled, lost=False, message=message)


def _hear_execution(life: OrderLife, execution: Execution) -> OrderLife:
    before = life.executions.get(execution.name)
    if before is not None and before.correction >= execution.correction:
        return life
    return replace(life, executions={**life.executions, execution.name: execution})


def _hear_commission(life: OrderLife, commission: Commission) -> OrderLife:
    if commission.dollars is None:
        return life
    name = Execution(commission.exec_id, 0, Decimal(0)).name
    if life.commissions.get(name) == commission.dollars:
        return life
    return replace(life, commissions={**life.commissions, name: commission.dollars})
