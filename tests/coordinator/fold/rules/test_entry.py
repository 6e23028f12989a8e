"""Entries: who is allowed, who is denied and why, and how a reserved slot ends."""

import pytest

from portfold.coordinator.fold.invariants import InvariantBroken, check_grant
from portfold.coordinator.fold.limits import limits_of
from portfold.coordinator.fold.state import State, contracts_used, slots_used
from portfold.events.codec import decode_event
from portfold.events.decisions import EntryAllowed, EntryDenied, EntryExpired, EventRejected
from portfold.events.incoming import EntryRequested
from tests.coordinator.story import SECOND, Story, code, kinds, limits, only


def test_allowing_reserves_the_slot_until_it_expires() -> None:
    story = Story(reservation_ms=30 * SECOND)
    answer = story.asks("ES")
    assert answer == EntryAllowed(
        worker="ibs-ES",
        symbol="ES",
        side="long",
        size=1,
        expires_ms=story.ms + 30 * SECOND,
        slots=1,
        max_positions=4,
    )
    assert slots_used(story.state) == 1


# --- every code -----------------------------------------------------------------------------------------


def test_without_limits_nothing_is_allowed() -> None:
    story = Story()
    story.state = State()
    assert code(story.asks("ES")) == "halted"


def test_stopped_out() -> None:
    story = Story()
    story.enters("CL")
    story.closes("CL", pnl="-2500")
    answer = story.asks("ES")
    assert isinstance(answer, EntryDenied)
    assert answer.code == "stopped_out"
    assert answer.reason == ("Stopped out: daily P&L $-2,500.00 on 2025-01-15 reached the limit $-2,500.00")


def test_halted() -> None:
    story = Story()
    story.halt()
    answer = story.asks("ES")
    assert isinstance(answer, EntryDenied)
    assert (answer.code, answer.reason) == ("halted", "Halted by ann: news")


def test_worker_superseded() -> None:
    story = Story()
    story.starts("ibs-ES", session="s1")
    story.starts("ibs-ES", session="s2")
    assert code(story.asks("ES", session="s1")) == "worker_superseded"
    assert code(story.asks("ES", session="s2")) == "allowed"


def test_worker_stopped() -> None:
    story = Story()
    story.starts("ibs-ES")
    story.stops("ibs-ES")
    assert code(story.asks("ES")) == "worker_stopped"
    story.starts("ibs-ES", session="s2")
    assert code(story.asks("ES", session="s2")) == "allowed"


def test_worker_lost_denies_it_and_others_on_its_symbols_only() -> None:
    story = Story()
    story.starts("ibs-ES", symbols="ES CL")
    story.loses_worker("ibs-ES")
    assert code(story.asks("SI", worker="ibs-ES")) == "worker_lost"
    assert code(story.asks("CL", worker="another")) == "worker_lost"
    assert code(story.asks("SI", worker="another")) == "allowed"


def test_symbol_not_allowed() -> None:
    story = Story(symbols="ES CL")
    answer = story.asks("NQ")
    assert isinstance(answer, EntryDenied)
    assert (answer.code, answer.reason) == ("symbol_not_allowed", "NQ is not in the portfolio: ES, CL")


def test_symbol_unsettled() -> None:
    story = Story()
    story.closes("ES", pnl="-10")
    assert code(story.asks("ES")) == "symbol_unsettled"
    assert code(story.asks("CL")) == "allowed"


@pytest.mark.parametrize("side", ["long", "short"])
def test_symbol_in_position_whatever_the_side_and_worker(side: str) -> None:
    story = Story()
    story.enters("ES")
    answer = story.asks("ES", side=side, worker="another")
    assert isinstance(answer, EntryDenied)
    assert answer.code == "symbol_in_position"
    assert answer.reason == "ES is already in a position: long 1 by ibs-ES"


def test_symbol_pending() -> None:
    story = Story()
    story.asks("ES")
    assert code(story.asks("ES", side="short", worker="another")) == "symbol_pending"


def test_max_positions_counts_open_and_reserved() -> None:
    story = Story(max_positions=3)
    story.enters("6A", "CL")
    assert code(story.asks("SI")) == "allowed"
    answer = story.asks("ES")
    assert isinstance(answer, EntryDenied)
    assert answer.code == "max_positions"
    assert answer.reason == "Max positions (3) reached. Open: 6A, CL | Reserved: SI"


def test_max_contracts_counts_open_and_reserved_and_asked() -> None:
    story = Story(max_contracts=4)
    story.enters("ES", size=2)
    assert code(story.asks("CL", size=3)) == "max_contracts"
    assert code(story.asks("CL", size=2)) == "allowed"
    assert contracts_used(story.state) == 4


def test_order_of_the_reasons() -> None:
    """Each reason is removed in turn; the next one shows."""
    story = Story(symbols="ES CL SI", max_positions=1, max_contracts=1)
    story.starts("ibs-ES", symbols="ES")
    story.enters("CL")
    story.asks("ES")  # denied: nothing of it stays
    story.loses_worker("ibs-ES")
    story.halt()
    story.closes("CL", pnl="-2500")

    told = [code(story.asks("ES"))]
    story.resume(force=True)
    story.halt()
    told.append(code(story.asks("ES")))
    story.resume()
    story.starts("ibs-ES", session="s2")
    told.append(code(story.asks("ES")))
    story.loses_worker("ibs-ES", session="s2")
    told.append(code(story.asks("ES", session="s2")))
    story.starts("ibs-ES", session="s3")
    told.append(code(story.asks("NQ", worker="ibs-ES", session="s3")))
    story.enters("CL", size=1)
    told.append(code(story.asks("ES", session="s3")))

    assert told == [
        "stopped_out",
        "halted",
        "worker_superseded",
        "worker_lost",
        "symbol_not_allowed",
        "max_positions",
    ]


def test_denials_are_counted() -> None:
    story = Story(max_positions=1)
    story.asks("ES")
    story.asks("CL")
    stats = story.state.stats
    assert (stats.total_entries_requested, stats.total_entries_allowed, stats.total_entries_blocked) == (
        2,
        1,
        1,
    )


def test_a_denied_request_reserves_nothing() -> None:
    story = Story(max_positions=1)
    story.asks("ES")
    before = dict(story.state.reservations)
    story.asks("CL")
    assert story.state.reservations == before


def test_a_grant_beyond_the_limits_would_stop_the_coordinator() -> None:
    story = Story(max_positions=2, max_contracts=2)
    story.enters("ES", "CL")
    granted = story.state.limits
    assert granted is not None
    check_grant(story.state, granted)
    with pytest.raises(InvariantBroken, match="2 slots granted, limit 1"):
        check_grant(story.state, limits_of(limits(max_positions=1)))
    with pytest.raises(InvariantBroken, match="2 contracts granted, limit 1"):
        check_grant(story.state, limits_of(limits(max_contracts=1)))


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
