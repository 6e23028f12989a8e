"""Requests entries, waits for the answer, and checks whether a yes still holds.

Guarantees: room is granted only when the coordinator said so, in time; no answer, a bus that is away, an
answer that cannot be read are all a no, and a slot that may have been granted all the same is given back.
"""

from collections.abc import Callable
from functools import partial

from portfold.config.runtime import milliseconds
from portfold.coordinator.views.room import Room, room_on
from portfold.coordinator.views.view_field import view_standing
from portfold.events.fields import Side
from portfold.events.incoming import EntryRequested, EntryWithdrawn, Event
from portfold.events.stream_id import StreamId
from portfold.events.wire.errors import BusError, BusRefused, BusUnreachable
from portfold.remedies import settle
from portfold.workers.client.amount import PlannedLoss, planned, requested, whole
from portfold.workers.client.answer import await_answer
from portfold.workers.client.context import GateContext
from portfold.workers.client.decision import FAILED, Decision
from portfold.workers.client.grants import Grants
from portfold.workers.client.presence import WorkerPresence
from portfold.workers.client.publisher import NotPublished, Numbered, OutboxFull
from portfold.workers.client.worded import as_text


class _Numbered:
    """Makes a request, and remembers the number that it was given."""

    def __init__(self, make: Numbered) -> None:
        self._make = make
        self.number: int | None = None

    def __call__(self, number: int) -> Event:
        """Makes it under the number."""
        self.number = number
        return self._make(number)


def _name(number: int | None) -> str:
    return "" if number is None else str(number)


