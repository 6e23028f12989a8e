"""The feed as a process: its composition root. One subscription for the whole portfolio.

    standing by ──lease is free──▶ a term: source opened behind the last minute on the bus ──bus away──▶ again

Guarantees: of several feeds of a portfolio one has a source open, and the others stand by; when that one
ends, or dies, another takes its place and goes on behind its last minute. Nothing is written by two at once.
"""

import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from portfold.clock import SystemClock
from portfold.config import ConfigError, Configuration, ConfiguredMarket
from portfold.config.errors import joined
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.errors import BusError
from portfold.events.wire.market import FeedReplaced
from portfold.log import Log
from portfold.workers.claims.claim import shown_holder
from portfold.workers.client.settings import GateSettings
from portfold.workers.market.feeding import Feeding, Manner, Term
from portfold.workers.market.quotes import Quotes
from portfold.workers.market.registry import REPLAYED, open_market
from portfold.workers.market.source import MINUTE_MS, MarketRefused, MarketSetup
from portfold.workers.pauses import Pauses

_LEASES = 5
"""Of a leader: a feed that is gone is missed later than one who decides."""
_OPENING_SECONDS = 60.0
_AHEAD_MS = 3_600_000
"""No two clocks of now differ by so much: no feed has put there what is dated later."""
_KNOWN_LATELY_MS = 7 * 86_400_000
"""A price that is older says nothing any more of what a price may be."""
_BUS = "bus"
_LASTING_SECONDS = 60.0
"""After so long without a failure the pauses begin small again."""


def run(configuration: Configuration, settings: GateSettings, *, log: Log, stop: threading.Event) -> None:
    """Feeds, or stands by while another feed does, until `stop` is set or the source ends.

    Raises ConfigError, MarketRefused, BarsError.
    """
    market = configured_market(configuration)
    clock = SystemClock()
    pauses = Pauses(clock)
    with closing(Bus(connect(settings.url, password=settings.password), settings.portfolio)) as bus:
        feed = _Feed(configuration, market, bus, log, stop)
        while not stop.is_set():
            begun = clock.monotonic()
            try:
                if feed.take_the_lease():
                    feed.run()
            except FeedReplaced:
                log.error("Another feed has taken the lease, as this one gave no sign of life for too long")
            except BusError as error:
                if clock.monotonic() - begun > _LASTING_SECONDS:
                    pauses.end(_BUS)
                pause = pauses.begin(_BUS)
                log.error("The bus takes no market data", why=str(error), next_in_seconds=pause)
                stop.wait(pause)
            else:
                return


def configured_market(configuration: Configuration) -> ConfiguredMarket:
    """Returns what the configuration subscribes to. Raises ConfigError where it names nothing, or a symbol
    without a contract.
    """
    market, file = configuration.runtime.market, configuration.files.runtime.path
    if market is None:
        expected = 'what to subscribe to, such as {"source": "databento", "symbols": {"ES": "ES.v.0"}}'
        raise ConfigError(file, "market", expected, "none")
    for symbol in market.symbols:
        if symbol not in configuration.contracts:
            known = ", ".join(configuration.contracts)
            expected = f"symbols with a contract ({known})"
            raise ConfigError(file, joined("market.symbols", symbol), expected, symbol)
    return market


