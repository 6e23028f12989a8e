"""The account's dollars reckoned a second time: which of a report's are taken, and what the day made by them.

Those of a report are taken unless they may be from before the log last realized something. What is paid in or
out is no profit or loss of the day.
"""

from decimal import Decimal

from portfold.coordinator.fold.limits import Limits
from portfold.dollars import ZERO
from portfold.events.account import AccountReported
from portfold.events.stream_id import StreamId
from tests.simulation.laws.log_said import NOTHING, Log


class AccountDollars:
    """`equity` as it was last taken, and the `base` that it is beyond what the log has realized. The latest
    are `behind` where they may be from before the log last realized something.
    """

    def __init__(self) -> None:
        self.equity = self.base = ZERO
        self.behind = False
        self._unrealized = ZERO
        self._taken_ms = 0
        self._log_then = NOTHING
        self._lacks_equity = False
        self._seen_net, self._realized_ms = ZERO, 0
        self._day_equity = self._day_balance = ZERO
        self._day_since_ms = 0

    @property
    def balance(self) -> Decimal:
        """The equity without what is open."""
        return self.equity - self._unrealized

    def reported(self, at: StreamId, event: AccountReported, log: Log, *, first: bool) -> None:
        """Takes a report's dollars, unless they may be from before the log last realized something."""
        if log.realized != self._seen_net or first:
            self._seen_net, self._realized_ms = log.realized, at.ms
        self.behind = 0 < event.equity_as_of_ms <= self._realized_ms
        anew = first or self._lacks_equity
        if anew or not self.behind:
            self.equity, self._unrealized, self._log_then = event.equity, event.unrealized, log
            self._taken_ms = event.equity_as_of_ms or event.as_of_ms
        if anew:
            self._lacks_equity = self.behind
            self.base = self.balance - log.realized
            self._day_equity = event.equity - log.pnl
            self._day_balance = self.balance - log.pnl + log.unrealized

    def settled(self) -> None:
        """A person said that the account is right."""
        self.base = self.balance - self._log_then.realized

    def paid(self, amount: Decimal) -> None:
        """So much more is expected, or less."""
        self.base += amount
        self._day_equity += amount
        self._day_balance += amount

    def day_begins(self, since_ms: int, log: Log) -> None:
        """The trading day begins with what the account had, and what the log has made since."""
        self._day_since_ms = since_ms
        realized = log.realized - self._log_then.realized
        self._day_balance = self.balance + realized
        self._day_equity = self.equity + realized + log.unrealized - self._log_then.unrealized

    def worse_of(self, pnl: Decimal, limits: Limits) -> Decimal:
        """Of the log's P&L of the day and the account's the worse; the log's before the day has dollars."""
        if self._taken_ms < self._day_since_ms:
            return pnl
        if limits.stop_loss_on != "total":
            return min(pnl, self.balance - self._day_balance)
        return min(pnl, self.equity - self._day_equity)
