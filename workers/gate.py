"""The gate: what a strategy author imports to trade inside the portfolio's limits.

    gate = PortfolioGate("ibs-ES", symbols=["ES"])
    gate.on_flatten(close_everything)
    gate.start()
    if gate.request_entry("ES", side="long", size=1):
        ...

Guarantees: an entry is allowed only when the coordinator said so, in time; no answer, a bus that is away, an
answer that cannot be read are all a no. Facts never ask: they are reported whatever the state, and wait in
the outbox while the bus is away. An order to flatten arrives on a thread of its own within milliseconds, also
one that was given while the worker was down.
"""

import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import TracebackType

from msgspec import Struct

from config import Configuration, load, secret
from coordinator.log import Log, open_log
from coordinator.status import read_status
from events.bus import SERVERS_TIME, Bus
from events.codec import RefusedField, decode_decision
from events.connection import connect
from events.decisions import EntryAllowed, EntryDenied, EventRejected
from events.errors import BusError
from events.incoming import (
    EntryRequested,
    EntryWithdrawn,
    Event,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    WorkerStarted,
    WorkerStopped,
)
from events.legs import Holding, holdings_text
from events.stream_id import ORIGIN, StreamId
from workers.decision import Decision
from workers.heartbeat import Heartbeat
from workers.listener import LISTEN_SECONDS, FlattenOrder, Listener
from workers.publisher import Publisher

Amount = Decimal | int | float | str
"""A price or dollars, as authors have them. A float is read by its shortest text, so 71.25 means 71.25."""


class GateSettings(Struct, frozen=True):
    """Where the portfolio is, and how patient its workers are."""

    url: str = "redis://127.0.0.1:6379/0"
    password: str | None = None
    portfolio: str = "main"
    answer_seconds: float = 2.0
    heartbeat_seconds: float = 1.0
    worker_lost_seconds: float = 5.0

    @classmethod
    def of(
        cls, configuration: Configuration, *, url: str | None = None, portfolio: str | None = None
    ) -> "GateSettings":
        """The settings in runtime.json, with another server or portfolio where one is given."""
        runtime = configuration.runtime
        return cls(
            url=url or runtime.redis_url,
            password=secret(configuration, "redis_password_env", os.environ),
            portfolio=portfolio or runtime.portfolio,
            answer_seconds=runtime.answer_seconds,
            heartbeat_seconds=runtime.heartbeat_seconds,
            worker_lost_seconds=runtime.worker_lost_seconds,
        )

    @classmethod
    def found(cls) -> "GateSettings":
        """The settings of the configuration that applies here; PORTFOLD_URL names another server."""
        return cls.of(load(None, os.environ, Path.cwd()), url=os.environ.get("PORTFOLD_URL"))


