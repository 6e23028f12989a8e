"""One connection to the live gateway from beginning to end, in a thread of its own.

The client's waits can be neither bounded nor broken off from outside (30 s for a key, for ever for a record),
so they are made here. What crosses is a bounded queue. Guarantees:
- Nothing is lost in it: where it is full the client reads no further, and the gateway finds us slow and says
  so. Each record is heard from the first on.
- The last thing in it is `Ended`, with what went wrong; the thread ends soon after `close`.
"""

import math
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from portfold.clock import Clock
from portfold.workers.feeds.dbn_units import NS_IN_MS
from portfold.workers.market.sources.databento.client_loop import ClientLoop
from portfold.workers.market.sources.databento.history import History, Span, fill
from portfold.workers.market.sources.databento.records import Records
from portfold.workers.market.sources.databento.secret import Key
from portfold.workers.market.sources.databento.subscription import Options, Symbols
from portfold.workers.market.sources.handover import Handover
from portfold.workers.market.sources.items import Ended, Item, Opened, Problem, Stage, Unknown

_ITEMS_WAITING = 10_000
_HUNG_UP_SECONDS = 0.5
_HUNG_UP = "Connection to the gateway failed: it hung up before it answered."
_CLOSED = "the gateway closed the connection."


class Opening(NamedTuple):
    """How to open a session: replayed from `start_ms` on, after the minutes of `history`."""

    options: Options
    symbols: Symbols
    key: Key
    start_ms: int | None
    history: Span | None


class Session:
    """Runs once from `start` to `close`."""

    def __init__(self, opening: Opening, clock: Clock) -> None:
        self._opening = opening
        self._clock = clock
        self._handover = Handover(_ITEMS_WAITING)
        self._loop: ClientLoop | None = None
        self._heard = clock.monotonic()
        self._is_open = False
        self._hung_up_at = math.inf
        self._was_hung_up = False
        self._fault: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="databento", daemon=True)

    def start(self) -> None:
        """Begins to connect."""
        self._thread.start()

    def take(self, seconds: float) -> list[Item]:
        """Returns what has come, oldest first; waits so long for the first."""
        return self._handover.take(seconds)

    @property
    def quiet_seconds(self) -> float:
        """Returns for how long nothing has come since the session was opened; 0 before."""
        return self._clock.monotonic() - self._heard if self._is_open else 0.0

    def look_after(self) -> None:
        """Breaks off an attempt on which the gateway hung up: the client would wait for an answer for long.

        A moment later only, so that a refusal, which ends in hanging up as well, is read first.
        """
        if self._is_open or self._loop is None or not self._loop.is_hung_up:
            self._hung_up_at = math.inf
            return
        now = self._clock.monotonic()
        self._hung_up_at = min(self._hung_up_at, now)
        if now - self._hung_up_at > _HUNG_UP_SECONDS:
            self._was_hung_up = True
            self._loop.break_off()

    def close(self) -> None:
        """Ends the connection, or the attempt at one; may be called twice, and from any thread."""
        self._handover.close()
        if self._loop is not None:
            self._loop.break_off()

    def _run(self) -> None:
        loop = self._loop = ClientLoop()
        try:
            problem = self._run_in(loop)
        finally:
            loop.close()
        self._handover.put(Ended(problem))

    def _run_in(self, loop: ClientLoop) -> Problem:
        """Returns why the session ended. Leaves nothing of the client behind, which would use the loop."""
        clients: list[Any] = []
        try:
            return self._through(loop, clients)
        finally:
            for client in clients:  # else it does so itself once it is collected, on a loop that is closed
                client.terminate()

    def _through(self, loop: ClientLoop, clients: list[Any]) -> Problem:
        """Returns why the session ended; `clients` takes what is to be let go then."""
        stage: Stage = "connecting"
        try:
            self._put_all(self._past())
            if not self._handover.is_closed:
                client = self._client(loop)
                clients.append(client)
                self._connect(client, loop)
                stage = "session"
                client.start()
                client.block_for_close()
        except Exception as error:  # noqa: BLE001 - whatever a client raises ends this session, and is told
            if self._fault is not None:
                return Problem(stage, self._opening.key.quoted(f"a fault of ours: {self._fault!r}"))
            return Problem(stage, _HUNG_UP if self._was_hung_up else _said(error, self._opening.key))
        return Problem(stage, _CLOSED)

    def _past(self) -> Iterator[Item]:
        span = self._opening.history
        if span is None:
            return
        options, symbols, key = self._opening.options, self._opening.symbols, self._opening.key
        if not options.history:
            yield Unknown(*span, "intraday replay does not reach it, and options.history is off.")
            return
        try:
            yield from fill(lambda: History(options, symbols, key), span)
        except Exception as error:  # noqa: BLE001 - whatever history cannot give, live data goes on
            yield Unknown(*span, f"the historical API refused: {_said(error, key)}")

    def _client(self, loop: ClientLoop) -> Any:
        import databento  # noqa: PLC0415 - an extra, and heavy

        options = self._opening.options
        return databento.Live(
            key=self._opening.key.reveal(),
            gateway=options.gateway,
            port=options.gateway_port,
            heartbeat_interval_s=options.heartbeat_seconds,
            slow_reader_behavior="warn",
            loop=loop.loop,
        )

    def _connect(self, client: Any, loop: ClientLoop) -> None:
        options, groups = self._opening.options, self._opening.symbols.groups
        start_ms = self._opening.start_ms
        start = None if start_ms is None else start_ms * NS_IN_MS
        # Called from before the start on: who iterates over the client may miss its first records.
        client.add_callback(self._hearing(loop, replays=0 if start is None else len(groups)))
        beside = ("status", "definition") if options.definitions else ("status",)
        for schema, begin in ((options.schema, start), *((each, 0) for each in beside)):
            for group in groups:
                client.subscribe(
                    options.dataset, schema, symbols=list(group.symbols), stype_in=group.stype, start=begin
                )
        self._heard, self._is_open = self._clock.monotonic(), True
        self._handover.put(Opened(str(client.session_id)))

    def _hearing(self, loop: ClientLoop, *, replays: int) -> Callable[[object], None]:
        """Returns what takes each record, in the thread of the loop, which reads no further meanwhile."""
        records = Records(self._opening.symbols, self._opening.key, replays=replays)

        def hear(record: object) -> None:
            self._heard = self._clock.monotonic()
            try:
                self._put_all(records.read(record))
            except Exception as error:  # noqa: BLE001 - the client would swallow it
                self._fault = error
                loop.break_off()

        return hear

    def _put_all(self, items: Iterator[Item]) -> None:
        for item in items:
            self._handover.put(item)


def _said(error: Exception, key: Key) -> str:
    """Returns what an error says; of one that says nothing its name."""
    return key.quoted(error) or type(error).__name__
