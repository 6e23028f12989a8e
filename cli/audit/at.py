"""`portfold audit at`: the status at a moment of the past."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from portfold.cli.audit.source import Source

if TYPE_CHECKING:
    from portfold.coordinator.audit.explain.status_at import PastStatus
    from portfold.coordinator.audit.record.record import Record

_SOURCE = Source()


def register(app: App) -> None:
    """Adds the command."""
    app.command(at)


def at(
    time: str,
    /,
    *,
    json: Annotated[bool, Parameter(show_default=False)] = False,
    source: Source = _SOURCE,
) -> None:
    """Show the status as it was at a moment of the past.

    A time without a zone is the exchange's; a time without a date is on the
    day of the record's last event. A date alone is a trading day, and shows
    its end; an event's ID shows the status after that event.

    For example:

        portfold audit at 2025-01-15T14:30

    Parameters
    ----------
    time
        2025-01-15T14:30, 2025-01-15T20:30Z, 14:30, 2025-01-15, or the ID of an event.
    json
        One JSON object, with the fields of portfold status.
    """
    from portfold.cli.exits import Unusable
    from portfold.cli.progress import progress
    from portfold.coordinator.audit.explain.status_at import status_at
    from portfold.coordinator.audit.record.moment import MomentError, read_moment

    try:
        moment = read_moment(time)
    except MomentError as error:
        raise Unusable(f"TIME: {error}") from error
    with source.record() as record:
        with progress("Reading", record.events, "events") as on_progress:
            found = status_at(record, moment, on_progress)
        if json:
            from portfold.coordinator.store.entry_json import shown_json

            print(shown_json(found.fields()))
        else:
            print("\n".join(_status_lines(record, found)))


def _status_lines(record: "Record", found: "PastStatus") -> list[str]:
    from portfold.cli.rows import behind_labels
    from portfold.coordinator.audit.explain.portfolio_rows import Labelled, moment_of, portfolio_rows

    after = f"the next is {found.next}" if found.next else "the last on record"
    return behind_labels(
        [
            Labelled("Portfolio", [record.shown]),
            Labelled("As it was", [moment_of(found.view), f"after event {found.event}; {after}"]),
            *portfolio_rows(found.view),
            Labelled("Leader", [found.view.leader or "unknown"]),
        ]
    )
