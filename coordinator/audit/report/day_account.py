"""The account of one trading day: what was asked and denied, held, made and lost, and by which limits.

Amounts are dollars, prices in the contract's quote, sizes whole contracts, times milliseconds of the log's
clock. Nothing here is decided: it is what the fold made of the events, gathered.
"""

from collections import Counter
from decimal import Decimal
from typing import Literal

from msgspec import Struct, field

from portfold.coordinator.audit.report.curves import Curve, Denials
from portfold.coordinator.fold.limits import Limits
from portfold.coordinator.views.narration import Line
from portfold.dollars import ZERO

LINES_KEPT = 1000

StepKind = Literal["triggered", "ordered", "handed over", "closed", "overdue", "flat"]
OrderKind = Literal[
    "halt",
    "lockout",
    "resume",
    "resume by force",
    "flatten",
    "settle",
    "cash",
    "calendar",
    "acknowledge",
    "retire",
    "limits that wait",
]


class EntryFill(Struct, frozen=True):
    """A fill that opened contracts. `daily_pnl` is the day's P&L right after it."""

    ms: int
    symbol: str
    side: str
    size: int
    price: Decimal
    worker: str
    daily_pnl: Decimal


class ClosedTrade(Struct, frozen=True):
    """A close of what was held, in part or all.

    `pnl` is what it made over its whole life, net of `commission`, as the coordinator counted it; `booked` is
    what of that fell on this day (less where an earlier day already counted an open profit or loss).
    `closed_by` is the worker that closed it, where that was not the owner.
    """

    ms: int
    symbol: str
    side: str
    size: int
    worker: str
    opened_ms: int
    entry: Decimal
    price: Decimal
    commission: Decimal
    pnl: Decimal
    booked: Decimal
    reason: str
    closed_by: str
    daily_pnl: Decimal


class Booking(Struct, frozen=True):
    """Dollars that came to the day otherwise: a settlement, or a reported loss on what was not open."""

    ms: int
    symbol: str
    worker: str
    booked: Decimal
    why: str


class EndOfDayPosition(Struct, frozen=True):
    """A position open at the end of the day, with its open P&L at the last mark; None before the first.

    `counted` is what of that fell on this day, as the stop counts it.
    """

    symbol: str
    side: str
    size: int
    price: Decimal
    worker: str
    unrealized: Decimal | None
    counted: Decimal


class Above(Struct, frozen=True):
    """More was held than the limit of `what` allows."""

    what: Literal["positions", "contracts"]
    ms: int
    held: int | Decimal
    limit: int


class OperatorOrder(Struct, frozen=True):
    """What an operator ordered; `refused` says why it had no effect."""

    ms: int
    kind: OrderKind
    by: str
    reason: str
    refused: str = ""


class LimitsChange(Struct, frozen=True):
    """Other limits from `ms` on: name, value before, value after."""

    ms: int
    by: str
    reason: str
    changes: tuple[tuple[str, str, str], ...]


class FlatteningStep(Struct, frozen=True):
    """Something that happened in a flattening."""

    ms: int
    kind: StepKind
    text: str


class Triggered(Struct, frozen=True):
    """That a flattening is the day's stop: the P&L that reached the limit."""

    ms: int
    day: str
    daily_pnl: Decimal
    limit: Decimal
    open_positions: int


class Flattening(Struct):
    """Positions being closed, from the order to the last confirmed close; `took_ms` is None until then."""

    episode: str
    cause: str
    began_ms: int
    deadline_ms: int
    steps: list[FlatteningStep] = field(default_factory=list)
    triggered: Triggered | None = None
    took_ms: int | None = None


class NarratedLine(Struct, frozen=True):
    """A line about the event at `ms`, as the coordinator's own log has it."""

    ms: int
    line: Line


class DayAccount(Struct):
    """One trading day, as it came to be.

    `limits` are those in force at its beginning. `pnl` is the P&L as the stop counts it, `reported` as
    workers reported it, which is more where the account's figure counts; `realized` what of that is
    booked; `worst` and `best` are where `pnl` was lowest and highest. `used` is the largest share of the
    daily limit that was ever lost, 1 being all of it, `lost` these dollars and `lost_of` the limit at
    that moment; `near` that it was as much as the limits warn of. When `most_open` were open at once,
    `most_allowed` were.
    `active_ms` spans what traders did; `over` says that the day has ended. `crossed` are fills that were on
    their way when an order to flatten took the grant back; `breaches`, by code, all others that broke limits;
    `reached`, by rule, the limits of money other than the day's stop that were reached.
    `account_differed` counts, by symbol or `equity`, when the account differed for longer than its grace.
    """

    day: str
    ends_ms: int = 0
    first_ms: int = 0
    last_ms: int = 0
    active_ms: tuple[int, int] | None = None
    over: bool = False
    halted: bool = False
    limits: Limits | None = None

    realized: Decimal = ZERO
    pnl: Decimal = ZERO
    reported: Decimal = ZERO
    worst: Decimal = ZERO
    best: Decimal = ZERO
    used: Decimal = ZERO
    lost: Decimal = ZERO
    lost_of: Decimal = ZERO
    near: bool = False

    events: int = 0
    asked: int = 0
    allowed: int = 0
    expired: int = 0
    denied: Counter[str] = field(default_factory=Counter)
    stops: int = 0
    stops_in_week: int = 0
    most_open: int = 0
    most_allowed: int | None = None
    above: list[Above] = field(default_factory=list)
    breaches: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    crossed: int = 0
    rejected: int = 0
    account_differed: Counter[str] = field(default_factory=Counter)
    account_silences: int = 0

    entries: list[EntryFill] = field(default_factory=list)
    trades: list[ClosedTrade] = field(default_factory=list)
    bookings: list[Booking] = field(default_factory=list)
    held: list[EndOfDayPosition] = field(default_factory=list)
    asked_by: Counter[tuple[str, str]] = field(default_factory=Counter)
    denied_by: Counter[tuple[str, str]] = field(default_factory=Counter)
    strategies: dict[str, str] = field(default_factory=dict)

    flattenings: list[Flattening] = field(default_factory=list)
    orders: list[OperatorOrder] = field(default_factory=list)
    changes: list[LimitsChange] = field(default_factory=list)
    lines: list[NarratedLine] = field(default_factory=list)
    lines_left_out: int = 0

    total_curve: Curve = field(default_factory=Curve)
    realized_curve: Curve = field(default_factory=Curve)
    stop_curve: Curve = field(default_factory=Curve)
    open_curve: Curve = field(default_factory=Curve)
    slots_curve: Curve = field(default_factory=Curve)
    limit_curve: Curve = field(default_factory=Curve)
    denials: Denials = field(default_factory=Denials)

    @property
    def blocked(self) -> int:
        """Returns how many requests were denied."""
        return self.denied.total()

    @property
    def daily_limits(self) -> list[Decimal]:
        """Returns the daily limits in dollars, one after the other; none where there were no limits."""
        first = [self.limits.daily_stop_loss] if self.limits else []
        named = [one for change in self.changes for one in change.changes]
        return first + [Decimal(after) for name, _, after in named if name == "daily_stop_loss"]

    @property
    def stopped(self) -> list[Flattening]:
        """Returns the flattenings that are stops of this day."""
        return [
            flattening
            for flattening in self.flattenings
            if flattening.triggered and flattening.triggered.day == self.day
        ]


def rate(part: int, whole: int) -> Decimal | None:
    """Returns the share of `part` in `whole`; None of nothing."""
    return Decimal(part) / whole if whole else None
