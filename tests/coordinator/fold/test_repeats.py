"""Repeats: folded once and answered alike; what cannot be told from a late one is refused, never dropped."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

import msgspec
import pytest

from portfold.coordinator.fold.repeats import known
from portfold.coordinator.fold.state import slots_used
from portfold.dollars import ZERO
from portfold.events.decisions import EntryAllowed, EntryDenied, EventRejected
from portfold.events.incoming import EntryRequested, Event, PositionClosed, PositionOpened
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


@pytest.mark.parametrize(("fold", "decided"), [(3, []), (4, ["EventRejected"])])
def test_up_to_version_3_another_event_under_the_last_ones_number_was_taken_for_a_repeat(
    fold: int, decided: list[str]
) -> None:
    story = Story()
    story.state.fold_version = fold
    story.enters("ES", size=2)
    story.closes("ES", pnl="-100")
    close = cast(PositionClosed, story.last)
    assert kinds(story.hears(msgspec.structs.replace(close, pnl=Decimal(-900)))) == decided


@pytest.mark.parametrize(("seq", "is_known"), [(1, True), (2, True), (3, False)])
def test_the_last_number_of_a_session_and_each_before_it_is_known(seq: int, *, is_known: bool) -> None:
    """So whoever reads the record says of a repeat that it changed nothing."""
    story = Story()
    story.asks("ES")
    story.fills("ES")
    again = msgspec.structs.replace(cast(PositionOpened, story.last), seq=seq)
    assert known(story.state, again) is is_known


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
