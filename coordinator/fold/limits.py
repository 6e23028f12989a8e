"""The rules in force, as the last LimitsChanged on the log gives them; in words, and how to change them."""

from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Literal

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from portfold.events.codec import RefusedField, decode_event
from portfold.events.incoming import Malformed
from portfold.events.limits_changed import LimitsChanged

_NOT_A_LIMIT = {"by", "reason", "config"}
_NAMES = tuple(name for name in LimitsChanged.__struct_fields__ if name not in _NOT_A_LIMIT)


_MAY_BE_LEFT_OUT = {field.name for field in fields(LimitsChanged) if field.default is not NODEFAULT}


class Limits(Struct, frozen=True, dict=True):
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
    account: str
    account_grace_ms: int
    account_tolerance: Decimal
    account_silent_ms: int
    account_silence_denies: bool

    @cached_property
    def text(self) -> str:
        """Shows all of it in one line, for people."""
        return "; ".join(f"{name}={value}" for name, value in limits_shown(self).items())


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
        account=event.account,
        account_grace_ms=event.account_grace_ms,
        account_tolerance=event.account_tolerance,
        account_silent_ms=event.account_silent_ms,
        account_silence_denies=event.account_silence_denies,
    )


def order_of(limits: Limits) -> LimitsChanged:
    """Returns the order that puts these limits in force: what `limits_of` reads."""
    return LimitsChanged(
        by=limits.by,
        reason=limits.reason,
        max_positions=limits.max_positions,
        max_contracts=limits.max_contracts,
        daily_stop_loss=limits.daily_stop_loss,
        symbols=_in_words(limits.symbols),
        stop_loss_on=limits.stop_loss_on,
        stop_approach_percent=limits.stop_approach_percent,
        reservation_ms=limits.reservation_ms,
        flatten_ms=limits.flatten_ms,
        mark_stale_ms=limits.mark_stale_ms,
        on_worker_lost=limits.on_worker_lost,
        zone=limits.zone,
        roll=limits.roll,
        point_values=_in_words(limits.point_values),
        config=limits.config,
        account=limits.account,
        account_grace_ms=limits.account_grace_ms,
        account_tolerance=limits.account_tolerance,
        account_silent_ms=limits.account_silent_ms,
        account_silence_denies=limits.account_silence_denies,
    )


def limits_named(limits: Limits) -> dict[str, str]:
    """Returns each limit by its name, in the words of an order."""
    return {name: _in_words(getattr(limits, name)) for name in _NAMES}


def limits_shown(limits: Limits) -> dict[str, str]:
    """Returns the same without what is nothing and may be left out: no such rule is in force."""
    named = limits_named(limits)
    return {
        name: text for name, text in named.items() if getattr(limits, name) or name not in _MAY_BE_LEFT_OUT
    }


def changed_limits(
    limits: Limits | None, changes: Mapping[str, str], *, by: str, reason: str
) -> LimitsChanged:
    """Returns the limits in force with `changes` made to them. Raises RefusedField, naming the limit."""
    if limits is None:
        raise RefusedField("limits: none are in force yet; start a coordinator first")
    in_force = limits_named(limits)
    for name in changes:
        if name not in _NAMES:
            raise RefusedField(f"{name}: not a limit; the limits are {', '.join(_NAMES)}")
    named = {"type": "LimitsChanged", "by": by, "reason": reason, **in_force, **changes}
    event = decode_event([word for pair in named.items() for word in pair])
    if isinstance(event, LimitsChanged):
        return event
    raise RefusedField(event.reason if isinstance(event, Malformed) else "limits: cannot be read")


def _in_words(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return _plain(value)
        case tuple():
            return " ".join(value)
        case dict():
            return " ".join([f"{symbol}={_plain(dollars)}" for symbol, dollars in value.items()])
        case _:
            return str(value)


def _plain(amount: Decimal) -> str:
    """Writes the amount without an exponent. Most have none, which is found out faster than formatted."""
    text = str(amount)
    return f"{amount:f}" if "E" in text else text
