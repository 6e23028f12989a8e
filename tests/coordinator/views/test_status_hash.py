"""The hash that grows commit by commit is the one that would be written of its view alone."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from portfold.coordinator.fold.state import State
from portfold.coordinator.views.portfolio_view import PortfolioView, ShownDay
from portfold.coordinator.views.status import status_fields
from portfold.coordinator.views.status_hash import NO_STATUS, next_status
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import VIEW
from tests.coordinator.random_logs import Log, logs, moments
from tests.coordinator.story import Story

AT = StreamId(1, 0)


def shown(state: State, at: StreamId = AT) -> PortfolioView:
    return portfolio_view(state, at, leader="here", durability="kept", clock="server")


def write_each(views: Iterable[PortfolioView]) -> None:
    """Commits the views one after the other, and compares the hash with one that is written at once."""
    kept: dict[str, str] = {}
    status = NO_STATUS
    for view in views:
        status = next_status(status, view)
        kept |= status.changed
        assert kept == status_fields(view)
        assert status.size == len(kept)


@settings(max_examples=60)
@given(logs, st.integers(1, 7))
def test_whatever_happens_it_is_as_if_it_were_written_at_once(log: Log, batch: int) -> None:
    folded = enumerate(moments(log))
    write_each(shown(moment.state, moment.at) for number, moment in folded if number % batch == 0)


@settings(max_examples=40)
@given(logs)
def test_the_view_is_the_json_of_all_its_parts(log: Log) -> None:
    whole = msgspec.json.Encoder(decimal_format="number")
    for moment in moments(log):
        view = shown(moment.state, moment.at)
        assert next_status(NO_STATUS, view).changed[VIEW] == whole.encode(view).decode()


def test_only_what_changed_is_written() -> None:
    story = Story()
    story.enters("ES")
    story.starts("ibs-CL")
    before = next_status(NO_STATUS, shown(story.state))
    story.asks("CL")
    assert next_status(before, shown(story.state, StreamId(2, 0))).changed.keys() == {
        *("reserved", "reserved_until_ms", "slots_used", "standing", "stats", "last_event", VIEW)
    }


def test_of_a_hash_that_is_not_known_all_is_written() -> None:
    view = shown(Story().state)
    assert next_status(next_status(NO_STATUS, view), view).changed.keys() == {VIEW}
    assert next_status(NO_STATUS, view).changed == status_fields(view)


@pytest.mark.parametrize(("was", "becomes"), [("0.00", "-0.00"), ("-0.00", "0.00"), ("10.00", "10.0")])
def test_an_amount_in_another_notation_is_another_word(was: str, becomes: str) -> None:
    story = Story()
    story.enters("ES", price=was)
    views = [shown(story.state)]
    story.state.positions["ES:long:ibs-ES"].price = Decimal(becomes)
    views.append(replace(shown(story.state), day=ShownDay(pnl=Decimal(becomes))))
    assert views[0].positions == views[1].positions  # equal, and said otherwise
    write_each(views)


def test_it_keeps_nothing_that_the_state_may_change() -> None:
    story = Story()
    story.halt()
    before = next_status(NO_STATUS, shown(story.state))
    assert story.state.halt is not None
    story.state.halt.reason = "another"
    story.state.stats.total_exits += 1
    changed = next_status(before, shown(story.state)).changed
    assert changed.keys() == {"halt_reason", "stats", VIEW}
