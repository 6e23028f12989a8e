"""Makes a log of any bytes: few names and numbers, so that its events meet; and raw words among them."""

from collections.abc import Iterator
from typing import get_args

from msgspec.structs import fields as struct_fields

from portfold.events.incoming import Event

_MOST_EVENTS = 40
_KINDS = get_args(Event)
_OF_FIELD: dict[str, tuple[str, ...]] = {
    "worker": ("a", "b", "account", "flattener"),
    "owner": ("", "a", "b"),
    "session": ("s", "t"),
    "seq": ("1", "2", "3", "4", "5", "9999999999"),
    "symbol": ("ES", "CL", "6A"),
    "symbols": ("ES CL", "", "6A"),
    "side": ("long", "short"),
    "size": ("1", "2", "0", "10000"),
    "price": ("100", "-37.63", "0", "999999999.9999999999"),
    "stop_price": ("", "99", "101"),
    "risk": ("0", "500"),
    "pnl": ("0", "-2500", "2500", "-999999999"),
    "unrealized": ("0", "-2500.01", "999999999"),
    "commission": ("0", "4.5"),
    "fill": ("", "F1", "F2"),
    "by": ("jane", "coordinator"),
    "reason": ("", "x" * 500),
    "epoch": ("1", "2"),
    "fold": ("0", "3", "9", "10"),
    "leader": ("h",),
    "positions": ("", "ES:long:1:100", "CL:short:2:70"),
    "force": ("true", "false"),
    "silent_ms": ("1", "60000"),
    "max_positions": ("1", "4", "50"),
    "max_contracts": ("1", "4", "10000"),
    "daily_stop_loss": ("1", "2500"),
    "stop_loss_on": ("total", "realized"),
    "stop_approach_percent": ("80",),
    "reservation_ms": ("1", "30000"),
    "flatten_ms": ("1", "10000"),
    "mark_stale_ms": ("0", "1000"),
    "on_worker_lost": ("hold", "flatten"),
    "zone": ("America/Chicago", "UTC"),
    "roll": ("17:00",),
    "point_values": ("", "ES=50"),
    "saw": ("1-0", "9999999999999-0"),
    "removed": ("", "1-0 99999999999999999999-5"),
    "until_ms": ("1", "1736950000000"),
    "request": ("", "1", "2"),
}
_ANY = ("", "0", "1", "ES", "2025-01-15", "64", "x\u202e")


def events_from(content: bytes) -> Iterator[list[str]]:
    """Yields the words of each event: each byte chooses what comes next."""
    rest = iter(content)
    for _, choice in zip(range(_MOST_EVENTS), rest, strict=False):
        if choice == 255:  # what somebody writes by hand
            yield [chr(each) for each in (next(rest, 65), next(rest, 66))]
            continue
        kind = _KINDS[choice % len(_KINDS)]
        words = ["type", kind.__name__]
        for field in struct_fields(kind):
            if field.required or next(rest, 0) % 3 == 0:
                known = _OF_FIELD.get(field.name, _ANY)
                words += (field.name, known[next(rest, 0) % len(known)])
        yield words
