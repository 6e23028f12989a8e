"""Delivers one destination all of its alerts: at least once, in order, whatever becomes of either end.

One notifier at a time has the destination; others stand by. When its lease is lost, or the bus away, it
begins again where the log says that it was; how long the log is out of reach is watched over all terms.
"""

import threading
from random import Random

from portfold.events.wire.errors import BusError
from portfold.events.wire.notifier_bus import NotifierBus, Term, TermOver
from portfold.log import Log
from portfold.workers.notify.attempt import Attempts, Backoff
from portfold.workers.notify.outage import Outage
from portfold.workers.notify.plan import Plan, Way
from portfold.workers.notify.routing import wants_kind
from portfold.workers.notify.service import Service
from portfold.workers.notify.sinks.protocol import Sink

_PAUSE_SECONDS = 1.0
_FINISH_SECONDS = 5.0


class Delivery:
    """Sends to `sink` what `plan` says, until `stop` is set. `who` is a name that no other notifier has."""

    def __init__(
        self, bus: NotifierBus, plan: Plan, sink: Sink, *, who: str, log: Log, stop: threading.Event
    ) -> None:
        self._bus = bus
        self._plan = plan
        self._who = who
        self._log = log.bind(destination=plan.name)
        self._attempts = attempts = Attempts(sink)
        wanted = not plan.driven and wants_kind(plan.destination, "not_deciding", "critical")
        self._outage = Outage(attempts, clock=plan.clock, who=who, wanted=wanted, log=self._log)
        self._way = Way(attempts, Backoff(Random()), self._outage)
        self._stop = stop
        self._greets = True
        self._trouble = ""

    @property
    def fails(self) -> bool:
        """Returns whether what was sent last did not get through."""
        return self._attempts.fails

    def run(self) -> None:
        """Delivers until it is stopped. What goes wrong with the bus is logged once, and tried again."""
        while not self._stop.is_set():
            try:
                self._one_term()
            except TermOver:
                self._log.warning("Another notifier has taken over")
            except BusError as error:
                if str(error) != self._trouble:
                    self._trouble = str(error)
                    self._log.error("The log cannot be read for alerts; trying again", why=self._trouble)
                self._outage.lasts(str(error))
                self._stop.wait(_PAUSE_SECONDS)
        self._outage.finish(_FINISH_SECONDS)

    def _one_term(self) -> None:
        term = self._take_over()
        if term is None:
            return
        service = Service(
            self._bus,
            self._plan,
            term,
            self._way,
            who=self._who,
            log=self._log,
            stop=self._stop,
        )
        try:
            if self._greets:
                service.greet()
                self._greets = False
            self._trouble = ""
            if term.lost:
                service.tell_lost_place()
            service.serve()
        finally:
            self._hand_back()

    def _take_over(self) -> Term | None:
        """Returns the destination, as soon as it is free; None when it is stopped first."""
        standing_by = False
        while not self._stop.is_set():
            term = self._bus.take_over(self._plan.name, self._who, self._plan.lease_ms)
            if term.number:
                return term
            self._outage.is_over()
            if not standing_by:
                standing_by = True
                self._log.info("Standing by", notifier=term.holder)
            self._stop.wait(self._plan.lease_ms / 4000)
        return None

    def _hand_back(self) -> None:
        """Gives the lease up at once, so that another need not wait for it to lapse."""
        try:
            self._bus.keep(self._plan.name, self._who, 0)
        except BusError as error:
            self._log.warning("The lease could not be handed back; it will lapse", why=str(error))
