"""The view as one field of the status hash: one line of JSON, written by the leader and read by everybody.

Anybody may have written there with redis-cli, and a coordinator of an earlier version leaves it as it was.
Guarantees: whatever the field holds, reading raises at most BusRefused, which names the field; a view of
another moment than the status beside it is never taken for the present; what could steer a terminal is
escaped; no amount goes through a float.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from operator import add
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import astuple

from portfold.coordinator.fold.limits import Limits, Loosening, order_of
from portfold.coordinator.views.amounts import refuse_no_amount
from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.events.codec import encode_checked
from portfold.events.fields import DECEIVING, readable
from portfold.events.wire.bus import VIEW, Standing
from portfold.events.wire.errors import BusRefused

_LONGEST_REASON = 200
_ABSENT = (
    "not there: another version of portfold wrote this status, or a hand did. A coordinator of this version "
    "writes it with what it decides next: portfold coordinator"
)
_OF_ANOTHER_MOMENT = (
    "of another moment than the status: a coordinator of another version goes on with this log. Stop it, and "
    "have one of this version lead: portfold coordinator"
)
_LAST_EVENT = "last_event"
_FIELDS: dict[str, Any] = get_type_hints(PortfolioView, include_extras=True)
PARTS: tuple[str, ...] = PortfolioView.__struct_fields__
_NAMES = [b'"%b":' % name.encode() for name in PARTS]
part_in_json = msgspec.json.Encoder(decimal_format="number").encode
"""Writes one part of the view."""
_decoded = msgspec.json.Decoder(float_hook=Decimal).decode


class ViewRead(NamedTuple):
    """The readable part of a view, the rest at its default; `unreadable` says why not, by path.

    The path is empty where the text is no view at all.
    """

    view: PortfolioView
    unreadable: Mapping[str, str]

    def knows(self, *names: str) -> bool:
        """Returns whether each of these fields could be read: what could not is at its default in `view`."""
        return not any(_field_of(path) in ("", _LAST_EVENT, *names) for path in self.unreadable)

    @property
    def may_deny_entries(self) -> bool:
        """Returns whether entries are denied, or may be, as the fields that deny them cannot be read."""
        return self.view.denies_entries or not self.knows(
            "stop", "halt", "lockout", "tail_missing", "account", "locks", "calendar"
        )


def view_text(view: PortfolioView) -> str:
    """Writes the view as the field holds it."""
    return view_of_parts(map(part_in_json, astuple(view)))


def view_of_parts(parts: Iterable[bytes]) -> str:
    """Writes the view as the field holds it, from the JSON of each of its PARTS."""
    return (b"{" + b",".join(map(add, _NAMES, parts)) + b"}").decode()


def view_in(status: Mapping[str, str]) -> PortfolioView | None:
    """Reads the whole view in the status hash; None where there is no status yet. Raises BusRefused."""
    if not status:
        return None
    read = what_can_be_read(status)
    for path, why in read.unreadable.items():
        raise BusRefused(f"status, {', '.join(filter(None, (VIEW, path)))}: {why}")
    return read.view


def view_standing(seen: Standing) -> ViewRead:
    """Reads what can be read of the view that belongs to the head of the same moment. Never raises."""
    return what_can_be_read({VIEW: seen.view, _LAST_EVENT: seen.cursor})


def what_can_be_read(status: Mapping[str, str]) -> ViewRead:
    """Reads each field of the view that is whole, and of a list each item that is. Never raises.

    Nothing of it where the status beside it is of another event than the view.
    """
    text = status.get(VIEW, "")
    try:
        found = _decoded(text) if text else None
        if "\\" in text or DECEIVING.search(text):  # no other text can hold what could steer a terminal
            found = _readable(found)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError) as error:
        return ViewRead(PortfolioView(), {"": f"expected one line of JSON, {_reason(error)}"})
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
            unreadable[name + path.rstrip("`")] = _reason(message)
            if isinstance(found[name], list) and get_origin(kind) is tuple:
                values[name] = tuple(_whole(found[name], get_args(kind)[0]))
    if values.get(_LAST_EVENT, status.get(_LAST_EVENT)) != status.get(_LAST_EVENT):
        return ViewRead(PortfolioView(), {"": _OF_ANOTHER_MOMENT})
    return ViewRead(PortfolioView(**values), unreadable)


def _checked(found: object, kind: Any) -> object:
    """Converts to the type; checks limits as an order of them is checked. Raises on refusal."""
    value = msgspec.convert(found, kind)
    limits = value.limits if isinstance(value, Loosening) else value
    if isinstance(limits, Limits):
        refuse_no_amount(limits.daily_stop_loss, *limits.point_values.values())
        encode_checked(order_of(limits))
    return value


def _whole(items: list[object], kind: Any) -> list[object]:
    """Returns the items that are of the type."""
    whole = []
    for item in items:
        try:
            whole.append(msgspec.convert(item, kind))
        except msgspec.ValidationError:
            continue
    return whole


def _readable(found: Any) -> Any:
    """Returns the value with whatever could steer a terminal escaped."""
    if isinstance(found, str):
        return readable(found)
    if isinstance(found, list):
        return [_readable(item) for item in found]
    if isinstance(found, dict):
        return {readable(name): _readable(value) for name, value in found.items()}
    return found


def _field_of(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]


def _reason(why: object) -> str:
    return readable(str(why))[:_LONGEST_REASON]
