"""Entries: who is allowed, and who is denied and why."""

import pytest

from portfold.coordinator.fold.invariants import InvariantBroken, check_grant
from portfold.coordinator.fold.limits import limits_of
from portfold.coordinator.fold.state import State, contracts_used, slots_used
from portfold.events.decisions import EntryAllowed, EntryDenied
from portfold.events.incoming import EntryRequested
from tests.coordinator.story import SECOND, Story, code, limits


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
    answer = story.asks("ES", side="short", worker="another")
    assert isinstance(answer, EntryDenied)
    assert (answer.code, answer.reason) == ("symbol_pending", "ES is already reserved by ibs-ES")


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
    request = EntryRequested("ibs-ES", "s1", 1, "ES", "long", 1)
    check_grant(story.state, granted, request)
    with pytest.raises(InvariantBroken, match="2 slots granted, limit 1"):
        check_grant(story.state, limits_of(limits(max_positions=1)), request)
    with pytest.raises(InvariantBroken, match="2 contracts granted, limit 1"):
        check_grant(story.state, limits_of(limits(max_contracts=1)), request)
