"""The live market of Databento: one session after the other, for as long as the feed runs.

    disconnected ──pause, 1 s to 60 s──▶ history, if replay does not reach ──▶ session, replayed ──▶ …

Guarantees: those of `market.source`. A connection that is lost is told once, whatever the number of attempts
it takes, again only where another reason comes up, and its return once. What is known as final raises. A
session also ends by itself after midnight in UTC where symbols are continuous, and is opened anew: a running
one goes on with the contract it began with, whatever the calendar says.
"""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from portfold.clock import Clock, SystemClock
from portfold.exchange_time import span as shown_span
from portfold.installing import install_command
from portfold.log import Log
from portfold.workers.market.minute_bars import Traded
from portfold.workers.market.source import MINUTE_MS, MarketRefused, MarketSetup, Notice, Update
from portfold.workers.market.sources.assembly import Assembly
from portfold.workers.market.sources.databento.history import Span
from portfold.workers.market.sources.databento.refusals import NO_REPLAY, judge
from portfold.workers.market.sources.databento.secret import Key, read_key, shut_client_logs
from portfold.workers.market.sources.databento.session import Opening, Session
from portfold.workers.market.sources.databento.subscription import Options, Symbols
from portfold.workers.market.sources.items import (
    CaughtUp,
    ClockAt,
    Ended,
    Item,
    Opened,
    Problem,
    Unresolved,
)
from portfold.workers.pauses import Pauses

_HOUR_MS = 60 * MINUTE_MS
_WAIT_SECONDS = 0.25
_CONNECT = "connect"
_OVERLAP_MS = {"trades": 1_000}  # replayed by when they were made, and counted by when they were received


class Patience(NamedTuple):
    """How long to wait for what; `silence_seconds`: beyond the interval of heartbeats."""

    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 60.0
    silence_seconds: float = 5.0
    replay_ms: int = 23 * _HOUR_MS  # of the 24 hours that the gateway keeps
    short_replay_ms: int = 10 * MINUTE_MS  # where the gateway refused one that reached further


