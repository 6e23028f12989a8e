"""Keeps a worker known to the coordinator, and receiving its orders, however often the bus goes away.

First it listens, then it announces what the broker holds, so that no order falls in between; then it gives
signs of life. Where a newer process has announced itself under its name it gives none any more, says so and
carries out no orders: both would close the same position. Without the bus for `bus_loss_seconds` it says so,
once, to whoever decides what to do then.
"""

import threading
from collections.abc import Callable
from typing import NamedTuple

from portfold.coordinator.views.view_field import view_in
from portfold.events.incoming import LogTailMissing, WorkerStarted
from portfold.events.wire.bus import Entry
from portfold.events.wire.errors import BusError, BusRefused
from portfold.log import Log
from portfold.workers.brokers.protocol import BrokerError
from portfold.workers.client.closing.carrier import Carrier
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.client.context import GateContext
from portfold.workers.client.heartbeat import Heartbeat
from portfold.workers.client.listener import LISTEN_SECONDS, Listener

_LATEST = 1_000
_ANNOUNCEMENTS_AT_ONCE = 5
"""How many of the last events are searched for the latest announcement."""


class WhyNot(NamedTuple):
    """Why the worker could not announce itself, as the code and the reason of a denial."""

    code: str
    reason: str


NOT_REACHED = WhyNot("bus_unreachable", "The bus is unreachable")


