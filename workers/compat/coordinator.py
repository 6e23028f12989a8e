"""The old class, over the bus; what differs from one process is told where one imports it from."""

import atexit
import os
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Self

from config import Configuration, load
from coordinator.log import Log, open_log
from events.bus import Entry
from events.codec import RefusedField
from events.errors import BusError
from events.fields import Side
from workers.amount import Amount, exact
from workers.compat.callbacks import Callbacks
from workers.compat.emergency import Emergency
from workers.compat.limits import compare_limits, limits_in, may_be_tightened, tighten_limits
from workers.compat.naming import claim_a_name, name_of_this_process
from workers.compat.own_legs import OwnLegs
from workers.compat.positions import (
    Leg,
    OpenPosition,
    implied_exit,
    legs_in,
    open_positions_in,
    point_values_in,
    side_and_size,
)
from workers.compat.shown import familiar
from workers.decided import wait_until_decided
from workers.decision import Decision
from workers.flatten_order import FlattenOrder
from workers.gate import PortfolioGate, open_bus
from workers.settings import GateSettings

_NOT_TOLD = Decimal(0)

EmergencyExit = Callable[..., object]
"""Called as `callback(reason, context)`, or with fewer arguments if it takes fewer."""


class Permission(tuple[bool, str]):
    """`(allowed, reason)`, as ever; and falsy when denied, so that `if not ...can_open_position()` holds.

    `code` is for machines: `max_positions`, `stopped_out`, `symbol_in_position` and so on.
    """

    code: str

    def __new__(cls, allowed: bool, reason: str, code: str = "") -> "Permission":
        made = super().__new__(cls, (allowed, reason))
        made.code = code
        return made

    def __getnewargs__(self) -> tuple[bool, str, str]:  # for pickling: what `__new__` takes
        return (*self, self.code)

    def __bool__(self) -> bool:
        return self[0]


