"""The old class, over the bus; the package's docstring lists what differs from one process."""

import atexit
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

from portfold.config import Configuration, load
from portfold.coordinator.views.view_field import view_standing
from portfold.events.codec import RefusedField
from portfold.events.fields import Side
from portfold.events.incoming import NO_EXIT_PRICE
from portfold.events.wire.bus import Entry
from portfold.events.wire.errors import BusError
from portfold.log import Log
from portfold.program_log import program_log
from portfold.workers.client.amount import Amount, PlannedLoss, exact
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.client.context import GateEnvironment
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.publisher import OtherProcess
from portfold.workers.client.settings import GateSettings, open_bus
from portfold.workers.compat.callbacks import Callbacks
from portfold.workers.compat.emergency import Emergency
from portfold.workers.compat.held import GrantedSlot, Holdings
from portfold.workers.compat.naming import claim_a_name, name_of_this_process
from portfold.workers.compat.one_of_many import OneOfMany
from portfold.workers.compat.permission import Permission
from portfold.workers.compat.portfolio import PortfolioReader
from portfold.workers.compat.positions import (
    OpenPosition,
    PricedLeg,
    implied_exit,
    open_positions_in,
    side_and_size,
)
from portfold.workers.compat.traded import TradedSymbols, announced_before
from portfold.workers.run.decided import wait_until_decided

_NO_PRICE = Decimal(0)
_NOT_REPLICATED = "The yes is not on enough replicas in time"

EmergencyExit = Callable[..., object]
"""Called as `callback(reason, context)`, or with fewer arguments if it takes fewer."""


