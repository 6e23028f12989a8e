"""A log that lost its end: no entries until somebody answers for it; exits go on."""

import pytest

from portfold.coordinator.fold.state import State
from portfold.coordinator.store.ledger import decide
from portfold.coordinator.views.narration import narrate
from portfold.events.chain import GENESIS
from portfold.events.codec import decode_event, encode_checked
from portfold.events.decisions import EntryDenied
from portfold.events.incoming import Event, LogTailMissing, LossAcknowledged, Malformed
from portfold.events.stream_id import StreamId
from tests.coordinator.story import DAY, WEDNESDAY, Story, code
from tests.seen import texts_of

LONG_AGO = f"{WEDNESDAY - DAY}-0"


def misses(story: Story, saw: str = LONG_AGO, worker: str = "ibs-CL") -> None:
    assert story.says(LogTailMissing, worker, saw=saw) == []


def acknowledged(story: Story) -> None:
    assert story.hears(LossAcknowledged(by="jane", reason="broker is flat", detail="7 events")) == []


def test_entries_are_denied_from_the_first_report_to_the_acknowledgement() -> None:
    story = Story()
    assert code(story.asks("ES")) == "allowed"
    misses(story)
    answer = story.asks("SI")
    assert isinstance(answer, EntryDenied)
    assert answer.code == "log_incomplete"
    assert answer.reason == (
        f"The log lost its end: ibs-CL saw event {LONG_AGO}, which is gone. Check what is open, then: "
        "portfold acknowledge"
    )
    acknowledged(story)
    assert code(story.asks("SI")) == "allowed"


def test_exits_and_the_stop_go_on() -> None:
    story = Story()
    story.enters("ES", "CL")
    misses(story)
    story.closes("ES", pnl="-2500")
    assert story.stopped_out
    assert story.open == ["CL:long:1"]


def test_neither_a_resume_nor_a_new_day_is_an_acknowledgement() -> None:
    story = Story()
    misses(story)
    story.resume(force=True)
    assert code(story.asks("ES")) == "log_incomplete"
    story.after(DAY)
    assert code(story.asks("ES", worker="other")) == "log_incomplete"


def test_the_first_to_miss_something_is_remembered() -> None:
    story = Story()
    misses(story)
    first = story.state.tail_missing
    misses(story, saw="5-5", worker="ibs-ES")
    assert story.state.tail_missing == first
    assert first is not None
    assert (first.worker, first.saw) == ("ibs-CL", LONG_AGO)


def test_who_finds_out_later_is_covered_by_the_acknowledgement_and_a_later_loss_is_not() -> None:
    story = Story()
    misses(story)
    acknowledged(story)
    at = story.ms
    misses(story, saw=f"{at - 1}-0", worker="ibs-ES")
    assert code(story.asks("SI")) == "allowed"
    misses(story, saw=f"{at}-0", worker="ibs-ES")  # the acknowledgement's own ID: nobody else's
    assert code(story.asks("6A")) == "log_incomplete"


def test_a_repeated_report_is_one_report() -> None:
    story = Story()
    misses(story)
    acknowledged(story)
    story.state.acknowledged = None
    assert story.hears(LogTailMissing("ibs-CL", "s1", 1, LONG_AGO)) == []
    assert story.state.tail_missing is None


@pytest.mark.parametrize(
    "saw", ["18446744073709551616-0", "0-99999999999999999999", "5", "5-", "-1-0", "05-0"]
)
def test_what_is_no_place_in_a_stream_is_refused_by_name(saw: str) -> None:
    fields = ["type", "LogTailMissing", "worker", "w", "session", "s", "seq", "1", "saw", saw]
    refused = decode_event(fields)
    assert isinstance(refused, Malformed)
    assert refused.reason.startswith("LogTailMissing.saw: expected a stream ID such as 1736950000000-0, got")


def test_the_largest_place_that_is_taken_can_be_folded() -> None:
    story = Story()
    acknowledged(story)
    misses(story, saw=f"{10**19 - 1}-{10**19 - 1}")
    assert code(story.asks("ES")) == "log_incomplete"


def test_the_status_says_both() -> None:
    story = Story()
    shown = texts_of(story.state, StreamId(9, 0))
    assert (shown["log_incomplete"], shown["tail_missing"], shown["loss_acknowledged"]) == ("false", "", "")
    misses(story)
    since = story.ms
    shown = texts_of(story.state, StreamId(9, 0))
    assert shown["log_incomplete"] == "true"
    assert shown["tail_missing"] == f"ibs-CL saw {LONG_AGO}, said so at {since}-0"
    acknowledged(story)
    shown = texts_of(story.state, StreamId(9, 0))
    assert shown["log_incomplete"] == "false"
    assert shown["loss_acknowledged"] == f"by jane at {story.ms}-0: broker is flat | 7 events"


def test_the_log_of_the_coordinator_tells_it_in_its_words() -> None:
    state = State()

    def told(event: Event, ms: int) -> tuple[str, str]:
        [line] = narrate(state, decide(state, GENESIS, StreamId(ms, 0), encode_checked(event)))
        return line.level, line.text

    assert told(LogTailMissing("ibs-CL", "s1", 1, "5-0"), 10) == (
        "critical",
        "THE LOG LOST ITS END: ibs-CL saw event 5-0, which is gone | Entries are denied. Check what is open, "
        "then: portfold acknowledge",
    )
    assert told(LossAcknowledged(by="jane", reason="flat", detail="7 events"), 11) == (
        "warning",
        "Loss acknowledged by jane: flat | 7 events",
    )
    assert told(LogTailMissing("ibs-ES", "s1", 1, "6-0"), 12) == (
        "warning",
        "The log lost its end, as was acknowledged: ibs-ES saw event 6-0, which is gone",
    )
