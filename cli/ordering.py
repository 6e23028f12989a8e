"""Puts an operator's order on the log, pulls the kill switch, and says what became of it.

Guarantees: whoever could not be heard is told what to do instead; the kill switch is pulled whatever the log
says.
"""

from collections.abc import Callable
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple

from portfold.cli.exits import Failure
from portfold.cli.typed import typed
from portfold.errors import UNREACHABLE, PortfoldError

if TYPE_CHECKING:
    from portfold.events.incoming import Event, FlattenRequested
    from portfold.events.stream_id import StreamId
    from portfold.events.wire.bus import Bus

NOT_PULLED = "THE KILL SWITCH IS NOT PULLED: "
_CANNOT_WAIT = ("TradingHalted", "FlattenRequested")
_INSTEAD = (
    "What cannot wait: portfold flatten --now reaches the workers past the log; else close at the broker."
)


class OrderInDoubt(Failure):
    """An order was not taken, or nobody can say whether it counts. The text says what to do instead."""

    exit_code = UNREACHABLE


class NotPulled(Failure):
    """The kill switch is not pulled; `as_whom` says why, where somebody else might be let."""

    def __init__(self, why: str, as_whom: str = "") -> None:
        super().__init__(f"{NOT_PULLED}{why}")
        self.as_whom = as_whom


class PulledAlone(Failure):
    """The kill switch is pulled, and the log did not take the order."""


def pulled(bus: "Bus", order: "FlattenRequested", say: Callable[[str], object]) -> "StreamId":
    """Pulls the kill switch, even where the log refuses the order, and says so by `say`.

    Raises NotPulled, and PulledAlone where the log refuses the order.
    """
    from portfold.events.codec import encode_checked
    from portfold.events.wire.errors import BusRefused, BusShut
    from portfold.workers.client.closing.flatten_order import pull_fields

    event, refused = None, ""
    try:
        event = bus.append(encode_checked(order))
    except (PortfoldError, ValueError) as error:  # ValueError: a field that the log refuses
        refused = str(error).rstrip(".")
    try:
        bus.pull_killswitch(pull_fields(order.by, order.reason, event))
    except PortfoldError as error:
        on_log = (
            f"The order is on record as {event}."
            if event
            else f"The log did not take the order: {refused}.\nClose at the broker what cannot wait."
        )
        as_whom = str(error) if isinstance(error, BusShut | BusRefused) and event is None else ""
        raise NotPulled(f"{error}\n{on_log} {error.remedy}".rstrip(), as_whom) from error
    with suppress(OSError):  # a closed stdout must not hide a failure of the order
        say("The kill switch is pulled: every worker that hears it closes what it holds.")
    if event is None:
        raise PulledAlone(
            f"The log did not take the order: {refused}\n"
            "So nothing is on record and trading is NOT halted: mend that, then flatten again."
        )
    return event


def put(bus: "Bus", order: "Event") -> "StreamId":
    """Adds the order to the log."""
    from portfold.events.codec import encode_checked
    from portfold.events.wire.errors import BusError, BusUnreachable

    fields = encode_checked(order)
    try:
        return bus.append(fields)
    except BusError as error:
        if fields[1] not in _CANNOT_WAIT:
            raise
        known = "Nobody knows whether that" if isinstance(error, BusUnreachable) else "Nothing"
        raise OrderInDoubt(f"{error.with_remedy} {known} is on record. {_INSTEAD}") from error


class OrderEffect(NamedTuple):
    """What became of an order, in words, and whether it has its effect by now."""

    in_words: str
    there: bool


def print_outcome(bus: "Bus", event: "StreamId", done: str) -> None:
    """Prints what became of an order, and closes the bus. Raises Failure where it was refused."""
    with closing(bus):
        print(effect_of(bus, event, done).in_words)


def effect_of(bus: "Bus", event: "StreamId", done: str, unheard: str = "") -> OrderEffect:
    """Returns what became of an order; `unheard` is what to do where nobody has decided on it.

    Raises Failure where it was refused.
    """
    from portfold.coordinator.views.order_outcome import outcome_of
    from portfold.events.wire.errors import BusError

    try:
        outcome = outcome_of(bus, event, wait_seconds=2.0)
        leader = None if outcome.folded else bus.leader()
    except BusError as error:
        what = f"On record as {event}; whether anybody decides on it cannot be read: {error.with_remedy}"
        raise OrderInDoubt(f"{what} {_INSTEAD}") from error
    if outcome.rejected:
        raise Failure(f"Refused, on record as {event}: {outcome.rejected}")
    if outcome.waits is not None:
        text = (
            f"On record as {event}. What loosens counts from the trading day {outcome.waits.day} on: "
            f"{outcome.waits.limits}. The rest counts. To have all of it count at once: --second NAME."
        )
    elif outcome.folded:
        text = f"{done} On record as {event}."
    elif leader:
        see = typed("portfold status")
        text = f"On record as {event}. {leader} leads and has not decided it yet; see: {see}{unheard}"
    else:
        text = f"On record as {event}. No coordinator leads now; it takes effect when one does.{unheard}"
    return OrderEffect(text, outcome.folded)
