"""A withdrawal gives back the slot of the request that it names: two threads may ask for one symbol."""

import pytest

from portfold.events.codec import decode_event
from portfold.events.decisions import EntryAllowed, EventRejected
from portfold.events.incoming import EntryRequested, EntryWithdrawn
from tests.coordinator.story import SECOND, Story, code, only

LASTS = 30 * SECOND


def asked(story: Story) -> str:
    """The number of the request that was made last."""
    assert isinstance(story.last, EntryRequested)
    return str(story.last.seq)


def two_threads() -> tuple[Story, str, str]:
    """The first is granted the symbol, the second denied; and the numbers of both."""
    story = Story()
    story.starts("ibs-ES")
    assert isinstance(story.asks("ES"), EntryAllowed)
    first = asked(story)
    assert code(story.asks("ES")) == "symbol_pending"
    return story, first, asked(story)


def test_who_was_denied_and_did_not_hear_it_frees_nothing_of_who_was_granted() -> None:
    story, first, second = two_threads()
    assert story.withdraws("ES", request=second) == []
    assert code(story.asks("ES")) == "symbol_pending"
    assert story.withdraws("ES", request=first) == []
    assert isinstance(story.asks("ES"), EntryAllowed)


def test_the_rest_of_a_part_is_given_back_by_the_same_name() -> None:
    story = Story()
    story.starts("ibs-ES")
    story.asks("ES", 3)
    first = asked(story)
    story.fills("ES", 1)
    story.withdraws("ES", request=first)
    assert story.state.reservations == {}


def test_a_name_of_another_life_frees_nothing() -> None:
    story = Story()
    story.starts("ibs-ES")
    story.asks("ES")
    number = asked(story)
    story.stops("ibs-ES")
    story.says(EntryWithdrawn, "ibs-ES", "s2", symbol="ES", request=number)
    assert len(story.state.reservations) == 1


# --- without a name: by an older worker, or by hand --------------------------------------------------------


def test_without_a_name_the_only_request_is_meant() -> None:
    story = Story()
    story.starts("ibs-ES")
    story.asks("ES")
    assert story.withdraws("ES", request="") == []
    assert isinstance(story.asks("ES"), EntryAllowed)
    assert story.withdraws("ES", request="") == []  # what was allowed before has no slot any more
    assert isinstance(story.asks("ES"), EntryAllowed)


def test_without_a_name_nothing_is_freed_where_another_may_be_meant() -> None:
    story, _, _ = two_threads()
    refused = only(EventRejected, story.withdraws("ES", request="")).reason
    assert refused.startswith("EntryWithdrawn.request: missing, and ibs-ES has asked for ES more than once")
    assert code(story.asks("ES")) == "symbol_pending"


@pytest.mark.parametrize(("after", "freed"), [(LASTS - 1, False), (LASTS, False), (LASTS + 1, True)])
def test_a_denial_longer_ago_than_a_slot_lasts_is_no_doubt(after: int, *, freed: bool) -> None:
    story = Story()
    story.starts("ibs-ES")
    story.halt()
    assert code(story.asks("ES")) == "halted"
    denied_ms = story.ms
    story.resume()
    story.at(denied_ms + after - 1)
    assert isinstance(story.asks("ES"), EntryAllowed)
    assert (story.withdraws("ES", request="") == []) is freed
    assert (story.state.reservations == {}) is freed


def test_before_version_9_it_freed_whatever_was_reserved() -> None:
    story, _, _ = two_threads()
    story.state.fold_version = 8
    assert story.withdraws("ES", request="") == []
    assert isinstance(story.asks("ES"), EntryAllowed)


def test_before_version_9_a_name_was_no_field() -> None:
    story, first, _ = two_threads()
    story.state.fold_version = 8
    refused = only(EventRejected, story.withdraws("ES", request=first)).reason
    known = "worker, session, seq, symbol, reason"
    assert refused == f"EntryWithdrawn.request: not a field of EntryWithdrawn; its fields are {known}"


def test_a_name_is_the_number_of_a_request() -> None:
    said = {"worker": "w", "session": "s", "seq": "2", "symbol": "ES", "request": "1736950000000-0"}
    event = decode_event(["type", "EntryWithdrawn", *(word for pair in said.items() for word in pair)])
    refused = only(EventRejected, Story().hears(event)).reason
    assert refused.startswith("EntryWithdrawn.request: expected the number of a request, or nothing")
