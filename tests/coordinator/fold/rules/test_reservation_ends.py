"""How a reserved slot ends: filled, given back, expired, or kept for an order that fills later."""

import pytest

from portfold.coordinator.fold.state import slots_used
from portfold.events.codec import decode_event
from portfold.events.decisions import EntryExpired, EventRejected
from portfold.events.incoming import EntryRequested
from tests.coordinator.story import Story, code, kinds, limits, only

# --- how a reservation ends -----------------------------------------------------------------------------


def test_a_reservation_is_kept_one_ms_before_it_expires() -> None:
    story = Story(reservation_ms=100)
    story.asks("ES")
    assert story.after(99) == []
    assert slots_used(story.state) == 1


def test_a_reservation_is_free_at_the_ms_it_expires() -> None:
    story = Story(reservation_ms=100)
    story.asks("ES")
    request = next(iter(story.state.reservations.values())).request
    assert story.after(100) == [
        EntryExpired(
            worker="ibs-ES", symbol="ES", side="long", size=1, request=request, reason="not filled in time"
        )
    ]
    assert slots_used(story.state) == 0


def test_the_request_that_comes_with_the_expiry_finds_the_slot_free() -> None:
    story = Story(max_positions=1, reservation_ms=100)
    story.asks("ES")
    request = story.next_of(EntryRequested, "ibs-CL", symbol="CL", side="long", size=1)
    decisions = story.hears(request, at=story.ms + 100)
    assert kinds(decisions) == ["EntryExpired", "EntryAllowed"]


def test_more_expiries_than_fit_one_event_come_with_the_next() -> None:
    symbols = [f"S{number}" for number in range(20)]
    story = Story(symbols=" ".join(symbols), max_positions=20, max_contracts=20, reservation_ms=100)
    for symbol in symbols:
        story.asks(symbol)
    assert len(story.after(1000)) + len(story.after(1)) == 20
    assert story.state.reservations == {}


def test_a_withdrawn_entry_frees_its_slot() -> None:
    story = Story(max_positions=1)
    story.asks("ES")
    assert story.withdraws("ES") == []
    assert code(story.asks("CL")) == "allowed"


def test_nobody_withdraws_anothers_entry() -> None:
    story = Story()
    story.asks("ES")
    story.withdraws("ES", worker="another")
    assert slots_used(story.state) == 1


def test_a_replaced_process_does_not_free_what_its_successor_was_granted() -> None:
    story = Story()
    story.starts("ibs-ES", session="s1")
    story.starts("ibs-ES", session="s2")
    story.asks("ES", session="s2")
    story.withdraws("ES", session="s1")
    assert slots_used(story.state) == 1


# --- an order that fills later --------------------------------------------------------------------------


def test_a_renewed_slot_lasts_as_long_again() -> None:
    story = Story(max_positions=1, reservation_ms=100)
    story.asks("ES")
    for _ in range(50):
        story.after(90)
        assert story.renews("ES") == []
    assert code(story.asks("CL")) == "max_positions"
    story.fills("ES")
    assert kinds(story.after(1000)) == []
    assert story.open == ["ES:long:1"]


def test_a_slot_lasts_as_long_as_it_was_granted_for_whatever_the_limits_say_by_then() -> None:
    """Its worker, which asks nobody, goes by that."""
    story = Story(reservation_ms=100)
    story.asks("ES")
    story.hears(limits(reservation_ms=10))
    story.renews("ES")
    assert story.after(99) == []
    assert kinds(story.after(1)) == ["EntryExpired"]


def test_a_slot_is_renewed_by_the_present_process_that_was_granted_it_and_by_nobody_else() -> None:
    story = Story(reservation_ms=100)
    story.starts("ibs-ES", session="s1")
    story.starts("ibs-ES", session="s2")
    story.asks("ES", session="s2")
    before = story.state.reservations["ES:long:ibs-ES"].expires_ms
    for decisions in (story.renews("ES", session="s1"), story.renews("ES", worker="another")):
        assert only(EventRejected, decisions).rejected == "EntryRenewed"
    assert story.state.reservations["ES:long:ibs-ES"].expires_ms == before


def test_what_is_not_reserved_cannot_be_renewed() -> None:
    story = Story(reservation_ms=100)
    story.asks("ES")
    story.after(100)
    assert only(EventRejected, story.renews("ES")).reason == (
        "EntryRenewed: session s1 of ibs-ES has no slot in ES"
    )
    story.asks("ES")
    story.flatten()
    assert kinds(story.renews("ES")) == ["EventRejected"]


@pytest.mark.parametrize("version", [3, 4])
def test_earlier_versions_of_the_fold_knew_no_renewal_and_say_so_as_they_did(version: int) -> None:
    said = {
        "EntryRenewed": ["type", "EntryRenewed", "worker", "w", "session", "s", "seq", "1", "symbol", "ES"],
        "EntryRenewd": ["type", "EntryRenewd"],
    }
    known = (
        "EntryRequested, EntryWithdrawn, PositionOpened, PositionClosed, PositionMarked, WorkerStarted, "
        "WorkerStopped, LogTailMissing, TradingHalted, TradingResumed, FlattenRequested, PositionSettled, "
        "LossAcknowledged, LimitsChanged, CoordinatorStarted, ClockTicked, WorkerLost"
    )
    for kind, fields in said.items():
        for written in (fields, [*fields, "odd"]):
            story = Story()
            story.state.fold_version = version
            assert story.hears(decode_event(written)) == [
                EventRejected(reason=f"type: expected one of {known}, got '{kind}'", rejected=kind)
            ]
            assert story.state.workers == {}


def test_withdrawing_nothing_changes_nothing() -> None:
    story = Story()
    story.enters("ES")
    assert story.withdraws("ES") == []
    assert story.open == ["ES:long:1"]


def test_lowered_limits_take_no_granted_slot_back_but_grant_no_other() -> None:
    story = Story()
    story.asks("ES")
    story.asks("CL")
    story.change_limits(max_positions=1)
    assert slots_used(story.state) == 2
    assert code(story.asks("SI")) == "max_positions"
    assert story.fills("ES") == []


def test_the_answer_names_who_expired() -> None:
    story = Story(reservation_ms=100)
    story.asks("ES", size=2)
    story.fills("ES", size=1)
    expired = only(EntryExpired, story.after(100))
    assert (expired.worker, expired.symbol, expired.size) == ("ibs-ES", "ES", 1)
    assert story.open == ["ES:long:1"]
