"""The entries that were allowed and are not reported yet: whether each still holds, and its renewal.

A slot lasts as long as an order should take. An order that fills at a later bar takes longer: asked for with
`hold`, its slot is renewed for as long as this process gives signs of life, until a fill is reported or it is
given back. Guarantees: a renewal never comes onto the log behind the report of its fill; one that was not
heard in time renews nothing; whose fill nobody reports is asked about, again and again. After a fill of a
part all this goes for the rest.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from portfold.clock import Clock
from portfold.coordinator.views.view_field import view_in
from portfold.events.codec import RefusedField
from portfold.events.incoming import Event
from portfold.events.stream_id import StreamId
from portfold.events.wire.errors import BusRefused
from portfold.log import Log
from portfold.remedies import settle
from portfold.workers.client.decision import Decision
from portfold.workers.client.publisher import OutboxFull, Publisher

_BEATS_EARLY = 3
_LASTS_UNTIL_ASKED = 10
_LONGEST_UNTIL_ASKED_SECONDS = 600.0


def ask_about_an_earlier_life(status: Mapping[str, str], worker: str, log: Log) -> None:
    """Logs what an earlier life of `worker` was granted and neither reported nor gave back.

    For workers without a broker: their slots end as they announce themselves, so nobody else would ask.
    """
    try:
        view = view_in(status)
    except BusRefused as unread:
        log.error("What an earlier life was granted is not known", why=str(unread))
        return
    for one in view.slots_of(worker) if view else ():
        log.critical(
            f"{one.symbol} {one.side} {one.size}: granted to an earlier life of this process, never "
            "registered: was it filled?",
            what_to_do="look at the broker; what is filled has to be registered, or: "
            f"{settle(one.symbol, worker)}",
        )


class _NoLongerGranted(Exception):
    """The slot was used or given back before its renewal was written."""


class Grants:
    """Keeps the grants by symbol. Any thread may use it.

    `renewal` makes the event, given its number and the symbol; `still_counts` says whether an event came
    after the latest order to close everything: what was allowed before it is taken back.
    """

    def __init__(
        self,
        publisher: Publisher,
        renewal: Callable[[int, str], Event],
        *,
        unbroken_since: Callable[[int], bool],
        still_counts: Callable[[StreamId], bool],
        beat_seconds: float,
        log: Log,
        clock: Clock,
    ) -> None:
        self._publisher = publisher
        self._renewal = renewal
        self._unbroken_since = unbroken_since
        self._still_counts = still_counts
        self._beat_seconds = beat_seconds
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._granted: dict[str, Decision] = {}
        self._ask_at: dict[Decision, float] = {}

    def add(self, decision: Decision) -> None:
        """Adds a slot that was just allowed."""
        with self._lock:
            self._granted[decision.symbol] = decision

    def drop(self, symbol: str, number: int | None = None) -> int | None:
        """Drops a slot that is given back: that of the request `number`, where one is named, and no other's.

        Returns the number of its request; None where no slot is known.
        """
        with self._lock:
            granted = self._granted.get(symbol)
            if granted is None or number not in (None, granted.number):
                return number
            del self._granted[symbol]
            return granted.number

    @contextmanager
    def filling(self, symbol: str, size: object) -> Iterator[None]:
        """Uses the slot for a fill that is reported inside; of a larger slot the rest stays.

        Where the report is refused, nobody knows of the fill: the slot stays whole, and the log asks about
        it.
        """
        with self._lock:
            granted = self._granted.get(symbol)
            used = 0
            if granted is not None:
                used = size if isinstance(size, int) and 0 < size < granted.size else granted.size
                granted.size -= used
                if not granted.size:
                    del self._granted[symbol]
        try:
            yield
        except (RefusedField, OutboxFull):
            if granted is not None:
                with self._lock:
                    granted.size += used
                    self._granted[symbol] = granted
            raise
        if granted is not None:
            granted.used = True

    def is_reserved(self, decision: Decision) -> bool:
        """Returns whether the slot is this process's still, as far as it can know by itself."""
        if decision.event is None or self._clock.monotonic() >= decision.good_until:
            return False
        return (
            self._granted.get(decision.symbol) is decision
            and self._unbroken_since(decision.announcement)
            and self._still_counts(decision.event)
        )

    def renew(self, decision: Decision) -> bool:
        """Renews a slot: it lasts as long again as it was granted for.

        False where it is not reserved, or nobody heard. No answer is waited for: a slot that is ours
        when this comes onto the log lasts that long from there.
        """
        if not self.is_reserved(decision):
            return False
        asked_at = self._clock.monotonic()
        try:
            taken = self._publisher.mention(partial(self._renewed, decision))
        except _NoLongerGranted:
            return False
        if taken is None or self._clock.monotonic() >= decision.good_until:
            return False
        if decision.expires_ms is None or taken.ms >= decision.expires_ms:
            return False  # our clock stood still meanwhile, and the slot's time was over
        decision.good_until = asked_at + decision.lasts_seconds
        decision.expires_ms = taken.ms + round(decision.lasts_seconds * 1000)
        return True

    def look_after(self) -> None:
        """Renews what is due, and asks about what was not reported for too long. Called at each sign of life.

        Due is half of a slot's time, or, where that is short, a few signs of life before its end.
        """
        granted = list(self._granted.values())
        for decision in granted:
            early = max(decision.lasts_seconds / 2, _BEATS_EARLY * self._beat_seconds)
            if decision.renewed and self._clock.monotonic() >= decision.good_until - early:
                self.renew(decision)
            self._ask_about(decision)
        for gone in self._ask_at.keys() - set(granted):
            self._ask_at.pop(gone, None)

    def close(self) -> None:
        """Logs what was allowed and not reported: after this process nobody knows of it."""
        for decision in list(self._granted.values()):
            self._log.critical(
                f"{decision.symbol}: granted, never registered, and this process ends: was it filled?",
                what_to_do=f"look at the broker; what is filled has to be settled: {settle(decision.symbol)}",
            )

    def _renewed(self, decision: Decision, number: int) -> Event:
        """Makes the renewal, under the publisher's lock: no slot is renewed behind the report of its fill."""
        if self._granted.get(decision.symbol) is not decision:
            raise _NoLongerGranted
        return self._renewal(number, decision.symbol)

    def _ask_about(self, decision: Decision) -> None:
        """Asks first after ten times the slot's duration, or ten minutes, or once it is lost; then after as
        long again.
        """
        now = self._clock.monotonic()
        patience = min(decision.lasts_seconds * _LASTS_UNTIL_ASKED, _LONGEST_UNTIL_ASKED_SECONDS)
        first = decision.granted_at + patience
        lost = now >= decision.good_until
        if now < self._ask_at.get(decision, min(first, decision.good_until) if lost else first):
            return
        waited = now - decision.granted_at
        self._ask_at[decision] = now + waited
        self._log.warning(
            f"{decision.symbol}: granted, never registered: was it filled? Report it, or give the slot back",
            seconds=round(waited),
            slot="lost" if lost else "renewed",
        )
