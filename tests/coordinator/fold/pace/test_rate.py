"""How fast a worker may enter, by the log's time; and when its repeats close it."""

from decimal import Decimal
from typing import Any

from portfold.coordinator.views.room import room_in
from portfold.events.decisions import EntryAllowed, EntryDenied, LimitReached
from portfold.events.incoming import EntryRequested, TradingResumed
from portfold.events.stream_id import StreamId
from tests.coordinator.story import MINUTE, SECOND, Story, chicago, code, each, kinds


def at_work(**rules: Any) -> Story:
    return Story(**({"max_positions": 10, "max_contracts": 10} | rules))


def trades(story: Story, worker: str = "ann", at: int | None = None) -> str:
    """Asks at a time, and is out again within the millisecond."""
    if at is not None:
        story.at(at - 1)
    answer = code(story.asks("ES", worker=worker))
    if answer == "allowed":
        story.fills("ES", worker=worker)
        story.closes("ES", worker=worker)
    return answer


def test_a_token_is_back_to_the_millisecond() -> None:
    story = at_work(worker_rate="2")
    assert trades(story) == "allowed"
    asked = story.ms - 2
    assert trades(story, at=asked + 30 * SECOND - 1) == "rate_limited"
    assert trades(story, at=asked + 30 * SECOND + 2) == "allowed"


def test_at_the_very_millisecond_it_is_back() -> None:
    story = at_work(worker_rate="2")
    trades(story)
    assert trades(story, at=story.ms - 2 + 30 * SECOND) == "allowed"


def test_a_burst_may_be_used_at_once_and_no_more_are_saved() -> None:
    story = at_work(worker_rate="1", worker_burst="3")
    story.after(60 * MINUTE)
    assert [trades(story) for _ in range(4)] == ["allowed", "allowed", "allowed", "rate_limited"]


def test_fractions_of_a_token_are_not_lost_however_often_it_asks() -> None:
    story = at_work(worker_rate="0.07")
    trades(story)
    first = story.ms - 2
    for minute in range(1, 14):
        assert trades(story, at=first + minute * MINUTE + 7) == "rate_limited"
    exact = first + -(-100 * MINUTE // 7)
    assert trades(story, at=exact - 1) == "rate_limited"
    assert trades(story, at=exact) == "allowed"


def test_each_worker_has_its_own_and_one_without_a_number_none() -> None:
    story = at_work(worker_rate="ann=1")
    assert (trades(story), trades(story)) == ("allowed", "rate_limited")
    assert [trades(story, "bob") for _ in range(5)] == ["allowed"] * 5


def test_a_slot_given_back_was_asked_for_all_the_same() -> None:
    story = at_work(worker_rate="1")
    story.asks("ES", worker="ann")
    story.withdraws("ES", worker="ann")
    assert code(story.asks("ES", worker="ann")) == "rate_limited"


def test_what_another_rule_denies_takes_no_token_and_counts_for_nothing() -> None:
    story = at_work(worker_rate="1", rate_repeats=1)
    story.halt()
    assert [trades(story) for _ in range(5)] == ["halted"] * 5
    story.resume()
    assert trades(story) == "allowed"
    story.halt()
    assert [trades(story) for _ in range(5)] == ["halted"] * 5
    story.resume()
    assert trades(story) == "rate_limited"


def test_so_many_repeats_and_not_one_fewer_close_the_worker_until_a_person_lets_it_in() -> None:
    story = at_work(worker_rate="1", rate_repeats=3)
    assert [trades(story) for _ in range(3)] == ["allowed", "rate_limited", "rate_limited"]
    decided = story.says(EntryRequested, "ann", symbol="ES", side="long", size=1)
    assert kinds(decided) == ["LimitReached", "EntryDenied"]
    (reached,) = each(LimitReached, decided)
    assert (reached.rule, reached.worker, reached.now, reached.until_ms) == (
        "rate_repeats",
        "ann",
        Decimal(3),
        0,
    )
    assert (trades(story), trades(story, "bob")) == ("scope_closed", "allowed")
    story.at(chicago(2025, 1, 16, 10))
    assert trades(story) == "scope_closed"
    story.hears(TradingResumed(by="jo", reason="mended", worker="ann"))
    assert [trades(story) for _ in range(3)] == ["allowed", "rate_limited", "rate_limited"], "it counts anew"


def test_repeats_of_another_day_do_not_count() -> None:
    story = at_work(worker_rate="1", rate_repeats=2)
    assert (trades(story), trades(story)) == ("allowed", "rate_limited")
    story.at(chicago(2025, 1, 15, 17))
    assert (trades(story), trades(story)) == ("allowed", "rate_limited")
    assert trades(story) == "rate_limited"
    assert trades(story) == "scope_closed"


def test_a_request_published_again_is_no_new_one() -> None:
    story = at_work(worker_rate="1", worker_burst="2", rate_repeats=2)
    first = story.next_of(EntryRequested, "ann", symbol="ES", side="long", size=1)
    for _ in range(5):
        assert isinstance(story.hears(first)[-1], EntryAllowed)
    story.withdraws("ES", worker="ann")
    assert code(story.asks("ES", worker="ann")) == "allowed", "one token was taken, not five"
    story.withdraws("ES", worker="ann")
    denied = story.next_of(EntryRequested, "ann", symbol="ES", side="long", size=1)
    for _ in range(5):
        (answer,) = story.hears(denied)
        assert isinstance(answer, EntryDenied)
        assert answer.code == "rate_limited"
    assert story.state.scopes == {}


def test_the_sentence_says_when_the_next_one_may_be() -> None:
    story = at_work(worker_rate="0.5")
    trades(story)
    answer = story.asks("ES", worker="ann")
    assert isinstance(answer, EntryDenied)
    assert answer.reason == "Worker ann may enter 0.5 a minute, 1 at once: next in 1 m 59 s"


def test_room_knows_the_tokens_of_now() -> None:
    story = at_work(worker_rate="1")
    trades(story)
    asked = story.ms - 2
    request = EntryRequested("ann", "s1", 99, symbol="ES", side="long", size=1)
    later = StreamId(asked + MINUTE, 0)
    assert room_in(story.state, later, request, as_of=later).allowed


def test_a_new_rate_begins_with_a_full_bucket() -> None:
    story = at_work()
    for _ in range(3):
        trades(story)
    story.change_limits(worker_rate="1")
    assert (trades(story), trades(story)) == ("allowed", "rate_limited")
