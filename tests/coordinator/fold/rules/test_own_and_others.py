"""What becomes of one worker, or of one of its slots, leaves all the others alone."""

import pytest

from portfold.events.decisions import EntryExpired, EventRejected
from tests.coordinator.fold.rules.test_lost_and_stopped import lost_after_a_grant
from tests.coordinator.story import Story, code, only

WATCHED_MS = 15_000


def two_slots() -> Story:
    """`both` is granted ES and CL, at different moments."""
    story = Story(reservation_ms=1000)
    story.starts("both", symbols="ES CL")
    assert code(story.asks("ES", worker="both")) == "allowed"
    story.after(10)
    assert code(story.asks("CL", worker="both")) == "allowed"
    return story


def slots(story: Story) -> dict[str, int]:
    return {key: one.expires_ms for key, one in story.state.reservations.items()}


def test_a_slot_that_is_withdrawn_leaves_the_workers_other_one() -> None:
    story = two_slots()
    story.withdraws("ES", worker="both")
    assert list(slots(story)) == ["CL:long:both"]


def test_a_slot_that_is_renewed_leaves_the_workers_other_one_as_it_was() -> None:
    story = two_slots()
    before = slots(story)
    story.after(100)
    assert story.renews("ES", worker="both") == []
    after = slots(story)
    assert after["ES:long:both"] > before["ES:long:both"]
    assert after["CL:long:both"] == before["CL:long:both"]


def test_a_slot_that_is_kept_is_not_renewed() -> None:
    story = lost_after_a_grant()
    assert only(EventRejected, story.renews("CL")).rejected == "EntryRenewed"
    assert story.state.reservations["CL:long:ibs-CL"].kept


def test_a_slot_that_a_flatten_took_back_is_not_renewed_while_it_counts() -> None:
    story = Story()
    story.state.worker_lost_ms = WATCHED_MS
    story.starts("ibs-ES", symbols="ES")
    story.asks("ES")
    story.flatten()
    assert story.state.reservations["ES:long:ibs-ES"].revoked
    assert only(EventRejected, story.renews("ES")).rejected == "EntryRenewed"


def test_who_announces_itself_again_has_its_slot_still() -> None:
    story = Story()
    story.starts("ibs-CL", symbols="CL")
    story.asks("CL")
    assert story.starts("ibs-CL", symbols="CL") == []
    assert list(slots(story)) == ["CL:long:ibs-CL"]


def test_who_is_lost_and_holds_nothing_has_nobody_flattened() -> None:
    story = Story(on_worker_lost="flatten")
    story.enters("ES")
    story.starts("ibs-CL", symbols="CL")
    assert story.loses_worker("ibs-CL") == []
    assert story.open == ["ES:long:1"]


@pytest.mark.parametrize("stake", ["a position", "a slot", "a difference"])
def test_a_worker_that_is_flat_is_retired_whatever_others_have_at_stake(stake: str) -> None:
    story = Story()
    story.starts("ibs-CL", symbols="CL")
    story.loses_worker("ibs-CL")
    if stake == "a position":
        story.enters("ES")
    elif stake == "a slot":
        assert code(story.asks("ES")) == "allowed"
    else:
        story.starts("ibs-ES")
        story.closes("ES", pnl="-20")
        assert story.state.unsettled
    assert story.retires("ibs-CL") == []


def test_up_to_version_3_a_loss_freed_the_slots_of_the_lost_worker_alone() -> None:
    story = Story()
    story.state.fold_version = 3
    story.starts("ibs-CL")
    story.asks("CL")
    story.asks("ES")
    assert only(EntryExpired, story.loses_worker("ibs-CL")).symbol == "CL"
    assert list(slots(story)) == ["ES:long:ibs-ES"]
