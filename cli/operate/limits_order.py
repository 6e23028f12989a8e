"""An order of limits, which undoes nothing that it does not name.

On the log an order of limits names all of them, so it is made of those that were read before: of two who
order at once the later would undo what the earlier named. So whoever orders looks whether somebody else did
between the reading and the order; if so that is told, kept by ordering once more, and the end of it is told
too. Of a limit that both named the later order holds.
"""

from collections.abc import Mapping

from portfold.cli.exits import Failure
from portfold.cli.typed import tell_aside
from portfold.coordinator.fold.limits import Limits, changed_limits, limits_named, limits_of
from portfold.coordinator.views.order_outcome import limits_between, limits_ordered
from portfold.events.codec import encode_checked
from portfold.events.incoming import LimitsChanged
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus

_TRIES = 10


def change_limits(bus: Bus, changes: Mapping[str, str], *, by: str, reason: str) -> StreamId:
    """Adds the order. Raises RefusedField, BusError, and Failure where others order limits without end."""
    read = limits_ordered(bus)
    known_to, wanted, tries = read.known_to, dict(changes), 0
    while True:
        order = changed_limits(read.limits, wanted, by=by, reason=reason)
        event = bus.append(encode_checked(order))
        tries += 1
        others = limits_between(bus, known_to, event)
        kept = wanted
        for other in others:
            theirs = _named_by(other, read.limits)
            what = ", ".join(f"{name}={value}" for name, value in theirs.items())
            tell_aside(f"{other.by} ordered limits at the same moment: {what or 'those that were in force'}.")
            kept = {**kept, **theirs}
        kept = {**kept, **changes}
        if kept == wanted:
            if others or tries > 1:
                tell_aside(f"Ordered here, and the last word: {limits_of(order).text}.")
            return event
        if tries == _TRIES:
            raise Failure(
                f"On record as {event}, and others order limits without end, so what they named may be "
                f"undone. Ordered here: {limits_of(order).text}. See: portfold status"
            )
        wanted, known_to = kept, event


def _named_by(other: LimitsChanged, before: Limits | None) -> dict[str, str]:
    """What it changes of the limits that were read."""
    was, now = limits_named(before) if before else {}, limits_named(limits_of(other))
    return {name: value for name, value in now.items() if value != was.get(name)}
