"""The view says the same as the state it was made of, and refuses what somebody else wrote into it."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple, replace

from portfold.coordinator.fold.limits import limits_of, limits_shown, order_of
from portfold.coordinator.fold.rules.budget.at_stop import leg_at_stop
from portfold.coordinator.fold.state import State, contracts_used, daily_pnl, earlier, legs_named
from portfold.coordinator.fold.taken import contracts_counted
from portfold.coordinator.views.portfolio_view import PortfolioView, ShownDay
from portfold.coordinator.views.status import status_fields, status_texts, status_values
from portfold.coordinator.views.view_field import view_in, view_text, what_can_be_read
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.dollars import CENT
from portfold.events.codec import encode
from portfold.events.legs import legs_text
from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import VIEW
from portfold.events.wire.errors import BusRefused
from tests.coordinator.random_logs import Log, logs, moments
from tests.coordinator.story import Story, limits

AT = StreamId(1, 0)


def written(state: State) -> PortfolioView:
    """The view of the state, once through the hash."""
    view = portfolio_view(state, AT, leader="here", durability="kept", clock="server")
    read = view_in(status_fields(view))
    assert read == view
    return read


def agree(state: State) -> None:
    view = written(state)
    positions, reservations = state.positions.values(), state.reservations.values()
    assert [astuple(one)[:5] for one in view.positions] == [
        (one.symbol, one.side, one.size, one.price, one.worker) for one in positions
    ]
    assert [one.unrealized for one in view.positions] == [one.unrealized.quantize(CENT) for one in positions]
    assert [one.opened_ms for one in view.positions] == [one.opened_ms for one in positions]
    assert [one.mark for one in view.positions] == [one.mark for one in positions]
    assert [one.unmarked for one in view.positions] == [one.mark is None for one in positions]
    cents = [earlier(state, one).quantize(CENT) for one in positions]
    assert [one.earlier for one in view.positions] == cents
    counted = contracts_counted(state, state.limits) if state.limits else contracts_used(state)
    assert view.contracts_used == counted
    assert [astuple(one)[:6] for one in view.reserved] == [
        (one.symbol, one.side, one.size, one.worker, one.expires_ms, one.kept)
        for one in reservations
        if not one.revoked
    ]
    assert [astuple(one)[:6] for one in view.taken_back] == [
        (one.symbol, one.side, one.size, one.worker, one.expires_ms, False)
        for one in reservations
        if one.revoked
    ]
    limits = state.limits
    if limits is not None and limits.loss_budget:
        stops = [leg_at_stop(limits, one) for one in positions]
        assert [one.at_stop for one in view.positions] == [made and made.quantize(CENT) for made in stops]
    assert [one.stop_price for one in view.positions] == [one.plan and one.plan.stop for one in positions]
    assert [astuple(one) for one in view.workers] == [
        (name, one.presence, one.symbols) for name, one in state.workers.items()
    ]
    left = legs_named(state, state.flatten.left) if state.flatten else ""
    assert legs_text(view.flatten.left if view.flatten else ()) == left
    assert (view.flatten.deadline_ms if view.flatten else None) == (
        state.flatten.deadline_ms if state.flatten else None
    )
    assert view.day.pnl == daily_pnl(state).quantize(CENT)
    assert view.day.ends_ms == state.day.ends_ms
    stop = state.stop and (state.stop.day, state.stop.daily_pnl.quantize(CENT), state.stop.since)
    assert (view.stop and astuple(view.stop)) == stop
    assert [one.since for one in view.unsettled if one.since] == [
        one.since for one in state.unsettled.values()
    ]
    assert (view.limits, view.stats) == (state.limits, state.stats)


@settings(max_examples=40)
@given(logs)
def test_whatever_happened_is_read_back_as_it_is_in_the_state(log: Log) -> None:
    for moment in moments(log):
        agree(moment.state)


def test_it_stays_as_it_was_whatever_the_state_becomes() -> None:
    story = Story()
    story.enters("ES")
    story.halt()
    view = portfolio_view(story.state, AT)
    before = view_text(view)
    story.closes("ES", "-2600")
    story.resume(force=True)
    assert view_text(view) == before


@pytest.mark.parametrize("dollars", ["1e26", "-1e26", "-100019999889978000010002000.005", "1e50"])
def test_a_result_beyond_all_reason_is_shown_like_any_other(dollars: str) -> None:
    state = Story().state
    state.day.realized = state.day.stop_from = Decimal(dollars)
    day = written(state).day
    assert day.pnl == day.realized == day.stop_from
    assert abs(day.realized - Decimal(dollars)) <= CENT


def test_numbers_are_numbers_and_amounts_exact() -> None:
    story = Story()
    story.enters("ES", price="5000.10")
    position = json.loads(view_text(portfolio_view(story.state, AT)), parse_float=Decimal)["positions"][0]
    assert position["price"] == Decimal("5000.10")
    assert position["size"] == 1
    assert position["opened_ms"] == story.state.positions["ES:long:ibs-ES"].opened_ms


def test_without_a_status_there_is_no_view() -> None:
    assert view_in({}) is None


def test_a_status_of_another_version_says_who_writes_it_anew() -> None:
    with pytest.raises(BusRefused, match=r"^status, view: not there: .* portfold coordinator$"):
        view_in(status_texts(portfolio_view(Story().state, AT)))


# --- what somebody else wrote -----------------------------------------------------------------------------

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(), each, max_size=3),
)


def busy() -> dict[str, Any]:
    """A view with something in each of its parts, as JSON has it."""
    story = Story()
    story.state.worker_lost_ms = 15_000  # so that what a stop takes back stays for a while
    story.enters("ES", "CL")
    story.asks("6A")
    story.marks("ES", "-3000")
    view: dict[str, Any] = json.loads(view_text(portfolio_view(story.state, AT)))
    return view


def hash_of(view: dict[str, Any]) -> dict[str, str]:
    """The status hash as the leader writes it, with this view."""
    return {VIEW: json.dumps(view), "last_event": str(AT)}


def with_changed(view: Any, path: str, value: object) -> dict[str, Any]:
    *before, last = (int(part) if part.isdecimal() else part for part in path.split("."))
    within = view
    for part in before:
        within = within[part]
    within[last] = value
    return hash_of(view)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("positions", "a lot", "positions"),
        ("positions.1.size", "1", r"positions\[1\]\.size"),
        ("positions.0.price", "dear", r"positions\[0\]\.price"),
        ("positions.0.price", "NaN", r"positions\[0\]"),
        ("positions.0.opened_ms", "noon", r"positions\[0\]\.opened_ms"),
        ("positions.0.side", "sideways", r"positions\[0\]\.side"),
        ("taken_back.0.size", -1, r"taken_back\[0\]\.size"),
        ("workers.0.presence", "asleep", r"workers\[0\]\.presence"),
        ("flatten.left", ["ES"], r"flatten\.left\[0\]"),
        ("day.pnl", "much", r"day\.pnl"),
        ("day.ends_ms", -1, r"day\.ends_ms"),
        ("stop.since", "yesterday", "stop"),
        ("stop.since", f"{2**64}-0", "stop"),
        ("stats", None, "stats"),
        ("stats.total_entries_blocked", 10**16, r"stats\.total_entries_blocked"),
        ("slots_used", 10**9, "slots_used"),
        ("limits.max_positions", 10**9, "limits"),
        ("limits.daily_stop_loss", "Infinity", "limits"),
        ("limits.daily_stop_loss", "1e999999999", "limits"),
        ("limits.symbols", ["ES;"], "limits"),
        ("limits.point_values", {"ES": "-1"}, "limits"),
        ("limits.zone", "Nowhere/Land", "limits"),
    ],
)
def test_what_somebody_else_wrote_is_refused_with_the_field_named(
    path: str, value: object, named: str
) -> None:
    with pytest.raises(BusRefused, match=f"^status, view, {named}: "):
        view_in(with_changed(busy(), path, value))


@pytest.mark.parametrize("name", list(busy()))
def test_what_is_not_there_is_refused_with_the_field_named(name: str) -> None:
    view = busy()
    del view[name]
    with pytest.raises(BusRefused, match=f"^status, view, {name}: expected, and not there"):
        view_in(hash_of(view))


@pytest.mark.parametrize(
    "text",
    ["rubbish", "{", "[]", "7", "null", "[" * 100_000, '{"a":1e99999999999999999999}', "9" * 5000, "\udcff"],
    ids=lambda text: text[:12].encode("utf-8", "replace").decode(),
)
def test_whatever_text_lies_there_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(BusRefused, match=r"^status, view: expected ") as refused:
        view_in({VIEW: text})
    assert len(str(refused.value)) < 300


@given(ANY_JSON, st.sampled_from(list(busy())))
def test_whatever_value_lies_there_all_else_is_read(value: object, name: str) -> None:
    assume(name != "last_event" or not isinstance(value, str))  # else it is the view of another moment
    view = busy()
    expected = what_can_be_read(hash_of(view)).view
    view[name] = value
    read, unreadable = what_can_be_read(hash_of(view))
    assert all(path.startswith(name) for path in unreadable)
    for other in busy().keys() - {name}:
        assert getattr(read, other) == getattr(expected, other)
    assert status_values(read) is not None


def test_a_view_of_another_moment_than_the_status_is_not_the_present() -> None:
    """An earlier version's coordinator goes on with the log and leaves the view as it was."""
    status = hash_of(busy())
    assert what_can_be_read(status).knows("halt")
    status["last_event"] = f"{AT.ms}-{AT.seq + 1}"
    assert not what_can_be_read(status).knows("leader")
    with pytest.raises(BusRefused, match=r"^status, view: of another moment than the status: "):
        view_in(status)


