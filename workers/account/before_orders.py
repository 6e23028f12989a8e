"""Compares the account with the log before the first order of a run with money.

Guarantees: it is said which account that is, its equity, and what is open there and on the log, before
anything is ordered; where that does not add up, nothing is started. What may be on its way has the grace, and
what exits of ours closed while nobody was there to report it, as a stop that rests, is no difference: whoever
starts reports it.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path

from portfold.config import Configuration, ConfiguredAccount
from portfold.coordinator.views.account_view import difference_in_words
from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.view_field import view_in
from portfold.dollars import shown
from portfold.errors import UNUSABLE, PortfoldError
from portfold.events.account import EQUITY, WATCHER
from portfold.events.wire.bus import Bus
from portfold.log import Log
from portfold.workers.account.registry import open_source
from portfold.workers.account.source import AccountSetup, AccountSnapshot, AccountSource, AccountUnreadable
from portfold.workers.brokers.protocol import BrokerError, BrokerSetup, closed_unreported
from portfold.workers.brokers.registry import open_broker

_LOOK_SECONDS = 0.5
_RECONCILE = "See: portfold reconcile"
_NOTHING_COMPARED = (
    ": what the broker holds is compared with nothing, and whether orders go to {} is not known"
)
_OF_THE_GATEWAY = ("port", "host", "connect_seconds", "names")
"""Options that the broker `ibkr` and the source `ibkr` share."""


class NotAsTheLog(PortfoldError):
    """The account is not as the log has it, or cannot be read, so nothing is started; a sentence on that."""

    exit_code = UNUSABLE


def check_account(
    configuration: Configuration,
    bus: Bus,
    book: Path,
    *,
    named: str,
    log: Log,
    environ: Mapping[str, str],
    stop: threading.Event,
) -> None:
    """Logs what account and log hold. Raises NotAsTheLog where they differ for longer than the grace.

    Where none is configured, the broker's own gateway is asked once for the one that was `named`; where it
    cannot be, that is warned of: nobody knows then what is traded. Raises ConfigError, BusError.
    """
    account = configuration.runtime.account or _at_the_gateway(configuration, named)
    if configuration.runtime.account is None:
        after = "; this run compares it once" if account is not None else _NOTHING_COMPARED.format(named)
        log.warning(f"No account is watched{after}", what_to_do='"account" in runtime.json')
    if account is None:
        return
    _refuse_another(configuration, account)
    broker = BrokerSetup(configuration, WATCHER, book, log, environ)
    with (
        closing(open_source(AccountSetup(configuration, account, book, log, environ))) as source,
        _asking(broker) as unreported,
    ):
        snapshot, view, to_come = _agreeing(source, bus, account, unreported, stop)
    log.warning(
        f"Account {account.name}: {shown(snapshot.equity)}",
        source=account.source,
        open_there=_held(snapshot),
        working_there=_working(snapshot),
        open_on_the_log=_on_the_log(view),
    )
    if to_come:
        log.warning(
            "Closed at the broker and not on the log yet: its workers report it as they start",
            closed=", ".join(sorted(to_come)),
        )
    explained = {*to_come, EQUITY} if to_come else set()
    differing = view.account.differing if view.account is not None else ()
    if standing := [one for one in differing if one.subject not in explained]:
        found = "; ".join(map(difference_in_words, standing))
        raise NotAsTheLog(f"Account {account.name} differs from the log in {found}. {_RECONCILE}")


def _at_the_gateway(configuration: Configuration, named: str) -> ConfiguredAccount | None:
    """Returns that account as the broker's own gateway can be asked for it; None for other brokers."""
    broker = configuration.runtime.broker
    if broker.kind != "ibkr":
        return None
    shared = {name: broker.options[name] for name in _OF_THE_GATEWAY if name in broker.options}
    return ConfiguredAccount(name=named, source="ibkr", options=shared)


def _refuse_another(configuration: Configuration, account: ConfiguredAccount) -> None:
    """Raises NotAsTheLog where another account is traded than the one that is watched."""
    traded = configuration.runtime.broker.options.get("account")
    if traded is not None and traded != account.name:
        file = configuration.files.runtime.path
        raise NotAsTheLog(
            f"{file}: broker.options.account: expected {account.name}, the account that is watched, "
            f"got {traded}."
        )


@contextmanager
def _asking(setup: BrokerSetup) -> Iterator[Callable[[], Mapping[str, int]]]:
    """Gives what asks the broker for exits that nobody has reported; it is opened when it is first asked."""
    with ExitStack() as opened:
        broker = cache(lambda: opened.enter_context(closing(open_broker(setup))))

        def ask() -> Mapping[str, int]:
            try:
                return closed_unreported(broker())
            except BrokerError as error:
                setup.log.error("What was closed and not reported is not known", why=str(error))
                return {}

        yield ask


def _agreeing(
    source: AccountSource,
    bus: Bus,
    account: ConfiguredAccount,
    unreported: Callable[[], Mapping[str, int]],
    stop: threading.Event,
) -> tuple[AccountSnapshot, PortfolioView, set[str]]:
    """Reads both until they hold the same, but for what is closed and `unreported`: in the symbols returned.

    What is on its way has the grace. Raises NotAsTheLog.
    """
    deadline = time.monotonic() + account.grace_seconds
    while True:
        try:
            snapshot = source.read()
        except AccountUnreadable as unreadable:
            sentence = f"Account {account.name} cannot be read: {unreadable}"
        else:
            view = view_in(bus.status()) or PortfolioView()
            there, here = _net_there(snapshot), _net_here(view)
            if there == here:
                return snapshot, view, set()
            moved = unreported()
            if there == _moved(here, moved):
                return snapshot, view, {symbol for symbol, size in moved.items() if size}
            sentence = (
                f"Account {account.name} with {shown(snapshot.equity)} holds {_held(snapshot)}, the log "
                f"{_on_the_log(view)}"
            )
        if time.monotonic() >= deadline or stop.is_set():
            raise NotAsTheLog(f"{sentence.rstrip('.')}. Nothing is started. {_RECONCILE}")
        stop.wait(_LOOK_SECONDS)


def _net_there(snapshot: AccountSnapshot) -> dict[str, int]:
    return {one.symbol: one.size if one.side == "long" else -one.size for one in snapshot.holdings}


def _net_here(view: PortfolioView) -> dict[str, int]:
    net: dict[str, int] = {}
    for one in view.positions:
        net[one.symbol] = net.get(one.symbol, 0) + (one.size if one.side == "long" else -one.size)
    return {symbol: size for symbol, size in net.items() if size}


def _moved(here: Mapping[str, int], by: Mapping[str, int]) -> dict[str, int]:
    left = {symbol: here.get(symbol, 0) + by.get(symbol, 0) for symbol in here.keys() | by.keys()}
    return {symbol: size for symbol, size in left.items() if size}


def _held(snapshot: AccountSnapshot) -> str:
    return ", ".join(f"{one.symbol} {one.side} {one.size}" for one in snapshot.holdings) or "nothing"


def _working(snapshot: AccountSnapshot) -> str:
    return ", ".join(f"{count} in {symbol}" for symbol, count in snapshot.working.items()) or "nothing"


def _on_the_log(view: PortfolioView) -> str:
    held = (f"{one.symbol} {one.side} {one.size} by {one.worker}" for one in view.positions)
    return ", ".join(held) or "nothing"
