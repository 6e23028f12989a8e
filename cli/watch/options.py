"""Checks the options of broker, feed, market and account by what reads them in their processes.

Guarantees: nothing is opened. Each of ours reads its options before anything else, and gets no further here;
one of the user's own is imported, and not called.
"""

import io
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

from portfold.config import ConfigError, Configuration
from portfold.coordinator.doctor.finding import Finding, fail, ok
from portfold.log import Log, open_log
from portfold.workers.account import registry as accounts
from portfold.workers.account.source import AccountSetup
from portfold.workers.brokers import registry as brokers
from portfold.workers.brokers.protocol import BrokerSetup
from portfold.workers.feeds import registry as feeds
from portfold.workers.feeds.protocol import FeedSetup
from portfold.workers.market import registry as markets
from portfold.workers.market.process import configured_market
from portfold.workers.market.source import MarketRefused, MarketSetup
from portfold.workers.named import Shape, find

_NOWHERE = Path("/nonexistent")


class _HaveBeenRead(Exception):
    """The options are as they should be."""


class _Broker(BrokerSetup):
    def options(self, shape: type[Shape]) -> NoReturn:
        super().options(shape)
        raise _HaveBeenRead


class _Feed(FeedSetup):
    def options(self, shape: type[Shape]) -> NoReturn:
        super().options(shape)
        raise _HaveBeenRead


class _Market(MarketSetup):
    def read_options(self, shape: type[Shape]) -> NoReturn:
        super().read_options(shape)
        raise _HaveBeenRead


class _Account(AccountSetup):
    def options(self, shape: type[Shape]) -> NoReturn:
        super().options(shape)
        raise _HaveBeenRead


def options(configuration: Configuration) -> Finding:
    """Returns one finding on all kinds that runtime.json names, and on their options."""
    log, lines = open_log("doctor", target=io.StringIO())
    lines.close()
    kinds, wrong = [], []
    for one in _kinds(configuration, log):
        kinds.append(f"{one.field.partition('.')[0]} {one.kind}")
        try:
            _read(one, configuration)
        except ConfigError as error:
            wrong.append(str(error))
    if wrong:
        return fail("options", " ".join(wrong), "correct the file: what reads it does not start")
    return ok("options", f"as each reads them: {', '.join(kinds)}")


class _Kind(NamedTuple):
    """What `field` names, which of `ours` it may be, and what that is opened with."""

    field: str
    kind: str
    ours: Mapping[str, str]
    setup: object


def _kinds(configuration: Configuration, log: Log) -> Iterator[_Kind]:
    """Yields each that is configured."""
    runtime, file = configuration.runtime, configuration.files.runtime.path
    broker, feed, market, account = runtime.broker, runtime.feed, runtime.market, runtime.account
    yield _Kind("broker.kind", broker.kind, brokers.OURS, _Broker(configuration, "", _NOWHERE, log, {}))
    stop = threading.Event()
    if feed != feeds.DRIVEN:
        yield _Kind("feed.kind", feed.kind, feeds.OURS, _Feed(configuration, "", stop, feed))
    if market is not None:
        opened_with = _Market(market.symbols, configuration.contracts, market.options, {}, log, stop, file)
        yield _Kind("market.source", market.source, markets.OURS, opened_with)
    if account is not None:
        watched_with = _Account(configuration, account, _NOWHERE, log, {})
        yield _Kind("account.source", account.source, accounts.OURS, watched_with)


def _read(one: _Kind, configuration: Configuration) -> None:
    """Finds the kind, and reads its options. Raises ConfigError."""
    if one.ours is markets.OURS:
        configured_market(configuration)
    found = find(one.kind, one.ours, configuration.files.runtime.path, one.field)
    # What is not installed on this machine may be on the one where it runs.
    with suppress(_HaveBeenRead, MarketRefused):
        if one.kind in one.ours:
            found(one.setup)
