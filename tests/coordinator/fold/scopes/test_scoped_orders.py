"""Orders about a worker or a symbol: what is in the scope, what is outside, and what opens it again."""

from typing import Any

import pytest

from portfold.coordinator.fold.scopes import SCOPES_HELD
from portfold.events.account import FlatUnconfirmed
from portfold.events.codec import decode_event
from portfold.events.decisions import (
    Decision,
    EntryAllowed,
    EntryDenied,
    EventRejected,
    FlattenHandedOver,
    FlattenOrdered,
    PortfolioFlat,
    PositionMismatch,
)
from portfold.events.incoming import FlattenRequested, TradingHalted, TradingResumed
from tests.coordinator.fold.account.watched import differing, watched
from tests.coordinator.story import DAY, SECOND, Story, code, kinds, only

SCOPES: list[dict[str, Any]] = [{"symbol": "CL"}, {"worker": "ibs-CL"}]


def halts(story: Story, **scope: str) -> list[Decision]:
    return story.hears(TradingHalted(by="ann", reason="news", **scope))


def resumes(story: Story, **scope: Any) -> list[Decision]:
    return story.hears(TradingResumed(by="ann", reason="calm again", **scope))


def flattens(story: Story, **scope: str) -> list[Decision]:
    return story.hears(FlattenRequested(by="ann", reason="enough of it", **scope))


def begun() -> Story:
    """Two workers, each with a symbol of its own; the leader says after how long a silence one is lost."""
    story = Story()
    story.starts("ibs-CL", symbols="CL")
    story.starts("ibs-ES", symbols="ES")
    story.state.worker_lost_ms = 5 * SECOND
    return story


# --- halt and resume --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", SCOPES)
def test_inside_a_closed_scope_no_entry_is_allowed_and_outside_all_goes_on(scope: dict[str, str]) -> None:
    story = begun()
    assert halts(story, **scope) == []
    denied = story.asks("CL")
    assert isinstance(denied, EntryDenied)
    ((kind, name),) = scope.items()
    told = f"{kind} {name} is closed by ann, until portfold resume --{kind} {name}: news"
    assert (denied.code, denied.reason) == ("scope_closed", told)
    assert isinstance(story.asks("ES"), EntryAllowed)
    assert not story.halted
    assert resumes(story, **scope) == []
    assert isinstance(story.asks("CL"), EntryAllowed)


def test_a_closed_worker_is_not_closed_for_others_nor_a_symbol_for_one() -> None:
    story = begun()
    halts(story, worker="ibs-CL")
    assert isinstance(story.asks("CL", worker="ibs-ES"), EntryAllowed)
    assert code(story.asks("RTY", worker="ibs-CL")) == "scope_closed"
    resumes(story, worker="ibs-CL")
    halts(story, symbol="RTY")
    assert code(story.asks("RTY", worker="ibs-ES")) == "scope_closed"


@pytest.mark.parametrize("scope", SCOPES)
def test_no_new_day_opens_a_scope(scope: dict[str, str]) -> None:
    story = begun()
    halts(story, **scope)
    story.after(2 * DAY)
    assert code(story.asks("CL")) == "scope_closed"


def test_a_resume_of_the_whole_leaves_scopes_closed() -> None:
    story = begun()
    halts(story, symbol="CL")
    story.halt()
    assert code(story.asks("ES")) == "halted"
    assert story.resume() == []
    assert (code(story.asks("CL")), code(story.asks("ES"))) == ("scope_closed", "allowed")


def test_a_resume_of_the_whole_is_refused_where_only_scopes_are_closed() -> None:
    story = begun()
    halts(story, symbol="CL")
    refused = only(EventRejected, story.resume()).reason
    told = "only scopes are closed, and each is opened by its own name; closed: symbol CL"
    assert refused == f"TradingResumed: {told}"


def test_opening_a_scope_lifts_no_halt_and_no_stop_of_the_whole() -> None:
    story = begun()
    halts(story, symbol="CL")
    story.halt()
    assert resumes(story, symbol="CL") == []
    assert code(story.asks("CL")) == "halted"


def test_each_of_two_scopes_is_opened_by_itself() -> None:
    story = begun()
    halts(story, symbol="CL")
    halts(story, worker="ibs-CL")
    resumes(story, symbol="CL")
    assert code(story.asks("CL")) == "scope_closed"
    resumes(story, worker="ibs-CL")
    assert isinstance(story.asks("CL"), EntryAllowed)


