"""The live market of Interactive Brokers: one session after the other, for as long as the feed runs.

    disconnected ──pause, 1 s to 60 s──▶ session: contracts, prices, what was missed ──▶ …

Guarantees: those of `market.source`. A connection that is lost is told once, whatever the number of attempts
it takes, again only where another reason comes up, and its return once. What is known as final raises. A
session also ends by itself with each day of the exchange, and is opened anew: months and hours are the day's.
"""

import threading
from collections.abc import Iterator
from importlib.util import find_spec
from typing import NamedTuple

from portfold.clock import Clock, SystemClock
from portfold.installing import install_command
from portfold.log import Log
from portfold.workers.market.source import MarketRefused, MarketSetup, Notice, Update
from portfold.workers.market.sources.assembly import Assembly
from portfold.workers.market.sources.ibkr.pacing import Pacing, PacingRules
from portfold.workers.market.sources.ibkr.refusals import BACK, NEW_DAY, TOO_SLOW, judge
from portfold.workers.market.sources.ibkr.session import Session
from portfold.workers.market.sources.ibkr.subscription import Options, wanted
from portfold.workers.market.sources.ibkr.watching import Opening, Waits
from portfold.workers.market.sources.items import (
    Away,
    CaughtUp,
    Ended,
    Item,
    Opened,
    Priced,
    Problem,
    Unresolved,
)
from portfold.workers.pauses import Pauses

_WAIT_SECONDS = 0.25
_CONNECT = "connect"
_AT_ONCE = (BACK, NEW_DAY, TOO_SLOW)


class Patience(NamedTuple):
    """How long to wait for what, and how many items may wait."""

    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 60.0
    waits: Waits = Waits()
    pacing: PacingRules = PacingRules()
    most_items: int = 20_000


class IbkrSource:
    """A source in the sense of `market.source.MarketSource`."""

    def __init__(
        self, setup: MarketSetup, *, patience: Patience | None = None, clock: Clock | None = None
    ) -> None:
        import ib_async  # noqa: F401, PLC0415 - whole, before a session's thread needs a part of it

        self._options = setup.read_options(Options)
        self._wanted = wanted(setup.symbols)
        self._contracts = setup.contracts
        self._log: Log = setup.log
        self._stop: threading.Event = setup.stop
        self._patience = patience or Patience()
        self._clock = clock or SystemClock()
        self._pauses = Pauses(
            self._clock, self._patience.first_pause_seconds, self._patience.longest_pause_seconds
        )
        self._pacing = Pacing(self._clock, self._patience.pacing)
        silent_ms = round(self._options.silent_seconds * 1_000)
        self._assembly = Assembly(setup.symbols, setup.since_ms, silent_ms)
        self._session: Session | None = None
        self._is_closed = False
        self._opened_at: float | None = None
        self._has_run = False
        self._lost_because = ""
        self._unknown: set[str] = set()

    def updates(self) -> Iterator[Update | None]:
        """Waits for updates, see `MarketSource`. Raises MarketRefused."""
        try:
            yield from self._session_after_session()
        finally:
            self.close()

    def close(self) -> None:
        """Ends the subscription; may be called twice, and from any thread."""
        self._is_closed = True
        if self._session is not None:
            self._session.close()

    def _session_after_session(self) -> Iterator[Update | None]:
        while not self._is_over():
            self._opened_at = None
            self._assembly.begin()
            session = self._session = Session(self._opening(), self._log, self._patience.most_items)
            session.start()
            try:
                yield from self._through(session)
            finally:
                session.close()
            while not (self._is_over() or self._pauses.is_over(_CONNECT)):
                self._stop.wait(min(_WAIT_SECONDS, self._patience.first_pause_seconds))
                yield None

    def _is_over(self) -> bool:
        return self._is_closed or self._stop.is_set()

    def _opening(self) -> Opening:
        since_ms, waits = self._assembly.resume_ms, self._patience.waits
        return Opening(self._options, self._wanted, self._contracts, since_ms, self._pacing, waits)

    def _through(self, session: Session) -> Iterator[Update | None]:
        while not self._is_over():
            for item in session.take(_WAIT_SECONDS):
                if isinstance(item, Ended):
                    yield from self._assembly.prices()
                    yield from self._ended(item.problem)
                    return
                yield from self._one(item)
            yield from self._assembly.prices()
            for symbol, count in self._assembly.late().items():
                self._log.warning("ibkr: traded in a minute that was over", symbol=symbol, count=count)
            yield None

    def _one(self, item: Item) -> Iterator[Update]:
        if isinstance(item, Opened):
            self._opened_at = self._clock.monotonic()
            self._log.info("ibkr: connected, and subscribed")
        elif isinstance(item, Unresolved):
            yield from self._unresolved(item)
        elif isinstance(item, Away):
            yield from self._lost(item.problem)
        else:
            self._has_run = self._has_run or isinstance(item, Priced)
            if isinstance(item, CaughtUp):
                self._log.info("ibkr: caught up, minutes are of now")
            if isinstance(item, CaughtUp | Priced) and self._lost_because:
                self._lost_because = ""
                yield Notice("reconnected", "Interactive Brokers gives prices again.")
            yield from self._assembly.take(item)

    def _unresolved(self, unresolved: Unresolved) -> Iterator[Update]:
        if not self._has_run:
            raise MarketRefused(unresolved.text)
        if not self._unknown.issuperset(unresolved.symbols):
            self._unknown.update(unresolved.symbols)
            yield Notice("refused", unresolved.text, unresolved.symbols)

    def _lost(self, problem: Problem) -> Iterator[Update]:
        refusal = judge(problem, has_run=self._has_run, client_id=self._options.client_id)
        if refusal.is_final:
            raise MarketRefused(refusal.sentence)
        if refusal.sentence != self._lost_because:
            self._lost_because = refusal.sentence
            yield Notice("slow_reader" if problem.code == TOO_SLOW else "disconnected", refusal.sentence)

    def _ended(self, problem: Problem) -> Iterator[Update]:
        if problem.code not in (BACK, NEW_DAY):
            yield from self._lost(problem)
        lasted = 0.0 if self._opened_at is None else self._clock.monotonic() - self._opened_at
        if problem.code in _AT_ONCE or lasted > self._patience.longest_pause_seconds:
            self._pauses.end(_CONNECT)
        if problem.code not in _AT_ONCE:
            pause = self._pauses.begin(_CONNECT)
            self._log.warning("ibkr: no session", why=problem.text, code=problem.code, next_in_seconds=pause)


def open_ibkr(setup: MarketSetup) -> IbkrSource:
    """Returns the source of kind `ibkr`. Raises ConfigError, MarketRefused."""
    if find_spec("ib_async") is None:
        raise MarketRefused(
            f"The client ib_async is not installed. Install it with: {install_command('ibkr')}"
        )
    return IbkrSource(setup)