class PortfolioGate:
    """One worker's way to the coordinator. Any thread may use it.

    `symbols`: what the worker trades. `holdings`: asked whenever the worker announces itself, what its broker
    says is open. `stamp`: gives the ID for events where the clock is driven.
    """

    def __init__(
        self,
        worker: str,
        *,
        symbols: Sequence[str] = (),
        settings: GateSettings | None = None,
        holdings: Callable[[], Iterable[Holding]] = tuple,
        stamp: Callable[[], str] = lambda: SERVERS_TIME,
        log: Log | None = None,
    ) -> None:
        self.worker = worker
        self.session = f"{time.time_ns() // 1_000_000}-{secrets.token_hex(4)}"
        self._settings = settings or GateSettings.found()
        self._symbols = " ".join(symbols)
        self._holdings = holdings
        self._log = log or open_log(worker)[0]
        patience = self._settings.answer_seconds
        client = connect(
            self._settings.url,
            password=self._settings.password,
            timeout_seconds=max(patience, LISTEN_SECONDS) + 0.5,  # longer than any blocking read
        )
        self._bus = Bus(client, self._settings.portfolio)
        self._publisher = Publisher(self._bus, patience_seconds=patience, stamp=stamp, log=self._log)
        self._granted: dict[str, Decision] = {}
        self._callbacks: list[Callable[[FlattenOrder], None]] = []
        self._last_order = ORIGIN
        self._listener: Listener | None = None
        self._announcing = threading.Lock()
        self._announced = False
        self._heartbeat = Heartbeat(
            every_seconds=self._settings.heartbeat_seconds,
            lost_after_seconds=self._settings.worker_lost_seconds,
            beat=self._beat,
            woke_up=self._announce_again,
        )

    # --- coming and going --------------------------------------------------------------------------------

    def start(self) -> "PortfolioGate":
        """Announces the worker and begins to listen; with the bus away, as soon as it is back."""
        self._announce()
        self._heartbeat.start()
        return self

    def close(self, reason: str = "") -> None:
        """Says goodbye and lets go of the bus. Positions stay as they are."""
        self._heartbeat.close()
        if self._announced:
            self._publisher.fact(partial(self._event, WorkerStopped, reason=reason))
        if self._listener is not None:
            self._listener.close()
        self._bus.close()

    def __enter__(self) -> "PortfolioGate":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close("" if kind is None else f"failed: {kind.__name__}")

    def on_flatten(self, callback: Callable[[FlattenOrder], None]) -> None:
        """Calls `callback` on its own thread for every order to close, maybe twice: close what is open."""
        self._callbacks.append(callback)

    # --- entries -----------------------------------------------------------------------------------------

    def request_entry(
        self, symbol: str, side: str = "long", size: int = 1, *, strategy: str = ""
    ) -> Decision:
        """Asks for room. A bus that is away is a no; RefusedField is raised for a request that is none."""
        if not self._announced and not self._announce():
            return self._no(symbol, "bus_unreachable", "The bus is unreachable")
        ask = partial(self._event, EntryRequested, symbol=symbol, side=side, size=size, strategy=strategy)
        try:
            request = self._publisher.ask(ask)
        except BusError as error:
            self._take_back(symbol, "the request may not have arrived")
            return self._no(symbol, "bus_unreachable", f"The bus is unreachable: {error}")
        return self._await_answer(symbol, request)

    def withdraw(self, symbol: str, reason: str = "") -> bool:
        """Gives the slot back: the order was refused, cancelled or not sent."""
        self._granted.pop(symbol, None)
        return self._publisher.fact(partial(self._event, EntryWithdrawn, symbol=symbol, reason=reason))

    def standing(self, decision: Decision) -> bool:
        """Whether a yes still holds: false once an order to flatten everything has arrived after it."""
        return decision.allowed and decision.event is not None and decision.event > self._last_order

    # --- facts -------------------------------------------------------------------------------------------

    def position_opened(self, symbol: str, side: str = "long", size: int = 1, *, price: Amount) -> bool:
        """Reports a fill. Returns false when the report still waits for the bus."""
        granted = self._granted.pop(symbol, None)
        if granted is not None:
            granted.used = True
        return self._publisher.fact(
            partial(
                self._event, PositionOpened, symbol=symbol, side=side, size=size, price=_exact(price, "price")
            )
        )

    def position_closed(
        self,
        symbol: str,
        side: str = "long",
        size: int = 1,
        *,
        price: Amount,
        pnl: Amount,
        commission: Amount,
        reason: str = "",
        owner: str = "",
    ) -> bool:
        """Reports a close: `side` of the position, `pnl` in dollars net of `commission` for both sides."""
        return self._publisher.fact(
            partial(
                self._event,
                PositionClosed,
                symbol=symbol,
                side=side,
                size=size,
                price=_exact(price, "price"),
                commission=_exact(commission, "commission"),
                pnl=_exact(pnl, "pnl"),
                reason=reason,
                owner=owner,
            )
        )

    def position_marked(self, symbol: str, side: str = "long", *, price: Amount, unrealized: Amount) -> bool:
        """Reports what an open position would make at `price`, in dollars. Lost while the bus is away."""
        return self._publisher.mention(
            partial(
                self._event,
                PositionMarked,
                symbol=symbol,
                side=side,
                price=_exact(price, "price"),
                unrealized=_exact(unrealized, "unrealized"),
            )
        )

    def get_status(self) -> dict[str, object]:
        """The portfolio's status, see `coordinator.status`. Raises BusError."""
        return read_status(self._bus.status())

    # --- inside ------------------------------------------------------------------------------------------

    def _event(self, kind: Callable[..., Event], number: int, **fields: object) -> Event:
        return kind(worker=self.worker, session=self.session, seq=number, **fields)

    def _announce(self) -> bool:
        """Listens from here on, then says what the broker holds: so no order falls in between."""
        with self._announcing:
            try:
                if self._listener is None:
                    seen = self._bus.last_decision()
                    self._listener = Listener(self._bus, self.worker, seen, self._pass_on, self._log)
                    self._listener.start()
                self._beat_now()
                started = partial(
                    self._event,
                    WorkerStarted,
                    symbols=self._symbols,
                    positions=holdings_text(self._holdings()),
                )
                self._publisher.ask(started)
            except BusError as error:
                self._log.error("The bus is unreachable: no entries until it is back", why=str(error))
                return False
            self._announced = True
            return True

    def _announce_again(self) -> None:
        """After a pause so long that the worker may count as lost."""
        self._announced = False
        self._announce()

    def _beat_now(self) -> None:
        self._bus.beat(self.worker, self.session, int(self._settings.worker_lost_seconds * 1000))

    def _beat(self) -> None:
        try:
            self._beat_now()
        except BusError:
            return  # the listener has said that the bus is away
        if not self._announced:
            self._announce()
        if self._publisher.waiting:
            self._publisher.flush()

    def _await_answer(self, symbol: str, request: StreamId) -> Decision:
        deadline = time.monotonic() + self._settings.answer_seconds
        try:
            while (left := deadline - time.monotonic()) > 0:
                found = self._bus.decisions_after(
                    request.before_decisions(), count=100, block_ms=int(left * 1000)
                )
                if found:
                    return self._read_answer(symbol, request, [entry.fields for entry in found])
            problem = f"No answer within {self._settings.answer_seconds:g} s"
        except (BusError, RefusedField) as error:
            problem = f"The answer could not be read: {error}"
        self._take_back(symbol, "no answer in time")
        return self._no(symbol, "no_answer", problem)

    def _read_answer(self, symbol: str, request: StreamId, found: list[list[str]]) -> Decision:
        name = str(request)
        for fields in found:
            cause = fields.index("event")
            if fields[cause + 1] != name:
                continue
            decision = decode_decision(fields[:cause])
            if isinstance(decision, EntryDenied):
                if decision.code == "worker_lost":
                    self._announced = False  # announced again before the next request
                return self._no(symbol, decision.code, decision.reason, request)
            if isinstance(decision, EventRejected):
                return self._no(symbol, "event_rejected", decision.reason, request)
            if isinstance(decision, EntryAllowed):
                if decision.repeats and decision.expires_ms <= request.ms:
                    return self._no(
                        symbol, "no_answer", "The slot expired before its answer was read", request
                    )
                return self._yes(symbol, request, decision)
        return self._no(symbol, "no_answer", f"Event {name} was decided without an answer", request)

    def _yes(self, symbol: str, request: StreamId, allowed: EntryAllowed) -> Decision:
        decision = Decision(
            allowed=True,
            symbol=symbol,
            reason=f"Allowed, slot {allowed.slots} of {allowed.max_positions}",
            event=request,
            expires_ms=allowed.expires_ms,
            give_back=self._give_back,
        )
        self._granted[symbol] = decision
        return decision

    def _no(self, symbol: str, code: str, reason: str, request: StreamId | None = None) -> Decision:
        return Decision(allowed=False, symbol=symbol, reason=reason, code=code, event=request)

    def _give_back(self, decision: Decision, reason: str) -> None:
        self.withdraw(decision.symbol, reason)

    def _take_back(self, symbol: str, reason: str) -> None:
        """A request nobody waits for any more must not keep a slot."""
        self.withdraw(symbol, reason)

    def _pass_on(self, order: FlattenOrder) -> None:
        if order.everything:
            self._last_order = max(self._last_order, order.event)
        if not self._callbacks:
            self._log.critical("Ordered to flatten, and nobody here closes positions", cause=order.cause)
        for callback in self._callbacks:
            callback(order)


def _exact(amount: Amount, field: str) -> Decimal:
    try:
        return amount if isinstance(amount, Decimal) else Decimal(str(amount))
    except ArithmeticError:
        raise RefusedField(f"{field}: expected a number, got {str(amount)[:80]!r}") from None
