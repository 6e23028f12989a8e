"""Decisions: everything the coordinator may publish. Each follows from events alone.

On the `decisions` stream each carries, beside its own fields, `event` (the ID of the event that caused it)
and `chain` (the hash that binds it to all history before it). Amounts are dollars, times are milliseconds
in the clock of the stream IDs.
"""

from collections.abc import Iterable
from typing import TypeVar

from portfold.events.account import (
    AccountAgrees,
    AccountDiffers,
    AccountHeard,
    AccountSilent,
    FlatUnconfirmed,
)
from portfold.events.calendar import WindowClosed, WindowOpened
from portfold.events.fields import (
    Amount,
    Code,
    Count,
    Date,
    DateOrNone,
    EventId,
    EventIdOrNone,
    Flag,
    Legs,
    Moment,
    Name,
    NameOrNone,
    Person,
    PositionLimit,
    Price,
    Side,
    Size,
    Symbol,
    Text,
)
from portfold.events.message import AnyDecision

# --- answers to an EntryRequested -----------------------------------------------------------------------


class EntryAllowed(AnyDecision, frozen=True):
    """The slot is reserved until `expires_ms`. `slots` are those in use with this one.

    `repeats` is the ID of the first publish, where this answers a repeat of it.
    """

    worker: Name
    symbol: Symbol
    side: Side
    size: Size
    expires_ms: Moment
    slots: Count
    max_positions: PositionLimit
    repeats: EventIdOrNone = ""


class EntryDenied(AnyDecision, frozen=True):
    """No. `code` is for machines, `reason` for people."""

    worker: Name
    symbol: Symbol
    side: Side
    size: Size
    code: Code
    reason: Text
    repeats: EventIdOrNone = ""


class EntryExpired(AnyDecision, frozen=True):
    """A reserved slot was freed with nobody using it. `request` is the event that reserved it."""

    worker: Name
    symbol: Symbol
    side: Side
    size: Size
    request: EventId
    reason: Text


# --- the day's loss -------------------------------------------------------------------------------------


class StopLossApproaching(AnyDecision, frozen=True):
    """The loss has reached `percent` of the limit; published once a day."""

    daily_pnl: Amount
    limit: Amount
    percent: Count


class StopLossTriggered(AnyDecision, frozen=True):
    """The day's loss reached the limit: `positions` must be closed by `deadline_ms`, `pending` not filled."""

    daily_pnl: Amount
    limit: Amount
    open_positions: Count
    episode: EventId
    deadline_ms: Moment
    positions: Legs = ""
    pending: Legs = ""


class LimitReached(AnyDecision, frozen=True):
    """A limit is reached: `now` has come to `limit`. `rule` is the limit's name.

    Both are dollars; of losses in a row, and of denials by a rate, they are numbers. `action`: `tell`,
    `above` (entries above a size are denied), `deny` or `flatten`, which a FlattenOrdered follows. It stands
    until the trading day `until`, or the time `until_ms`; where neither is said only a resume lifts it.
    `worker`, `symbol`: it is of that one alone, and closes that alone.
    """

    rule: Code
    action: Code
    now: Amount
    limit: Amount
    until: DateOrNone
    reason: Text
    worker: NameOrNone = ""
    symbol: Symbol = ""
    until_ms: Moment = 0


# --- flattening -----------------------------------------------------------------------------------------


FILLED_SINCE = "filled after the order to flatten"
"""What the cause of an order that a fill brought ends with."""


class FlattenOrdered(AnyDecision, frozen=True):
    """`positions` must be closed, and with `everything` whatever else a broker holds.

    Repeats within one `episode` are the same order.
    """

    episode: EventId
    cause: Text
    deadline_ms: Moment
    everything: Flag = False
    positions: Legs = ""
    pending: Legs = ""


class FlattenHandedOver(AnyDecision, frozen=True):
    """The workers that own `positions` are gone: the flattener closes them."""

    episode: EventId
    positions: Legs


class FlattenOverdue(AnyDecision, frozen=True):
    """`positions` are still open `late_ms` after the deadline. Repeated at `next_ms` until they are gone."""

    episode: EventId
    reminder: Count
    late_ms: Moment
    next_ms: Moment
    positions: Legs


class PortfolioFlat(AnyDecision, frozen=True):
    """Every position of the episode is confirmed closed, `took_ms` after it began.

    `others` are positions that are open and were not to be closed.
    """

    episode: EventId
    cause: Text
    took_ms: Moment
    others: Count = 0


