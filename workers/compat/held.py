"""What one drop-in holds: its positions, the slots that are not registered yet, and what became of them.

There is no broker here to ask: what is registered is announced to the coordinator as open here, and handed to
the emergency callback to close. So what another process has closed, or a person has settled, must not stay
here: it would be closed a second time, and the position turned around. Guarantees: it is forgotten, and that
is logged, once the log shows who closed it; what the log has merely lost is kept, and asked about.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.view_field import view_in, what_can_be_read
from portfold.events.fields import Side
from portfold.events.legs import Holding
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus
from portfold.events.wire.errors import BusError
from portfold.log import Log
from portfold.workers.client.amount import PlannedLoss, exact
from portfold.workers.client.closing.flatten_order import KILLSWITCH, FlattenOrder
from portfold.workers.client.decision import Decision
from portfold.workers.client.grants import ask_about_an_earlier_life
from portfold.workers.compat.positions import PricedLeg, legs_in
from portfold.workers.run.decided import wait_until_decided

_LOOK_BACK = 2_000  # events: what was closed since the last sign of life is among them
_ALL = 1 << 62  # contracts: more than any leg has


class GrantedSlot(NamedTuple):
    """A slot, and what was asked for."""

    decision: Decision
    side: Side
    size: int
    plan: PlannedLoss | None = None

    def plan_for(self, size: int, price: Decimal) -> PlannedLoss:
        """Returns what so many contracts plan to lose, filled at that price."""
        plan = self.plan or PlannedLoss()
        if "risk" in plan:
            return {"risk": exact(plan["risk"], "risk") * size / self.size}
        return {"stop_price": plan["stop_price"], "price": price} if "stop_price" in plan else {}

    def covers(self, side: Side, size: int) -> bool:
        """Returns whether a fill of that is what was granted, or a part of it."""
        return side == self.side and size <= self.size


class _Close(NamedTuple):
    """What somebody else closed, by the fill's name, or else the event's ID."""

    name: str
    how: str
    size: int


class Holdings:
    """Keeps what is held, by symbol. Any thread may use it.

    `patience_seconds` bounds the wait for what an earlier life reported.
    """

    def __init__(self, bus: Bus, worker: str, *, patience_seconds: float, log: Log) -> None:
        self.forgotten: Callable[[str, int], object] = lambda _symbol, _left: None
        """Called with the symbol of what somebody else has closed, and how much of it is left."""
        self._bus = bus
        self._worker = worker
        self._patience_seconds = patience_seconds
        self._log = log
        self._lock = threading.Lock()
        self._granted: dict[str, GrantedSlot] = {}
        self._legs: dict[str, PricedLeg] = {}
        self._gone: dict[str, int] = {}
        """So much of a leg somebody else has closed. The leg stays the object that it was: see `to_close`."""
        self._counted: set[str] = set()
        """The closes that are in there, or were."""
        self._shown: set[str] = set()
        """Where the log has shown that it is ours."""
        self._taken_over = False
        self._known: set[str] = set()
        """Symbols in which this life has filled or closed: of these it knows better than an older order."""

    # --- slots -------------------------------------------------------------------------------------------

    def grant(self, symbol: str, granted: GrantedSlot) -> None:
        """Adds a slot that was granted; by the log nobody held the symbol then."""
        with self._lock:
            self._granted[symbol] = granted
        if self.leg(symbol) is not None:
            with suppress(BusError):
                self._ask_who_closed(symbol)

    def ungrant(self, symbol: str, size: int | None = None) -> GrantedSlot | None:
        """Takes `size` contracts out of a slot, or all of it. Returns the slot as it was; None where there is
        none.
        """
        with self._lock:
            granted = self._granted.pop(symbol, None)
            if granted is not None and size is not None and size < granted.size:
                self._granted[symbol] = granted._replace(size=granted.size - size)
            return granted

    def slots(self) -> list[str]:
        """Returns the symbols that were granted and are not registered: something may have been ordered."""
        with self._lock:
            return sorted(self._granted)

    def slot(self, symbol: str) -> GrantedSlot | None:
        """Returns what was granted in the symbol and is not registered."""
        with self._lock:
            return self._granted.get(symbol)

    # --- positions ---------------------------------------------------------------------------------------

    def leg(self, symbol: str) -> PricedLeg | None:
        """Returns what is open in the symbol."""
        with self._lock:
            return self._left(symbol) if symbol in self._legs else None

    def is_shown(self, symbol: str) -> bool:
        """Returns whether the log has shown that what is open in the symbol is ours."""
        with self._lock:
            return symbol in self._shown

    @property
    def is_flat(self) -> bool:
        """Returns whether nothing is open here."""
        with self._lock:
            return not self._legs

    def add(self, fresh: PricedLeg) -> None:
        """Adds a fill to what is open in the symbol, at the average price."""
        before = self.leg(fresh.symbol)
        self.put(fresh.symbol, before.joined(fresh) if before else fresh)

    def put(self, symbol: str, leg: PricedLeg | None) -> None:
        """Replaces what is open in the symbol."""
        with self._lock:
            self._known.add(symbol)
            self._gone.pop(symbol, None)
            if leg is None:
                self._legs.pop(symbol, None)
                self._shown.discard(symbol)
            else:
                self._legs[symbol] = leg

    def holdings(self) -> list[Holding]:
        """Returns what to announce as open, with what an earlier life held. Raises BusError.

        Not what another process has closed since the log showed it, all of a leg or a part: announced again,
        it would count as open.
        """
        self._take_over()
        with self._lock:
            shown = sorted(self._shown)
        for symbol in shown:
            self._forget_if_closed(symbol)
        with self._lock:
            legs = [self._left(symbol) for symbol in self._legs]
        return [Holding(leg.symbol, leg.side, leg.size, leg.price) for leg in legs]

    def to_close(self, order: FlattenOrder) -> list[PricedLeg]:
        """Returns what is open when an order comes, by symbol; in doubt it is.

        A fill makes another object of a leg; that somebody else has closed a part of it does not.

        The bus is asked only where the order itself, which names all that is open here by the log, leaves
        something out that the log has shown; for a kill switch and without a bus never.
        """
        names_all = order.everything and order.event > ORIGIN and not order.episode.startswith(KILLSWITCH)
        with self._lock:
            doubtful = self._shown - {leg.symbol for leg in order.positions} if names_all else set()
        for symbol in sorted(doubtful):
            with suppress(BusError):
                self._forget_if_closed(symbol)
        with self._lock:
            if not self._taken_over:  # of what an earlier life left open the order alone tells
                for symbol, side, size, worker in order.positions:
                    if worker == self._worker and symbol not in self._known:
                        earlier = PricedLeg(symbol, side, size, Decimal(0), worker, datetime.now(UTC))
                        self._legs.setdefault(symbol, earlier)
            return sorted(self._legs.values())

    # --- what others did about them ----------------------------------------------------------------------

    def look(self, view: PortfolioView, orders: AbstractContextManager[object]) -> None:
        """Forgets what the log showed as ours and somebody else has closed since, or asks who did.

        `orders` is held over each registration, so nothing is registered while it looks closer.
        """
        if not self._no_longer_in(view):
            return
        with orders, suppress(BusError):
            for symbol in self._no_longer_in(_whole(self._bus.status())):
                self._ask_who_closed(symbol)

    def _no_longer_in(self, view: PortfolioView) -> list[str]:
        on_the_log = {one.symbol for one in view.positions if one.worker == self._worker}
        with self._lock:
            self._shown |= on_the_log & self._legs.keys()
            return sorted(self._shown - on_the_log)

    def _ask_who_closed(self, symbol: str) -> None:
        """Looks on the log for who closed it, and logs the question where it does not show. Raises
        BusError.
        """
        if self._forget_if_closed(symbol):
            return
        self._log.critical(f"{symbol} is open here, and not by the log any more: who closed it?")
        with self._lock:
            self._shown.discard(symbol)  # said once, unless the log holds it again

    def _forget_if_closed(self, symbol: str) -> bool:
        """Forgets what by the log somebody else has closed, and says so. Whether that is all of the leg.

        Raises BusError.
        """
        closes = self._closed_by_others(symbol)
        with self._lock:
            fresh = [one for one in closes if one.name not in self._counted]
            if not fresh or symbol not in self._legs:
                return False
            self._counted.update(one.name for one in fresh)
            left = max(self._left(symbol).size - sum(one.size for one in fresh), 0)
            self._gone[symbol] = self._legs[symbol].size - left
        how = ", ".join(dict.fromkeys(one.how for one in fresh))
        if left:
            self._log.warning(f"A part of {symbol} is no longer open here: {how}", symbol=symbol, left=left)
        else:
            self.put(symbol, None)
            self._log.warning(f"{symbol} is no longer open here: {how}", symbol=symbol)
        self.forgotten(symbol, left)
        return not left

    def _closed_by_others(self, symbol: str) -> list[_Close]:
        """Returns, each once, the closes on the log that are later than our own last report of the leg."""
        found: dict[str, _Close] = {}
        for entry in self._bus.events_before(self._bus.last_event(), count=_LOOK_BACK):
            fields = entry.by_name
            if fields.get("symbol") != symbol:
                continue
            kind, whose = fields.get("type"), fields.get("owner") or fields.get("worker")
            size = fields.get("size", "")
            if kind == "PositionSettled" and whose == self._worker:
                if size == "0":
                    found[str(entry.id)] = _Close(str(entry.id), f"settled by {fields.get('by')}", _ALL)
                break
            if kind == "PositionClosed" and whose == self._worker != fields.get("worker"):
                name = fields.get("fill") or str(entry.id)
                if size.isdecimal():
                    found[name] = _Close(name, f"closed by {fields.get('worker')}", int(size))
            elif kind in ("PositionOpened", "PositionClosed") and whose == self._worker:
                break
        return list(found.values())

    def _left(self, symbol: str) -> PricedLeg:
        """Returns what is open of the leg. To be called with the lock held."""
        leg, gone = self._legs[symbol], self._gone.get(symbol, 0)
        return leg._replace(size=leg.size - gone) if gone else leg

    def _take_over(self) -> None:
        """Counts as ours, once, what by the log an earlier life held; asks about what it was granted."""
        if self._taken_over:
            return
        wait_until_decided(self._bus, self._patience_seconds)
        status = self._bus.status()
        read = what_can_be_read(status)
        view = read.view if read.knows("positions") else _whole(status)
        with self._lock:
            for leg in (leg for leg in legs_in(view) if leg.worker == self._worker):
                self._legs.setdefault(leg.symbol, leg)
            self._taken_over = True
        ask_about_an_earlier_life(status, self._worker, self._log)


def _whole(status: Mapping[str, str]) -> PortfolioView:
    """Returns all of the view: where a part cannot be read nobody knows what is open. Raises BusRefused."""
    return view_in(status) or PortfolioView()
