"""Repeats: folded once and answered alike; what cannot be told from a late one is refused, never dropped."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

import msgspec
import pytest

from portfold.coordinator.fold.state import (
    ANSWERS_REMEMBERED,
    FILLS_REMEMBERED,
    SESSIONS_REMEMBERED,
    WORKERS_REMEMBERED,
    slots_used,
)
from portfold.dollars import ZERO
from portfold.events.decisions import EntryAllowed, EntryDenied, EventRejected
from portfold.events.incoming import CoordinatorStarted, EntryRequested, Event, PositionClosed, PositionOpened
from tests.coordinator.story import Story, chicago, code, kinds, only


def request_of(story: Story, symbol: str = "ES", size: int = 1) -> Event:
    return story.next_of(EntryRequested, f"ibs-{symbol}", symbol=symbol, side="long", size=size)


# --- requests ---------------------------------------------------------------------------------------------


def test_a_repeated_request_is_allowed_again_with_the_same_slot() -> None:
    story = Story()
    request = request_of(story)
    first = only(EntryAllowed, story.hears(request))
    again = only(EntryAllowed, story.hears(request))
    assert again == msgspec.structs.replace(first, repeats=f"{story.ms - 1}-0")
    assert slots_used(story.state) == 1
    assert story.state.stats.total_entries_requested == 1


def test_a_repeated_request_is_denied_again_though_there_is_room_by_now() -> None:
    story = Story()
    story.halt()
    request = request_of(story)
    first = only(EntryDenied, story.hears(request))
    denied_at = story.ms
    story.resume()
    assert story.hears(request) == [msgspec.structs.replace(first, repeats=f"{denied_at}-0")]


def test_a_request_repeated_after_other_events_still_gets_its_answer() -> None:
    story = Story()
    request = request_of(story, "ES")
    story.hears(request)
    story.asks("CL", worker="ibs-ES")
    assert kinds(story.hears(request)) == ["EntryAllowed"]


def _expires(story: Story) -> None:
    story.after(30_000)


def _withdrawn(story: Story) -> None:
    story.withdraws("ES")


def _filled(story: Story) -> None:
    story.fills("ES")


def _half_filled(story: Story) -> None:
    story.fills("ES", size=1)


def _stopped_out(story: Story) -> None:
    story.closes("CL", pnl="-2500")


def _flattened(story: Story) -> None:
    story.flatten()


def _granted_anew(story: Story) -> None:
    story.withdraws("ES")
    assert code(story.asks("ES", size=2)) == "allowed"


@pytest.mark.parametrize(
    "meanwhile", [_expires, _withdrawn, _filled, _half_filled, _stopped_out, _flattened, _granted_anew]
)
def test_a_slot_no_longer_reserved_is_not_promised_again(
    meanwhile: Callable[[Story], None],
) -> None:
    story = Story()
    request = request_of(story, size=2)
    story.hears(request)
    allowed_at = f"{story.ms}-0"
    meanwhile(story)
    again = only(EntryDenied, story.hears(request))
    assert (again.code, again.repeats) == ("reservation_over", allowed_at)


def test_the_same_number_for_another_request_is_rejected() -> None:
    story = Story()
    story.hears(EntryRequested("w", "s1", 1, "ES", "long", 1))
    rejected = only(EventRejected, story.hears(EntryRequested("w", "s1", 1, "CL", "long", 1)))
    assert rejected.reason == (
        "EntryRequested: number 1 of session s1 was another request, ES long 1, before"
    )


def test_a_request_overtaken_by_a_later_one_is_rejected() -> None:
    story = Story()
    late = request_of(story, "ES")
    story.asks("CL", worker="ibs-ES")
    assert "came after a later one" in only(EventRejected, story.hears(late)).reason
    assert slots_used(story.state) == 1


# --- facts ------------------------------------------------------------------------------------------------


def test_a_repeated_fill_is_folded_once() -> None:
    story = Story()
    story.asks("ES")
    story.fills("ES")
    assert story.hears_last_again() == []
    assert story.open == ["ES:long:1"]


def test_a_repeated_close_is_folded_once() -> None:
    story = Story()
    story.enters("ES", size=2)
    story.closes("ES", pnl="-100")
    assert story.hears_last_again() == []
    assert story.pnl == -100
    assert story.open == ["ES:long:1"]


def forked(story: Story) -> EventRejected:
    """ES is in a position; another process asks under the session of its worker, which closes then."""
    story.enters("ES")
    close = cast(PositionClosed, story.next_of(*closing("ES", "-26005")))
    child = EntryRequested(close.worker, close.session, close.seq, symbol="6A", side="long", size=1)
    story.hears(child)
    return only(EventRejected, story.hears(close))


def closing(symbol: str, pnl: str) -> tuple[Callable[..., Event], str]:
    def closed(**names: Any) -> Event:
        return PositionClosed(
            **names, symbol=symbol, side="long", size=1, price=Decimal(1), commission=ZERO, pnl=Decimal(pnl)
        )

    return closed, f"ibs-{symbol}"


def test_another_event_under_the_last_ones_number_is_refused_aloud() -> None:
    story = Story()
    reason = forked(story).reason
    assert reason.startswith("PositionClosed: number 4 of session s1 was used for something else before")
    assert (story.pnl, story.open) == (ZERO, ["ES:long:1"])


def test_the_last_event_is_a_repeat_only_in_every_field() -> None:
    story = Story()
    story.enters("ES", size=2)
    story.closes("ES", pnl="-100")
    close = cast(PositionClosed, story.last)
    assert story.hears(msgspec.structs.replace(close)) == []
    assert kinds(story.hears(msgspec.structs.replace(close, pnl=Decimal("-100.01")))) == ["EventRejected"]


def test_version_3_took_another_event_under_the_last_ones_number_for_a_repeat() -> None:
    story = Story()
    story.state.fold_version = 3
    story.enters("ES")
    story.closes("ES", pnl="-100")
    close = cast(PositionClosed, story.last)
    assert story.hears(msgspec.structs.replace(close, pnl=Decimal(-900))) == []


def test_what_an_older_version_folded_last_is_a_repeat_for_it_kept_no_digest() -> None:
    story = Story()
    story.state.fold_version = 3
    story.enters("ES")
    story.closes("ES", pnl="-100")
    story.state.fold_version = 4
    assert story.hears_last_again() == []


def test_a_fact_overtaken_by_a_later_one_is_refused_aloud() -> None:
    story = Story()
    story.enters("ES")
    overtaken = story.next_of(
        PositionClosed, "ibs-ES", symbol="ES", side="long", size=1, price=1, commission=0, pnl=0
    )
    story.asks("CL", worker="ibs-ES")
    rejected = only(EventRejected, story.hears(overtaken))
    assert rejected.rejected == "PositionClosed"
    assert "came after a later one" in rejected.reason
    assert story.open == ["ES:long:1"]


def test_a_fill_the_broker_has_named_is_folded_once_whoever_reports_it() -> None:
    story = Story()
    story.enters("ES", size=2)
    story.closes("ES", pnl="-100", worker="flattener", owner="ibs-ES", fill="broker-7")
    rejected = only(EventRejected, story.closes("ES", pnl="-100", fill="broker-7"))
    assert rejected.reason.startswith("PositionClosed: fill broker-7 was already reported at ")
    assert story.pnl == -100
    assert story.open == ["ES:long:1"]


def test_a_named_opening_is_folded_once_in_any_session() -> None:
    story = Story()
    story.fills("ES", fill="broker-7")
    story.starts("ibs-ES", session="s2", positions="ES:long:1:100")
    assert kinds(story.fills("ES", fill="broker-7")) == ["EventRejected"]
    assert story.open == ["ES:long:1"]


def test_one_fill_that_reverses_a_position_closes_and_opens() -> None:
    story = Story()
    story.enters("ES")
    assert story.closes("ES", fill="broker-7") == []
    assert "EventRejected" not in kinds(story.fills("ES", side="short", fill="broker-7"))
    assert story.open == ["ES:short:1"]


def test_sessions_count_on_their_own() -> None:
    story = Story()
    story.fills("ES")
    story.starts("ibs-ES", session="s2", positions="ES:long:1:100")
    assert story.closes("ES", session="s2") == []
    assert story.open == []


def test_a_repeat_still_lets_time_pass() -> None:
    story = Story()
    request = request_of(story)
    story.hears(request)
    assert kinds(story.hears(request, at=chicago(2025, 1, 15, 17))) == [
        "EntryExpired",
        "TradingDayStarted",
        "EntryDenied",
    ]


# --- bounds -----------------------------------------------------------------------------------------------


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


def test_a_worker_that_reported_fills_is_forgotten_after_those_that_did_not() -> None:
    story = Story()
    story.fills("ES", fill="F1")
    story.closes("ES", fill="F2")
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
    assert len(story.state.workers) == WORKERS_REMEMBERED
    assert {"holds", "reserved", "lost"} <= set(story.state.workers)
    assert code(story.asks("SI", worker="another")) == "worker_lost"


def test_a_worker_that_is_up_is_forgotten_after_those_that_are_not() -> None:
    story = Story()
    story.starts("up")
    for number in range(WORKERS_REMEMBERED + 20):
        story.withdraws("ES", worker=f"w{number}")
    assert "up" in story.state.workers


def test_when_everybody_has_something_at_stake_the_oldest_makes_room() -> None:
    story = Story()
    for number in range(WORKERS_REMEMBERED + 1):
        story.starts(f"w{number}")
        story.loses_worker(f"w{number}")
    assert len(story.state.workers) == len(story.state.lost) == WORKERS_REMEMBERED
    assert "w0" not in story.state.workers