@pytest.mark.parametrize("order", [halts, flattens])
@pytest.mark.parametrize("scope", [{"worker": "ibs-CK"}, {"symbol": "CK"}, {"group": "energy"}])
def test_a_name_that_nobody_knows_is_refused(order: Any, scope: dict[str, str]) -> None:
    story = begun()
    ((kind, name),) = scope.items()
    refused = only(EventRejected, order(story, **scope)).reason
    assert refused.endswith(f".{kind}: no {kind} {name} is known")
    assert story.state.scopes == {}


def test_what_is_not_closed_cannot_be_opened() -> None:
    story = begun()
    halts(story, symbol="CL")
    refused = only(EventRejected, resumes(story, symbol="ES")).reason
    assert refused == "TradingResumed.symbol: ES is not closed; closed: symbol CL"


def test_only_so_many_scopes_are_closed_at_a_time() -> None:
    story = Story()
    for number in range(SCOPES_HELD + 1):
        story.starts(f"w{number}")
    for number in range(SCOPES_HELD):
        assert halts(story, worker=f"w{number}") == []
    assert "there may be no more" in only(EventRejected, halts(story, worker=f"w{SCOPES_HELD}")).reason
    assert halts(story, worker="w0") == []  # one that is closed already takes no room


def test_halted_twice_both_reasons_stay() -> None:
    story = begun()
    halts(story, symbol="CL")
    story.hears(TradingHalted(by="bob", reason="outage", symbol="CL"))
    assert story.state.scopes["symbol CL"].reason == "outage; before, by ann: news"


GROUPS = "energy=CL,NG,RTY equities=ES"


def test_a_group_is_closed_in_all_its_symbols_and_opened_by_its_name() -> None:
    story = Story(groups=GROUPS, group_positions="4")
    story.enters("CL", "ES")
    ordered = only(FlattenOrdered, flattens(story, group="energy"))
    assert ordered.positions == "CL:long:1:ibs-CL"
    assert code(story.asks("RTY")) == "scope_closed"
    story.closes("CL")
    assert resumes(story, group="energy") == []
    assert isinstance(story.asks("RTY"), EntryAllowed)


def test_a_symbol_that_leaves_a_closed_group_stays_closed_and_one_that_joins_is() -> None:
    story = Story(groups=GROUPS, group_positions="4")
    halts(story, group="energy")
    story.change_limits(groups="energy=CL,ES", group_positions="4")
    assert {code(story.asks(symbol)) for symbol in ("CL", "ES", "RTY")} == {"scope_closed"}
    story.change_limits()
    assert code(story.asks("CL")) == "scope_closed"
    assert isinstance(story.asks("ES"), EntryAllowed)
    assert resumes(story, group="energy") == []
    assert isinstance(story.asks("CL"), EntryAllowed)


# --- flatten ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scoped_flatten_closes_what_is_in_it_and_nothing_else(scope: dict[str, str]) -> None:
    story = begun()
    story.enters("CL", "ES")
    ordered = only(FlattenOrdered, flattens(story, **scope))
    assert (ordered.positions, ordered.everything) == ("CL:long:1:ibs-CL", False)
    assert (code(story.asks("CL")), story.halted) == ("scope_closed", False)
    flat = only(PortfolioFlat, story.closes("CL"))
    assert (flat.episode, flat.others) == (ordered.episode, 1)
    assert story.open == ["ES:long:1"]
    assert isinstance(story.asks("RTY"), EntryAllowed)


def test_a_symbol_is_closed_whoever_holds_it() -> None:
    story = begun()
    story.enters("CL")
    story.fills("CL", worker="ibs-ES")
    ordered = only(FlattenOrdered, flattens(story, symbol="CL"))
    assert ordered.positions == "CL:long:1:ibs-CL CL:long:1:ibs-ES"


def test_a_slot_in_the_scope_is_taken_back_and_what_fills_of_it_is_closed_at_once() -> None:
    story = begun()
    story.asks("CL")
    story.asks("ES")
    ordered = only(FlattenOrdered, flattens(story, worker="ibs-CL"))
    assert (ordered.positions, ordered.pending) == ("", "CL:long:1:ibs-CL")
    late = story.fills("CL")
    assert kinds(late) == ["LimitBreached", "FlattenOrdered"]
    assert only(FlattenOrdered, late).positions == "CL:long:1:ibs-CL"
    assert story.fills("ES") == []


def test_it_is_tried_until_it_is_confirmed_and_no_resume_comes_before() -> None:
    story = begun()
    story.enters("CL", "ES")
    flattens(story, symbol="CL")
    assert "still being flattened" in only(EventRejected, resumes(story, symbol="CL")).reason
    assert kinds(story.after(10 * SECOND)) == ["FlattenOverdue"]
    story.closes("CL")
    assert resumes(story, symbol="CL") == []
    assert isinstance(story.asks("CL"), EntryAllowed)


