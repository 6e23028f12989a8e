"""The end of a slot: whose worker fell silent before it keeps the slot, and nobody else is given it."""

import pytest

from portfold.coordinator.fold.effects.time_passing import next_deadline
from portfold.coordinator.fold.fold import FOLD_VERSION
from portfold.events.decisions import EntryAllowed, EntryExpired, EventRejected, LimitBreached
from portfold.events.incoming import CoordinatorStarted
from tests.coordinator.story import SECOND, Story, code, each, only

LASTS, LOST, LOOKS = 30 * SECOND, 5 * SECOND, 2 * SECOND
FREE = LASTS + LOST + LOOKS


def led(story: Story) -> Story:
    story.hears(CoordinatorStarted("a", 1, FOLD_VERSION, "", LOST))
    return story


@pytest.fixture
def story() -> Story:
    """One slot, and that reserved for ibs-ES."""
    story = led(Story(max_positions=1))
    story.starts("ibs-ES", symbols="ES")
    assert isinstance(story.asks("ES"), EntryAllowed)
    return story


@pytest.mark.parametrize("silent_from", [0, LASTS - LOST + 1, LASTS - 1])
def test_a_worker_that_fell_silent_before_its_slots_end_keeps_it(story: Story, silent_from: int) -> None:
    """It is counted as lost within LOST and the time of a look."""
    begun = story.ms
    story.at(begun + silent_from + LOST + LOOKS - 2)  # a millisecond for each of the two that follow
    assert code(story.asks("CL")) == "max_positions"
    story.loses_worker("ibs-ES")
    story.at(begun + 100 * FREE)
    assert code(story.asks("CL")) == "max_positions"
    assert code(story.asks("ES", worker="another")) == "worker_lost"
    story.fills("ES")  # what it had died with
    assert story.state.stats.limit_breaches == 0


def test_of_one_that_lives_it_is_free_then_and_not_a_millisecond_sooner(story: Story) -> None:
    begun = story.ms
    assert next_deadline(story.state) == begun + FREE
    assert story.at(begun + FREE - 2) == []
    assert code(story.asks("CL")) == "max_positions"
    expired = only(EntryExpired, story.at(begun + FREE))
    assert (expired.worker, expired.reason) == ("ibs-ES", "not filled in time")
    assert isinstance(story.asks("CL"), EntryAllowed)


def test_a_new_leader_waits_for_signs_of_life_itself(story: Story) -> None:
    story.after(LASTS)
    led(story)
    assert each(EntryExpired, story.after(LOST + LOOKS - 1)) == []
    only(EntryExpired, story.after(1))


def test_no_slot_ends_with_the_word_of_a_new_leader_that_it_leads(story: Story) -> None:
    """The server was away, and with it every sign of life: who died meanwhile is not known as lost yet."""
    taken_over = story.ms + FREE
    assert story.hears(CoordinatorStarted("b", 2, FOLD_VERSION, "", LOST), at=taken_over) == []
    assert next_deadline(story.state) == taken_over + LOST + LOOKS


def test_nor_with_what_was_written_before_it_while_nobody_led(story: Story) -> None:
    story.ms += FREE
    assert each(EntryExpired, story.starts("ibs-CL", symbols="CL")) == []
    assert each(EntryExpired, story.hears(CoordinatorStarted("b", 2, FOLD_VERSION, "", LOST))) == []
    assert each(EntryExpired, story.after(LOST + LOOKS - 1)) == []
    only(EntryExpired, story.after(1))


def test_to_version_5_it_did() -> None:
    story = Story()
    story.hears(CoordinatorStarted("a", 1, 5, "", LOST))
    story.state.fold_version = 5
    story.asks("ES")
    only(EntryExpired, story.hears(CoordinatorStarted("b", 2, 5, "", LOST), at=story.ms + FREE))


def test_the_leader_that_brings_version_6_ends_none_of_those_that_5_granted() -> None:
    story = Story()
    story.state.fold_version = 5
    story.state.worker_lost_ms = LOST
    story.asks("ES")
    taken_over = story.ms + FREE
    assert story.hears(CoordinatorStarted("b", 2, 6, "", LOST), at=taken_over) == []
    assert next_deadline(story.state) == taken_over + LOST + LOOKS


def test_a_leader_that_does_not_say_how_long_a_silence_it_takes_takes_the_one_before_it(
    story: Story,
) -> None:
    begun = story.ms
    story.hears(CoordinatorStarted("b", 2, FOLD_VERSION))
    assert story.state.worker_lost_ms == LOST
    assert next_deadline(story.state) == begun + FREE


def test_a_fill_that_is_reported_late_has_its_slot_still(story: Story) -> None:
    story.after(LASTS + LOST)
    assert story.fills("ES") == []
    assert story.state.reservations == {}


def test_a_slot_whose_time_is_over_is_not_renewed(story: Story) -> None:
    story.after(LASTS)
    assert only(EventRejected, story.renews("ES")).rejected == "EntryRenewed"


def test_what_a_leader_decided_that_did_not_say_how_long_a_silence_it_takes_is_decided_alike() -> None:
    story = Story()
    story.hears(CoordinatorStarted("a", 1, FOLD_VERSION))
    story.asks("ES")
    assert each(EntryExpired, story.after(LASTS - 1)) == []
    only(EntryExpired, story.after(1))


# --- taken back -------------------------------------------------------------------------------------------


def test_a_slot_that_a_flatten_took_back_is_nobodys_until_a_report_would_have_come(story: Story) -> None:
    """Its order may be filled, and the report on its way, when trading is resumed at once."""
    begun = story.ms
    story.flatten()
    ordered = story.ms
    story.resume()
    assert code(story.asks("CL")) == "max_positions"
    assert code(story.asks("ES", worker="another")) == "symbol_pending"
    assert each(EntryExpired, story.at(ordered + LOST + LOOKS - 2)) == []
    assert ordered + LOST + LOOKS < begun + LASTS, "its own time would have been longer"
    assert only(EntryExpired, story.at(ordered + LOST + LOOKS)).reason == (
        "taken back by a flatten, and no fill of it was reported"
    )
    assert isinstance(story.asks("CL"), EntryAllowed)


def test_what_is_filled_of_it_was_not_granted_and_counts(story: Story) -> None:
    story.flatten()
    story.resume()
    assert [one.code for one in each(LimitBreached, story.fills("ES"))] == ["ungranted"]
    assert (story.state.reservations, story.open) == ({}, ["ES:long:1"])


def test_who_had_it_may_neither_renew_it_nor_ask_for_it_again_but_give_it_back(story: Story) -> None:
    story.flatten()
    story.resume()
    assert only(EventRejected, story.renews("ES")).rejected == "EntryRenewed"
    story.withdraws("ES")
    assert isinstance(story.asks("CL"), EntryAllowed)


def test_whose_worker_is_lost_then_is_kept(story: Story) -> None:
    story.flatten()
    story.loses_worker("ibs-ES")
    story.resume()
    story.after(100 * FREE)
    assert code(story.asks("CL")) == "max_positions"
