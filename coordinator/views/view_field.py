"""The view as one field of the status hash: one line of JSON, written by the leader and read by everybody.

Anybody may have written there with redis-cli. Guarantees: whatever lies there, reading raises at most
BusRefused, which names the field; what could steer a terminal is escaped; no amount goes through a float.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import msgspec

from portfold.coordinator.fold.limits import Limits, order_of
from portfold.coordinator.views.portfolio_view import PortfolioView, refuse_no_amount
from portfold.events.codec import encode_checked
from portfold.events.fields import readable
from portfold.events.wire.bus import VIEW
from portfold.events.wire.errors import BusRefused

_LONGEST_REASON = 200
_ABSENT = (
    "not there: another version of portfold wrote this status, or a hand did. A coordinator of this version "
    "writes it with what it decides next: portfold coordinator"
)
_FIELDS: dict[str, Any] = get_type_hints(PortfolioView, include_extras=True)
_written = msgspec.json.Encoder(decimal_format="number").encode
_decoded = msgspec.json.Decoder(float_hook=Decimal).decode


class ViewRead(NamedTuple):
    """What of a view can be read, the rest at nothing; `unreadable` says of the rest, by its path, why not.

    Where it is no view at all the path is empty.
    """

    view: PortfolioView
    unreadable: Mapping[str, str]


def view_text(view: PortfolioView) -> str:
    """The view as the field holds it."""
    return _written(view).decode()


def view_in(status: Mapping[str, str]) -> PortfolioView | None:
    """The view in the status hash, all of it; None where there is no status yet. Raises BusRefused."""
    if not status:
        return None
    read = what_can_be_read(status.get(VIEW, ""))
    for path, why in read.unreadable.items():
        raise BusRefused(f"status, {', '.join(filter(None, (VIEW, path)))}: {why}")
    return read.view


def what_can_be_read(text: str) -> ViewRead:
    """Each field of the view that is whole, and of a list each item that is. Raises nothing."""
    try:
        found = _readable(_decoded(text)) if text else None
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
        return ViewRead(PortfolioView(), {"": f"expected one line of JSON, {_told(error)}"})
    if not isinstance(found, dict):
        return ViewRead(PortfolioView(), {"": "expected a JSON object" if text else _ABSENT})
    values: dict[str, Any] = {}
    unreadable: dict[str, str] = {}
    for name, kind in _FIELDS.items():
        if name not in found:
            unreadable[name] = "expected, and not there"
            continue
        try:
            values[name] = _checked(found[name], kind)
        except (msgspec.MsgspecError, ValueError) as error:
            message, _, path = str(error).partition(" - at `$")
            unreadable[name + path.rstrip("`")] = _told(message)
            if isinstance(found[name], list) and get_origin(kind) is tuple:
                values[name] = tuple(_whole(found[name], get_args(kind)[0]))
    return ViewRead(PortfolioView(**values), unreadable)


def _checked(found: object, kind: Any) -> object:
    """The value, of that type; limits as an order of them would have to be. Raises what it is refused by."""
    value = msgspec.convert(found, kind)
    if isinstance(value, Limits):
        refuse_no_amount(value.daily_stop_loss, *value.point_values.values())
        encode_checked(order_of(value))
    return value


def _whole(items: list[object], kind: Any) -> list[object]:
    """Those items that are of the type."""
    whole = []
    for item in items:
        try:
            whole.append(msgspec.convert(item, kind))
        except msgspec.ValidationError:
            continue
    return whole


def _readable(found: Any) -> Any:
    """The same, whatever could steer a terminal escaped."""
    if isinstance(found, str):
        return readable(found)
    if isinstance(found, list):
        return [_readable(item) for item in found]
    if isinstance(found, dict):
        return {readable(name): _readable(value) for name, value in found.items()}
    return found


def _told(why: object) -> str:
    return readable(str(why))[:_LONGEST_REASON]
