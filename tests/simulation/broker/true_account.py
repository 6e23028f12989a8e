"""The source that the watcher reads: the true account, as its broker tells of it.

A broker takes its time, knows its own balance late, and sometimes does not answer.
"""

from collections import Counter
from decimal import Decimal

from msgspec import structs

from portfold.dollars import ZERO, gross_pnl
from portfold.workers.account.paper import netted
from portfold.workers.account.source import AccountSnapshot, AccountUnreadable
from portfold.workers.brokers.protocol import BrokerPosition
from tests.simulation.broker.account import Account
from tests.simulation.scheduler import Process
from tests.simulation.watch import Watch

_SLOWEST_MS = 40


class TrueSource:
    """`workers.account.source.AccountSource` for one process."""

    def __init__(self, account: Account, watch: Watch, process: Process) -> None:
        self.seconds_between_reads = watch.look_ms / 1000
        self._account = account
        self._lag_ms = watch.lag_ms
        self._age = watch.lag_ms / 1000 if watch.dated else None
        self._process = process

    def read(self) -> AccountSnapshot:
        self._takes_a_while()
        account = self._account
        if account.now() < account.unreadable_until:
            raise AccountUnreadable("The broker does not answer")
        snapshot = structs.replace(snapshot_of(account, self._balance()), dollars_age=self._age)
        self._takes_a_while()
        return snapshot

    def close(self) -> None:
        """It has nothing to let go of."""

    def _takes_a_while(self) -> None:
        self._process.sleep(self._process.random.randrange(_SLOWEST_MS) / 1000)

    def _balance(self) -> Decimal:
        """What it was so long ago."""
        account = self._account
        then_ms = account.now() - self._lag_ms
        for moved_ms, before in account.balances if self._lag_ms else ():
            if moved_ms > then_ms:
                return before
        return account.balance


def snapshot_of(account: Account, balance: Decimal) -> AccountSnapshot:
    """What the account is now, with so much realized in it."""
    unrealized = sum((_open_profit(account, one) for one in account.everything()), ZERO)
    working = Counter(order.symbol for order in account.working.values())
    return AccountSnapshot(
        balance + unrealized, ZERO, unrealized, tuple(netted(account.everything())), dict(working)
    )


def _open_profit(account: Account, one: BrokerPosition) -> Decimal:
    value = account.contracts[one.symbol].point_value
    return gross_pnl(one.side, one.price, account.prices[one.symbol], one.size, value)
