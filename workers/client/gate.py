"""The gate: what a strategy author imports to trade inside the portfolio's limits.

    gate = PortfolioGate("ibs-ES", symbols=["ES"])
    gate.on_flatten(close_everything)
    gate.start()
    if gate.request_entry("ES", side="long", size=1):
        ...

Guarantees: an entry is allowed only when the coordinator said so, in time; no answer, a bus that is away, an
answer that cannot be read are all a no. Facts never ask: they are reported whatever the state, and wait in
the outbox while the bus is away. An order to flatten arrives on a thread of its own within milliseconds, also
one that was given while the worker was down. After a fork the child's copy refuses everything: OtherProcess.
"""

import secrets
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import Unpack

from portfold.coordinator.views.room import Room
from portfold.coordinator.views.status import status_values
from portfold.coordinator.views.view_field import view_in
from portfold.events.fields import Side
from portfold.events.incoming import (
    EntryRenewed,
    PositionClosed,
    PositionMarked,
    PositionOpened,
    StopMoved,
    WorkerStarted,
    WorkerStopped,
)
from portfold.events.legs import Holding, holdings_text
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Entry
from portfold.events.wire.errors import BusError
from portfold.log import Log
from portfold.program_log import program_log
from portfold.workers.client.amount import Amount, PlannedLoss, exact, whole
from portfold.workers.client.closing.asked_once import AskedOnce, Reported
from portfold.workers.client.closing.carrier import Carrier
from portfold.workers.client.closing.flatten_order import FlattenOrder, order_for
from portfold.workers.client.context import Author, GateContext, GateEnvironment
from portfold.workers.client.decision import Decision
from portfold.workers.client.grants import Grants, ask_about_an_earlier_life
from portfold.workers.client.marks import Mark, Marks
from portfold.workers.client.presence import WorkerPresence, announce_until_it_stays
from portfold.workers.client.publisher import Publisher
from portfold.workers.client.requests import Requests
from portfold.workers.client.settings import GateSettings, open_bus
from portfold.workers.client.worded import as_name, as_text