def test_what_a_gone_worker_holds_in_the_scope_is_the_flatteners() -> None:
    story = begun()
    story.enters("CL", "ES")
    story.loses_worker("ibs-CL")
    handed = only(FlattenHandedOver, flattens(story, worker="ibs-CL"))
    assert handed.positions == "CL:long:1:ibs-CL"


def test_a_worker_that_comes_back_with_a_position_in_a_flat_scope_closes_it() -> None:
    story = begun()
    flattens(story, symbol="CL")
    ordered = only(FlattenOrdered, story.starts("ibs-CL", "s2", "CL", "CL:long:1:70"))
    assert ordered.positions == "CL:long:1:ibs-CL"


def test_the_stop_takes_everything_whatever_scope_is_being_flattened() -> None:
    story = begun()
    story.enters("CL", "ES")
    flattens(story, symbol="CL")
    assert "StopLossTriggered" in kinds(story.marks("ES", "-2500"))
    story.closes("CL")
    assert only(PortfolioFlat, story.closes("ES", "-2500")).others == 0


def test_a_resume_of_the_whole_does_not_wait_for_a_scope() -> None:
    story = begun()
    story.enters("CL", "ES")
    flattens(story, symbol="CL")
    story.halt()
    assert story.resume() == []


# --- where an account is watched --------------------------------------------------------------------------


def test_a_scope_is_flat_by_the_account_though_others_hold_on() -> None:
    story = watched()
    story.enters("CL", "ES")
    flattens(story, symbol="CL")
    assert story.closes("CL") == []
    assert kinds(story.account_says("50000", "ES:long:1:100", working="ES=1")) == ["PortfolioFlat"]


@pytest.mark.parametrize(
    ("positions", "working"), [("CL:long:1:100 ES:long:1:100", ""), ("ES:long:1:100", "CL=1")]
)
def test_a_scope_is_not_flat_while_the_account_shows_more_there(positions: str, working: str) -> None:
    story = watched()
    story.enters("CL", "ES")
    flattens(story, symbol="CL")
    story.closes("CL")
    assert "PortfolioFlat" not in kinds(story.account_says("50000", positions, working=working))
    told = only(FlatUnconfirmed, story.after(10 * SECOND)).reason
    assert "CL" in told


def test_before_version_9_a_part_was_confirmed_by_the_whole_account() -> None:
    story = watched(on_worker_lost="flatten")
    story.state.fold_version = 8
    story.enters("CL", "ES")
    story.loses_worker("ibs-CL")
    story.closes("CL", worker="flattener", owner="ibs-CL")
    assert "PortfolioFlat" not in kinds(story.account_says("50000", "ES:long:1:100"))


def test_what_nobody_owns_in_a_symbol_goes_with_it() -> None:
    taken = only(PositionMismatch, flattens(differing("ES"), symbol="ES"))
    assert (taken.worker, taken.broker_size) == ("account", 2)
    assert "PositionMismatch" not in kinds(flattens(differing("ES"), symbol="CL"))


# --- on the log -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (["worker", "a", "symbol", "CL"], "symbol: expected nothing, as worker is named: one scope an order"),
        (["symbol", ""], "symbol: expected a symbol"),
        (["group", "a b"], "group: expected a name"),
    ],
)
def test_an_order_names_one_scope_by_a_name(fields: list[str], reason: str) -> None:
    order = decode_event(["type", "FlattenRequested", "by", "ann", "reason", "x", *fields])
    story = begun()
    assert only(EventRejected, story.hears(order)).reason.startswith(f"FlattenRequested.{reason}")
    assert (story.state.scopes, story.halted) == ({}, False)


def test_force_is_of_the_whole() -> None:
    order = decode_event(["type", "TradingResumed", "by", "a", "reason", "", "force", "true", "symbol", "CL"])
    assert "force: expected nothing" in only(EventRejected, begun().hears(order)).reason


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        ("TradingHalted", "by, reason"),
        ("FlattenRequested", "by, reason"),
        ("TradingResumed", "by, reason, force"),
    ],
)
@pytest.mark.parametrize("name", ["symbol", "nonsense"])
def test_before_version_9_such_an_order_was_none(kind: str, known: str, name: str) -> None:
    story = Story()
    story.state.fold_version = 8
    story.enters("CL")
    order = decode_event(["type", kind, "by", "ann", "reason", "x", name, "CL"])
    reason = f"{kind}.{name}: not a field of {kind}; its fields are {known}"
    assert [one.reason for one in story.hears(order) if isinstance(one, EventRejected)] == [reason]
    assert not story.halted
