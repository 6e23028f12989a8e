"""What every broker offers a worker, and what it answers: what became of an order, positions
and refusals.

A broker fills first and the worker reports afterwards, so a worker can die with a fill that nobody knows of.
Brokers therefore keep every exit until it is confirmed as reported: whoever comes next, the restarted worker
or a flattener, reports that very fill. It is kept at least until then, so a worker that dies between report
and confirmation leaves an exit that was reported already: `fill_id`, which goes on the log with the report,
distinguishes two reports of one fill from two fills.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import msgspec

from portfold.config import Configuration
from portfold.errors import PortfoldError
from portfold.events.fields import Side
from portfold.log import Log
from portfold.workers.brokers.order import OVER, ExitFill, Fill, OrderOutcome
from portfold.workers.named import Shape, read_options

# The most exits a broker keeps of one owner that nobody has confirmed. Beyond it the oldest are dropped.
UNREPORTED_EXITS = 1000

FillAt = Literal["mark", "next_bar"]
"""When an order of a strategy is filled: at once, at the close of the bar that decided, or at the open of the
next one. An order to flatten is filled at once, at the last price, either way."""


MaySend = Callable[[], bool]
"""Asked right before an entry leaves this machine, on every attempt to send it."""


def always() -> bool:
    """Allows everything: a `MaySend` that asks nobody."""
    return True


class _Named(Protocol):
    @property
    def name(self) -> str: ...


class BrokerError(PortfoldError):
    """The broker did not do what was asked, and nothing was changed (but see OrderUnknown); a sentence that
    says why."""


class NotOpen(BrokerError):
    """There is no such position, or not that much of it: most often somebody else has closed it first."""


class Withheld(BrokerError):
    """The entry may not be sent any more, and certainly was not."""


class OrderUnknown(BrokerError):
    """Nobody knows what became of an order: it may be filled, or still be. It is never sent again by itself.

    An entry counts among the `positions` until somebody settles it, an exit as not done. What became of an
    exit is unknown, too, when what it was to close is: whether that came before or after, nobody knows.
    """


class BrokerPosition(msgspec.Struct, frozen=True):
    """What `owner` holds: `size` contracts at the average price `price`, with the dollars of commission
    paid so far for them; `contract` is the month they are in, such as ESZ2026, where the broker has months.
    """

    owner: str
    symbol: str
    side: Side
    size: int
    price: Decimal
    commission_paid: Decimal
    contract: str = ""


class BrokerSetup(NamedTuple):
    """What a broker is opened with. `owner` is the worker that trades, `book` a file that the broker may
    keep, the same for all workers of the portfolio, `environ` where secrets are.
    """

    configuration: Configuration
    owner: str
    book: Path
    log: Log
    environ: Mapping[str, str]

    def options(self, shape: type[Shape]) -> Shape:
        """Returns the `options` of the configuration's broker, as `shape` describes them. Raises
        ConfigError.
        """
        runtime = self.configuration.files.runtime.path
        return read_options(shape, self.configuration.runtime.broker.options, runtime, "broker.options")


class Broker(Protocol):
    """One owner's access to an account that several owners trade. Callable from any thread.

    A method that raises a BrokerError has changed nothing, OrderUnknown apart, and none waits without bound.
    `owner` is whose position is meant, by default one's own: a flattener closes what a dead worker left open.
    An exit belongs to the owner of the position, whoever closed it.
    """

    def enter(
        self, symbol: str, side: Side, size: int, price: Decimal, *, may_send: MaySend = always
    ) -> OrderOutcome[Fill]:
        """Buys (long) or sells (short) `size` contracts at about `price`, adding to one's own position.

        The order is over, or believed filled, when this returns: what it did not get it never will.

        Asks `may_send` as late as it can, from any thread, and sends nothing after a no: Withheld.
        """
        ...

    def exit(
        self, symbol: str, side: Side, size: int, price: Decimal | None, *, owner: str | None = None
    ) -> OrderOutcome[ExitFill]:
        """Closes `size` contracts of the position at about `price`, or at the last price known for None.

        What it did not close is open still; where the order is not over, that works on.

        NotOpen when that much is not open: of several who close the same contracts exactly one succeeds.
        From the moment they are closed its fills are among the `unreported_exits`.
        """
        ...

    def flatten(self, *, owner: str | None = None) -> list[ExitFill]:
        """Closes every position of one owner at the last prices known; an empty list when there is none.

        All are among the `unreported_exits` from then on, as after `exit`.
        """
        ...

    def positions(self, owner: str | None = None) -> list[BrokerPosition]:
        """Returns what is open, of everybody or of `owner` alone, by owner and symbol."""
        ...

    def unreported_exits(self, owner: str | None = None) -> list[ExitFill]:
        """Returns the owner's exits that nobody has confirmed as reported, oldest first: the same fills that
        closing returned, the newest `UNREPORTED_EXITS` of them.

        Nothing else removes them, entering again neither. Those of a live worker may be on their way to the
        bus: only who knows that the owner is gone, or is the owner, may report them.
        """
        ...

    def confirm_reported(self, fill_id: str) -> None:
        """Forgets an exit that is on the bus; does nothing for one that is forgotten already."""
        ...


def close_each(broker: Broker, owner: str) -> list[ExitFill]:
    """Closes every position of one owner, and returns the fills; raises what the first failed with, once all
    were tried.
    """
    fills: list[ExitFill] = []
    failed: list[BrokerError] = []
    for held in broker.positions(owner):
        try:
            fills.extend(broker.exit(held.symbol, held.side, held.size, None, owner=held.owner).fills)
        except NotOpen:
            continue  # somebody else was first
        except BrokerError as error:
            failed.append(error)
    if failed:
        raise failed[0]
    return fills


def refuse_a_rest(outcome: OrderOutcome[ExitFill]) -> None:
    """Raises BrokerError where an exit did not close all that was ordered, OrderUnknown where it works on."""
    if outcome.rest and outcome.state in OVER:
        raise BrokerError(f"{outcome.rest} of {outcome.ordered} are open still: the exit was {outcome.state}")
    if outcome.rest:
        raise OrderUnknown(f"{outcome.rest} of {outcome.ordered} are not closed yet: the exit works on")


def sends_within(broker: Broker) -> float:
    """Returns how many seconds after a yes of `may_send` the broker can still not know what became of an
    entry.

    Its attribute `sends_within_seconds`; 0 where it has none. A slot has to last that long yet, or another
    may have it when the entry is filled.
    """
    seconds: float = getattr(broker, "sends_within_seconds", 0.0)
    return seconds


def month_entered(broker: Broker, symbol: str) -> str:
    """Returns the contract that an entry would be in now, such as ESZ2026; empty for a broker without
    `check_contract`, which has no months. Raises BrokerError.
    """
    check: Callable[[str], _Named] | None = getattr(broker, "check_contract", None)
    return check(symbol).name if check is not None else ""


def when_taken_late(broker: Broker, callback: Callable[[], object]) -> None:
    """Has the broker call back once it learns that an unknown entry was taken; one without
    `on_taken_late` never does."""
    register = getattr(broker, "on_taken_late", None)
    if register is not None:
        register(callback)


def when_closed_late(broker: Broker, callback: Callable[[], object]) -> None:
    """Has the broker call back once an exit that was given up waiting for is filled, and among the
    `unreported_exits`; one without `on_closed_late` never does.
    """
    register = getattr(broker, "on_closed_late", None)
    if register is not None:
        register(callback)


def can_adopt(broker: Broker) -> Callable[[BrokerPosition], object] | None:
    """Returns what has the broker take into its book a position that the account holds and no order of ours
    entered, so that it can be closed; None for one without `adopt`, which knows its own orders alone.
    """
    adopt: Callable[[BrokerPosition], object] | None = getattr(broker, "adopt", None)
    return adopt


def closed_unreported(broker: Broker) -> Mapping[str, int]:
    """Returns by symbol the contracts that exits traded and nobody has reported yet, sold ones below zero;
    nothing from one without `closed_unreported`, which hears of no fill that nobody waits for.
    """
    said: Callable[[], Mapping[str, int]] | None = getattr(broker, "closed_unreported", None)
    return said() if said is not None else {}


def can_cancel(broker: Broker) -> Callable[[], list[str]] | None:
    """Returns what has the broker cancel all that is at work in the account and can fill after everything was
    closed, and then says what still is; None for one without `cancel_working`, whose orders never wait.
    """
    cancel: Callable[[], list[str]] | None = getattr(broker, "cancel_working", None)
    return cancel


class OpenedBroker(Broker, Protocol):
    """A broker as the configuration opens it, and a worker's process keeps it up to date and closes it."""

    def mark(self, symbol: str, price: Decimal) -> None:
        """Takes note of the last price of a symbol, at the end of each of its bars."""
        ...

    def close(self) -> None:
        """Lets go of whatever it holds on to. What is open stays open."""
        ...