class PortfolioCoordinator:
    """The portfolio, as code written for one process knows it. Any thread may use it.

    `emergency_exit_callback(reason, context)` is called once for each order to close everything, on a thread
    of its own, within milliseconds; if it raises, it is tried again every second. `daily_summary_callback`
    is called when a trading day has ended; while it runs, `get_status()` and `daily_pnl` still tell of that
    day.

    By keyword only: `worker` is this process's name on the log, by default made from its command line (or
    PORTFOLD_WORKER); `settings` and `configuration` are those that apply here, unless given.
    """

    def __init__(
        self,
        max_positions: int = 4,
        daily_stop_loss: float = 2500.0,
        emergency_exit_callback: EmergencyExit | None = None,
        daily_summary_callback: Callable[..., object] | None = None,
        *,
        worker: str | None = None,
        settings: GateSettings | None = None,
        configuration: Configuration | None = None,
        log: Log | None = None,
    ) -> None:
        self.emergency_exit_callback = emergency_exit_callback
        self.daily_summary_callback = daily_summary_callback
        self._wanted = (max_positions, _dollars(daily_stop_loss))
        self._configuration = configuration or load(None, os.environ, Path.cwd())
        self._settings = settings or GateSettings.of(self._configuration, url=os.environ.get("PORTFOLD_URL"))
        self._bus = open_bus(self._settings)
        name = worker or os.environ.get("PORTFOLD_WORKER") or name_of_this_process()
        self._log = log or open_log(name)[0]
        self._over = threading.Event()
        name, self._claim = claim_a_name(self._bus, name, self._settings, stop=self._over, log=self._log)
        self._lock = threading.Lock()
        self._granted: dict[str, tuple[Decision, Side, int]] = {}
        self._legs = OwnLegs(self._bus, name, patience_seconds=self._settings.answer_seconds, log=self._log)
        self._last_status: dict[str, str] = {}
        self._compared = ""
        self._callbacks = Callbacks(lambda: self.daily_summary_callback, self._log)
        self._emergency = Emergency(
            lambda: name,
            lambda: self.emergency_exit_callback,
            self._legs.to_close,
            self._known,
            self._log,
        )
        self._gate = PortfolioGate(
            name,
            settings=self._settings,
            holdings=self._legs.holdings,
            hears=self._hears,
            each_beat=self._look_around,
            log=self._log,
            bus=self._bus,
        )
        self._gate.on_flatten(self._emergency.flatten)
        self._tighten()
        self._gate.start()
        threading.Thread(target=self._give_way, name="superseded", daemon=True).start()
        self._status()
        atexit.register(self.close)

    # --- entries -----------------------------------------------------------------------------------------

    def can_open_position(self, symbol: str, side: Side = "long", size: int = 1) -> Permission:
        """Asks for a slot, and reserves it until it is registered, released, or this process is gone.

        Denied too when nobody answers, with the reason; never raises.
        """
        if self._claim.lost_to:
            reason = f"Another process trades as {self._gate.worker} now: {self._claim.lost_to}"
            return Permission(False, reason, "worker_superseded")
        try:
            decision = self._gate.request_entry(symbol, side, size, hold=True)
        except RefusedField as refused:
            return Permission(False, str(refused), "refused")
        if decision:
            self._legs.granted(symbol)
            with self._lock:
                self._granted[symbol] = (decision, side, size)
        return Permission(decision.allowed, decision.reason, decision.code)

    def release_pending_position(self, symbol: str) -> None:
        """Gives a slot back that was not used: the order failed, or was cancelled."""
        with self._lock:
            granted = self._granted.pop(symbol, None)
        if granted is not None:
            self._gate.withdraw(symbol, "released")
            self._until_decided()

    # --- facts -------------------------------------------------------------------------------------------

    def register_position_opened(
        self, symbol: str, size: float, entry_price: Amount | None = None, entry_time: datetime | None = None
    ) -> None:
        """Reports a fill of `size` contracts, negative when short. ValueError for a size that is none.

        `entry_time` is for reading only: on the log the time is when it was reported.
        """
        side, contracts = side_and_size(symbol, size)
        with self._lock:
            granted = self._granted.pop(symbol, None)
        if granted is not None and not self._covers(granted, side, contracts):
            self._ask_again(symbol, side, contracts)
        if entry_price is None:
            self._log.warning(f"{symbol} was opened without a price; it stands on the log at 0")
        price = _NOT_TOLD if entry_price is None else entry_price
        opened = entry_time or datetime.now(UTC)
        fresh = Leg(symbol, side, contracts, exact(price, "entry_price"), self._gate.worker, opened)
        with self._gate.orders:  # what is announced meanwhile would count it twice, or not at all
            before = self._legs.leg(symbol)
            self._legs.put(symbol, before.joined(fresh) if before else fresh)
            try:  # once it is told, an order to close it may come at once
                self._gate.position_opened(symbol, side, contracts, price=price)
            except RefusedField:
                self._legs.put(symbol, before)
                raise
        self._until_decided()

    def register_position_closed(self, symbol: str, pnl: Amount, exit_time: datetime | None = None) -> None:
        """Reports that the position in `symbol` was closed, whoever opened it, and the dollars it made, net.

        Never asks, and never waits for more than `answer_seconds`. `exit_time` stands on the log as a note;
        the time there is when it was reported.
        """
        leg = self._leg(symbol)
        if leg is None:
            self._log.error(f"{symbol} was closed, and nobody here knows of a position in it")
            leg = Leg(symbol, "long", 1, _NOT_TOLD, self._gate.worker, datetime.now(UTC))
        price, made = implied_exit(leg, exact(pnl, "pnl"), self._point_value(symbol))
        with self._gate.orders:
            own = self._legs.leg(symbol)
            self._legs.put(symbol, None)  # before it is told: what the close triggers must not find it open
            try:
                self._gate.position_closed(
                    symbol,
                    leg.side,
                    leg.size,
                    price=price,
                    pnl=made,
                    commission=0,
                    reason="" if exit_time is None else f"exit at {exit_time.isoformat()}",
                    owner="" if leg.worker == self._gate.worker else leg.worker,
                )
            except RefusedField:
                self._legs.put(symbol, own)
                raise
        self._until_decided()

    # --- how we are --------------------------------------------------------------------------------------

    def get_status(self) -> dict[str, object]:
        """The familiar dictionary, of the whole portfolio; what was known last while the bus is away.

        Always of the same shape; `unknown` names what could not be read, and then stands at nothing.
        """
        return self._familiar(self._status()) | self._callbacks.old_day()

    @property
    def open_positions(self) -> dict[str, OpenPosition]:
        """The open positions of the whole portfolio by symbol."""
        return open_positions_in(self._status())

    @property
    def daily_pnl(self) -> float:
        """Dollars made in this trading day, by everybody."""
        return float(str(self.get_status()["daily_pnl"]))

    @property
    def stopped_out(self) -> bool:
        """Whether the day's stop was reached."""
        return self.get_status().get("stopped_out") is True

    @property
    def max_positions(self) -> int:
        """The limit in force; what was asked for while there is none."""
        return int(str(self._familiar(self._status())["max_positions"]))

    @property
    def daily_stop_loss(self) -> float:
        """The limit in force, in dollars; what was asked for while there is none."""
        return float(str(self._familiar(self._status())["daily_stop_loss"]))

    # --- coming and going --------------------------------------------------------------------------------

    def close(self) -> None:
        """Says goodbye. Positions stay as they are. Done by itself when the process ends in good order."""
        atexit.unregister(self.close)
        self._over.set()
        self._gate.close("the process ended")
        self._claim.close()
        self._callbacks.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- inside ------------------------------------------------------------------------------------------

    def _give_way(self) -> None:
        """Once another process has this one's name, and with it the positions: both would close them."""
        self._over.wait()
        if self._claim.lost_to:
            self._gate.close("another process has its name")

    @staticmethod
    def _covers(granted: tuple[Decision, Side, int], side: Side, contracts: int) -> bool:
        decision, *what = granted
        return what == [side, contracts] and time.monotonic() < decision.good_until

    def _ask_again(self, symbol: str, side: Side, contracts: int) -> None:
        """For a fill that the grant does not cover: other than was asked for, or too late."""
        self._gate.withdraw(symbol, "filled otherwise, or late")
        answer = self._gate.request_entry(symbol, side, contracts)
        if not answer:
            self._log.error(f"{symbol} was filled {side} {contracts} without a grant", why=answer.reason)

    def _until_decided(self) -> None:
        """What was reported shows in what is read next, as it did in one process."""
        wait_until_decided(self._bus, self._settings.answer_seconds)

    def _status(self) -> dict[str, str]:
        try:
            self._last_status = self._bus.status()
        except BusError as error:
            self._log.error("The bus is unreachable; what is shown is what was known last", why=str(error))
        limits = self._last_status.get("limits", "")
        if limits != self._compared:
            self._compared = limits
            compare_limits(self._last_status, *self._wanted, log=self._log)
        return self._last_status

    def _tighten(self) -> None:
        try:
            tighten_limits(self._bus, self._configuration, *self._wanted, by=self._gate.worker, log=self._log)
        except BusError as error:
            self._log.error("The bus is unreachable: no entries until it is back", why=str(error))

    def _look_around(self) -> None:
        """At each sign of life."""
        self._look_at_limits()
        self._legs.look(self._last_status, self._gate.orders)

    def _look_at_limits(self) -> None:
        """Looser ones that nobody ordered, as after another's start, are tightened."""
        limits = limits_in(self._status().get("limits", ""))
        if limits is None or not may_be_tightened(self._last_status.get("limits_by", "")):
            return
        if limits.max_positions > self._wanted[0] or limits.daily_stop_loss > self._wanted[1]:
            self._tighten()

    def _leg(self, symbol: str) -> Leg | None:
        """What is open in `symbol`: ours, or another's that this process closes for it."""
        own = self._legs.leg(symbol)
        if own is not None:
            return own
        return next((leg for leg in legs_in(self._status()) if leg.symbol == symbol), None)

    def _point_value(self, symbol: str) -> Decimal | None:
        known = point_values_in(self._status()).get(symbol)
        contract = self._configuration.contracts.get(symbol)
        return known or (contract.point_value if contract else None)

    def _hears(self, entry: Entry) -> FlattenOrder | None:
        self._callbacks.look(entry)
        return self._emergency.hears(entry)

    def _known(self) -> dict[str, object]:
        """For an emergency: what was known last, asking nobody."""
        status = self._familiar(self._last_status)
        return {
            "daily_pnl": status["daily_pnl"],
            "stop_loss_limit": status["daily_stop_loss"],
            "trading_day": status["current_day"],
            "held_by_others": sorted(
                {leg.symbol for leg in legs_in(self._last_status) if leg.worker != self._gate.worker}
            ),
        }

    def _familiar(self, status: Mapping[str, str]) -> dict[str, object]:
        max_positions, daily_stop_loss = self._wanted
        return familiar(status, max_positions, float(daily_stop_loss))


def _dollars(daily_stop_loss: float) -> Decimal:
    """The limit as it stands on the log: 2500 for 2500.0 and for -2500."""
    return Decimal(f"{abs(Decimal(str(daily_stop_loss))).normalize():f}")
