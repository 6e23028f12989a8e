"""The notifier as a process: alerts people, and can hurt nothing. Its composition root.

Each destination is served by itself, on a thread and a connection of its own: one that hangs holds up no
other, and none of them the coordinator, which does not know that there is a notifier.
"""

import os
import re
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from portfold.bounds import NAME_LETTERS
from portfold.config import Configuration, Destination, dead_mans_url, webhook_url
from portfold.coordinator.expected.lived import Expectation
from portfold.errors import PortfoldError
from portfold.events.wire.connection import Place, connect, without_secrets
from portfold.events.wire.notifier_bus import NotifierBus
from portfold.log import Log
from portfold.workers.notify.delivery import Delivery
from portfold.workers.notify.plan import LEASE_MS, Plan
from portfold.workers.notify.routing import wanted_words
from portfold.workers.notify.sinks.apprise import AppriseSink, NoAddress
from portfold.workers.notify.sinks.dead_man import DeadMan
from portfold.workers.notify.sinks.discord import DiscordSink, GlobalRest
from portfold.workers.notify.sinks.http import Address
from portfold.workers.notify.sinks.log import LogSink
from portfold.workers.notify.sinks.protocol import Sink
from portfold.workers.notify.sinks.webhook import WebhookSink
from portfold.workers.notify.words.wording import clock_of

SWITCH = "dead-mans-switch"
_CLOSE_SECONDS = 30.0
_LOOK_SECONDS = 0.5
_UNFIT_FOR_A_NAME = re.compile(rf"[^{NAME_LETTERS}]")


class NotifierFailed(PortfoldError):
    """A destination is no longer served, by a fault of ours; the sentence says which."""


def run(
    configuration: Configuration,
    place: Place,
    *,
    driven: bool,
    environ: Mapping[str, str],
    log: Log,
    stop: threading.Event,
    lease_ms: int = LEASE_MS,
) -> None:
    """Sends alerts until `stop` is set, and ends within 30 s then. Raises ConfigError, NoAddress,
    NotifierFailed.

    Addresses are taken from the variables in `environ`, or the files, that the configuration names.
    """
    runtime = configuration.runtime
    sinks = _sinks(configuration, place.portfolio, environ, log)
    address = dead_mans_url(configuration, environ)
    log.info("Notifier starting", portfolio=place.portfolio, redis=without_secrets(place.url))
    expectation = Expectation.of(configuration.expected) if configuration.expected else None
    serving: dict[str, Delivery] = {}
    for name, sink in sinks.items():
        destination = runtime.destinations[name]
        wanted = wanted_words(destination)
        log.info("Alerts go to", destination=name, where=_where(destination), wanted=wanted)
        plan = Plan(
            name=name,
            destination=destination,
            clock=clock_of(runtime.trading_day.zone),
            merge_seconds=runtime.notifier.merge_seconds,
            stale_seconds=runtime.notifier.stale_seconds,
            driven=driven,
            archive=Path(runtime.archive_folder) if runtime.archive_folder else None,
            market=runtime.market is not None,
            expectation=expectation,
            lease_ms=lease_ms,
        )
        bus = NotifierBus(connect(place.url, password=place.password), place.portfolio)
        serving[name] = Delivery(bus, plan, sink, who=_own_name(), log=log, stop=stop)
    threads = {
        name: threading.Thread(target=delivery.run, name=f"alerts-{name}", daemon=True)
        for name, delivery in serving.items()
    }
    switch = runtime.notifier.dead_mans_switch
    if switch is not None and address is not None and not driven:
        bus = NotifierBus(connect(place.url, password=place.password), place.portfolio)
        dead_man = DeadMan(bus, switch, Address(address), failing=_failing(serving), log=log, stop=stop)
        threads[SWITCH] = threading.Thread(target=dead_man.run, name=SWITCH, daemon=True)
    _serve(threads, stop)
    log.info("Notifier stopped")


def _where(destination: Destination) -> str:
    """Says where alerts go, and never the address."""
    if destination.url_env is not None:
        return f"{destination.to} at ${destination.url_env}"
    return f"{destination.to} by {destination.url_file}" if destination.url_file else destination.to


def _failing(serving: Mapping[str, Delivery]) -> Callable[[], tuple[str, ...]]:
    return lambda: tuple(name for name, delivery in serving.items() if delivery.fails)


def _serve(deliveries: Mapping[str, threading.Thread], stop: threading.Event) -> None:
    """Runs them until they are stopped, or until one of them ends by itself."""
    for thread in deliveries.values():
        thread.start()
    while not stop.wait(_LOOK_SECONDS):
        ended = [name for name, thread in deliveries.items() if not thread.is_alive()]
        if ended:
            stop.set()
            raise NotifierFailed(f"{ended[0]} is no longer served; see the lines before this.")
    for thread in deliveries.values():
        thread.join(_CLOSE_SECONDS)


def _sinks(
    configuration: Configuration, portfolio: str, environ: Mapping[str, str], log: Log
) -> dict[str, Sink]:
    """Returns a sink for each destination; Discord's share what Discord asks of all of them."""
    rest, found = GlobalRest(), dict[str, Sink]()
    for name, destination in configuration.runtime.destinations.items():
        url = webhook_url(configuration, name, environ)
        try:
            found[name] = LogSink(log) if url is None else webhook_sink(destination, url, portfolio, rest)
        except NoAddress as error:
            raise NoAddress(f"notifier.destinations.{name}: {error}") from None
    return found


def webhook_sink(destination: Destination, url: str, portfolio: str, rest: GlobalRest) -> Sink:
    """Returns the sink of a destination that has an address. Raises NoAddress, where Apprise knows none."""
    if destination.to == "discord":
        return DiscordSink(Address(url), rest)
    if destination.to == "apprise":
        return AppriseSink(Address(url))
    return WebhookSink(Address(url), portfolio)


def _own_name() -> str:
    """Returns a name that no other notifier has, anywhere."""
    host = _UNFIT_FOR_A_NAME.sub("-", socket.gethostname())[:40]
    return f"{host}.{os.getpid()}.{secrets.token_hex(3)}"
