"""The status hash, one commit after the other, at the cost of what changed: every answer waits for it.

Guarantees: after each commit the hash is what `status_fields` makes of that view alone. A part of the view
keeps its words only while its JSON is byte for byte what it was, and that JSON says all that its words do.
"""

from typing import NamedTuple

from msgspec.structs import astuple

from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.status import part_in_words
from portfold.coordinator.views.view_field import PARTS, part_in_json, view_of_parts
from portfold.events.wire.bus import VIEW


class _Part(NamedTuple):
    """A part of a view: its value, which never changes, as JSON and in words."""

    value: object
    json: bytes
    words: dict[str, str]


class StatusHash(NamedTuple):
    """The status hash after a commit: which fields that has to write, and how many there are."""

    parts: list[_Part]
    changed: dict[str, str]
    size: int


_UNKNOWN = _Part(object(), b"", {})
NO_STATUS = StatusHash([_UNKNOWN] * len(PARTS), {}, 0)
"""Of nothing it is known whether it is in the hash."""


def next_status(before: StatusHash, view: PortfolioView) -> StatusHash:
    """Returns the hash that shows the view, where it is as `before`."""
    parts: list[_Part] = []
    changed: dict[str, str] = {}
    for name, value, part in zip(PARTS, astuple(view), before.parts, strict=True):
        now = part
        if value is not part.value and (json := part_in_json(value)) != part.json:
            now = _Part(value, json, part_in_words(name, value))
            changed |= {field: text for field, text in now.words.items() if part.words.get(field) != text}
        parts.append(now)
    changed[VIEW] = view_of_parts([part.json for part in parts])
    return StatusHash(parts, changed, sum([len(part.words) for part in parts]) + 1)
