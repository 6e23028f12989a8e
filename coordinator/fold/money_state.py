"""What the rules of money remember, of the trading day and beyond it: a part of the state."""

from decimal import Decimal
from typing import Literal

from msgspec import Struct, field

from portfold.dollars import ZERO

LockAction = Literal["tell", "above", "deny", "flatten"]
"""What follows from a limit that is reached, from the mildest on."""
DENIES_ALL: tuple[LockAction, ...] = ("deny", "flatten")


class Capital(Struct):
    """The account's money from where the operator began to count it.

    `start` was the balance then, when the log had realized `from_net`; `named_peak` is the peak given with
    it. `cash` is what was paid in since, less what was paid out. `peak` is the highest equity that
    counted. Where it counts once a day, `closes_ms` is when it does next. `forced` is the equity at which a
    resume below a floor was forced, by the floor's rule: no other floor gives way with it. `at_roll` is the
    equity with which the day before ended, where a ladder of contracts is in force.
    """

    start: Decimal
    named_peak: Decimal
    from_net: Decimal
    peak: Decimal
    cash: Decimal = ZERO
    closes_ms: int = 0
    forced: dict[str, Decimal] = field(default_factory=dict)
    at_roll: Decimal | None = None


class Plan(Struct, frozen=True):
    """What a leg, or a slot, is planned to lose: at `stop`, or `risk` dollars in all, before costs.

    `price` is what a slot expects to be filled at.
    """

    stop: Decimal | None = None
    price: Decimal | None = None
    risk: Decimal = ZERO


class Lock(Struct):
    """A limit that was reached at the event `since`: what follows, and until when.

    `until` is the first trading day on which it lifts; empty where only a resume lifts it. `size` is the
    largest entry that is still allowed, of those that deny above one. `until_ms`: at that time it lifts by
    itself. `looked_at`: a renewal has it deny alone, so what its rule comes to since closes everything once
    more; where the limit was still reached then, `stood_at` is what stood against it, in dollars.
    """

    rule: str
    action: LockAction
    since: str
    until: str
    reason: str
    size: int = 0
    until_ms: int = 0
    looked_at: bool = False
    stood_at: Decimal | None = None


class Doubt(Struct):
    """A mark that jumped, at `since_ms`: what it said, and the dollars that the position would make by it.

    `moment_ms` is the market's time of the latest such mark, where it was told.
    """

    price: Decimal
    unrealized: Decimal
    since_ms: int
    moment_ms: int = 0


class Apart(Struct):
    """A mark of `moment_ms` that waits since `since_ms` for those of other positions, to count with them."""

    price: Decimal
    unrealized: Decimal
    moment_ms: int
    since_ms: int


class WorkerDay(Struct):
    """What one worker did on the trading day `date`: how often it entered, and the dollars it realized.

    `loss_from` is the P&L from which its loss counts: 0, or what it was when it was let in again.
    `entered_before` counts the entries of the days before in its week, `rate_denied` how often its rate was
    why it was denied, since it was last let in again.
    """

    date: str
    entered: int = 0
    realized: Decimal = ZERO
    loss_from: Decimal = ZERO
    entered_before: int = 0
    rate_denied: int = 0


class PastDay(Struct, frozen=True):
    """A trading day that is over, what it came to in dollars, and how often was entered."""

    date: str
    pnl: Decimal
    entered: int = 0


class Day(Struct):
    """One trading day's account, in dollars and counts.

    `stop_from` is the P&L from which the stop counts: 0, or what it was when a resume was forced. `closed`
    names the legs closed today and the events that closed them, so that a second close is known as one.

    `profit_from` is the P&L from which profit counts: 0, or what it was at a forced resume, or when the rules
    of profit were put in force to count from then. `best` is the highest P&L since the profit lock was armed,
    `tier` how many tiers of loss were reached, `lifted` the rules that a forced resume has lifted for today,
    `forced` how many resumes were forced. `week_before` is what the days of the week before this one came
    to, reckoned once as the day begins; a snapshot of an earlier version does not have it. `entered` counts
    the entries that were filled, or partly.
    """

    date: str = ""
    ends_ms: int = 0
    realized: Decimal = ZERO
    approached: bool = False
    stop_from: Decimal = ZERO
    entries_requested: int = 0
    entries_allowed: int = 0
    entries_blocked: int = 0
    exits: int = 0
    stops: int = 0
    closed: dict[str, str] = field(default_factory=dict)
    profit_from: Decimal = ZERO
    best: Decimal | None = None
    tier: int = 0
    lifted: list[str] = field(default_factory=list)
    forced: int = 0
    week_before: Decimal | None = None
    entered: int = 0
