"""What a what-if finds, piece by piece: what turns, what would be gone, and each day side by side.

Amounts are dollars, sizes whole contracts. Whatever names an event, `at`, `request`, `opened`, `closed`,
`ended`, is its stream ID, and so its time; nothing where there is none.
"""

from decimal import Decimal

from msgspec import Struct

from portfold.dollars import ZERO


class _Finding(Struct, frozen=True, tag_field="what", tag=True):
    """What all share: as JSON, `what` says which it is."""


class LimitsOverridden(_Finding, frozen=True):
    """Limits came into force at the event `at`: those on the log, and the other ones here."""

    at: str
    zone: str
    recorded: dict[str, int | Decimal | str]
    what_if: dict[str, int | Decimal | str]


class Turned(_Finding, frozen=True):
    """A request that gets the other answer: `recorded` and `what_if` are "allowed", or why it is denied.

    `again`: it turns to allowed, as one before did of the same worker in the same symbol, and nothing was
    allowed to it on the log between the two. Most likely both ask for the same trade.
    """

    at: str
    day: str
    worker: str
    symbol: str
    side: str
    size: int
    recorded: str
    what_if: str
    again: bool = False


class FilledAnyway(_Finding, frozen=True):
    """A request that turns to allowed was filled on the log without leave: its trade is in both books."""

    at: str
    request: str


class TradeGone(_Finding, frozen=True):
    """A trade on the log, or the part of one, that would not be: its entry would not have been allowed.

    `why` is the code. `stop` is the event of the stop that would have taken the entry back before it was
    filled, where it was allowed. `pnl` is what it made on the log, and `open_pnl` what it was at when the log
    ends and it was not `closed`.
    """

    request: str
    worker: str
    symbol: str
    side: str
    contracts: int
    opened: str
    closed: str
    why: str
    stop: str
    pnl: Decimal
    open_pnl: Decimal = ZERO


class TradeEnded(_Finding, frozen=True):
    """A trade that a stop which is not on the log would have ended, at the event `ended`.

    `pnl` and `open_pnl` are what it made on the log, as in TradeGone; `pnl_at_stop` is its last mark then,
    before commission, or nothing if it was never marked. `why` is the stop's rule.
    """

    worker: str
    symbol: str
    side: str
    contracts: int
    opened: str
    ended: str
    closed: str
    pnl_at_stop: Decimal | None
    pnl: Decimal
    open_pnl: Decimal = ZERO
    why: str = "stopped_out"


class StopComes(_Finding, frozen=True):
    """A stop that is not on the log. `positions` are those it would have closed.

    `rule` is the day's stop, or the limit of money that closes everything; then `daily_pnl` is its figure.
    """

    at: str
    day: str
    daily_pnl: Decimal
    limit: Decimal
    positions: str
    rule: str = "stopped_out"


class StopGoes(_Finding, frozen=True):
    """A stop on the log that would not have been, or not then. `positions` are those it closed.

    `rule` as in StopComes.
    """

    at: str
    day: str
    daily_pnl: Decimal
    limit: Decimal
    positions: str
    rule: str = "stopped_out"


class DayFigures(Struct, frozen=True):
    """What a day came to. `trades` are closes, and positions that a stop not on the log would have ended."""

    asked: int = 0
    allowed: int = 0
    denied: int = 0
    trades: int = 0
    stops: int = 0
    pnl: Decimal = ZERO


class DayOver(_Finding, frozen=True):
    """A trading day from both sides; the last one may not be `over`.

    `unknown` counts the entries whose outcome is not known: allowed here and not on the log, each once
    however often it was asked for `again`; or ended by a stop without ever having been marked.
    """

    day: str
    recorded: DayFigures
    what_if: DayFigures
    unknown: int
    over: bool = True


Finding = LimitsOverridden | Turned | FilledAnyway | TradeGone | TradeEnded | StopComes | StopGoes | DayOver
