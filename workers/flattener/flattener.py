"""The flattener: closes what a dead worker left open, by its own way to the broker, and reports it.

It acts on what the coordinator hands over; when everything is to be closed, also for whoever gives no sign
of life, so that it needs no coordinator. A worker that has just died still seems alive for a moment: such an
order stands until every sign of life from before it has lapsed, or would have were it not for a clock that
was put back, and for as long as closing fails. It covers what was open when it was given, and nothing that is
entered after a resume. One that was given before this process began is taken up: the fill of a dead worker
may be in the book alone. All is closed side by side: one that hangs delays no other. Orders at work that
could open anew what is closed are cancelled, before and after it. Where the dead worker had closed at the
broker and died before saying so, the flattener reports that very fill. Of two who close the same contracts
the broker lets one succeed, and a fill reported twice is folded once.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from portfold.clock import Clock, SystemClock
from portfold.config import Contract
from portfold.coordinator.views.view_field import view_standing, what_can_be_read
from portfold.events.account import ACCOUNT
from portfold.events.fields import Side, readable
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Entry
from portfold.events.wire.errors import BusError, BusRefused
from portfold.log import Log
from portfold.workers.brokers.order import ExitFill
from portfold.workers.brokers.protocol import Broker, BrokerPosition, NotOpen, refuse_a_rest
from portfold.workers.client.closing.flatten_order import FlattenOrder, handed_over, order_for, taken_over
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.flattener.allowed_since import CANNOT_BE_READ, Allowed, allowed_since
from portfold.workers.flattener.book_watch import NOT_IN_THE_BOOK, WHAT_TO_DO
from portfold.workers.flattener.side_by_side import SideBySide
from portfold.workers.flattener.signs_of_life import SignsOfLife
from portfold.workers.flattener.unowned import Unowned
from portfold.workers.flattener.working_orders import WorkingOrders
from portfold.workers.pauses import Pauses
from portfold.workers.run.reporting import report_exit

NAME = "flattener"
_ORDERS_KEPT = 100
_ORDERS_AT_ONCE = 8
_THE_LOOK = "the look"
_FLAGS = ("true", "false")


class _Standing(NamedTuple):
    """An order to close everything, until when it stands at least, and who was seen alive since."""

    order: FlattenOrder
    until: float
    signs: SignsOfLife


class Within(NamedTuple):
    """How long a sign of life lasts, at most, after the death of who gave it; and for how long an order to
    close waits for its exits: what takes longer goes on by itself."""

    lapse_seconds: float
    exit_seconds: float = 5.0


class Flattener:
    """Closes orphaned positions at `broker`, and reports through `gate`."""

    def __init__(
        self,
        *,
        gate: PortfolioGate,
        bus: Bus,
        broker: Broker,
        contracts: Mapping[str, Contract],
        within: Within,
        log: Log,
        clock: Clock | None = None,
    ) -> None:
        self._gate = gate
        self._bus = bus
        self._broker = broker
        self._contracts = contracts
        self._lapse_seconds = within.lapse_seconds
        self._log = log
        self._clock = clock or SystemClock()
        self._reporting = threading.Lock()
        self._side_by_side = SideBySide(within.exit_seconds)
        self._everything: _Standing | None = None
        self._covered: dict[FlattenOrder, set[tuple[str, str, Side, Decimal]]] = {}
        self._closed: set[tuple[str, str]] = set()
        self._pauses = Pauses(self._clock)
        self._unowned = Unowned(bus, broker, log)
        self._working = WorkingOrders(broker, log)
        self._took_up = False
        gate.on_flatten(self.flatten, reminded=True, at_once=_ORDERS_AT_ONCE)

    def flatten(self, order: FlattenOrder) -> None:
        """Closes the legs that were handed over; where everything must go, all of those who are silent.

        When some of it fails the rest is closed all the same, and the first failure raised.
        """
        self._unowned.take_over(order.positions)
        covered = order in self._covered
        if not covered:
            held = self._broker.positions()  # perhaps long after the order was given
            later = self._allowed_as_far_as_known(order.event) if held else set()
            self._covered[order] = {_identity(one) for one in held if (one.owner, one.symbol) not in later}
            self._forget_the_oldest()
        if order.everything:
            standing = self._everything
            if not covered or standing is None or standing.order != order:
                standing = self._stand(order)
            if not covered:  # what is tried again stands already, or has ended
                self._everything = standing
            failed, _ = self._close_orphans(standing)
        else:
            failed = self._close_legs(order)
        if failed:
            raise failed[0]

    def look_again(self) -> None:
        """Closes what has become an orphan's since the order to close everything, while that stands.

        It does until every sign of life from before it has lapsed or was renewed, and no exit is left to be
        reported. What is refused again and again is tried less often, each by itself: it delays no other.
        """
        self._take_up()
        standing = self._everything
        if standing is None or not self._pauses.is_over(_THE_LOOK):
            return
        ends = self._clock.monotonic() >= standing.until
        try:
            failed, left = self._close_orphans(standing, patiently=True)
        except Exception as error:  # noqa: BLE001 - whatever it is, a later look tries again
            self._pauses.begin(_THE_LOOK)
            failed, left = [error], True
        else:
            self._pauses.end(_THE_LOOK)
        self._log_failed(failed)
        if ends and not left and self._everything is standing:
            self._everything = None

    def close_for_the_lost(self, legs: Iterable[tuple[str, str, str]]) -> None:
        """Closes, and reports, what no order covers, as the log has it not: worker, symbol, side."""
        due = [leg for leg in legs if self._pauses.is_over(leg[:2])]
        if not due:
            return
        for worker, symbol, _ in due:
            self._pauses.begin((worker, symbol))
        try:
            signs = SignsOfLife(self._bus, lapse_seconds=self._lapse_seconds, clock=self._clock)
            silent = signs.look(worker for worker, _, _ in due).silent
            wanted = {leg for leg in due if leg[0] in silent}
            held = [one for one in self._broker.positions() if (one.owner, one.symbol, one.side) in wanted]
            failed = self._close_all(held, set(), "worker lost, fill unreported")
        except Exception as error:  # noqa: BLE001 - the bus, or whatever a user's own broker raises
            failed = [error]
        self._log_failed(failed)

    def _take_up(self) -> None:
        """Has an order that came before this process began stand, once all later ones are heard."""
        if self._took_up:
            return
        try:
            if self._bus.standing(NAME).session != self._gate.session:
                return  # it listens before it gives such a sign
            stands = _everything_stands(self._bus.status())
            held = self._broker.positions() if stands else []
        except Exception as error:  # noqa: BLE001 - the bus, or whatever a user's own broker raises
            self._log.error("What stood before the start is not known yet", why=repr(error))
            return
        self._took_up = True
        if stands and self._everything is None:
            order = FlattenOrder("before the start", ORIGIN, "flatten taken up", everything=True)
            self._covered[order] = {_identity(one) for one in held}
            self._everything = self._stand(order)

    def _close_orphans(self, standing: _Standing, *, patiently: bool = False) -> tuple[list[Exception], bool]:
        """Closes, and reports, whatever belongs to workers whose heartbeat is gone; `patiently`: that is due.

        What failed, and whether anything is left: also where others have exits to report, who may die over
        it, and what is closed nobody is reminded of; or where it is not known yet whether they live.
        """
        order = standing.order
        held = self._broker.positions()
        unreported = self._broker.unreported_exits()
        owners = {one.owner for one in held} | {fill.owner for fill in unreported}
        silent, unsure = standing.signs.look(owners)
        orphans = {_leg(one): one for one in self._covered_by(order, held) if one.owner in silent}
        closed = {_leg(fill) for fill in unreported if fill.owner in silent}
        due = {leg for leg in closed | orphans.keys() if not patiently or self._pauses.is_over(leg)}
        for leg in due if patiently else ():
            self._pauses.begin(leg)
        wanted = [one for leg, one in orphans.items() if leg in due]
        close = partial(self._close_all, wanted, closed & due, order.cause)
        failed = self._working.ended_around(close, partial(self._may_have_been_entered_since, order))
        others = any(fill.owner not in silent for fill in unreported)
        return failed, bool(failed or unsure) or others or due != closed | orphans.keys()

    def _stand(self, order: FlattenOrder) -> _Standing:
        signs = SignsOfLife(self._bus, lapse_seconds=self._lapse_seconds, clock=self._clock)
        return _Standing(order, self._clock.monotonic() + self._lapse_seconds, signs)

    def _log_failed(self, failed: Iterable[Exception]) -> None:
        for error in failed:
            self._log.critical("Orphans could not be closed; trying again, less often", why=repr(error))

    def _close_legs(self, order: FlattenOrder) -> list[Exception]:
        """Closes, and reports, what was handed over by name; what failed."""
        legs = {(leg.worker, leg.symbol, leg.side) for leg in order.positions}
        held = self._broker.positions()
        wanted = [one for one in self._covered_by(order, held) if (one.owner, one.symbol, one.side) in legs]
        self._log_missing(legs, held)
        return self._close_all(wanted, {(owner, symbol) for owner, symbol, _ in legs}, order.cause)

    def _covered_by(self, order: FlattenOrder, held: Sequence[BrokerPosition]) -> list[BrokerPosition]:
        """Returns those of `held` that the order covers: what was open when it was given and has been ever
        since; and while nobody may enter also what has come since, as a late fill, but for what was allowed
        after a resume: that is another story, also once trading is halted again.
        """
        covered = self._covered.get(order, set())
        covered &= {_identity(one) for one in held}
        later = {(one.owner, one.symbol) for one in held if _identity(one) not in covered}
        if later and not self._may_have_been_entered_since(order):
            later = later & allowed_since(self._bus, order.event, self._log)
        return [one for one in held if _identity(one) in covered or (one.owner, one.symbol) not in later]

    def _allowed_as_far_as_known(self, event: StreamId) -> Allowed:
        """Returns whose entries were allowed since; none while the bus is away: nothing is in the way of an
        order that is heard.
        """
        try:
            return allowed_since(self._bus, event, self._log)
        except BusError as error:
            self._log.error(CANNOT_BE_READ, why=str(error))
            return set()

    def _may_have_been_entered_since(self, order: FlattenOrder) -> bool:
        """Returns whether entries are allowed since the order was decided on, or were never forbidden.

        Not where that cannot be read: nothing is in the way of a close.
        """
        try:
            head, last = self._bus.head(), self._bus.last_event()
            decided = head is not None and head.cursor >= min(order.event, last)
            return decided and not view_standing(self._bus.standing(NAME)).may_deny_entries
        except BusRefused as refused:
            self._log.error("Whether entries are allowed cannot be read", why=str(refused))
            return False

    def _log_missing(self, legs: set[tuple[str, str, Side]], held: Sequence[BrokerPosition]) -> None:
        """Logs what is to be closed and is neither open nor closed in this book: another book has it."""
        here = {(one.owner, one.symbol) for one in held} | self._closed
        here |= {(fill.owner, fill.symbol) for fill in self._broker.unreported_exits()}
        here |= {(ACCOUNT, symbol) for _, symbol, _ in legs}  # see `unowned`
        missing = sorted(f"{symbol} of {owner}" for owner, symbol, _ in legs if (owner, symbol) not in here)
        if missing:
            self._log.critical(
                f"NOT CLOSED: {NOT_IN_THE_BOOK}", legs=", ".join(missing), what_to_do=WHAT_TO_DO
            )

    def _forget_the_oldest(self) -> None:
        while len(self._covered) > _ORDERS_KEPT:
            self._covered.pop(next(iter(self._covered)), None)  # another thread may do the same

    def _close_all(
        self, held: Iterable[BrokerPosition], closed: set[tuple[str, str]], cause: str
    ) -> list[Exception]:
        """Closes all of `held`, then reports that and what is `closed`; one that fails holds up no other."""
        failed: list[Exception] = []
        with self._reporting:  # of two that look at once, one finds it reported
            for fill in self._broker.unreported_exits():
                if _leg(fill) in closed and not self._side_by_side.is_under_way(_leg(fill)):
                    self._try(failed, partial(self._report, fill, cause))
        return failed + self._side_by_side.do(
            {_leg(one): partial(self.close_leg, one, cause) for one in held}
        )

    def _try(self, failed: list[Exception], act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 - handed over by `_close_all`, once all the others are done
            self._log.critical("Not reported", why=repr(error))
            failed.append(error)

    def _report(self, fill: ExitFill, cause: str) -> None:
        self._log.warning("Reporting a close", symbol=fill.symbol, owner=fill.owner, fill=fill.fill_id)
        report_exit(self._gate, self._broker, self._contracts[fill.symbol], fill, cause)
        self._closed.add(_leg(fill))
        self._pauses.end(_leg(fill))

    def close_leg(self, held: BrokerPosition, cause: str) -> None:
        """Closes it at the broker and reports that; so too what its owner has closed. Raises BrokerError."""
        try:
            outcome = self._broker.exit(held.symbol, held.side, held.size, None, owner=held.owner)
        except NotOpen as closed:
            self._log.warning("Closed meanwhile by its owner", symbol=held.symbol, why=str(closed))
            self._report_for_owner(held, cause)
            self._pauses.end(_leg(held))
        except Exception as error:
            self._log.critical("NOT CLOSED", symbol=held.symbol, owner=held.owner, why=repr(error))
            raise
        else:
            for fill in outcome.fills:
                self._report(fill, cause)
            refuse_a_rest(outcome)

    def _report_for_owner(self, held: BrokerPosition, cause: str) -> None:
        for fill in self._broker.unreported_exits(held.owner):
            if fill.symbol == held.symbol:
                self._report(fill, cause)


def _leg(one: BrokerPosition | ExitFill) -> tuple[str, str]:
    return one.owner, one.symbol


def _identity(held: BrokerPosition) -> tuple[str, str, Side, Decimal]:
    """Returns what distinguishes a position from a later one of the same owner: what it was entered at."""
    return held.owner, held.symbol, held.side, held.price


def _everything_stands(status: Mapping[str, str]) -> bool:
    """Returns whether what fills now is closed at once. Raises BusRefused where nothing says so."""
    name = "fills_closed_at_once"
    read = what_can_be_read(status)
    if read.knows(name):
        return read.view.fills_closed_at_once
    if status and status.get(name) not in _FLAGS:  # the text beside the view, which every version writes
        raise BusRefused(f"status, {name}: expected true or false, got {readable(status.get(name, ''))!r}")
    return status.get(name) == "true"


def hears(entry: Entry) -> FlattenOrder | None:
    """Returns what concerns the flattener: what is handed over to it, what is overdue for long, and orders to
    close everything.
    """
    return handed_over(entry) or taken_over(entry) or order_for(NAME, entry)
