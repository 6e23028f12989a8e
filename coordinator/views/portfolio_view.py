"""The view: the portfolio as it stands after an event, typed, as every reader of a status has it.

Made of the state by `view_of_state`, written and read by `view_field`, put into words by `status`.
Guarantees: numbers are numbers, amounts are decimal, sums to the cent; a state that does not apply is None.
"""

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from portfold.coordinator.fold.limits import Limits, Loosening
from portfold.coordinator.fold.money_state import DENIES_ALL, Lock
from portfold.coordinator.fold.scopes import ClosedScope
from portfold.coordinator.fold.state import Acknowledged, Halt, Stats, TailMissing
from portfold.coordinator.fold.windows.locked_out import Lockout
from portfold.coordinator.views.account_view import ShownAccount
from portfold.coordinator.views.amounts import refuse_no_amount
from portfold.coordinator.views.calendar_view import ShownCalendar
from portfold.coordinator.views.rule_view import ShownRule
from portfold.dollars import ZERO
from portfold.events.fields import Side
from portfold.events.legs import Leg
from portfold.events.stream_id import StreamId

Count = Annotated[int, Meta(ge=0)]
Milliseconds = Annotated[int, Meta(ge=0)]
"""A time in the clock of the log."""
Presence = Literal["unannounced", "up", "lost", "stopped", "retired"]

_MOST_SLOTS = 10_000


class ShownPosition(Struct, frozen=True):
    """An open position: price of entry, dollars of open profit at the last `mark`, a price.

    `marked_ms` is when it was marked last, 0 before the first. `earlier` is what of its open profit belongs
    to earlier days. `stop_price` is its planned stop, where it has one; `at_stop` are the dollars that it
    would make there, costs in them, where a loss budget is kept.
    """

    symbol: str
    side: Side
    size: Count
    price: Decimal
    worker: str
    unrealized: Decimal
    opened_ms: Milliseconds
    mark: Decimal | None
    earlier: Decimal = ZERO
    mark_stale: bool = False
    mark_doubted: bool = False
    stop_price: Decimal | None = None
    at_stop: Decimal | None = None
    marked_ms: Milliseconds = 0

    def __post_init__(self) -> None:
        refuse_no_amount(self.price, self.unrealized, self.mark or ZERO, self.earlier)
        refuse_no_amount(self.stop_price or ZERO, self.at_stop or ZERO)

    @property
    def unmarked(self) -> bool:
        """Returns whether there was no mark yet, so that its open profit is not known."""
        return self.mark is None


class Slot(Struct, frozen=True):
    """A slot of an entry that was allowed.

    `kept`: its worker was lost or stopped with it, so it may be filled, and `expires_ms` ends it no more.
    `at_stop` as in `ShownPosition`.
    """

    symbol: str
    side: Side
    size: Count
    worker: str
    expires_ms: Milliseconds
    kept: bool = False
    at_stop: Decimal | None = None

    def __post_init__(self) -> None:
        refuse_no_amount(self.at_stop or ZERO)


class ShownUnsettled(Struct, frozen=True):
    """A leg on which log and broker disagree, or may, since the event `since`."""

    symbol: str
    worker: str
    kind: str
    since: str = ""


class Announced(Struct, frozen=True):
    """A worker that ever announced itself, or spoke, as the log knows it."""

    worker: str
    presence: Presence
    symbols: tuple[str, ...] = ()


class ShownDay(Struct, frozen=True):
    """The trading day's account in dollars: `stop_from` is the P&L from which the daily stop counts."""

    date: str = ""
    ends_ms: Milliseconds = 0
    pnl: Decimal = ZERO
    realized: Decimal = ZERO
    stop_from: Decimal = ZERO

    def __post_init__(self) -> None:
        refuse_no_amount(self.pnl, self.realized, self.stop_from)


class ShownStop(Struct, frozen=True):
    """The stop of the trading day `day` was triggered by the event `since`, at `daily_pnl` dollars."""

    day: str
    daily_pnl: Decimal
    since: str

    def __post_init__(self) -> None:
        StreamId.parse(self.since)
        refuse_no_amount(self.daily_pnl)

    @property
    def ms(self) -> int:
        """Returns when that was, in the clock of the log."""
        return StreamId.parse(self.since).ms


class ShownFlatten(Struct, frozen=True):
    """The flatten under way: what is being closed, why, and by when."""

    cause: str
    started_ms: Milliseconds
    deadline_ms: Milliseconds
    left: tuple[Leg, ...] = ()


