"""Reads the account again and again, and reports it: on every change, and at the latest every few seconds.

Guarantees: what is reported is no older than its `as_of_ms`, a time of the log's server from right before the
broker was asked, so that the fold knows which report comes after which close. While a broker does not answer
nothing is reported: the fold counts the silence.
"""

import math
import threading
from collections.abc import Callable

from portfold.clock import Clock
from portfold.dollars import CENT
from portfold.events.account import AccountReported
from portfold.events.codec import RefusedField, encode_checked
from portfold.events.legs import holdings_text
from portfold.events.wire.bus import Bus
from portfold.events.wire.errors import BusError
from portfold.log import Log
from portfold.workers.account.source import (
    AccountSnapshot,
    AccountSource,
    AccountUnreadable,
    seconds_between_reads,
)


class AccountWatcher:
    """Reports `account`, as `source` called `kind` reads it, at the latest every `report_seconds`."""

    def __init__(
        self,
        bus: Bus,
        source: AccountSource,
        *,
        account: str,
        kind: str,
        report_seconds: float,
        log: Log,
        clock: Clock,
    ) -> None:
        self._bus = bus
        self._source = source
        self._account = account
        self._kind = kind.rpartition(":")[2][:64]
        self._report_seconds = report_seconds
        self._log = log
        self._clock = clock
        self._said: AccountSnapshot | None = None
        self._due = float("-inf")
        self._trouble = ""

    def watch(self, stop: threading.Event, *, done: Callable[[], bool] = lambda: False) -> None:
        """Looks every second, or as often as the source allows, until `stop` is set, or `done`."""
        while not (stop.is_set() or done()):
            self.look()
            stop.wait(seconds_between_reads(self._source, self._report_seconds))

    def look(self) -> bool:
        """Asks the broker once; returns whether that was reported."""
        try:
            as_of_ms = self._bus.now_ms()
            snapshot = self._source.read()
            if snapshot.content == self._said and self._clock.monotonic() < self._due:
                self._is_well()
                return False
            report = report_of(snapshot, self._account, self._kind, as_of_ms)
            self._bus.append(encode_checked(report))
        except (AccountUnreadable, BusError, RefusedField) as error:
            self._is_troubled(str(error))
            return False
        except ArithmeticError:
            self._is_troubled("A figure of the account is beyond all bounds")
            return False
        self._said, self._due = snapshot.content, self._clock.monotonic() + self._report_seconds
        self._is_well()
        return True

    def _is_troubled(self, why: str) -> None:
        """Logs a trouble once, and again where it is another."""
        if why != self._trouble:
            self._log.error("The account is not reported", account=self._account, why=why)
        self._trouble = why

    def _is_well(self) -> None:
        if self._trouble:
            self._log.info("The account is reported again", account=self._account)
        self._trouble = ""


def report_of(snapshot: AccountSnapshot, account: str, kind: str, as_of_ms: int) -> AccountReported:
    """Returns what is put on the log of an account as a source of that kind read it."""
    age = snapshot.dollars_age
    return AccountReported(
        account=account,
        source=kind,
        as_of_ms=as_of_ms,
        equity=snapshot.equity.quantize(CENT),
        realized=snapshot.realized.quantize(CENT),
        unrealized=snapshot.unrealized.quantize(CENT),
        positions=holdings_text(sorted(snapshot.holdings)),
        working=" ".join(f"{symbol}={count}" for symbol, count in sorted(snapshot.working.items())),
        equity_as_of_ms=0 if age is None else max(1, as_of_ms - math.ceil(age * 1000)),
    )
