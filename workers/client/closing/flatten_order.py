"""An order to close, as a worker gets it: from the decisions, or by kill switch past the coordinator."""

from typing import NamedTuple

from portfold.events.codec import decode_decided
from portfold.events.decisions import (
    FILLED_SINCE,
    Decision,
    FlattenHandedOver,
    FlattenOrdered,
    FlattenOverdue,
    StopLossTriggered,
)
from portfold.events.fields import DECEIVING, readable
from portfold.events.legs import Leg, parse_legs
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Entry

_KINDS = {kind.__name__ for kind in (StopLossTriggered, FlattenOrdered, FlattenOverdue, FlattenHandedOver)}

KILLSWITCH = "killswitch"
"""What the episode of an order begins with that came past the coordinator."""

TAKEN_OVER_AT = 3
"""From this reminder on nobody waits any longer for an owner whose closing hangs."""


class FlattenOrder(NamedTuple):
    """Close `positions`, which are this worker's on the log; with `everything`, all the broker holds for it.

    `event` is the ID of the event that led to the order, `episode` the same for all repeats of it.
    """

    episode: str
    event: StreamId
    cause: str
    everything: bool
    positions: tuple[Leg, ...] = ()
    pending: tuple[Leg, ...] = ()

    @property
    def is_of_a_fill(self) -> bool:
        """Returns whether a fill brought it: whoever was asked to close since then has closed it too."""
        return not self.everything and self.cause.endswith(FILLED_SINCE)


def order_for(worker: str, entry: Entry) -> FlattenOrder | None:
    """Returns what a decision orders `worker` to close, or None. Raises ValueError for a decision that is
    none.
    """
    decision = _order_in(entry)
    if decision is None or isinstance(decision, FlattenHandedOver):
        return None
    order = _read(decision, entry.id.event(), worker)
    return order if order.positions or order.pending or order.everything else None


def handed_over(entry: Entry) -> FlattenOrder | None:
    """Returns what a decision hands over to the flattener, whoever owned it, or None."""
    decision = _order_in(entry)
    if not isinstance(decision, FlattenHandedOver):
        return None
    legs = tuple(parse_legs(decision.positions))
    return FlattenOrder(
        decision.episode, entry.id.event(), "flatten handed over", everything=False, positions=legs
    )


def taken_over(entry: Entry) -> FlattenOrder | None:
    """Returns what has been overdue for so long that the flattener closes it for owners that seem alive, or
    None.
    """
    decision = _order_in(entry)
    if not isinstance(decision, FlattenOverdue) or decision.reminder < TAKEN_OVER_AT:
        return None
    legs = tuple(parse_legs(decision.positions))
    cause = "flatten overdue, taken over"
    return FlattenOrder(decision.episode, entry.id.event(), cause, everything=False, positions=legs)


def pulled(entry: Entry) -> FlattenOrder:
    """Returns what a pull of the kill switch orders: everything. Whatever else may be in it, it is obeyed."""
    fields = entry.by_name
    try:
        event = StreamId.parse(fields.get("event", ""))
    except ValueError:
        event = entry.id
    # The cause goes on the log with each close, which takes no character that could deceive.
    cause = f"kill switch by {DECEIVING.sub('?', fields.get('by', 'nobody named')[:64])}"
    return FlattenOrder(f"{KILLSWITCH} {entry.id}", event, cause, everything=True)


def pull_fields(by: str, reason: str, event: StreamId | None) -> list[str]:
    """Returns a pull of the kill switch; `event` is the FlattenRequested that accounts for it, if one does.

    Whatever was typed can be sent: no odd character, and no byte that is none, keeps it back.
    """
    return ["by", readable(by), "reason", readable(reason), *(("event", str(event)) if event else ())]


def _order_in(entry: Entry) -> Decision | None:
    if len(entry.fields) < 2 or entry.fields[1] not in _KINDS:
        return None
    decision, _ = decode_decided(entry.fields)
    return decision


def _read(decision: Decision, event: StreamId, worker: str) -> FlattenOrder:
    match decision:
        case StopLossTriggered():
            return FlattenOrder(
                decision.episode,
                event,
                "daily stop loss",
                everything=True,
                positions=_own(decision.positions, worker),
                pending=_own(decision.pending, worker),
            )
        case FlattenOrdered():
            return FlattenOrder(
                decision.episode,
                event,
                decision.cause,
                everything=decision.everything,
                positions=_own(decision.positions, worker),
                pending=_own(decision.pending, worker),
            )
        case FlattenOverdue():
            legs = _own(decision.positions, worker)
            return FlattenOrder(decision.episode, event, "flatten overdue", everything=False, positions=legs)
    raise ValueError(f"{type(decision).__name__} orders nothing")


def _own(text: str, worker: str) -> tuple[Leg, ...]:
    return tuple(leg for leg in parse_legs(text) if leg.worker == worker)