class DatabentoSource:
    """A source in the sense of `market.source.MarketSource`. `wall_ms` is the machine's clock, which counts
    only where the data has not yet said what time it is, and for how long it has been away.
    """

    def __init__(
        self,
        setup: MarketSetup,
        *,
        patience: Patience | None = None,
        clock: Clock | None = None,
        wall_ms: Callable[[], int] | None = None,
    ) -> None:
        self._options = setup.read_options(Options)
        self._symbols = Symbols(setup.symbols)
        self._key: Key = read_key(setup.environ, self._options.key_env)
        shut_client_logs()
        self._log: Log = setup.log
        self._stop = setup.stop
        self._patience = patience or Patience()
        self._clock = clock or SystemClock()
        self._wall_ms = wall_ms or (lambda: time.time_ns() // 1_000_000)
        self._noted_ms, self._ahead_ms = 0, 0  # the data's clock, and how far it is ahead of the machine's
        self._pauses = Pauses(
            self._clock, self._patience.first_pause_seconds, self._patience.longest_pause_seconds
        )
        silent_ms = round(self._options.silent_seconds * 1_000)
        self._assembly = Assembly(self._symbols.ours, setup.since_ms, silent_ms)
        self._replay_ms = self._patience.replay_ms
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

    def _session_after_session(self) -> Iterator[Update | None]:
        while not self._is_over():
            session = self._session = Session(self._opening(), self._clock)
            session.start()
            try:
                yield from self._through(session)
            finally:
                session.close()
            while not (self._is_over() or self._pauses.is_over(_CONNECT)):
                self._stop.wait(min(_WAIT_SECONDS, self._patience.first_pause_seconds))
                yield None

    def close(self) -> None:
        """Ends the subscription; may be called twice, and from any thread."""
        self._is_closed = True
        if self._session is not None:
            self._session.close()

    def _is_over(self) -> bool:
        return self._is_closed or self._stop.is_set()

    def _opening(self) -> Opening:
        """Returns how to go on from what is known: by replay as far as that reaches, before it by history."""
        self._opened_at = None
        self._assembly.begin()
        start_ms, history = self._assembly.resume_ms, None
        if start_ms is not None:
            now_ms = self._wall_ms() + self._ahead_ms
            reach_ms = (now_ms - self._replay_ms) // MINUTE_MS * MINUTE_MS
            if start_ms < reach_ms:
                history = Span(start_ms, reach_ms)
                start_ms = reach_ms
            # What is asked for twice is counted once; what begins in the future is refused.
            start_ms = min(start_ms, now_ms) - _OVERLAP_MS.get(self._options.schema, 0)
        return Opening(self._options, self._symbols, self._key, start_ms, history)

    def _through(self, session: Session) -> Iterator[Update | None]:
        while not self._is_over():
            items = session.take(_WAIT_SECONDS)
            taken_ms = self._wall_ms()
            for item in items:
                if isinstance(item, Ended):
                    yield from self._assembly.prices()
                    yield from self._ended(item.problem)
                    return
                yield from self._one(item)
            yield from self._assembly.prices()
            self._take_note(taken_ms)
            if self._symbols.rolls() and self._assembly.is_next_day:
                self._log.info("databento: a new day, subscribing anew, as symbols may mean other contracts")
                return
            allowed = self._options.heartbeat_seconds + self._patience.silence_seconds
            if not items and session.quiet_seconds > allowed:
                quiet = shown_span(round(session.quiet_seconds * 1_000))
                yield from self._ended(Problem("session", f"not even a heartbeat for {quiet}."))
                return
            session.look_after()
            yield None

    def _one(self, item: Item) -> Iterator[Update]:
        if isinstance(item, Opened):
            self._opened_at = self._clock.monotonic()
            self._log.info("databento: session open", session=item.session_id)
        elif isinstance(item, Unresolved):
            yield from self._unresolved(item)
        else:
            if self._opened_at is not None and isinstance(item, Traded | ClockAt | CaughtUp):
                yield from self._running()
            yield from self._assembly.take(item)

    def _running(self) -> Iterator[Update]:
        self._has_run = True
        self._replay_ms = self._patience.replay_ms
        if self._lost_because:
            self._lost_because = ""
            yield Notice("reconnected", "Databento gives prices again.")

    def _unresolved(self, unresolved: Unresolved) -> Iterator[Update]:
        shown = self._symbols.shown(unresolved.symbols) or "a symbol"
        sentence = (
            f"Databento does not know {shown} in {self._options.dataset}: expected a continuous symbol such "
            f"as ES.v.0, or a contract that is listed. It said: {unresolved.text}"
        )
        if not self._has_run:
            raise MarketRefused(sentence)
        if not self._unknown.issuperset(unresolved.symbols):
            self._unknown.update(unresolved.symbols)
            yield Notice("refused", sentence, unresolved.symbols)

    def _ended(self, problem: Problem) -> Iterator[Update]:
        if problem.code in NO_REPLAY and self._replay_ms > self._patience.short_replay_ms:
            # What the gateway keeps may be less than a day; what it does not, history may have.
            self._replay_ms = self._patience.short_replay_ms
        else:
            options = self._options
            refusal = judge(problem, has_run=self._has_run, key_env=options.key_env, dataset=options.dataset)
            if refusal.is_final:
                raise MarketRefused(refusal.sentence)
            if refusal.sentence != self._lost_because:
                self._lost_because = refusal.sentence
                yield Notice("disconnected", refusal.sentence)
        lasted = 0.0 if self._opened_at is None else self._clock.monotonic() - self._opened_at
        if lasted > self._patience.longest_pause_seconds:
            self._pauses.end(_CONNECT)
        pause = self._pauses.begin(_CONNECT)
        self._log.warning("databento: no session", why=problem.text, code=problem.code, next_in_seconds=pause)

    def _take_note(self, taken_ms: int) -> None:
        present_ms = self._assembly.present_ms
        if present_ms is not None and present_ms != self._noted_ms:
            self._noted_ms, self._ahead_ms = present_ms, present_ms - taken_ms
        for symbol, count in self._assembly.late().items():
            self._log.warning("databento: traded in a minute that was over", symbol=symbol, count=count)


def open_databento(setup: MarketSetup) -> DatabentoSource:
    """Returns the source of kind `databento`. Raises ConfigError, MarketRefused."""
    try:
        import databento  # noqa: F401, PLC0415 - an extra, and heavy
    except ImportError:
        raise MarketRefused(
            f"The databento client is not installed. Install it with: {install_command('databento')}"
        ) from None
    return DatabentoSource(setup)
