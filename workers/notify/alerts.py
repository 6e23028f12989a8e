"""What is worth an alert: one event with its decisions, as they stand on record, gives alerts in order.

Pure: the same log gives the same alerts. Alerts of what time brought (a day that is over, a reminder) come
before those of the event that was folded after it. Of an event that was refused, or that was folded before,
only the decisions give alerts. Which message is worth one, and in what words, is in
`coordinator/views/words`; added here is what only who remembers the days can say.
"""

from typing import NamedTuple

from msgspec.structs import replace

from portfold.bounds import too_many_stops
from portfold.coordinator.expected import words as expected_words
from portfold.coordinator.expected.comparison import compare
from portfold.coordinator.expected.lived import Expectation
from portfold.coordinator.store.recorded import Recorded
from portfold.coordinator.views.words.message_words import AlertWords, Known
from portfold.coordinator.views.words.of_decisions import words_of_decision
from portfold.coordinator.views.words.of_events import words_of_event
from portfold.events.codec import RefusedField, decode_decided, decode_event
from portfold.events.decisions import (
    Decision,
    FlattenOverdue,
    MarkStale,
    StopLossTriggered,
    TradingDayStarted,
    refusal,
)
from portfold.events.incoming import (
    EntryRenewed,
    Event,
    LogTailMissing,
    Malformed,
    PositionClosed,
    PositionOpened,
    WorkerLost,
    WorkerStarted,
    WorkerStopped,
)
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.workers.notify.alert import Alert
from portfold.workers.notify.book import AlertMemory, begins_a_week
from portfold.workers.notify.reading import Missed
from portfold.workers.notify.remembering import after_decision, after_event
from portfold.workers.notify.words import day_and_week, wording
from portfold.workers.notify.words.wording import Lines, When

_OF_TIME = (TradingDayStarted, FlattenOverdue, MarkStale)
_FACTS = (PositionOpened, PositionClosed, WorkerStarted, WorkerStopped, LogTailMissing)


class Worded(NamedTuple):
    """The alerts of one event, and the book after it."""

    alerts: tuple[Alert, ...]
    book: AlertMemory


def alerts_of(
    book: AlertMemory, recorded: Recorded, clock: When, expectation: Expectation | None = None
) -> Worded:
    """Returns the alerts of the next event on record; `expectation` is what its days are held against."""
    event, at = decode_event(recorded.event.fields), recorded.event.id
    collector = _Collector(book, at, clock, expectation)
    decisions = _read(recorded, collector)
    for decision in decisions:
        if isinstance(decision, _OF_TIME):
            collector.of_decision(decision, event)
    if refusal(decisions) is None and not isinstance(event, Malformed):
        collector.of_event(event, decisions)
    for decision in decisions:
        if not isinstance(decision, _OF_TIME):
            collector.of_decision(decision, event)
    return Worded(tuple(collector.alerts), collector.book)


def _read(recorded: Recorded, collector: "_Collector") -> list[Decision]:
    decisions: list[Decision] = []
    for entry in recorded.decisions:
        try:
            decisions.append(decode_decided(entry.fields)[0])
        except RefusedField as refused:  # of a later version of the vocabulary
            collector.unreadable(f"{entry.id}: {refused}")
    return decisions


class _KnownByMemory(Known):
    """What the notifier remembers around an event."""

    def __init__(self, book: AlertMemory, at: StreamId, event: Event) -> None:
        self._book, self._at, self._event = book, at, event

    def is_answered_for(self) -> bool:
        """Returns whether what is missing lies before an event that acknowledged a loss."""
        known = self._book.acknowledged
        if not known or not isinstance(self._event, LogTailMissing):
            return False
        return StreamId.parse(self._event.saw) < StreamId.parse(known)

    def slots_left(self) -> list[str]:
        """Returns the symbols of the slots that it was granted, and neither used nor gave back."""
        event = self._event
        return self._book.slots_of(event.worker) if isinstance(event, WorkerStopped | WorkerLost) else []

    def long_renewed_ms(self) -> int:
        """Returns for how long a slot has been renewed, since it was granted, or first seen to be kept."""
        event = self._event
        if not isinstance(event, EntryRenewed):
            return 0
        return self._book.long_renewed_ms(event.worker, event.symbol, self._at.ms)

    def leader(self) -> str:
        """Returns who led last."""
        return self._book.leader

    def limits(self) -> str:
        """Returns the limits of the last LimitsChanged, in words, with what of them does not count yet."""
        return self._book.limits_known


