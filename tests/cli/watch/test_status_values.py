"""The status hash says the same as the state it was made of, and refuses what somebody else wrote into it."""

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given, settings

from portfold.coordinator.fold.limits import limits_named
from portfold.coordinator.fold.state import State, daily_pnl, legs_named
from portfold.coordinator.views.status import status_fields
from portfold.coordinator.views.status_values import (
    account_in,
    announced_in,
    flattening_in,
    held_in,
    moments_in,
    reserved_in,
    taken_back_in,
)
from portfold.dollars import CENT
from portfold.events.legs import parse_legs
from portfold.events.stream_id import StreamId
from portfold.events.wire.errors import BusRefused
from tests.coordinator.random_logs import Log, logs, moments
from tests.coordinator.story import Story

AT = StreamId(1, 0)


def agree(state: State) -> None:
    fields = status_fields(state, AT)
    positions, reservations = state.positions.values(), state.reservations.values()
    assert [one[:5] for one in held_in(fields)] == [
        (one.symbol, one.side, one.size, one.price, one.worker) for one in positions
    ]
    assert [one.unrealized for one in held_in(fields)] == [one.unrealized.quantize(CENT) for one in positions]
    assert [one.opened_ms for one in held_in(fields)] == [one.opened_ms for one in positions]
    assert [tuple(one) for one in reserved_in(fields)] == [
        (one.symbol, one.side, one.size, one.worker, None if one.kept else one.expires_ms, one.kept)
        for one in reservations
        if not one.revoked
    ]
    assert [tuple(one) for one in taken_back_in(fields)] == [
        (one.symbol, one.side, one.size, one.worker, None, False) for one in reservations if one.revoked
    ]
    assert [tuple(one) for one in announced_in(fields)] == [
        (name, one.presence, one.symbols) for name, one in state.workers.items()
    ]
    left = legs_named(state, state.flatten.left) if state.flatten else ""
    assert len(flattening_in(fields)) == len(parse_legs(left))
    assert account_in(fields).daily_pnl == daily_pnl(state).quantize(CENT)
    assert moments_in(fields).stopped == (StreamId.parse(state.stop.since).ms if state.stop else None)
    assert moments_in(fields).flatten_deadline == (state.flatten.deadline_ms if state.flatten else None)
    assert moments_in(fields).day_ends == state.day.ends_ms


@settings(max_examples=40)
@given(logs)
def test_whatever_happened_is_read_back_as_it_is_in_the_state(log: Log) -> None:
    for moment in moments(log):
        agree(moment.state)


@pytest.mark.parametrize("dollars", ["1e26", "-1e26", "-100019999889978000010002000.005", "1e50"])
def test_a_result_beyond_all_reason_is_shown_like_any_other(dollars: str) -> None:
    state = Story().state
    state.day.realized = state.day.stop_from = Decimal(dollars)
    account = account_in(status_fields(state, AT))
    assert account.daily_pnl == account.realized == account.stop_from
    assert abs(account.realized - Decimal(dollars)) <= CENT


def test_a_hash_of_an_older_version_leaves_times_unknown() -> None:
    story = Story()
    story.enters("ES")
    story.asks("CL")
    fields = status_fields(story.state, AT)
    for name in ("opened_ms", "reserved_until_ms", "worker_symbols", "stop_from", "flatten_deadline_ms"):
        del fields[name]
    assert held_in(fields)[0].opened_ms is None
    assert reserved_in(fields)[0].until_ms is None
    assert announced_in(fields)[0].symbols == ()
    assert account_in(fields).stop_from == 0
    assert moments_in(fields).flatten_deadline is None


def test_without_any_field_nothing_is_held_and_nothing_known() -> None:
    assert [*held_in({}), *reserved_in({}), *announced_in({}), *flattening_in({})] == []
    assert moments_in({}) == (None, None, None)
    assert account_in({}).used == 0


@pytest.mark.parametrize(
    ("read", "field", "text"),
    [
        (held_in, "positions", "ES long 1 by ibs-ES (+1.00)"),
        (held_in, "positions", "ES long 1 @ 1.2.3 by ibs-ES (+1.00)"),
        (held_in, "opened_ms", "noon"),
        (reserved_in, "reserved", "ES sideways 1 by ibs-ES"),
        (announced_in, "workers", "ibs-ES asleep"),
        (flattening_in, "flattening", "ES"),
        (account_in, "daily_pnl", "much"),
        (account_in, "daily_stop_loss", "NaN"),
        (moments_in, "stopped_at", "yesterday"),
        (moments_in, "day_ends_ms", "-1"),
    ],
)
def test_what_somebody_else_wrote_is_refused_with_the_field_named(
    read: Callable[[dict[str, str]], object], field: str, text: str
) -> None:
    with pytest.raises(BusRefused, match=f"^status, {field}: .*{re.escape(text)}"):
        read({field: text})


# --- the day's account ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pnl", "used"),
    [("100", "0"), ("0", "0"), ("-1250", "0.5"), ("-2499.99", "0.999996"), ("-2500", "1"), ("-9000", "1")],
)
def test_how_much_of_the_way_to_the_stop_is_gone(pnl: str, used: str) -> None:
    account = account_in({"daily_pnl": pnl, "daily_stop_loss": "2500"})
    assert account.used == Decimal(used)
    assert account.stop_at == Decimal(-2500)


def test_after_a_forced_resume_the_way_begins_anew() -> None:
    story = Story()
    story.enters("ES")
    story.closes("ES", "-2600")
    story.resume(force=True)
    story.enters("CL")
    story.closes("CL", "-1250")
    account = account_in(status_fields(story.state, AT))
    assert (account.stop_from, account.stop_at) == (Decimal(-2600), Decimal(-5100))
    assert account.used == Decimal("0.5")


def test_limits_are_read_by_name_from_their_text() -> None:
    text = status_fields(Story().state, AT)["limits"]
    assert limits_named(text)["max_positions"] == "4"
    assert limits_named("") == {}