# --- what should not have happened ----------------------------------------------------------------------


class LimitBreached(AnyDecision, frozen=True):
    """A fact broke a limit. It is folded all the same."""

    worker: Name
    symbol: Symbol
    code: Code
    reason: Text


class PositionAdopted(AnyDecision, frozen=True):
    """A restarted worker's broker confirms a position that is on the log."""

    worker: Name
    symbol: Symbol
    side: Side
    size: Count


LATE_REPORTS = ("late_fill", "late_close")
"""Kinds of PositionMismatch where nobody knows whether log and broker differ."""


class PositionMismatch(AnyDecision, frozen=True):
    """Log and broker differ, or may: entries on the symbol are denied until it is settled.

    `kind`: `unknown_to_us` (the broker holds it, the log does not), `gone_at_broker` (the log holds it, the
    broker does not), `size_differs`, `close_unmatched` (a close of something that was not open), `late_fill`
    and `late_close` (reported by a process whose successor had announced itself: `broker_size` is what the
    broker holds if that had counted it already).
    """

    worker: Name
    symbol: Symbol
    side: Side
    kind: Code
    log_size: Count
    broker_size: Count
    reason: Text


class PnlDisputed(AnyDecision, frozen=True):
    """The reported P&L is not price x contract value - commission; `counted`, the lower, is used."""

    worker: Name
    symbol: Symbol
    price: Price
    reported: Amount
    computed: Amount
    counted: Amount


class MarkStale(AnyDecision, frozen=True):
    """An open position has not been marked for `age_ms`: its open loss may be out of date."""

    worker: Name
    symbol: Symbol
    age_ms: Moment


class MarkDoubted(AnyDecision, frozen=True):
    """A mark jumped from `before` to `price`, and does not count before a second one, or `until_ms`.

    Until then entries are denied. A loss that nobody has confirmed by then counts, a profit does not.
    """

    worker: Name
    symbol: Symbol
    price: Price
    before: Price
    until_ms: Moment


class EventRejected(AnyDecision, frozen=True):
    """The event changes nothing. `reason` says why and what was expected; `rejected` is its type."""

    reason: Text
    rejected: Text = ""


# --- limits ---------------------------------------------------------------------------------------------


class LooseningWaits(AnyDecision, frozen=True):
    """What an order loosens counts from the trading day `day` on: `limits`, each with its present value.

    A newer order replaces it.
    """

    day: Date
    by: Person
    limits: Text


class LooseningEnded(AnyDecision, frozen=True):
    """What was to loosen waits no more: it `counts` from here on, or a newer order has replaced it."""

    by: Person
    limits: Text
    counts: Flag


# --- the calendar ---------------------------------------------------------------------------------------


class LockoutEnded(AnyDecision, frozen=True):
    """The moment has come until which a lockout was ordered."""

    by: Person
    until_ms: Moment


class TradingDayStarted(AnyDecision, frozen=True):
    """A new trading day, with what the old one came to."""

    day: Date
    previous_day: DateOrNone
    daily_pnl: Amount
    entries_requested: Count
    entries_allowed: Count
    entries_blocked: Count
    exits: Count
    stops: Count
    stopped_out: Flag
    halted: Flag


Decision = (
    EntryAllowed
    | EntryDenied
    | EntryExpired
    | StopLossApproaching
    | StopLossTriggered
    | LimitReached
    | FlattenOrdered
    | FlattenHandedOver
    | FlattenOverdue
    | PortfolioFlat
    | FlatUnconfirmed
    | LimitBreached
    | PositionAdopted
    | PositionMismatch
    | PnlDisputed
    | MarkStale
    | MarkDoubted
    | AccountDiffers
    | AccountAgrees
    | AccountSilent
    | AccountHeard
    | WindowOpened
    | WindowClosed
    | LockoutEnded
    | EventRejected
    | LooseningWaits
    | LooseningEnded
    | TradingDayStarted
)

_Kind = TypeVar("_Kind", bound=Decision)


def first(kind: type[_Kind], decisions: Iterable[Decision]) -> _Kind | None:
    """Returns the first decision of a kind among those on an event."""
    return next((decision for decision in decisions if isinstance(decision, kind)), None)


def refusal(decisions: Iterable[Decision]) -> EventRejected | None:
    """Returns the decision that refuses the event; None where it was not refused."""
    return first(EventRejected, decisions)