class _Collector:
    """Collects the alerts of one event. The exchange's clock at it is `when`."""

    def __init__(
        self, book: AlertMemory, at: StreamId, clock: When, expectation: Expectation | None = None
    ) -> None:
        self.book = book
        self._expectation = expectation
        self.alerts: list[Alert] = []
        self._at = at
        self._when = clock(at.ms)

    def unreadable(self, what: str) -> None:
        self._add(AlertWords("event_rejected", "warning", wording.unreadable(what), "unreadable", "decision"))

    def of_event(self, event: Event, decisions: list[Decision]) -> None:
        """Adds the alerts of the event itself, where it counts."""
        if isinstance(event, _FACTS):
            if self.book.is_repeat(event):
                return
            self.book = self.book.with_fact(event)
        for words in words_of_event(event, _KnownByMemory(self.book, self._at, event)):
            self._add(words.alert)
        self.book = after_event(self.book, self._at, event, decisions)

    def of_decision(self, decision: Decision, event: Event | Malformed) -> None:
        """Adds the alert of what was decided on the event, or because time had passed."""
        self._add(words_of_decision(decision, event).alert)
        match decision:
            case StopLossTriggered():
                self._too_many_stops()
            case TradingDayStarted() if decision.previous_day:
                self._day_over(decision)
        self.book = after_decision(self.book, self._at, decision)

    # --- the day and the week ----------------------------------------------------------------------------

    def _too_many_stops(self) -> None:
        stops = self.book.week.stops + self.book.stops + 1
        if too_many_stops(stops) and not too_many_stops(stops - 1):  # said at once, and once
            self._add(AlertWords("weekly_signs", "warning", day_and_week.stops_this_week(stops)))

    def _day_over(self, started: TradingDayStarted) -> None:
        lines = day_and_week.day_summary(started, self.book.trades, self.book.denied)
        beside, sign = self._beside_expected(started)
        self._append(Alert("day_summary", "info", self._at.ms, lines + beside))
        if sign:
            self._append(Alert("less_than_expected", "warning", self._at.ms, sign))
        signs = day_and_week.week_signs(self.book.week.with_day(started))
        if signs and begins_a_week(started):
            self._append(Alert("weekly_signs", "warning", self._at.ms, signs))

    def _beside_expected(self, over: TradingDayStarted) -> tuple[Lines, Lines]:
        """Holds the days against those expected: lines for the summary, and those of a sign that is new."""
        expectation, before = self._expectation, self.book.lived
        if expectation is None:
            return (), ()
        lived = before.after(day_and_week.day_lived(over, self.book.trades), expectation)
        self.book = replace(self.book, lived=lived)
        found = compare(lived, expectation) if lived != before else None
        if found is None:
            return (), ()
        beside = expected_words.lines(found, expectation)
        is_new = lived.followed.has_sign and not (before.of == lived.of and before.followed.has_sign)
        return beside, day_and_week.less_than_expected(lived, beside[1:]) if is_new else ()

    def _add(self, words: AlertWords | None) -> None:
        if words is not None:
            lines = wording.timed(words, self._when)
            self._append(Alert(words.kind, words.level, self._at.ms, lines, words.group, words.subject))

    def _append(self, alert: Alert) -> None:
        self.alerts.append(alert)


def missed_alert(missed: Missed, clock: When) -> Alert:
    """Makes the alert that events are gone, or may be, before it was alerted of them."""
    after = str(missed.after) if missed.after != ORIGIN else "the beginning"
    up_to, when = missed.up_to, clock(missed.up_to.ms)
    if up_to < missed.after:
        lines = wording.set_back(after, str(up_to), when)
    else:
        lines = wording.missed(after, str(up_to), missed.why, when, perhaps=missed.perhaps)
    return Alert("alerts_missed", "critical", up_to.ms, lines)


def unworded_alert(at: StreamId, fault: str, clock: When) -> Alert:
    """Makes the alert that nothing can be said of an event, by a fault of the notifier's own."""
    return Alert("alerts_missed", "critical", at.ms, wording.unworded(str(at), fault, clock(at.ms)))