class PortfolioCoordinator:
    """The portfolio, as code written for one process knows it. Any thread may use it.

    `emergency_exit_callback(reason, context)` is called once an episode, and again only for what was
    registered since, in each process that holds something or was granted a slot; where nobody has anything,
    in one. It is called within milliseconds, on a thread of its own; if it raises, again after one second,
    two, four and so on up to thirty.

    `daily_summary_callback` is called when a trading day has ended, in one of the processes; without the bus
    each calls its own. While it runs, `get_status()` and `daily_pnl` still show that day.

    By keyword only: `worker` is this process's name on the log, by default made from its command line (or
    PORTFOLD_WORKER); `symbols` what it announces that it trades before it asks (or PORTFOLD_SYMBOLS; by
    default what its earlier life announced): what it asks for it announces then. `settings` and
    `configuration` are those that apply here, unless given. What it is made of may be looked at:
    `gate`, `held`, `portfolio`, `emergency`.
    """

    def __init__(  # noqa: PLR0913 - the old four, and what is new by its name
        self,
        max_positions: int = 4,
        daily_stop_loss: float = 2500.0,
        emergency_exit_callback: EmergencyExit | None = None,
        daily_summary_callback: Callable[..., object] | None = None,
        *,
        worker: str | None = None,
        symbols: Sequence[str] | None = None,
        settings: GateSettings | None = None,
        configuration: Configuration | None = None,
        log: Log | None = None,
    ) -> None:
        self._process = os.getpid()
        self.emergency_exit_callback = emergency_exit_callback
        self.daily_summary_callback = daily_summary_callback
        configuration = configuration or load(None, os.environ, Path.cwd())
        self._settings = settings or GateSettings.of(configuration, url=os.environ.get("PORTFOLD_URL"))
        name = worker or os.environ.get("PORTFOLD_WORKER") or name_of_this_process()
        self._log = log or program_log(name)
        name, self._claim = claim_a_name(name, self._settings, self._log)
        self._bus = open_bus(self._settings, name)
        self.held = Holdings(self._bus, name, patience_seconds=self._settings.answer_seconds, log=self._log)
        wanted = (max_positions, daily_stop_loss)
        self.portfolio = PortfolioReader(self._bus, configuration, wanted, worker=name, log=self._log)
        one_of_many = OneOfMany(self._bus, name, self._log)
        self._callbacks = Callbacks(
            lambda: self.daily_summary_callback, is_chosen=one_of_many.is_chosen, log=self._log
        )
        self.emergency = Emergency(
            name,
            lambda: self.emergency_exit_callback,
            to_close=self.held.to_close,
            slots=self.held.slots,
            known=self.portfolio.known,
            is_chosen=one_of_many.is_chosen,
            log=self._log,
        )
        announced = _announced(symbols) or announced_before(self.portfolio.view(), name)
        self._traded = TradedSymbols(announced)
        self.gate = PortfolioGate(
            name,
            symbols=announced,
            settings=self._settings,
            holdings=self.held.holdings,
            hears=self._hears,
            log=self._log,
            environment=GateEnvironment(bus=self._bus),
        )
        self.gate.on_beat(self._each_beat)
        self.held.forgotten = self.gate.closed_elsewhere
        self.gate.on_flatten(self.emergency.flatten)
        self.portfolio.tighten()
        self.gate.start()
        self.portfolio.view()
        atexit.register(self.close)

    # --- entries -----------------------------------------------------------------------------------------

    def can_open_position(
        self, symbol: str, side: Side = "long", size: int = 1, **plan: Unpack[PlannedLoss]
    ) -> Permission:
        """Asks for a slot, and reserves it until it is registered, released, or this process is gone.

        `plan`: what it may lose, `stop_price` with the `price` that is expected, or `risk`. Denied too when
        nobody answers, or in a process forked off, with the reason; never raises.
        """
        if self._claim.lost_to:
            reason = f"{self.gate.worker} was taken over by {self._claim.lost_to}"
            return Permission((False, reason), "worker_superseded")
        try:
            decision = self.gate.request_entry(symbol, side, size, hold=True, **plan)
        except RefusedField as refused:
            return Permission((False, str(refused)), "refused")
        except OtherProcess as forked:
            return Permission((False, str(forked)), "other_process")
        self._traded.note(decision)
        if decision and self._settings.replicated and not self.gate.standing(decision):
            self.gate.withdraw(symbol, _NOT_REPLICATED, decision=decision)
            return Permission((False, _NOT_REPLICATED), "not_replicated")
        if decision:
            self.held.grant(symbol, GrantedSlot(decision, side, size, plan))
        return Permission((decision.allowed, decision.reason), decision.code)

    def release_pending_position(self, symbol: str) -> None:
        """Gives a slot back, or what is left of it after a part: the order failed, or was cancelled."""
        slot = self.held.ungrant(symbol)
        if slot is not None:
            self.gate.withdraw(symbol, "released", decision=slot.decision)
            self._until_decided()

    # --- facts -------------------------------------------------------------------------------------------

    def register_position_opened(
        self, symbol: str, size: float, entry_price: Amount | None = None, entry_time: datetime | None = None
    ) -> None:
        """Reports a fill of `size` contracts, negative when short. ValueError for a size that is none.

        `entry_time` is for reading only: on the log the time is when it was reported.
        """
        side, contracts = side_and_size(symbol, size)
        if entry_price is None:
            self._log.warning(f"{symbol} was opened without a price; it stands on the log at 0")
        price = _NO_PRICE if entry_price is None else entry_price
        opened = entry_time or datetime.now(UTC)
        leg = PricedLeg(symbol, side, contracts, exact(price, "entry_price"), self.gate.worker, opened)
        granted = self.held.ungrant(symbol, contracts)
        if granted is not None:
            self._ensure_granted(leg, granted)
        with self.gate.orders:  # so that no announcement of what is held falls in between
            self._report_open(leg)
        self._until_decided()

    def register_stop_moved(self, symbol: str, stop_price: Amount) -> None:
        """Reports where the stop of the position in `symbol` is from now on; logs where there is none."""
        leg = self.held.leg(symbol)
        if leg is None:
            self._log.error(f"The stop of {symbol} moved, and nobody here knows of a position in it")
            return
        self.gate.stop_moved(symbol, leg.side, price=stop_price)
        self._until_decided()

    def register_position_closed(self, symbol: str, pnl: Amount, exit_time: datetime | None = None) -> None:
        """Reports that the position in `symbol` was closed, whoever opened it, and the dollars it made, net.

        Never asks, and never waits for more than `answer_seconds`. `exit_time` stands on the log as a note;
        the time there is when it was reported.
        """
        leg = self._leg(symbol)
        if leg is None:
            self._log.error(f"{symbol} was closed, and nobody here knows of a position in it")
            leg = PricedLeg(symbol, "long", 1, _NO_PRICE, self.gate.worker, datetime.now(UTC))
        price, made = implied_exit(leg, exact(pnl, "pnl"), self.portfolio.point_value(symbol))
        reason = NO_EXIT_PRICE if exit_time is None else f"{NO_EXIT_PRICE}, at {exit_time.isoformat()}"
        with self.gate.orders:
            self._report_close(leg, price, made, reason)
        self._until_decided()

    # --- how we are --------------------------------------------------------------------------------------

    def get_status(self) -> dict[str, object]:
        """Returns the familiar dictionary, of the whole portfolio; what was known last while the bus is away.

        Always of the same shape; `unknown` names what could not be read, and then stands at nothing.
        """
        return self.portfolio.familiar() | self._callbacks.old_day()

    @property
    def open_positions(self) -> dict[str, OpenPosition]:
        """Returns the open positions of the whole portfolio by symbol."""
        return open_positions_in(self.portfolio.view())

    @property
    def daily_pnl(self) -> float:
        """Dollars made in this trading day, by everybody."""
        return float(str(self.get_status()["daily_pnl"]))

    @property
    def stopped_out(self) -> bool:
        """Returns whether the day's stop was reached."""
        return self.get_status().get("stopped_out") is True

    @property
    def max_positions(self) -> int:
        """Returns the limit in force; what was asked for while there is none."""
        return int(str(self.portfolio.familiar()["max_positions"]))

    @property
    def daily_stop_loss(self) -> float:
        """Returns the limit in force, in dollars; what was asked for while there is none."""
        return float(str(self.portfolio.familiar()["daily_stop_loss"]))

    # --- coming and going --------------------------------------------------------------------------------

    def close(self) -> None:
        """Says goodbye. Positions stay as they are. Done by itself when the process ends in good order.

        In a process forked off it does nothing: name, slots and threads are the other's, which goes on.
        """
        atexit.unregister(self.close)
        if os.getpid() != self._process:
            return
        self.gate.close("the process ended")
        self._claim.close()
        self._callbacks.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- inside ------------------------------------------------------------------------------------------

    def _report_open(self, leg: PricedLeg) -> None:
        before = self.held.leg(leg.symbol)
        self.held.add(leg)  # before its report: an order to close, which that may cause, must find it
        try:
            self.gate.position_opened(leg.symbol, leg.side, leg.size, price=leg.price)
        except RefusedField:
            self.held.put(leg.symbol, before)
            raise

    def _report_close(self, leg: PricedLeg, price: Decimal, pnl: Decimal, reason: str) -> None:
        own = self.held.leg(leg.symbol)
        self.held.put(leg.symbol, None)  # before its report: an order that causes must not find it
        try:
            self.gate.position_closed(
                leg.symbol,
                leg.side,
                leg.size,
                price=price,
                pnl=pnl,
                commission=0,
                reason=reason,
                owner="" if leg.worker == self.gate.worker else leg.worker,
            )
        except RefusedField:
            self.held.put(leg.symbol, own)
            raise

    def _ensure_granted(self, fill: PricedLeg, granted: GrantedSlot) -> None:
        """Asks anew for a fill that is other than was granted, or whose slot is gone by the log.

        A slot that covers it is never given back first: another could take it in between. This process's own
        clock is not asked: it stands still while a machine sleeps.
        """
        if granted.covers(fill.side, fill.size):
            if self._is_reserved(fill.symbol):
                return
        else:
            self.held.ungrant(fill.symbol)
            self.gate.withdraw(fill.symbol, "filled otherwise", decision=granted.decision)
        plan = granted.plan_for(fill.size, fill.price)
        answer = self.gate.request_entry(fill.symbol, fill.side, fill.size, **plan)
        if not answer:
            message = f"{fill.symbol} was filled {fill.side} {fill.size} without a grant"
            self._log.error(message, why=answer.reason)

    def _is_reserved(self, symbol: str) -> bool:
        """Returns whether the slot is ours by the log; so too while nobody can be asked, or read."""
        try:
            seen = self._bus.standing(self.gate.worker)
        except BusError:
            return True
        read = view_standing(seen)
        return read.view.has_slot(self.gate.worker, symbol) or not read.knows("reserved")

    def _until_decided(self) -> None:
        """Waits until what was reported is decided, so that the next read shows it, as in one process."""
        wait_until_decided(self._bus, self._settings.answer_seconds)

    def _leg(self, symbol: str) -> PricedLeg | None:
        """Returns what is open in `symbol`: ours, or another's that this process closes for it."""
        own = self.held.leg(symbol)
        return own or next((leg for leg in self.portfolio.legs() if leg.symbol == symbol), None)

    def _each_beat(self) -> None:
        """Looks after limits, symbols and holdings; falls silent once its name was taken over."""
        if self._claim.lost_to:
            self.gate.fall_silent()
        else:
            self.portfolio.look_at_limits()
            self._traded.announce(self._also_trade)
            self.held.look(self.portfolio.last_view, self.gate.orders)

    def _also_trade(self, symbols: Sequence[str]) -> bool:
        """Announces symbols while nothing is held: else what another just closed would count as open."""
        with self.gate.orders:
            return self.held.is_flat and self.gate.also_trades(symbols)

    def _hears(self, entry: Entry) -> FlattenOrder | None:
        self._callbacks.look(entry)
        return self.emergency.hears(entry)


def _announced(symbols: Sequence[str] | None) -> Sequence[str]:
    return os.environ.get("PORTFOLD_SYMBOLS", "").replace(",", " ").split() if symbols is None else symbols
