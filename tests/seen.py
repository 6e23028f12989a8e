"""The view of a status, as a test sees it, and as a hand at redis-cli spoils it."""

import json
from typing import Any

from portfold.coordinator.fold.state import State
from portfold.coordinator.views.portfolio_view import PortfolioView
from portfold.coordinator.views.status import status_texts, status_values
from portfold.coordinator.views.view_field import view_in
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import VIEW, Bus


def texts_of(state: State, at: StreamId) -> dict[str, str]:
    """The fields for people after the event `at`."""
    return status_texts(portfolio_view(state, at))


def seen_on(bus: Bus) -> PortfolioView:
    """The view that is there."""
    view = view_in(bus.status())
    assert view is not None
    return view


def values_on(bus: Bus) -> dict[str, object]:
    """The status that is there, as values."""
    return status_values(seen_on(bus))


def spoilt(client: Any, status: str, name: str, value: object) -> str:
    """Puts `value` into the view in the hash `status`, at such a place as `day.pnl`; returns what was."""
    before = client.hget(status, VIEW)
    view = json.loads(before)
    *path, last = (int(each) if each.isdecimal() else each for each in name.split("."))
    within: Any = view
    for each in path:
        within = within[each]
    within[last] = value
    client.hset(status, VIEW, json.dumps(view))
    return str(before)