@pytest.mark.parametrize("name", ["stop", "halt", "tail_missing"])
@pytest.mark.parametrize("value", [True, {"by": "jane"}, "absent"])
def test_where_what_denies_entries_cannot_be_read_they_may_be_denied(name: str, value: object) -> None:
    view = json.loads(view_text(portfolio_view(Story().state, AT)))
    assert not what_can_be_read(hash_of(view)).may_deny_entries
    view[name] = value
    if value == "absent":
        del view[name]
    assert what_can_be_read(hash_of(view)).may_deny_entries


def test_an_item_that_cannot_be_read_hides_no_other() -> None:
    view = busy()
    view["positions"][0]["price"] = "dear"
    read, unreadable = what_can_be_read(hash_of(view))
    assert [one.symbol for one in read.positions] == ["CL"]
    assert list(unreadable) == ["positions[0].price"]


def test_what_could_steer_a_terminal_is_escaped() -> None:
    view = busy()
    view["leader"] = "\x1b[2J\u202e"
    assert what_can_be_read(hash_of(view)).view.leader == "\\u001b[2J\\u202e"
    view["workers"][0]["presence"] = "\x1b[2J"
    assert "\x1b" not in str(what_can_be_read(hash_of(view)).unreadable)


# --- the day's account ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pnl", "used"),
    [("100", "0"), ("0", "0"), ("-1250", "0.5"), ("-2499.99", "0.999996"), ("-2500", "1"), ("-9000", "1")],
)
def test_how_much_of_the_way_to_the_stop_is_gone(pnl: str, used: str) -> None:
    view = replace(portfolio_view(Story().state, AT), day=ShownDay(pnl=Decimal(pnl)))
    assert view.stop_used == Decimal(used)
    assert view.stop_at == Decimal(-2500)


