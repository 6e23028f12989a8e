"""The account watcher as a process: its composition root.

Guarantees: of several watchers of a portfolio one reports, and the others stand by; when that one ends, or
dies, another takes its place.
"""

import os
import threading
from contextlib import closing
from pathlib import Path

from portfold.clock import SystemClock
from portfold.config import ConfigError, Configuration, ConfiguredAccount
from portfold.events.account import WATCHER
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.log import Log
from portfold.workers.account.registry import open_source
from portfold.workers.account.source import AccountSetup
from portfold.workers.account.watcher import AccountWatcher
from portfold.workers.claims.claim import Claim
from portfold.workers.claims.standing_by import Replaced, take_the_place
from portfold.workers.client.settings import GateSettings


def run(
    configuration: Configuration, settings: GateSettings, book: Path, *, log: Log, stop: threading.Event
) -> None:
    """Stands by while another watcher lives; then reports the account until `stop` is set.

    Raises ConfigError, AccountUnreadable where the source cannot be opened, Replaced.
    """
    account = watched_account(configuration)
    with (
        closing(open_source(AccountSetup(configuration, account, book, log, os.environ))) as source,
        closing(_open_bus(settings)) as bus,
        Claim(_open_bus(settings), WATCHER, settings, stop=stop, log=log) as claim,
    ):
        watcher = AccountWatcher(
            bus,
            source,
            account=account.name,
            kind=account.source,
            report_seconds=account.report_seconds,
            log=log,
            clock=SystemClock(),
        )
        take_the_place(claim, bus, WATCHER, seconds=settings.heartbeat_seconds, log=log, stop=stop)
        if not stop.is_set():
            log.info("Account watched", account=account.name, source=account.source)
            watcher.watch(stop)
        if claim.lost_to:
            raise Replaced(f"Another process watches the account now: {claim.lost_to}.")


def watched_account(configuration: Configuration) -> ConfiguredAccount:
    """Returns the account that the configuration names. Raises ConfigError where it names none."""
    account = configuration.runtime.account
    if account is None:
        expected = 'the account to watch, such as {"name": "DU1234567", "source": "ibkr"}'
        raise ConfigError(configuration.files.runtime.path, "account", expected, "none")
    return account


def _open_bus(settings: GateSettings) -> Bus:
    return Bus(connect(settings.url, password=settings.password), settings.portfolio)