class PortfolioView(Struct, frozen=True, kw_only=True):
    """All of it after `last_event`. `leader`, `durability` and `clock` are known where somebody leads.

    `reserved` are the slots that stand, `taken_back` those that a flatten ended. `fills_closed_at_once`:
    whatever fills now is closed at once. `rules` are those with a number, the nearest to its limit first,
    `locks` the limits of money that are latched, `scopes` what is closed by itself. `loosening` are
    limits that count from a later day on. `calendar` is there where windows or sessions are known.
    """

    last_event: str = ""
    epoch: int = 0
    fold_version: int = 0
    keys: int = 0
    leader: str = ""
    durability: str = ""
    clock: str = ""
    day: ShownDay = field(default_factory=ShownDay)
    limits: Limits | None = None
    positions: tuple[ShownPosition, ...] = ()
    reserved: tuple[Slot, ...] = ()
    taken_back: tuple[Slot, ...] = ()
    slots_used: Annotated[Count, Meta(le=_MOST_SLOTS)] = 0
    unsettled: tuple[ShownUnsettled, ...] = ()
    workers: tuple[Announced, ...] = ()
    stop: ShownStop | None = None
    halt: Halt | None = None
    flatten: ShownFlatten | None = None
    fills_closed_at_once: bool = False
    tail_missing: TailMissing | None = None
    acknowledged: Acknowledged | None = None
    stats: Stats = field(default_factory=Stats)
    account: ShownAccount | None = None
    rules: tuple[ShownRule, ...] = ()
    locks: tuple[Lock, ...] = ()
    scopes: tuple[ClosedScope, ...] = ()
    loosening: Loosening | None = None
    calendar: ShownCalendar | None = None
    lockout: Lockout | None = None

    @property
    def denies_entries(self) -> bool:
        """Returns whether every entry is denied: stopped, halted, locked out, a log that lost its end."""
        if self.account is not None and self.account.denies:
            return True
        if self.marks_that_deny:
            return True
        if any(lock.action in DENIES_ALL for lock in self.locks):
            return True
        if self.calendar is not None and self.calendar.denies_all:
            return True
        whole = (self.stop, self.halt, self.lockout, self.tail_missing)
        return any(one is not None for one in whole)

    @property
    def marks_that_deny(self) -> tuple[ShownPosition, ...]:
        """Returns the positions whose mark denies every entry: it is stale, or in doubt."""
        stale_denies = self.limits is not None and self.limits.mark_stale_denies
        return tuple(one for one in self.positions if one.mark_doubted or (stale_denies and one.mark_stale))

    @property
    def daily_limit(self) -> Decimal:
        """Returns the daily stop's limit in dollars; zero where none is in force."""
        return self.limits.daily_stop_loss if self.limits else ZERO

    @property
    def stop_at(self) -> Decimal:
        """Returns the daily P&L at which everything is closed."""
        return self.day.stop_from - self.daily_limit

    @property
    def stop_used(self) -> Decimal:
        """Returns how much of the way to the stop is gone, from 0 to 1."""
        lost, limit = self.day.stop_from - self.day.pnl, self.daily_limit
        return min(Decimal(1), max(ZERO, lost / limit)) if limit else ZERO

    @property
    def contracts_used(self) -> Decimal:
        """Counts contracts held or reserved, by their weight: `max_contracts` bounds them."""
        weights = self.limits.weights if self.limits else {}
        taken: list[ShownPosition | Slot] = [*self.positions, *self.reserved, *self.taken_back]
        return sum((one.size * weights.get(one.symbol, Decimal(1)) for one in taken), ZERO)

    def slots_of(self, worker: str) -> tuple[Slot, ...]:
        """Returns the worker's slots, reserved or taken back: a fill of each may still be reported."""
        return tuple(one for one in (*self.reserved, *self.taken_back) if one.worker == worker)

    def has_slot(self, worker: str, symbol: str) -> bool:
        """Returns whether a slot of the worker is reserved on the symbol."""
        return any((slot.worker, slot.symbol) == (worker, symbol) for slot in self.reserved)

    def is_closed_for(self, worker: str, symbol: str) -> bool:
        """Returns whether a scope is closed, or a window open, in which are its entries in the symbol."""
        if self.calendar is not None and self.calendar.denies(symbol):
            return True
        return any(closed.covers(self.limits, symbol, worker) for closed in self.scopes)

    def presence_of(self, worker: str) -> Presence | None:
        """Returns the worker's presence by the log; None where the log never heard of it."""
        return next((seen.presence for seen in self.workers if seen.worker == worker), None)

    def traded(self) -> dict[str, tuple[str, ...]]:
        """Returns the symbols in which each worker has a position or a slot, whatever it announced."""
        pairs = [(position.worker, position.symbol) for position in self.positions]
        pairs += [(slot.worker, slot.symbol) for slot in self.reserved]
        symbols: dict[str, set[str]] = {}
        for worker, symbol in pairs:
            symbols.setdefault(worker, set()).add(symbol)
        return {worker: tuple(sorted(names)) for worker, names in symbols.items()}
