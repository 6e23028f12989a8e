"""One term of alerting one destination: read, put into words, send, note the delivery, and so on.

The cursor passes an event when all its alerts are delivered, and one message is on its way at a time. So
whoever dies at any point loses no alert; delivered twice is, at most, that one message. While a sink cannot
be reached alerts wait, a bounded number here and the rest on the log.
"""

import threading
import time
from typing import Final

from msgspec.structs import replace

from portfold.coordinator.fold.limits import order_of
from portfold.coordinator.fold.windows.lockout import in_words
from portfold.coordinator.store.recorded import Recorded
from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.status import scopes_in_words
from portfold.coordinator.views.view_field import what_can_be_read
from portfold.coordinator.views.words.of_events import limits_words
from portfold.events.wire.errors import BusUnreachable
from portfold.events.wire.notifier_bus import NotifierBus, Term, TermOver
from portfold.log import Log
from portfold.workers.notify.alert import Alert, Message
from portfold.workers.notify.alerts import alerts_of, missed_alert, unworded_alert
from portfold.workers.notify.attempt import Attempt
from portfold.workers.notify.book import AlertMemory, read_book
from portfold.workers.notify.merging import next_message
from portfold.workers.notify.plan import Plan, Way
from portfold.workers.notify.reading import Missed, Read, Reading
from portfold.workers.notify.routing import wanted_words, wants
from portfold.workers.notify.sinks.protocol import NotSent
from portfold.workers.notify.unlogged import Unlogged
from portfold.workers.notify.waiting import Waiting, WaitingEvent
from portfold.workers.notify.words import wording
from portfold.workers.notify.words.shortening import Shortening

_LOOK_SECONDS = 0.2
_LONGEST_LOOK_SECONDS = 0.5
_DECISION_SECONDS = 0.05
_NOTE_SECONDS = 1.0
_NOTE_EVENTS = 500
_FINISH_SECONDS = 10.0
_REMIND_SECONDS = 600.0
_MISSED: Final = "alerts_missed"


