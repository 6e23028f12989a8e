"""Events: everything that workers, operators and the leader may publish to the coordinator.

Events are the only source of truth; the decisions follow from them. Each struct here is one `type` on the
`events` stream, its fields written flat as text. Times are never a field: an event's time is its stream ID.
Amounts are dollars, prices are in the contract's quote, sizes are whole contracts.
"""

from decimal import Decimal

from msgspec import Struct

from portfold.dollars import ZERO
from portfold.events.account import AccountReported, AccountSettled, CashMoved
from portfold.events.calendar import SessionsPublished, WindowsPublished
from portfold.events.fields import (
    Count,
    Dollars,
    EventSeen,
    EventSpanOrNone,
    Flag,
    Holdings,
    Milliseconds,
    Name,
    NameOrNone,
    NumberOrNone,
    Person,
    Price,
    PriceOrNone,
    ServerTime,
    Side,
    Size,
    SizeOrFlat,
    Symbol,
    SymbolListOrNone,
    Text,
)
from portfold.events.limits_changed import LimitsChanged
from portfold.events.message import AnyEvent, WorkerEvent
from portfold.events.scope import ScopedOrder

# --- by workers -----------------------------------------------------------------------------------------


class EntryRequested(WorkerEvent, frozen=True):
    """May I open this? Answered by EntryAllowed or EntryDenied.

    It may say what it plans to lose: at `stop_price`, when it is filled at `price` as expected; or `risk`, in
    dollars for all of it, before costs.
    """

    symbol: Symbol
    side: Side
    size: Size
    strategy: Text = ""
    stop_price: PriceOrNone = ""
    price: PriceOrNone = ""
    risk: Dollars = ZERO

    def __post_init__(self) -> None:
        if self.stop_price or self.risk:
            refused = unfit_plan(self.side, self.stop_price, self.price, self.risk)
            if refused:
                raise ValueError(refused)


def unfit_plan(side: str, stop_price: str, price: str, risk: Decimal) -> str:
    """Says what is wrong with what an entry plans to lose; nothing where it may be."""
    if not risk.is_finite() or risk < 0:
        return "risk: expected more than 0 dollars"
    if risk and stop_price:
        return "risk: expected nothing beside a stop_price"
    if not (price and stop_price):
        return ""
    below = Decimal(stop_price) < Decimal(price)
    if Decimal(stop_price) == Decimal(price) or below != (side == "long"):
        return f"stop_price: expected {'below' if side == 'long' else 'above'} the price of a {side}"
    return ""


class EntryWithdrawn(WorkerEvent, frozen=True):
    """The entry will not happen: order refused, cancelled or not sent. Gives the reserved slot back.

    `request` is the `seq` of the request that reserved it: another thread of the worker may have asked too.
    """

    symbol: Symbol
    reason: Text = ""
    request: NumberOrNone = ""


class EntryRenewed(WorkerEvent, frozen=True):
    """The order is still under way: renews the slot, which lasts as long again as it was granted for."""

    symbol: Symbol


class PositionOpened(WorkerEvent, frozen=True):
    """A fill that opened contracts: a fact, folded whether or not it was granted.

    `fill` is the broker's own name for it, where it has one: the same fill is not folded twice, whoever
    reports it.
    """

    symbol: Symbol
    side: Side
    size: Size
    price: Price
    fill: NameOrNone = ""

    @property
    def holder(self) -> str:
        """Returns the worker whose position it is."""
        return self.worker


NO_EXIT_PRICE = "no exit price told"
"""How the reason of a close begins whose price only follows from its P&L: nobody is shown such a price."""


class PositionClosed(WorkerEvent, frozen=True):
    """A fill that closed contracts.

    `side` is the side of the position, not of the closing order. `commission` is the total for the closed
    contracts, both sides; `pnl` is net of it. `owner` is the worker that held the position, where it was
    closed by another (the flattener). `fill` as in PositionOpened.
    """

    symbol: Symbol
    side: Side
    size: Size
    price: Price
    commission: Dollars
    pnl: Dollars
    reason: Text = ""
    owner: NameOrNone = ""
    fill: NameOrNone = ""

    @property
    def holder(self) -> str:
        """Returns the worker whose position it is."""
        return self.owner or self.worker


class PositionMarked(WorkerEvent, frozen=True):
    """What an open position would make at `price` now, in dollars.

    `owner` is the worker that holds it, where another marks it (the flattener): only while that is not up.
    `moment_ms` is the market's time of the price, 0 where that is not known: where limits say so, marks of
    one moment count together.
    """

    symbol: Symbol
    side: Side
    price: Price
    unrealized: Dollars
    owner: NameOrNone = ""
    moment_ms: ServerTime = 0

    @property
    def holder(self) -> str:
        """Returns the worker whose position it is."""
        return self.owner or self.worker