class _Feed:
    """This process among the feeds of a portfolio."""

    def __init__(
        self,
        configuration: Configuration,
        market: ConfiguredMarket,
        bus: Bus,
        log: Log,
        stop: threading.Event,
    ) -> None:
        self._configuration = configuration
        self._market = market
        self._of_now = market.source not in REPLAYED
        self._bus = bus
        self._log = log
        self._stop = stop
        self._who = f"{socket.gethostname()[:64]} {os.getpid()} {secrets.token_hex(8)}"
        self._lease_ms = _LEASES * configuration.runtime.lease_ms
        self._epoch = 0

    def take_the_lease(self) -> bool:
        """Waits until no other feed has the lease. Returns false where this process is to stop first."""
        waits_for = ""
        while not self._stop.is_set():
            self._epoch, holder = self._bus.take_feed(self._who, self._lease_ms)
            if self._epoch:
                return True
            if holder != waits_for:
                self._log.info(f"Standing by: the feed is {shown_holder(holder)}")
            waits_for = holder
            self._stop.wait(self._lease_ms / 4_000)
        return False

    def run(self) -> None:
        """Feeds until the source ends, or the lease is lost.

        Raises ConfigError, MarketRefused, BarsError, FeedReplaced, BusError."""
        since_ms, known_since_ms = self._beginning()
        term = Term(self._who, self._epoch, self._lease_ms)
        name = self._market.source.rpartition(":")[2]
        manner = Manner(name, known_since_ms, self._market.keep_minutes, self._of_now)
        quotes = self._quotes()
        feeding = Feeding(self._bus, term, manner, quotes=quotes, log=self._log, clock=SystemClock())
        try:
            with self._keeping_the_lease():
                opened = open_market(self._market, self._setup(since_ms))
            with closing(opened) as source:
                feeding.begin()
                shown = " ".join(self._market.symbols)
                self._log.info("Feeding", source=self._market.source, symbols=shown, since_ms=since_ms)
                for update in source.updates():
                    feeding.take(update)
        except (ConfigError, MarketRefused) as refused:
            with suppress(BusError, FeedReplaced):
                feeding.refused(str(refused))
            raise
        finally:
            with suppress(BusError):
                self._bus.keep_feed(self._who, 0, self._epoch)
        self._log.info("Told to stop" if self._stop.is_set() else "The source has no more bars")

    @contextmanager
    def _keeping_the_lease(self) -> Iterator[None]:
        """Renews the lease while the source is opened, for a bounded time: of two that take longer than that,
        each would lose it to the other, again and again.
        """
        is_open, clock = threading.Event(), SystemClock()
        deadline = clock.monotonic() + _OPENING_SECONDS

        def renew() -> None:
            while not is_open.wait(self._lease_ms / 3_000) and clock.monotonic() < deadline:
                with suppress(BusError):  # who feeds meets it too
                    self._bus.keep_feed(self._who, self._lease_ms, self._epoch)

        renewing = threading.Thread(target=renew, name="lease", daemon=True)
        renewing.start()
        try:
            yield
        finally:
            is_open.set()
            renewing.join()

    def _beginning(self) -> tuple[int | None, int]:
        """Returns from when on bars are wanted, and from when on all that is on the bus is known."""
        _, last = self._bus.last_step()
        now_ms = self._bus.now_ms()
        if last is None:
            warm_up_ms = self._market.warm_up_minutes * MINUTE_MS
            return (now_ms - warm_up_ms if self._of_now and warm_up_ms else None), 0
        if self._of_now and last.time_ms > now_ms + _AHEAD_MS:  # asked from there on, nothing would come
            return None, now_ms
        kept_ms = now_ms - self._market.keep_minutes * MINUTE_MS
        if self._of_now and last.time_ms < kept_ms:
            return kept_ms, kept_ms
        return last.time_ms, last.known_since_ms

    def _quotes(self) -> Quotes:
        """Returns what judges prices by those that are known; nothing does where all is played."""
        if not self._of_now:
            return Quotes({}, {})
        seen = self._bus.market()
        known = {
            symbol: last.price
            for symbol, last in seen.prices.items()
            if seen.now_ms - last.at_ms < _KNOWN_LATELY_MS and last.source not in REPLAYED
        }
        return Quotes(self._configuration.contracts, known)

    def _setup(self, since_ms: int | None) -> MarketSetup:
        return MarketSetup(
            symbols=self._market.symbols,
            contracts=self._configuration.contracts,
            options=self._market.options,
            environ=os.environ,
            log=self._log,
            stop=self._stop,
            file=self._configuration.files.runtime.path,
            since_ms=since_ms,
        )
