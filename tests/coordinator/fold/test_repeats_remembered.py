"""How much of the past is remembered, so that a repeat is known: bounds, and who is forgotten first."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.coordinator.fold.fill_names import A_DAY_MS
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.coordinator.fold.state import (
    ANSWERS_REMEMBERED,
    FILLS_OF_A_DAY,
    FILLS_REMEMBERED,
    SESSIONS_REMEMBERED,
    WORKERS_REMEMBERED,
)
from portfold.events.decisions import EventRejected
from portfold.events.incoming import CoordinatorStarted, PositionOpened, WorkerRetired
from tests.coordinator.fold.test_repeats import request_of
from tests.coordinator.story import Story, code, kinds


def test_only_the_latest_answers_of_a_worker_are_remembered() -> None:
    story = Story(max_positions=1)
    requests = [request_of(story) for _ in range(ANSWERS_REMEMBERED + 1)]
    for request in requests:
        story.hears(request)
    assert kinds(story.hears(requests[0])) == ["EventRejected"]
    assert kinds(story.hears(requests[1])) == ["EntryDenied"]
    assert len(story.state.workers["ibs-ES"].answers) == ANSWERS_REMEMBERED


OTHERS: list[dict[str, Any]] = [
    {"worker": "counts-too"},
    {"symbol": "CL"},
    {"side": "short"},
    {"size": 2},
    {"owner": "ibs-CL"},
]


@pytest.mark.parametrize("other", OTHERS)
def test_another_fill_under_a_known_name_is_folded(other: dict[str, Any]) -> None:
    """Two programs count their fills from 1, and so does one that was started again."""
    story = Story()
    story.closes("ES", pnl="-100", worker="ibs-ES", price="100", fill="17")
    said = {"symbol": "ES", "worker": "ibs-ES", "price": "100"} | other
    assert "EventRejected" not in kinds(story.closes(**said, pnl="-3000", fill="17"))
    assert story.pnl == -3100


def test_the_same_fill_is_known_at_whichever_price_and_whoever_reports_it() -> None:
    """Of a broker that tells no prices each who reports a fill believes its own."""
    story = Story()
    story.closes("ES", pnl="-100", price="100", fill="17")
    told = story.closes("ES", pnl="-100", price="100.50", worker="flattener", owner="ibs-ES", fill="17")
    assert kinds(told) == ["EventRejected"]


def test_another_opening_under_a_known_name_is_folded() -> None:
    story = Story()
    story.fills("ES", fill="17")
    story.fills("CL", fill="17")
    assert story.open == ["CL:long:1", "ES:long:1"]


def test_version_5_knew_a_fill_by_its_name_alone_and_what_it_knew_is_known_to_6() -> None:
    story = Story()
    story.state.fold_version = 5
    story.closes("ES", pnl="-100", fill="17")
    assert kinds(story.closes("CL", pnl="-3000", fill="17")) == ["EventRejected"]
    story.state.fold_version = 6
    assert kinds(story.closes("ES", pnl="-100", fill="17")) == ["EventRejected"]


def test_openings_push_out_no_name_of_a_close() -> None:
    """A close that is reported again weeks later must not close what was opened since."""
    story = Story()
    story.enters("ES")
    story.closes("ES", fill="X")
    for number in range(FILLS_REMEMBERED - 1):
        story.fills("ES", fill=f"in-{number}")
        story.closes("ES", fill=f"out-{number}")
    story.fills("ES")
    assert kinds(story.closes("ES", fill="X")) == ["EventRejected"]
    assert story.open == ["ES:long:1"]


def flooded(fold: int) -> Story:
    """ibs-CL reports one fill, and ibs-ES as many as are remembered and one."""
    story = Story()
    story.state.fold_version = fold
    story.fills("CL", fill="broker-CL")
    for number in range(FILLS_REMEMBERED + 1):
        story.fills("ES", fill=f"broker-{number}")
    return story


def test_of_each_worker_the_latest_fills_are_remembered_and_a_flood_of_another_forgets_none() -> None:
    story = flooded(fold=4)
    assert len(story.state.workers["ibs-ES"].fills) == FILLS_REMEMBERED
    assert story.state.fills == {}
    for fill in ("broker-CL", "broker-1", f"broker-{FILLS_REMEMBERED}"):
        assert kinds(story.fills("CL", fill=fill)) == ["EventRejected"]
    assert kinds(story.fills("ES", fill="broker-0")) != ["EventRejected"]


def test_version_3_remembered_the_latest_fills_of_all_and_what_it_remembers_is_known_to_4() -> None:
    story = flooded(fold=3)
    assert len(story.state.fills) == FILLS_REMEMBERED
    story.state.fold_version = 4
    assert kinds(story.fills("ES", fill="broker-1")) == ["EventRejected"]
    assert kinds(story.fills("CL", fill="broker-CL")) != ["EventRejected"]


@pytest.mark.parametrize("closed_under", ["F2", ""])
def test_a_worker_that_reported_fills_is_forgotten_after_those_that_did_not(closed_under: str) -> None:
    story = Story()
    story.fills("ES", fill="F1")
    story.closes("ES", fill=closed_under)
    story.stops("ibs-ES")
    for number in range(WORKERS_REMEMBERED):
        story.starts(f"w{number}")
    assert kinds(story.fills("ES", fill="F1")) == ["EventRejected"]


@pytest.mark.parametrize(("fold", "sessions"), [(1, 4), (2, 32), (3, 32)])
def test_a_fill_from_as_many_sessions_ago_as_are_remembered_is_folded_once(fold: int, sessions: int) -> None:
    """Each version of the fold by the rule it had when it led. Of a session before those nobody can tell."""
    story = Story()
    story.state.fold_version = 0
    story.hears(CoordinatorStarted(leader="a", epoch=1, fold=fold))
    late = story.next_of(PositionOpened, "ibs-ES", symbol="ES", side="long", size=1, price=Decimal(100))
    story.hears(late)
    for number in range(2, sessions + 1):
        story.starts("ibs-ES", session=f"s{number}", positions="ES:long:1:100")
    assert (story.hears(late), story.open) == ([], ["ES:long:1"])
    story.starts("ibs-ES", session="one more", positions="ES:long:1:100")
    story.hears(late)
    assert story.open == ["ES:long:2"]


def test_of_many_sessions_the_present_one_is_never_forgotten() -> None:
    story = Story()
    story.starts("ibs-ES", session="present")
    for number in range(SESSIONS_REMEMBERED + 20):
        story.withdraws("ES", session=f"old-{number}")
    seqs = story.state.workers["ibs-ES"].seqs
    assert len(seqs) == SESSIONS_REMEMBERED
    assert "present" in seqs


def test_of_many_workers_those_with_something_at_stake_are_never_forgotten() -> None:
    story = Story()
    story.fills("ES", worker="holds")
    story.asks("CL", worker="reserved")
    story.starts("lost", symbols="SI")
    story.loses_worker("lost")
    for number in range(WORKERS_REMEMBERED + 20):
        story.withdraws("ES", worker=f"w{number}")
    assert len(story.state.workers) == WORKERS_REMEMBERED - 1
    assert {"holds", "reserved", "lost"} <= set(story.state.workers)
    assert code(story.asks("SI", worker="another")) == "worker_lost"


def test_a_worker_that_is_up_is_forgotten_after_those_that_are_not() -> None:
    story = Story()
    story.starts("up")
    for number in range(WORKERS_REMEMBERED + 20):
        story.withdraws("ES", worker=f"w{number}")
    assert "up" in story.state.workers


def full_of_lost_workers(fold: int = FOLD_VERSION) -> Story:
    """As many as there may be, each with a fill, and all of them lost."""
    story = Story()
    story.state.fold_version = fold
    story.fills("ES", fill="F1", worker="w0")
    story.closes("ES", fill="F2", worker="w0")
    for number in range(WORKERS_REMEMBERED - (fold >= 10)):
        story.starts(f"w{number}")
        story.loses_worker(f"w{number}")
    return story


def test_a_name_too_many_is_refused_and_pushes_no_fill_out() -> None:
    story = full_of_lost_workers()
    [refused] = story.starts("one more")
    assert isinstance(refused, EventRejected)
    assert "one name too many" in refused.reason
    assert "portfold retire" in refused.reason
    assert "one more" not in story.state.workers
    assert kinds(story.fills("ES", fill="F1", worker="w0")) == ["EventRejected"]


def test_there_is_always_room_for_whoever_closes_what_others_left() -> None:
    story = full_of_lost_workers()
    assert kinds(story.starts("flattener")) == []
    assert "flattener" in story.state.workers


@pytest.mark.parametrize("gone", ["lost", "stopped"])
def test_who_is_retired_makes_room(gone: str) -> None:
    story = full_of_lost_workers()
    if gone == "stopped":
        story.starts("w0", session="s2")
        story.stops("w0", session="s2")
    assert story.hears(WorkerRetired(by="jane", reason="made up", worker="w0")) == []
    story.starts("one more")
    assert "one more" in story.state.workers
    assert "w0" not in story.state.workers


def test_up_to_version_9_the_oldest_made_room_and_nobody_retired_who_stopped() -> None:
    story = full_of_lost_workers(fold=9)
    story.starts("one more")
    assert "w0" not in story.state.workers
    assert len(story.state.workers) == WORKERS_REMEMBERED
    story.stops("one more")
    retired = WorkerRetired(by="jane", reason="x", worker="one more")
    assert kinds(story.hears(retired)) == ["EventRejected"]


def busy_day(fills: int) -> Story:
    """So many fills of ibs-ES within a few seconds, the first of them of ibs-ES as well."""
    story = Story()
    for number in range(fills):
        story.fills("ES", fill=f"F{number}")
    return story


@pytest.mark.parametrize(
    ("fills", "known", "doubted"), [(FILLS_OF_A_DAY, True, False), (FILLS_OF_A_DAY + 1, False, True)]
)
def test_of_a_days_fills_none_is_forgotten_unless_told_by_a_doubt(
    fills: int, *, known: bool, doubted: bool
) -> None:
    story = busy_day(fills)
    again = kinds(story.fills("ES", fill="F0"))
    assert (again == ["EventRejected"]) is known
    assert ("PositionMismatch" in again) is doubted
    assert bool(story.state.unsettled) is doubted
    story.after(A_DAY_MS + 1)
    assert "PositionMismatch" not in kinds(story.fills("ES", fill="another"))


@pytest.mark.parametrize(("others_closes", "doubted"), [(1, True), (0, False)])
def test_a_close_that_another_reported_is_doubted_once_a_flood_of_that_one_may_have_pushed_its_name_out(
    others_closes: int, *, doubted: bool
) -> None:
    story = Story()
    story.enters("ES", size=3)
    for number in range(others_closes):
        story.closes("ES", worker="flattener", owner="ibs-ES", fill=f"F{number}")
    for number in range(FILLS_OF_A_DAY + 1 - others_closes):
        story.closes("CL", worker="flattener", fill=f"another-{number}")
    assert story.state.workers["flattener"].forgot_ms
    again = story.closes("ES", fill="F0")
    assert ("PositionMismatch" in kinds(again)) is doubted
    assert "PositionMismatch" not in kinds(story.fills("SI", fill="opening")), "none opens for another"


def test_the_names_of_a_busy_day_go_again_once_it_is_over() -> None:
    story = busy_day(FILLS_REMEMBERED + 3)
    openings = story.state.workers["ibs-ES"].openings
    assert len(openings) == FILLS_REMEMBERED + 3
    story.after(A_DAY_MS + 1)
    for number in range(5):
        story.fills("ES", fill=f"later-{number}")
    assert len(openings) == FILLS_REMEMBERED