class WorkerPresence:
    """Announces one worker and renews its sign of life.

    `publish_started` publishes the WorkerStarted or raises BusError, `hears` finds the order in a decision,
    `carrier` carries it out. `listener` is there once the bus was; like `heartbeat` it takes its steps on a
    thread of its own.
    """

    def __init__(
        self,
        context: GateContext,
        *,
        publish_started: Callable[[], object],
        hears: Callable[[Entry], FlattenOrder | None],
        carrier: Carrier,
        on_bus_lost: Callable[[float], None],
        each_beat: Callable[[], None],
    ) -> None:
        self._bus, self._publisher = context.bus, context.publisher
        self._settings = settings = context.settings
        self._worker, self._session = context.author
        self._publish_started = publish_started
        self._hears = hears
        self._carrier = carrier
        self._on_bus_lost = on_bus_lost
        self._each_beat = each_beat
        self._log = context.log
        self._lock = threading.Lock()
        self.listener: Listener | None = None
        self._announced = False
        self._suspect = self._superseded = False
        self.announcements = 0
        self.why_not = NOT_REACHED
        self._clock = clock = context.clock
        self._contact = clock.monotonic()
        self._loss_reported = False
        self.heartbeat = Heartbeat(
            every_seconds=settings.heartbeat_seconds,
            lost_after_seconds=settings.worker_lost_seconds,
            beat=self._beat,
            woke_up=self.renounce,
            clock=clock,
        )

    @property
    def announced(self) -> bool:
        """Returns whether this session has announced to the coordinator what the broker holds."""
        return self._announced

    def unbroken_since(self, announcement: int) -> bool:
        """Returns whether the coordinator cannot have counted the worker as lost since that announcement of
        its.
        """
        return self._announced and self.announcements == announcement and not self._lapsed()

    def start(self) -> None:
        """Announces the worker, or will as soon as the bus is there."""
        self.announce()
        self.heartbeat.start()

    def close(self) -> None:
        """Gives no more signs of life, and hears nothing more."""
        self.heartbeat.close()
        if self.listener is not None:
            self.listener.close()
        self._carrier.close(2 * LISTEN_SECONDS)

    def announce(self) -> bool:
        """Listens from here on, then says what the broker holds. False while the bus is away, or the broker
        cannot say it: `why_not` says which, and the next sign of life tries again.

        After a loss of contact it looks first whether the log has lost something of ours.
        """
        with self._lock:
            if self._superseded or (self._announced and not self._suspect):
                return True  # who is superseded learns it from the answer
            try:
                self._listen()
                self._renew_sign_of_life()
                self._look_back()
                if self._announced:
                    return True
                self._publish_started()
            except BusError as error:
                self._log.error("The bus is unreachable: no entries until it is back", why=str(error))
                self.why_not = NOT_REACHED
                return False
            except BrokerError as error:
                self._log.critical(
                    "The broker cannot say what is held: no entries until it can", why=str(error)
                )
                self.why_not = WhyNot("broker_silent", f"The broker cannot say what is held: {error}")
                return False
            self.announcements += 1
            self._announced = True
            return True

    @property
    def bus_is_lost(self) -> bool:
        """Returns whether the bus has been away for `bus_loss_seconds`, and still is."""
        return self._loss_reported

    @property
    def ready(self) -> bool:
        """Returns whether a request may be made as things stand; otherwise `announce` comes first."""
        return self._announced and not self._suspect

    def renounce(self) -> None:
        """Makes another announcement due, after a pause or because the coordinator counts us as lost."""
        self._announced = False

    def counted_lost(self) -> None:
        """Makes another announcement due, if the worker that an entry was denied for as lost is this one.

        Where it is another that trades the symbol, announcing ourselves would change nothing.
        """
        try:
            view = view_in(self._bus.status())
        except BusRefused:
            view = None  # to announce oneself once too often does no harm
        except BusError:
            return  # the next request shows it
        if view is None or view.presence_of(self._worker) != "up":
            self.renounce()

    def _listen(self) -> None:
        if self.listener is None:
            self.listener = Listener(
                self._bus,
                read=self._hears,
                on_order=self._carry,
                on_silence=self._suspect_a_loss,
                each_step=self._carrier.look,
                log=self._log,
            )
            self.listener.start()

    def _renew_sign_of_life(self) -> None:
        now = self._clock.monotonic()  # the sign of life lasts at least from here
        lasts_ms = int(self._settings.worker_lost_seconds * 1000)
        if self._superseded:
            self._contact = now
            return
        if not (self._announced and self._bus.beat_on(self._worker, self._session, lasts_ms)):
            if self._is_superseded():
                return
            self._announced = False  # before there is one again: it may have been counted as lost meanwhile
            self._bus.beat(self._worker, self._session, lasts_ms)
        if self._lapsed():
            self._announced = False
        self._contact, self._loss_reported = now, False

    def _is_superseded(self) -> bool:
        """Returns whether another process has announced itself by this name since this one did.

        The log decides: a sign of life alone may be that of anybody who wrote over ours.
        """
        other = self._bus.beats([self._worker])[0] if self.announcements else None
        if other in (None, self._session) or self._last_announced() in ("", self._session):
            return False
        self._superseded = True
        self._log.critical(
            f"SUPERSEDED: another process trades as {self._worker} now; this one carries out no more orders",
            what_to_do="stop one of the two, or give each a name of its own",
        )
        return True

    def _last_announced(self) -> str:
        """Returns the session that was announced last by this worker's name, among the latest events."""
        for entry in self._bus.events_before(self._bus.last_event(), count=_LATEST):
            fields = entry.by_name
            if fields.get("type") == WorkerStarted.__name__ and fields.get("worker") == self._worker:
                return fields.get("session", "")
        return ""

    def _carry(self, order: FlattenOrder) -> None:
        if not self._superseded:
            self._carrier.carry(order)

    def _suspect_a_loss(self) -> None:
        """Has the next contact check the log: a bus that went away may come back set back."""
        self._suspect = True

    def _look_back(self) -> None:
        """Checks that the log still holds what it took from us; publishes a loss, then what the broker holds.

        A log that lost its end may have a new one by now, so every event that it took is looked for.
        """
        self._suspect = False
        try:
            taken = self._publisher.taken()
            lost = self._bus.lost(taken) if taken else None
            if lost is not None:
                self._announced = False
                self._log.critical("The log has lost an event of ours that it had taken", lost=str(lost))
                self._publisher.ask(
                    lambda number: LogTailMissing(self._worker, self._session, number, lost.as_seen)
                )
        except BusError:
            self._suspect = True
            raise
        self._publisher.looked_for(taken)

    def _lapsed(self) -> bool:
        return self._clock.monotonic() - self._contact >= self._settings.worker_lost_seconds

    def _beat(self) -> None:
        try:
            self._renew_and_catch_up()
        except Exception as error:  # noqa: BLE001 - a broker or a strategy that fails must not end the signs of life
            self._log.critical("What a heartbeat does has failed; the next tries again", why=repr(error))

    def _renew_and_catch_up(self) -> None:
        try:
            self._renew_sign_of_life()
            with self._lock:
                self._look_back()
        except BusError:
            self._suspect = True
            self._note_loss()
            return
        if not (self._announced or self._superseded):
            self.announce()
        if self._publisher.waiting:
            self._publisher.flush()
        self._each_beat()

    def _note_loss(self) -> None:
        away_seconds = self._clock.monotonic() - self._contact
        if self._superseded:
            return
        if away_seconds >= self._settings.bus_loss_seconds and not self._loss_reported:
            self._loss_reported = True
            self._on_bus_lost(away_seconds)
        self._carrier.look()  # with the bus away since the start there is no listener that does


def announce_until_it_stays(
    held: str, *, announce: Callable[[str], object], look_again: Callable[[], str], log: Log
) -> None:
    """Announces what is held, and again if that has changed by the time it is on the log; a few times."""
    for _ in range(_ANNOUNCEMENTS_AT_ONCE):
        announced = held
        announce(announced)
        held = look_again()
        if held == announced:
            return
    log.critical("What the broker holds changes faster than it can be announced", holds=held)