class StopMoved(WorkerEvent, frozen=True):
    """Where the stop of an open position is from now on, of all of it, as the worker that holds it says.

    It is what is planned to be lost; nothing is closed by it.
    """

    symbol: Symbol
    side: Side
    stop_price: Price


class WorkerStarted(WorkerEvent, frozen=True):
    """A worker is up: what it trades, and what its broker says it holds."""

    symbols: SymbolListOrNone = ""
    positions: Holdings = ""


class WorkerStopped(WorkerEvent, frozen=True):
    """A worker ends in good order."""

    reason: Text = ""


class LogTailMissing(WorkerEvent, frozen=True):
    """The log no longer holds `saw`, an event of this worker that it had taken: it lost its end.

    Entries are denied until a LossAcknowledged that comes after.
    """

    saw: EventSeen


# --- by operators ---------------------------------------------------------------------------------------

COORDINATOR = "coordinator"
"""Who it is `by` where the leader itself orders what an operator may."""


class TradingHalted(ScopedOrder, frozen=True):
    """No entries until a TradingResumed, however many days pass. Exits go on.

    Where a scope is named, no entries in it, until a TradingResumed that names it.
    """


class TradingResumed(ScopedOrder, frozen=True):
    """Lifts a halt. Lifts the day's stop as well only when `force` is true.

    Where a scope is named it opens that alone; where none is, what is closed of scopes stays closed.
    """

    force: Flag = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.force and self.scope is not None:
            raise ValueError("force: expected nothing where a scope is named: what it forces is of the whole")


class FlattenRequested(ScopedOrder, frozen=True):
    """Close everything, and halt until a TradingResumed; where a scope is named, all that is in it."""


class LockoutOrdered(AnyEvent, frozen=True):
    """No entries until `until_ms` on the log's clock, whoever resumes; another only makes it longer."""

    by: Person
    reason: Text
    until_ms: ServerTime


class PositionSettled(AnyEvent, frozen=True):
    """What really is held in `symbol` by `worker`, after log and broker disagreed: `size` 0 means flat.

    `pnl` (dollars, net) is booked to the day: what the position made when it was closed unseen.
    """

    by: Person
    reason: Text
    symbol: Symbol
    worker: Name
    side: Side
    size: SizeOrFlat
    price: Price
    pnl: Dollars

    @property
    def holder(self) -> str:
        """Returns the worker whose position it is."""
        return self.worker


class LossAcknowledged(AnyEvent, frozen=True):
    """A part of the log is gone for good, and somebody answers for going on. `detail` is what was found.

    Where the log was renewed, the events from the first `removed` to the last were taken off it.
    """

    by: Person
    reason: Text
    detail: Text = ""
    removed: EventSpanOrNone = ""


class WorkerRetired(AnyEvent, frozen=True):
    """A lost worker will not come back: its symbols are free again for others.

    Refused while anything of it is open or may be. If it does come back, it is a worker like any other.
    """

    by: Person
    reason: Text
    worker: Name


# --- by the leader --------------------------------------------------------------------------------------


class CoordinatorStarted(AnyEvent, frozen=True):
    """A leader took over, with this epoch, deciding by this version of the fold.

    After `worker_lost_ms` without a sign of life it counts a worker as lost; 0 from earlier versions. `keys`:
    how many names have a key, so that every event is to be proved; 0 where none is. `again`: so many events
    behind this one were decided before and order nothing closed a second time; only where a log is renewed.
    """

    leader: Name
    epoch: Count
    fold: Count
    version: Text = ""
    worker_lost_ms: Milliseconds = 0
    keys: Count = 0
    again: Count = 0


class ClockTicked(AnyEvent, frozen=True):
    """Time has passed: written when a deadline is due and nothing else happened."""


class WorkerLost(AnyEvent, frozen=True):
    """A worker's heartbeat lapsed. `session` is the one that was lost."""

    worker: Name
    session: Name
    silent_ms: Milliseconds


Event = (
    EntryRequested
    | EntryWithdrawn
    | EntryRenewed
    | PositionOpened
    | PositionClosed
    | PositionMarked
    | StopMoved
    | WorkerStarted
    | WorkerStopped
    | LogTailMissing
    | AccountReported
    | TradingHalted
    | TradingResumed
    | FlattenRequested
    | LockoutOrdered
    | PositionSettled
    | AccountSettled
    | CashMoved
    | SessionsPublished
    | WindowsPublished
    | LossAcknowledged
    | WorkerRetired
    | LimitsChanged
    | CoordinatorStarted
    | ClockTicked
    | WorkerLost
)


class Malformed(Struct, frozen=True):
    """An entry of the events stream that is no event: `reason` is the sentence that says why."""

    reason: str
    type: str = ""
