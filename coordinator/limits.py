"""The rules in force, as the last LimitsChanged on the log gives them."""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from events.incoming import LimitsChanged


class Limits(Struct, frozen=True):
    """What a portfolio may do. Dollars, contracts and milliseconds; `point_values` in dollars a point."""

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
    )
