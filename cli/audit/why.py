"""`portfold audit why`: explains one decision in sentences."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from portfold.cli.audit.source import Source
from portfold.cli.typed import typed

if TYPE_CHECKING:
    from portfold.cli.progress import ShownProgress
    from portfold.coordinator.audit.explain.explanation import ExplainedDecision, Explanation, StatusChange
    from portfold.coordinator.audit.explain.lookup import Found
    from portfold.coordinator.audit.record.record import Record
    from portfold.coordinator.audit.record.timeline import Wanted
    from portfold.events.stream_id import StreamId

_SOURCE = Source()
_CLOCK = 22

Flag = Annotated[bool, Parameter(show_default=False)]


def register(app: App) -> None:
    """Adds the command."""
    app.command(why)


def why(
    id_: Annotated[str | None, Parameter(name="ID", show_default=False)] = None,
    /,
    *,
    last: Flag = False,
    symbol: str | None = None,
    type_: Annotated[str | None, Parameter(name="--type")] = None,
    json: Flag = False,
    source: Source = _SOURCE,
) -> None:
    """Explain a decision: the state before it, the rule that decided, what happened next.

    Give the ID of an event or a decision; or choose the last decision of all,
    the last about a symbol, or the last of a type.

    For example:

        portfold audit why --symbol ES --type EntryDenied

    Parameters
    ----------
    id_
        The ID of an event, or of a decision, such as 1736950000000-0.
    last
        The last decision.
    symbol
        The last decision about this symbol.
    type_
        The last decision of this type.
    json
        One JSON object.
    """
    from portfold.cli.progress import progress
    from portfold.coordinator.audit.explain.explanation import explain

    event = _event(id_)
    wanted = _wanted(event, last=last, symbol=symbol, type_=type_)
    with source.record() as record:
        with progress("Looking", record.events, "events") as on_progress:
            found = _found(record, event, wanted, on_progress)
        with progress("Reading", record.events, "events") as on_progress:
            explanation = explain(record, found, on_progress)
        if json:
            from portfold.coordinator.store.entry_json import shown_json

            print(shown_json(explanation.plain()))
        else:
            print(typed("\n".join(_lines(explanation))))


def _event(text: str | None) -> "StreamId | None":
    from portfold.cli.exits import Unusable
    from portfold.events.stream_id import StreamId

    try:
        return StreamId.parse(text) if text is not None else None
    except ValueError as error:
        raise Unusable(f"ID: {error}.") from error


def _wanted(event: "StreamId | None", *, last: bool, symbol: str | None, type_: str | None) -> "Wanted":
    from portfold.cli.audit.lines_wanted import message_types
    from portfold.cli.exits import Unusable
    from portfold.coordinator.audit.record.timeline import Wanted

    chosen = last or symbol is not None or type_ is not None
    if (event is None) != chosen:
        raise Unusable("Expected either an ID, or --last, --symbol or --type.")
    types = message_types([type_] if type_ else [])
    return Wanted(frozenset([symbol] if symbol else []), types=types)


def _found(
    record: "Record", event: "StreamId | None", wanted: "Wanted", on_progress: "ShownProgress"
) -> "Found":
    from portfold.coordinator.audit.explain.lookup import find_id, find_last

    return (
        find_id(record, event, on_progress) if event is not None else find_last(record, wanted, on_progress)
    )


# --- in words -------------------------------------------------------------------------------------------


def _lines(explanation: "Explanation") -> Iterator[str]:
    from portfold.cli.rows import behind_labels
    from portfold.coordinator.audit.explain.portfolio_rows import Labelled, time_text
    from portfold.events.stream_id import StreamId

    at = StreamId.parse(explanation.event)
    yield f"{time_text(explanation.exchange, at.ms)} ({explanation.exchange.zone})"
    yield from behind_labels(
        [
            Labelled("Event", [f"{explanation.event} {explanation.type}", explanation.text]),
            *(Labelled("Decision", _decision(explanation, one)) for one in explanation.decisions),
            *([] if explanation.decisions else [Labelled("Decision", ["none: nothing followed from it"])]),
            Labelled("Changed", [_change(one) for one in explanation.changes] or ["nothing"]),
            *(Labelled("Note", [note]) for note in explanation.notes),
        ]
    )
    yield ""
    yield f"The state it met, after event {explanation.met_after}:"
    yield from behind_labels(explanation.met_rows)
    if explanation.next or explanation.ending:
        yield ""
        yield "What happened next:"
        yield from behind_labels(
            (
                Labelled(_clock(explanation, one.id, at.ms), [f"{one.text}  ({one.id})"])
                for one in explanation.next
            ),
            label=_CLOCK,
        )
        yield from explanation.ending


def _decision(explanation: "Explanation", decision: "ExplainedDecision") -> list[str]:
    """Returns the lines of a decision and its reasons; of several the one asked about is marked."""
    mark = "  <- asked about" if decision.asked and len(explanation.decisions) > 1 else ""
    return [f"{decision.id} {decision.type}{mark}", decision.text, *decision.because]


def _change(change: "StatusChange") -> str:
    return f"{change.name}: {change.before or 'nothing'} -> {change.after or 'nothing'}"


def _clock(explanation: "Explanation", event: str, began_ms: int) -> str:
    """Formats the event's time as `08:32:07.123 CST`, with the weekday where it is on another day."""
    from portfold.events.stream_id import StreamId

    ms = StreamId.parse(event).ms
    at = explanation.exchange.local(ms)
    same_day = at.date() == explanation.exchange.local(began_ms).date()
    return f"{'' if same_day else f'{at:%a} '}{at:%H:%M:%S}.{ms % 1000:03} {at:%Z}"
