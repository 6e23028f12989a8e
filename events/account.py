"""The account on the log: what the broker says it holds, and where that differs from what was reported.

Amounts are dollars, times are milliseconds in the clock of the stream IDs.
"""

from portfold.events.fields import (
    Count,
    Dollars,
    EventId,
    Holdings,
    Moment,
    Name,
    Person,
    ServerTime,
    Text,
    WorkingOrders,
)
from portfold.events.message import AnyDecision, AnyEvent

ACCOUNT = "account"
"""Whose a position is that the account holds and no worker: under this name the flattener closes it."""
WATCHER = "account"
"""Under which name one watcher of several is at work."""
EQUITY = "equity"
"""The subject of a difference that is no symbol's."""


# --- events ---------------------------------------------------------------------------------------------


class AccountReported(AnyEvent, frozen=True):
    """What the broker says the account holds.

    `as_of_ms` is the server's clock right before the broker was asked, so what it says is no older.
    `equity` is everything, open profit included; `realized` the broker's own figure of its day, `unrealized`
    that of what is open. `positions` are net, a symbol once; `working` counts orders that may still fill.
    `equity_as_of_ms` is given where a broker's dollars may be older than the rest: they are no older than
    that.
    """

    account: Name
    source: Name
    as_of_ms: ServerTime
    equity: Dollars
    realized: Dollars
    unrealized: Dollars
    positions: Holdings = ""
    working: WorkingOrders = ""
    equity_as_of_ms: ServerTime = 0


class AccountSettled(AnyEvent, frozen=True):
    """The account's equity is right as it is, and what it holds was looked at by hand.

    From here on the log is compared with it anew. A flatten that waits for the account's word is over.
    """

    by: Person
    reason: Text
    account: Name


class CashMoved(AnyEvent, frozen=True):
    """Dollars were paid in (above 0) or out (below 0): no profit, and no loss.

    The equity moves by it; so does the peak with what is paid in, so that the distance to a trailing floor
    stays. What is paid out brings the equity nearer to it.
    """

    by: Person
    reason: Text
    amount: Dollars


# --- decisions ------------------------------------------------------------------------------------------


class AccountDiffers(AnyDecision, frozen=True):
    """The account is not as the log has it, for longer than the grace. Entries are denied until it agrees.

    `subject` is a symbol, or `equity`, which denies all of them and from now on counts where it is worse.
    """

    account: Name
    subject: Name
    log: Text
    reported: Text
    lasting_ms: Moment


class AccountAgrees(AnyDecision, frozen=True):
    """What differed between account and log no longer does, `after_ms` after it began."""

    account: Name
    subject: Name
    after_ms: Moment


class AccountSilent(AnyDecision, frozen=True):
    """Nothing has been reported of the account for `age_ms`."""

    account: Name
    age_ms: Moment


class AccountHeard(AnyDecision, frozen=True):
    """The account is reported again, after a silence of `after_ms`."""

    account: Name
    after_ms: Moment


class FlatUnconfirmed(AnyDecision, frozen=True):
    """Every position of the episode was reported closed, but the account does not say so.

    Repeated at `next_ms` until it does, or a person has looked (AccountSettled).
    """

    episode: EventId
    reminder: Count
    next_ms: Moment
    reason: Text