class Service:
    """Serves until `stop` is set. Raises TermOver when another has the destination by now, and BusError."""

    def __init__(
        self,
        bus: NotifierBus,
        plan: Plan,
        term: Term,
        way: Way,
        *,
        who: str,
        log: Log,
        stop: threading.Event,
    ) -> None:
        self._bus = bus
        self._plan = plan
        self._term = term.number
        self._attempts, self._backoff, self._outage = way
        self._who = who
        self._log = log
        self._stop = stop
        self._book = read_book(term.delivered.book) or _memory_from(bus)
        self._reading = Reading(bus, plan.name, term.number, term.delivered.cursor, plan.archive)
        self._waiting = Waiting(term.delivered, self._book)
        self._attempt: Attempt | None = None
        self._shortening = Shortening()
        now = time.monotonic()
        self._renewed = self._noted = self._next_try = now
        self._server_ahead_ms = bus.now_ms() - now * 1000
        self._unlogged = Unlogged(bus, plan, log)
        self._must_note = self._away = False
        self._trouble, self._trouble_logged = "", 0.0
        self._faults = frozenset[str]()

    def greet(self) -> None:
        """Says where alerts go from now on, and what limits are in force."""
        wanted = wanted_words(self._plan.destination)
        limits, state = self._book.limits_known, _state_in_words(self._bus)
        self._log.info("Alerts go here", wanted=wanted, limits=limits or "none yet", state=state or "open")
        lines = wording.startup(self._bus.keys.name, wanted, limits, state)
        self._say(Alert("startup", "info", self._now_ms(), lines))

    def tell_lost_place(self) -> None:
        """Alerts that nobody knows any more what was delivered, and that it goes on from here."""
        at = str(self._reading.last)
        self._log.critical("The place of this destination was overwritten; alerts go on from here", at=at)
        lines = wording.place_lost(at, self._plan.clock(self._now_ms()))
        self._say(Alert(_MISSED, "critical", self._now_ms(), lines))

    def serve(self) -> None:
        """Serves until the stop; then brings to an end what is on its way, and leaves the rest on the log."""
        while not self._stop.is_set():
            try:
                self._step()
                self._outage.is_over()
                self._away = False
            except BusUnreachable as error:
                # Whatever was under way goes on when the bus is back: beginning anew might tell it twice.
                if not self._away:
                    self._log.error("The log cannot be reached; alerts wait until it can", why=str(error))
                self._away = True
                self._conclude_what_is_over()
                self._outage.lasts(str(error))
                self._stop.wait(_LONGEST_LOOK_SECONDS)
        self._finish()

    def _step(self) -> None:
        self._keep_lease()
        self._conclude_what_is_over()
        self._note_if_due()
        self._read_on()
        self._look_at_the_unlogged()
        self._begin_what_is_due()
        self._rest()

    # --- reading -----------------------------------------------------------------------------------------

    def _read_on(self) -> None:
        """Reads all there is, or as much as may wait."""
        while not self._waiting.is_full:
            heard = False
            for read in self._reading.more():
                self._hear(read)
                heard = True
            self._server_ahead_ms = self._reading.now_ms - time.monotonic() * 1000
            if not heard:
                return
            self._keep_lease()

    def _hear(self, read: Read) -> None:
        if isinstance(read, Missed):
            self._log.critical("Alerts missed", after=str(read.after), up_to=str(read.up_to), why=read.why)
            alerts: tuple[Alert, ...] = (missed_alert(read, self._plan.clock),)
            at = read.up_to
        else:
            alerts, at = self._alerts_of(read), read.event.id
        wanted = tuple(
            (number, alert) for number, alert in enumerate(alerts) if wants(self._plan.destination, alert)
        )
        self._waiting.add(WaitingEvent(at, wanted, self._book, time.monotonic()))

    def _alerts_of(self, read: Recorded) -> tuple[Alert, ...]:
        """Its alerts. Of what fails at that only the first of its kind is alerted, and each is logged."""
        try:
            worded = alerts_of(self._book, read, self._plan.clock, self._plan.expectation)
        except Exception as error:  # noqa: BLE001 - a fault at one event must not end the alerts of all others
            at, fault = read.event.id, type(error).__name__
            self._log.critical("No words for an event", at=str(at), why=f"{fault}: {error}", exc_info=True)
            known, self._faults = fault in self._faults, self._faults | {fault}
            return () if known else (unworded_alert(at, fault, self._plan.clock),)
        self._book = worded.book
        return worded.alerts

    def _look_at_the_unlogged(self) -> None:
        """Alerts of what follows from no event: that nobody leads, and how the market's data stands."""
        self._unlogged.say_sign(self._book.lived)
        leader, now_ms = self._reading.leader, self._now_ms()
        for found in self._unlogged.look(leader, self._book.market, away=self._away, now_ms=now_ms):
            self._book = replace(self._book, market=found.told)
            self._say(found.alert)

    def _say(self, alert: Alert | None) -> None:
        """Alerts about something of our own, that follows from no event; the book is noted in any case."""
        is_wanted = alert is not None and wants(self._plan.destination, alert)
        alerts = ((0, alert),) if alert is not None and is_wanted else ()
        self._waiting.add(WaitingEvent(None, alerts, self._book, time.monotonic()))

    def _now_ms(self) -> int:
        """Returns the time by the clock of the log, as far as that is known."""
        if self._plan.driven:
            return self._reading.last.ms
        return int(time.monotonic() * 1000 + self._server_ahead_ms)

    # --- sending -----------------------------------------------------------------------------------------

    def _conclude_what_is_over(self) -> None:
        attempt = self._attempt
        if attempt is not None and (attempt.over.is_set() or time.monotonic() > attempt.give_up):
            self._conclude(attempt)

    def _begin_what_is_due(self) -> None:
        """Sends one message at a time; none before the delivery of the last one is noted."""
        now = time.monotonic()
        if self._attempt is not None or now < self._next_try or not self._waiting.count:
            return
        if not self._attempts.idle:  # a word of the log's absence, or of an earlier term
            self._next_try = now + _LOOK_SECONDS
            return
        stale_before_ms = 0 if self._plan.driven else self._now_ms() - int(self._plan.stale_seconds * 1000)
        message = next_message(
            self._waiting.alerts,
            stale_before_ms=stale_before_ms,
            clock=self._plan.clock,
            fits=lambda text: self._shortening.fits(text) and self._attempts.sink.fits(text),
        )
        if message is None:
            return
        company_until = self._waiting.since + self._plan.merge_seconds
        if message.closed or now >= company_until:
            self._attempt = self._attempts.begin(self._shortening.cut(message))
            if self._attempt is None:
                self._failed(NotSent("earlier attempts still hang"))
        else:
            self._next_try = min(company_until, now + _LOOK_SECONDS)

    def _conclude(self, attempt: Attempt) -> None:
        self._attempt = None
        try:
            rest_seconds = attempt.rest_seconds()
        except NotSent as failed:
            if failed.for_good and not self._shortening.refused(attempt.message):
                self._pass_over(attempt.message, str(failed))
            else:
                self._failed(failed)
            return
        self._next_try = time.monotonic() + rest_seconds
        self._is_dealt_with(attempt.message)
        if self._trouble:
            self._log.info("Alerts get through again", waiting=self._waiting.count)
            self._trouble = ""

    def _is_dealt_with(self, message: Message) -> None:
        self._backoff.reset()
        self._shortening.reset()
        self._waiting.deliver(message.count)
        self._must_note = True

    def _pass_over(self, message: Message, why: str) -> None:
        """Passes over what is refused for good: it must hold up nothing behind it. Logs it and alerts."""
        kinds = " ".join(message.kinds)
        self._log.critical(
            "An alert is refused for good and passed over", why=why, alert=kinds, said=message.text
        )
        self._is_dealt_with(message)
        if message.kinds != (_MISSED,):  # of a refused word about a refusal nothing is said there
            lines = wording.refused(message.count, why, self._plan.clock(self._now_ms()))
            self._say(Alert(_MISSED, "critical", self._now_ms(), lines))
        self._bus.count_failure(self._plan.name, self._term)

    def _failed(self, failed: NotSent) -> None:
        now = time.monotonic()
        pause_seconds = self._backoff.next_seconds(failed.retry_seconds)
        self._next_try = now + pause_seconds
        if str(failed) != self._trouble or now - self._trouble_logged > _REMIND_SECONDS:
            self._trouble, self._trouble_logged = str(failed), now
            self._log.error(
                "Alerts do not get through; trying again",
                why=self._trouble,
                waiting=self._waiting.count,
                next_try_seconds=round(pause_seconds, 1),
            )
        self._bus.count_failure(self._plan.name, self._term)

    # --- noting ------------------------------------------------------------------------------------------

    def _note_if_due(self) -> None:
        """Notes a delivery at once, and events without alerts now and then."""
        behind = self._waiting.behind
        due = behind >= _NOTE_EVENTS or (behind and time.monotonic() - self._noted >= _NOTE_SECONDS)
        if due or self._must_note:
            self._note()

    def _note(self) -> None:
        """Moves the cursor to what is dealt with."""
        self._bus.note_delivered(self._plan.name, self._term, self._waiting.delivered)
        self._waiting.noted()
        self._must_note = False
        self._noted = time.monotonic()

    def _finish(self) -> None:
        """Waits a bounded time for what is on its way, and notes what was delivered."""
        give_up = time.monotonic() + _FINISH_SECONDS
        if self._attempt is not None:
            self._attempt.over.wait(_FINISH_SECONDS)
            self._conclude(self._attempt)
        while True:
            try:
                self._note()
                break
            except BusUnreachable:
                if time.monotonic() > give_up:
                    raise
            time.sleep(_LOOK_SECONDS)
        if self._waiting.count:
            self._log.info("Alerts are left on the log for the next notifier", waiting=self._waiting.count)

    # --- the lease and the pace --------------------------------------------------------------------------

    def _keep_lease(self) -> None:
        """Renews the lease when a third of it is gone; takes it again where it lapsed and nobody else did."""
        now = time.monotonic()
        if (now - self._renewed) * 1000 < self._plan.lease_ms / 3:
            return
        if not self._bus.keep(self._plan.name, self._who, self._plan.lease_ms):
            again = self._bus.take_over(self._plan.name, self._who, self._plan.lease_ms)
            if again.number != self._term + 1:
                raise TermOver
            self._term = self._reading.term = again.number
        self._renewed = now

    def _rest(self) -> None:
        """Waits until there may be something to do."""
        if self._attempt is not None:
            self._attempt.over.wait(_LOOK_SECONDS)
            return
        if self._reading.waits_for_decision:
            self._stop.wait(_DECISION_SECONDS)
            return
        pause_seconds = _LONGEST_LOOK_SECONDS
        if self._waiting.count:
            pause_seconds = min(pause_seconds, max(0.0, self._next_try - time.monotonic()))
        if self._waiting.is_full:
            self._stop.wait(pause_seconds)
        elif pause_seconds > 0:
            self._reading.wait(block_ms=int(pause_seconds * 1000))


def _memory_from(bus: NotifierBus) -> AlertMemory:
    """Returns what a notifier that has seen no LimitsChanged yet can know of the limits."""
    view = _known(bus)
    if view.loosening is not None:
        waiting = f"from {view.loosening.day}: {view.loosening.changes}"
        return AlertMemory(limits=limits_words(order_of(view.loosening.limits)), limits_waiting=waiting)
    return AlertMemory(limits=limits_words(order_of(view.limits)) if view.limits else "")


def _state_in_words(bus: NotifierBus) -> str:
    """Says what keeps entries from being allowed, if anything does."""
    view = _known(bus)
    parts = ["STOPPED OUT"] if view.stop else []
    if view.lockout:
        parts.append(in_words(view.lockout))
    if view.halt:
        parts.append(f"HALTED by {view.halt.by}: {view.halt.reason}")
    parts += [f"CLOSED {closed}" for closed in scopes_in_words(view.scopes)]
    if view.tail_missing:
        parts.append("LOG INCOMPLETE")
    return "".join(f" | {part}" for part in parts)


def _known(bus: NotifierBus) -> PortfolioView:
    """Returns the portfolio as far as the status can be read."""
    return what_can_be_read(bus.status()).view
