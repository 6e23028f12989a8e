"""Orders limits, and undoes no limit that the order does not name.

On the log an order names all limits, so those that are not changed are read first: of two orders at the same
moment the later would undo what the earlier changed. So after each order this looks for others between its
reading and its order. Where there are some, it prints them, orders once more with their changes kept, and
prints the limits that hold in the end. Of a limit that both changed the later order holds.
"""

from collections.abc import Mapping

from portfold.cli.exits import Failure
from portfold.cli.typed import print_note
from portfold.coordinator.fold.limits import Limits, changed_limits, limits_named, limits_of
from portfold.coordinator.views.order_outcome import limits_between, limits_ordered
from portfold.events.codec import encode_checked
from portfold.events.limits_changed import LimitsChanged
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus

_TRIES = 10


def change_limits(
    bus: Bus, changes: Mapping[str, str], *, by: str, reason: str, second: str = ""
) -> StreamId:
    """Adds the order to the log. Raises RefusedField, BusError, and Failure after ten tries."""
    read = limits_ordered(bus)
    known_to, wanted, tries = read.known_to, dict(changes), 0
    while True:
        order = changed_limits(read.limits, wanted, by=by, reason=reason, second=second)
        event = bus.append(encode_checked(order))
        tries += 1
        others = limits_between(bus, known_to, event)
        kept = wanted
        for other in others:
            theirs = _named_by(other, read.limits)
            what = ", ".join(f"{name}={value}" for name, value in theirs.items())
            print_note(f"{other.by} ordered limits at the same moment: {what or 'those that were in force'}.")
            kept = {**kept, **theirs}
        kept = {**kept, **changes}
        if kept == wanted:
            if others or tries > 1:
                print_note(f"The last order, given here, sets: {limits_of(order).text}.")
            return event
        if tries == _TRIES:
            raise Failure(
                f"On record as {event}; but others order limits without end, so some of their changes may "
                f"be undone. Ordered here: {limits_of(order).text}. See: portfold status"
            )
        wanted, known_to = kept, event


def _named_by(other: LimitsChanged, before: Limits | None) -> dict[str, str]:
    """Returns what the order changes of the limits that were read before it."""
    was, now = limits_named(before) if before else {}, limits_named(limits_of(other))
    return {name: value for name, value in now.items() if value != was.get(name)}
