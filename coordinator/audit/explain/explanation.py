"""One event and what was decided on it, explained: what it met, why it was so, what changed, what came next.

The record is read up to where the last tracker is done. The decisions shown are those on record; why
they were made follows from the state that folding the log leads to. Where the two differ, a note says so.
"""

from collections.abc import Callable
from decimal import localcontext

import msgspec
from msgspec import Struct, field

from portfold.coordinator.audit.explain.consequences import trackers_of
from portfold.coordinator.audit.explain.late_start import late_start
from portfold.coordinator.audit.explain.lookup import Found, NotOnRecord
from portfold.coordinator.audit.explain.portfolio_rows import Labelled, portfolio_rows
from portfold.coordinator.audit.explain.rationale import DecisionContext, rationale_of
from portfold.coordinator.audit.explain.trackers import LaterEvent
from portfold.coordinator.audit.record.columns import by_name
from portfold.coordinator.audit.record.moment import Exchange, exchange_of
from portfold.coordinator.audit.record.record import Record
from portfold.coordinator.audit.record.timeline import decision_text, event_text
from portfold.coordinator.fold.effects.time_passing import pass_time
from portfold.coordinator.fold.state import State
from portfold.coordinator.store.entry_json import words_json
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.ledger import Decided
from portfold.coordinator.store.recorded import Recorded, difference
from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.status import limits_in_words, status_lists, status_texts, status_values
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.dollars import EXACT
from portfold.events.codec import RefusedField, decode_decided
from portfold.events.fields import readable
from portfold.events.incoming import ClockTicked, EntryRequested
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry

MOST_HAPPENED = 60
"""No more lines of what happened next: a story, not the log."""

_WATCHED = (
    "current_day", "positions", "reserved", "taken_back", "daily_pnl", "realized_pnl", "stopped_out",
    "halted", "locked_out", "flattening", "unsettled", "log_incomplete", "workers", "limits",
)  # fmt: skip


class ExplainedDecision(Struct, frozen=True):
    """A decision on record: its sentence, and why it was made. `asked`: the question was about this one."""

    id: str
    type: str
    text: str
    because: list[str]
    asked: bool


class StatusChange(Struct, frozen=True):
    """A field of the status before and after the event."""

    name: str
    before: str
    after: str


class Happened(Struct, frozen=True):
    """A later event that belongs to the story."""

    id: str
    text: str


class Explanation(Struct):
    """All of it. `met` and `met_rows` are the state before the event; a request's, after time had passed."""

    event: str
    type: str
    text: str
    fields: list[str]
    exchange: Exchange
    decisions: list[ExplainedDecision]
    met_after: str
    met: dict[str, object]
    met_rows: list[Labelled]
    changes: list[StatusChange]
    next: list[Happened] = field(default_factory=list)
    ending: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def plain(self) -> dict[str, object]:
        """Returns the explanation for programs, with the state as the fields of the status."""
        return {
            "event": self.event,
            "type": self.type,
            "text": self.text,
            "fields": msgspec.Raw(words_json(self.fields)),
            "zone": self.exchange.zone,
            "decisions": self.decisions,
            "changes": self.changes,
            "met_after": self.met_after,
            "met": self.met,
            "next": self.next,
            "ending": self.ending,
            "notes": self.notes,
        }


def explain(record: Record, found: Found, on_progress: Callable[[int], object]) -> Explanation:
    """Folds up to the event, and on to where its story ends; shows `on_progress` how many events are done."""
    kept, entries = late_start(record, before=found.event)
    follower = Follower(kept.checkpoint)
    for done, recorded in enumerate(entries, start=kept.events + 1):
        if recorded.event.id == found.event:
            before, cursor = _copied(follower.state), follower.cursor
            decided = follower.again(recorded)
            explanation = _explained(recorded, decided, found, before, cursor, follower.state)
            break
        follower.again(recorded)
        on_progress(done)
    else:
        raise NotOnRecord(f"There is no event {found.event} on record.")
    trackers = trackers_of(decided.event, decided.decisions, follower.state)
    story = explanation.next
    for later in entries:
        if not trackers or len(story) >= MOST_HAPPENED:
            break
        done += 1
        on_progress(done)
        step = LaterEvent(later.event.id, later.event.fields, follower.again(later), follower.state)
        texts = dict.fromkeys(text for tracker in trackers for text in tracker.follow(step))
        story += (Happened(str(step.at), text) for text in texts)
        trackers = [tracker for tracker in trackers if not tracker.done]
    if len(story) >= MOST_HAPPENED:
        explanation.ending = [f"And so on: portfold audit show --from {story[-1].id}"]
    else:
        explanation.ending = [text for tracker in trackers if (text := tracker.unfinished())]
    return explanation


def _explained(
    recorded: Recorded, decided: Decided, found: Found, before: State, cursor: StreamId, after: State
) -> Explanation:
    """Explains everything but what came next."""
    event, decisions = recorded
    met = _copied(before)
    with localcontext(EXACT):
        pass_time(met, event.id, ticked=isinstance(decided.event, ClockTicked))
    case = DecisionContext(event.id, decided.event, before, met, _copied(after))
    shown = portfolio_view(met if isinstance(decided.event, EntryRequested) else before, cursor)
    unlike = difference(decided, recorded, cursor)
    notes = [found.note] if found.note else []
    if unlike:
        notes.append(f"On record is not what the rules make of it: {unlike.sentence}")
    if decided.repeated:
        notes.append("It had been published and folded before, so it changed nothing.")
    return Explanation(
        event=str(event.id),
        type=readable(by_name(event.fields).get("type", "")),
        text=event_text(after, decided, event.fields),
        fields=event.fields,
        exchange=exchange_of(after.limits),
        decisions=[_explained_decision(case, entry, asked=entry.id == found.decision) for entry in decisions],
        met_after=str(cursor),
        met=status_values(shown),
        met_rows=portfolio_rows(shown),
        changes=_changes(before, after, event.id),
        notes=notes,
    )


def _explained_decision(case: DecisionContext, entry: Entry, *, asked: bool) -> ExplainedDecision:
    try:
        decision, _ = decode_decided(entry.fields)
    except RefusedField as refused:
        return ExplainedDecision(
            str(entry.id), "", decision_text(entry), [f"It cannot be read: {refused}."], asked
        )
    text, kind = decision_text(entry), type(decision).__name__
    return ExplainedDecision(str(entry.id), kind, text, rationale_of(case, decision), asked)


def _copied(state: State) -> State:
    """Copies the state, so that later events do not change it."""
    return msgspec.json.decode(msgspec.json.encode(state), type=State)


def _changes(before: State, after: State, at: StreamId) -> list[StatusChange]:
    """Lists the fields of the status that changed; of a list, what left it and what joined it."""
    was, now = portfolio_view(before, at), portfolio_view(after, at)
    texts = status_texts(was), status_texts(now)
    lists = _items(was), _items(now)
    found = []
    for name in _WATCHED:
        left, joined = (text[name] for text in texts)
        if left == joined:
            continue
        if name in lists[0]:
            separator, old, new = "; " if name == "limits" else ", ", lists[0][name], lists[1][name]
            left = separator.join(item for item in old if item not in new)
            joined = separator.join(item for item in new if item not in old)
        found.append(StatusChange(name, left, joined))
    return found


def _items(view: PortfolioView) -> dict[str, list[str]]:
    return status_lists(view) | {"limits": limits_in_words(view)}
