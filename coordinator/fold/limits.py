"""The rules in force, as the last LimitsChanged on the log gives them; their text, and how to change them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from portfold.events.codec import RefusedField, decode_event, encode
from portfold.events.incoming import LimitsChanged, Malformed

_NOT_A_LIMIT = {"type", "by", "reason", "config"}


class Limits(Struct, frozen=True):
    """What a portfolio may do. Dollars, contracts and milliseconds; `point_values` in dollars a point.

    `text` is all of it in one line, as the status shows it and `changed_limits` reads it.
    """

    max_positions: int
    max_contracts: int
    daily_stop_loss: Decimal
    symbols: tuple[str, ...]
    stop_loss_on: Literal["total", "realized"]
    stop_approach_percent: int
    reservation_ms: int
    flatten_ms: int
    mark_stale_ms: int
    on_worker_lost: Literal["hold", "flatten"]
    zone: str
    roll: str
    point_values: dict[str, Decimal]
    by: str
    reason: str
    config: str
    text: str


def limits_of(event: LimitsChanged) -> Limits:
    """Reads the event's flat lists."""
    pairs = (pair.split("=") for pair in event.point_values.split(" ") if pair)
    return Limits(
        max_positions=event.max_positions,
        max_contracts=event.max_contracts,
        daily_stop_loss=event.daily_stop_loss,
        symbols=tuple(event.symbols.split(" ")),
        stop_loss_on=event.stop_loss_on,
        stop_approach_percent=event.stop_approach_percent,
        reservation_ms=event.reservation_ms,
        flatten_ms=event.flatten_ms,
        mark_stale_ms=event.mark_stale_ms,
        on_worker_lost=event.on_worker_lost,
        zone=event.zone,
        roll=event.roll,
        point_values={symbol: Decimal(value) for symbol, value in pairs},
        by=event.by,
        reason=event.reason,
        config=event.config,
        text=_text_of(event),
    )


def limits_named(text: str) -> dict[str, str]:
    """Each limit in `Limits.text` by its name."""
    return dict(pair.split("=", 1) for pair in text.split("; ") if "=" in pair)


def changed_limits(text: str, changes: Mapping[str, str], *, by: str, reason: str) -> LimitsChanged:
    """The limits in `text` with `changes` made to them. Raises RefusedField, naming the limit."""
    if not text:
        raise RefusedField("limits: none are in force yet; start a coordinator first")
    in_force = limits_named(text)
    for name in changes:
        if name not in in_force:
            raise RefusedField(f"{name}: not a limit; the limits are {', '.join(in_force)}")
    fields = {"type": "LimitsChanged", "by": by, "reason": reason, **in_force, **changes}
    event = decode_event([word for pair in fields.items() for word in pair])
    if isinstance(event, LimitsChanged):
        return event
    raise RefusedField(event.reason if isinstance(event, Malformed) else "limits: cannot be read")


def _text_of(event: LimitsChanged) -> str:
    fields = encode(event)
    pairs = zip(fields[::2], fields[1::2], strict=True)
    return "; ".join(f"{name}={value}" for name, value in pairs if name not in _NOT_A_LIMIT)