class PortfolioGate:
    """One worker's way to the coordinator. Any thread may use it.

    `symbols`: what the worker trades. `holdings`: asked whenever the worker announces itself, what its broker
    says is open. `hears`: which orders it obeys, where not its own. `environment`: another clock,
    other threads or another bus than this machine's and that of the settings.

    `orders` is a lock for whoever trades: held over each order at the broker and its report, it keeps an
    announcement of what the broker holds from falling in between, where it would say what no report has said.
    """

    def __init__(
        self,
        worker: str,
        *,
        symbols: Sequence[str] = (),
        settings: GateSettings | None = None,
        holdings: Callable[[], Iterable[Holding]] = tuple,
        hears: Callable[[Entry], FlattenOrder | None] | None = None,
        log: Log | None = None,
        environment: GateEnvironment | None = None,
    ) -> None:
        stamp, clock, bus, begin = environment or GateEnvironment()
        self.worker = worker
        self.session = secrets.token_hex(8)
        self._author = Author(worker, self.session)
        self.orders = threading.RLock()
        self._settings = settings or GateSettings.found()
        self._symbols = " ".join(symbols)
        self._holdings = holdings
        self._log = log or program_log(worker)
        self._clock = clock
        self._each_beat: Callable[[], object] = lambda: None
        self._carrier = Carrier(log=self._log, clock=self._clock, begin=begin)
        self._reported = Reported()
        self._losses = 0
        patience = self._settings.answer_seconds
        self._bus = bus or open_bus(self._settings, worker)
        self._publisher = Publisher(
            self._bus, patience_seconds=patience, stamp=stamp, log=self._log, clock=self._clock, begin=begin
        )
        context = GateContext(
            self._author, self._bus, self._publisher, self._settings, self._log, self._clock
        )
        self._marks = Marks(
            self._publish_mark,
            every_seconds=self._settings.mark_seconds,
            repeat_seconds=self._settings.mark_stale_seconds / 2,
            clock=self._clock,
        )
        self._presence = WorkerPresence(
            context,
            publish_started=self._publish_started,
            hears=hears or partial(order_for, worker),
            carrier=self._carrier,
            on_bus_lost=self._bus_lost,
            each_beat=self._beat,
        )
        self._grants = Grants(
            self._publisher,
            lambda number, symbol: self._author.event(EntryRenewed, number, symbol=symbol),
            unbroken_since=self._presence.unbroken_since,
            still_counts=lambda event: self._carrier.is_after_the_last(event, self._bus.last_event),
            beat_seconds=self._settings.heartbeat_seconds,
            log=self._log,
            clock=self._clock,
        )
        self._requests = Requests(context, self._presence, self._grants)

    # --- coming and going --------------------------------------------------------------------------------

    def start(self) -> "PortfolioGate":
        """Announces the worker and begins to listen; with the bus away, as soon as it is back."""
        self._presence.start()
        return self

    def close(self, reason: str = "") -> None:
        """Says goodbye and lets go of the bus. Positions stay as they are."""
        if not self._publisher.is_here:
            return  # the process that it belongs to goes on
        if self._presence.announced:
            self._publisher.fact(partial(self._author.event, WorkerStopped, reason=as_text(reason)))
        self._presence.close()
        self._grants.close()
        self._publisher.close()
        self._bus.close()

    def fall_silent(self) -> None:
        """Gives no more signs of life and hears no more orders; what is reported is still heard."""
        self._presence.close()

    def __enter__(self) -> "PortfolioGate":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close("" if kind is None else f"failed: {kind.__name__}")

    def on_flatten(
        self, callback: Callable[[FlattenOrder], object], *, reminded: bool = False, at_once: int = 1
    ) -> None:
        """Calls `callback` on its own thread for an order to close: close what is open, and report it.

        Once an episode, and again only if it raised or a fill was reported since; with `reminded` at every
        reminder, for one that looks at its broker for what is open; `at_once`: for so many orders at a time.
        """
        self._publisher.check_process()
        called = callback if reminded else AskedOnce(callback, self._reported, self._log)
        self._carrier.add(called, at_once=at_once)

    def on_beat(self, callback: Callable[[], object]) -> None:
        """Calls `callback` with each sign of life."""
        self._each_beat = callback

    def announce_again(self) -> bool:
        """Announces anew what the broker holds, where no report covers a change. False while the bus is away.

        Not to be called with `orders` held.
        """
        self._presence.renounce()
        return self._presence.announce()

    def also_trades(self, symbols: Sequence[str]) -> bool:
        """Announces that it trades these too. False where it is not announced at all yet, or nobody heard."""
        before, self._symbols = self._symbols, " ".join([*self._symbols.split(), *symbols])
        try:
            if self._presence.ready:
                self._publish_started()
                return True
        except BusError as error:
            self._log.warning("What is traded is not announced yet", symbols=symbols, why=str(error))
        self._symbols = before
        return False

    # --- entries -----------------------------------------------------------------------------------------

    def request_entry(
        self,
        symbol: str,
        side: Side = "long",
        size: int = 1,
        *,
        strategy: str = "",
        hold: bool = False,
        **plan: Unpack[PlannedLoss],
    ) -> Decision:
        """Asks for room. A bus that is away is a no; RefusedField is raised for a request that is none.

        With `hold` the slot is renewed while this process lives, until each part of it is reported filled or
        it is given back: for an order that fills at a later bar. `plan`: what it may lose.
        """
        return self._requests.ask(symbol, side, size, strategy, plan, hold=hold)

    def room(self, symbol: str, side: Side = "long", size: int = 1, **plan: Unpack[PlannedLoss]) -> Room:
        """Says what would be allowed now, and asks for nothing. Raises BusError, LogDiffers, RefusedField."""
        return self._requests.room(symbol, side, size, plan)

    def withdraw(self, symbol: str, reason: str = "", *, decision: Decision | None = None) -> bool:
        """Gives the slot back, of several threads that of `decision`: its order will not come."""
        return self._requests.withdraw(symbol, reason, decision.number if decision else None)

    def standing(self, decision: Decision, *, seconds: float = 0.0) -> bool:
        """Returns whether a yes still holds, for `seconds` yet to come too, asked just before the order goes
        out.

        No longer once its slot has expired, was used or given back, this worker may be counted as lost,
        an order to flatten has arrived, or the portfolio is stopped or halted; also after a pause or a sleep.
        """
        return self._requests.standing(decision, seconds)

    def renew(self, decision: Decision) -> bool:
        """Renews a slot: it lasts as long again as it was granted for. Done by itself for one with `hold`.

        False where it is not this process's any more, or the bus has not heard.
        """
        return self._grants.renew(decision)

    # --- facts -------------------------------------------------------------------------------------------

    def position_opened(
        self, symbol: str, side: Side = "long", size: int = 1, *, price: Amount, fill: str = ""
    ) -> bool:
        """Reports a fill, by the broker's name for it if it has one. False while it waits for the bus."""
        contracts = whole(size)
        with self._grants.filling(symbol, contracts), self._reported.opening(symbol, contracts):
            make = partial(self._author.event, PositionOpened, symbol=symbol, side=side, size=contracts)
            on_the_log = self._publisher.fact(partial(make, price=exact(price, "price"), fill=as_name(fill)))
        if self._presence.bus_is_lost:
            self._flatten_without_the_bus()
        return on_the_log

    def position_closed(  # noqa: PLR0913 - what there is to report, each by its name
        self,
        symbol: str,
        side: Side = "long",
        size: int = 1,
        *,
        price: Amount,
        pnl: Amount,
        commission: Amount,
        reason: str = "",
        owner: str = "",
        fill: str = "",
        recorded: Callable[[], object] | None = None,
    ) -> bool:
        """Reports a close: `side` of the position, `pnl` in dollars net of `commission` for both sides.

        `recorded` is called once the report is on the log, and again if it raises.
        """
        self._marks.forget(symbol)
        contracts = whole(size)
        with self._reported.closing(symbol, contracts if owner in ("", self.worker) else 0):
            make = partial(self._author.event, PositionClosed, symbol=symbol, side=side, size=contracts)
            make = partial(make, price=exact(price, "price"), commission=exact(commission, "commission"))
            make = partial(make, pnl=exact(pnl, "pnl"), reason=as_text(reason), owner=owner)
            return self._publisher.fact(partial(make, fill=as_name(fill)), recorded)

    def stop_moved(self, symbol: str, side: Side = "long", *, price: Amount) -> bool:
        """Reports where the stop of an open position is from now on. False while it waits for the bus."""
        make = partial(self._author.event, StopMoved, symbol=symbol, side=side)
        return self._publisher.fact(partial(make, stop_price=exact(price, "price")))

    def closed_elsewhere(self, symbol: str, left: int = 0) -> None:
        """Records that somebody else closed what was open here, down to `left` contracts."""
        self._marks.forget(symbol)
        self._reported.closed_elsewhere(symbol, left)

    def position_marked(
        self, symbol: str, side: Side = "long", *, price: Amount, unrealized: Amount, moment_ms: int = 0
    ) -> bool:
        """Reports the dollars of a position at the market's `moment_ms`, at most every `mark_seconds`."""
        made = exact(unrealized, "unrealized")
        return self._marks.offer(Mark(symbol, side, exact(price, "price"), made, moment_ms))

    def marked_for(self, owner: str, mark: Mark) -> bool:
        """Reports, in a single attempt, what the position of another makes that is not there to say so."""
        return self._publish_mark(mark, owner)

    def mark_due_in(self, symbol: str) -> float:
        """Returns in how many seconds a new mark may go out; infinite while nobody knows the worker."""
        return self._marks.due_in(symbol) if self._presence.announced else float("inf")

    def get_status(self) -> dict[str, object]:
        """Returns the portfolio's status, see `coordinator.views.status`; empty before there is one.

        Raises BusError.
        """
        view = view_in(self._bus.status())
        return status_values(view) if view else {}

    # --- inside ------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        self._grants.look_after()
        self._marks.publish_due()
        self._publisher.look()
        self._each_beat()

    def _publish_started(self) -> None:
        """Announces what the broker holds; what fills meanwhile was ordered by an earlier life."""
        if self._holdings is tuple and not self._presence.announcements:
            ask_about_an_earlier_life(self._bus.status(), self.worker, self._log)
        with self.orders:
            holdings = tuple(self._holdings())
            if self._holdings is not tuple:
                self._reported.holds(holdings)
            make = partial(self._author.event, WorkerStarted, symbols=self._symbols)
            announce_until_it_stays(
                holdings_text(holdings),
                announce=lambda held: self._publisher.ask(partial(make, positions=held)),
                look_again=lambda: holdings_text(self._holdings()),
                log=self._log,
            )

    def _publish_mark(self, mark: Mark, owner: str = "") -> bool:
        make = partial(self._author.event, PositionMarked, owner=owner, **mark._asdict())
        return self._publisher.mention(make) is not None

    def _bus_lost(self, seconds: float) -> None:
        self._log.critical(
            "Without the bus for too long",
            seconds=round(seconds, 1),
            positions_are_now="closed" if self._settings.on_bus_loss == "flatten" else "held",
        )
        if self._reported.all_closed():
            self._losses += 1  # else what the last loss had closed is perhaps only not reported yet
        self._flatten_without_the_bus()

    def _flatten_without_the_bus(self) -> None:
        """Orders everything closed, late fills included, as a coordinator would; without the bus none can."""
        if self._settings.on_bus_loss == "flatten":
            order = FlattenOrder(f"bus lost {self._losses}", ORIGIN, "bus lost", everything=True)
            self._carrier.carry(order, lambda: self._presence.bus_is_lost)  # nobody is there to remind