def test_without_limits_there_is_no_way_to_a_stop() -> None:
    assert PortfolioView().stop_used == PortfolioView().daily_limit == Decimal(0)


def test_after_a_forced_resume_the_way_begins_anew() -> None:
    story = Story()
    story.enters("ES")
    story.closes("ES", "-2600")
    story.resume(force=True)
    story.enters("CL")
    story.closes("CL", "-1250")
    view = written(story.state)
    assert (view.day.stop_from, view.stop_at) == (Decimal(-2600), Decimal(-5100))
    assert view.stop_used == Decimal("0.5")


def test_limits_have_names_and_are_ordered_again_as_they_were() -> None:
    watch: dict[str, Any] = {"account": "DU1", "account_grace_ms": 1, "account_tolerance": Decimal(5)}
    watch |= {"account_silent_ms": 2, "account_silence_denies": True}
    order = limits(config="a" * 64, point_values="CL=1000 ES=50.25", **watch)
    in_force = limits_of(order)
    assert order_of(in_force) == order
    fields = encode(order)
    said = dict(zip(fields[::2], fields[1::2], strict=True))
    assert said == {"type": "LimitsChanged", "by": order.by, "reason": order.reason} | {
        "config": order.config,
        **limits_shown(in_force),
    }
    assert in_force.text.startswith("max_positions=4; ")