class Requests:
    """Any thread may use it."""

    def __init__(self, context: GateContext, presence: WorkerPresence, grants: Grants) -> None:
        self._author, self._bus, self._publisher, self._settings, self._log, self._clock = context
        self._presence, self._grants = presence, grants

    def ask(
        self, symbol: str, side: Side, size: int, strategy: str, plan: PlannedLoss, *, hold: bool
    ) -> Decision:
        """Asks for room. A bus that is away is a no; RefusedField is raised for a request that is none."""
        named = planned(side, plan)
        self._publisher.check_process()
        if not self._presence.ready and not self._presence.announce():
            return self._no(symbol, *self._presence.why_not)
        asked_at, announcement = self._clock.monotonic(), self._presence.announcements
        make = partial(self._author.event, EntryRequested, symbol=symbol, side=side, size=whole(size))
        numbered = _Numbered(partial(make, strategy=strategy, **named))
        try:
            request = self._publisher.ask(numbered)
        except (NotPublished, BusRefused) as error:
            return self._no(symbol, "bus_unreachable", f"The bus is unreachable: {error}")
        except BusUnreachable as error:
            why = "the request may not have arrived"
            self._take_back(symbol, numbered.number, why, self._publisher.later)
            return self._no(symbol, "bus_unreachable", f"The bus is unreachable: {error}")
        answer = await_answer(self._bus, request, self._settings.answer_seconds, self._clock)
        if answer.code == "no_answer":
            self._take_back(symbol, numbered.number, "no answer in time", self._publisher.fact)
        elif answer.code == "bus_unreachable":
            self._take_back(symbol, numbered.number, "no answer in time", self._publisher.later)
        elif answer.code == "worker_lost":
            self._presence.counted_lost()  # if so, it is announced again before the next request
        if not answer.allowed:
            return self._no(symbol, answer.code, answer.reason, request)
        decision = Decision(
            allowed=True,
            symbol=symbol,
            reason=answer.reason,
            event=request,
            number=numbered.number,
            expires_ms=answer.expires_ms,
            good_until=asked_at + answer.lasts_ms / 1000,  # at the latest: the slot lasts from the request on
            announcement=announcement,
            renewed=hold,
            granted_at=asked_at,
            lasts_seconds=answer.lasts_ms / 1000,
            give_back=self._give_back,
        )
        decision.size = whole(size)
        self._grants.add(decision)
        return decision

    def room(self, symbol: str, side: Side, size: int, plan: PlannedLoss) -> Room:
        """Returns what would be allowed now. Raises BusError, LogDiffers, RefusedField."""
        self._publisher.check_process()
        return room_on(self._bus, requested(self._author.worker, symbol, side, whole(size), plan))

    def withdraw(self, symbol: str, reason: str, number: int | None = None) -> bool:
        """Gives a slot back: of the request `number`, or the one that is known here. False while that waits
        for the bus.
        """
        own = _name(self._grants.drop(symbol, number))
        make = partial(self._author.event, EntryWithdrawn, symbol=symbol, request=own)
        return self._publisher.fact(partial(make, reason=as_text(reason)))

    def _give_back(self, decision: Decision, why: str) -> None:
        """Ends a block in which nothing was reported: gives its slot back, unless the block failed. One that
        failed may have ordered before.
        """
        if why.startswith(FAILED):
            decision.keep()
            self._log.critical(
                f"{decision.symbol}: {why}, between the yes and the report: was it filled?",
                what_to_do="look at the broker; report what is filled, or give the slot back (withdraw); "
                f"once this process is gone: {settle(decision.symbol)}",
            )
            return
        self.withdraw(decision.symbol, why, decision.number)

    def standing(self, decision: Decision, seconds: float) -> bool:
        """Returns whether a yes still holds, by what this process knows and by what the bus says now.

        Its slot must last for `seconds` more, however long another configuration says that slots do.

        A machine may have slept: its own clock stood still, so the server's counts as well.
        """
        self._publisher.check_process()
        if not self._grants.is_reserved(decision) or not self._is_replicated(decision):
            return False
        try:
            seen = self._bus.standing(self._author.worker)
        except BusError:
            return False
        read = view_standing(seen)
        if read.may_deny_entries or not read.knows("reserved") or seen.session != self._author.session:
            return False
        if not read.knows("scopes") or read.view.is_closed_for(self._author.worker, decision.symbol):
            return False
        if not read.view.has_slot(self._author.worker, decision.symbol):  # taken back by a flatten since
            return False
        return not self._expired(decision, seen.now_ms, seconds) and self._grants.is_reserved(decision)

    def _is_replicated(self, decision: Decision) -> bool:
        """Returns whether as many replicas have the yes as are wanted: else a failover could undo it."""
        wanted = self._settings.replicated
        if wanted is None:
            return True
        lasts_ms = milliseconds(self._settings.worker_lost_seconds)
        try:
            enough = self._bus.beat_reaches(self._author.worker, self._author.session, lasts_ms, wanted)
        except BusError as error:
            self._log.warning(f"{decision.symbol}: whether a replica has the yes is unknown", why=str(error))
            return False
        if enough is None:
            self._log.warning(f"{decision.symbol}: no entry, as this worker's sign of life has lapsed")
        elif not enough:
            self._log.warning(
                f"{decision.symbol}: no entry, as the yes is not on enough replicas in time",
                replicas=wanted.replicas,
                on="disk" if wanted.on_disk else "memory",
                within_ms=wanted.within_ms,
            )
        return enough is True

    def _expired(self, decision: Decision, servers_ms: int, seconds: float) -> bool:
        """Returns whether the slot will have expired in `seconds`, by the clock of the log."""
        then_ms = self._publisher.log_ms(servers_ms) + round(seconds * 1000)
        return decision.expires_ms is None or then_ms >= decision.expires_ms

    def _no(self, symbol: str, code: str, reason: str, request: StreamId | None = None) -> Decision:
        return Decision(allowed=False, symbol=symbol, reason=reason, code=code, event=request)

    def _take_back(
        self, symbol: str, number: int | None, reason: str, publish: Callable[[Numbered], object]
    ) -> None:
        """Gives back the slot of a request that nobody waits for any more; what another thread has stays."""
        make = partial(self._author.event, EntryWithdrawn, symbol=symbol, request=_name(number))
        try:
            publish(partial(make, reason=reason))
        except OutboxFull as full:
            self._log.error("A slot may be kept until it expires", symbol=symbol, why=str(full))
