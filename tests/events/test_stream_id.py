"""Stream IDs are the clock and the names: ordered as the server orders, one text each, room for decisions."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from portfold.events.stream_id import DECISIONS_PER_EVENT, ORIGIN, StreamId
from tests.server import EmbeddedServer

LARGEST = 2**64 - 1
LAST_ANSWERABLE = (LARGEST - 99) // 100
COUNTS = st.one_of(st.integers(0, 200), st.integers(0, LARGEST), st.integers(LARGEST - 200, LARGEST))
IDS = st.builds(StreamId, COUNTS, COUNTS)
ANSWERABLE = st.builds(StreamId, COUNTS, st.one_of(st.integers(0, 200), st.integers(0, LAST_ANSWERABLE)))
INDEXES = st.integers(0, DECISIONS_PER_EVENT - 1)


@pytest.fixture(scope="module")
def client(server: EmbeddedServer) -> Iterator[Any]:  # the library's types of replies fit no protocol
    with redis.Redis.from_url(server.url, decode_responses=True, socket_timeout=5) as client:
        yield client


# --- reading and writing --------------------------------------------------------------------------------


def test_an_id_is_milliseconds_and_a_count() -> None:
    assert StreamId.parse("1736950000000-12") == StreamId(ms=1_736_950_000_000, seq=12)
    assert str(StreamId(1_736_950_000_000, 12)) == "1736950000000-12"


@given(IDS)
def test_an_id_is_read_back_as_it_was_written(at: StreamId) -> None:
    assert StreamId.parse(str(at)) == at


@given(st.text("0123456789-", max_size=45))
def test_an_id_has_one_text_and_no_other(text: str) -> None:
    try:
        at = StreamId.parse(text)
    except ValueError:
        return
    assert str(at) == text


def test_the_largest_id_of_the_server_is_an_id_and_the_next_is_none() -> None:
    assert StreamId.parse(f"{LARGEST}-{LARGEST}") == StreamId(LARGEST, LARGEST)
    for text in (f"{LARGEST + 1}-0", f"0-{LARGEST + 1}"):
        with pytest.raises(ValueError, match=r"^expected a stream ID such as 1736950000000-0, got '"):
            StreamId.parse(text)


NO_IDS = [
    "",
    "-",
    "1",
    "1-",
    "-1",
    "1-*",
    "*",
    "$",
    "+",
    "1--1",
    "1-2-3",
    "+1-0",
    "1_0-0",
    " 1-0",
    "1-0 ",
    "1-0\n",
]


@pytest.mark.parametrize(
    "text", [*NO_IDS, "007-0", "0-00", "1.0-0", "1e3-0", "-1-0", "a-b", "1-\ud800"], ids=ascii
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a stream ID such as 1736950000000-0, got '"):
        StreamId.parse(text)


@pytest.mark.parametrize(
    "digit", ["\N{FULLWIDTH DIGIT ONE}", "\N{ARABIC-INDIC DIGIT THREE}", "\N{SUPERSCRIPT TWO}"]
)
def test_digits_of_other_scripts_are_none(digit: str) -> None:
    for text in (f"{digit}-0", f"0-{digit}"):
        with pytest.raises(ValueError, match="expected a stream ID"):
            StreamId.parse(text)


def test_a_refusal_is_short_and_steers_no_terminal() -> None:
    with pytest.raises(ValueError, match="expected a stream ID") as refused:
        StreamId.parse("\x1b[2J" + "9" * 1_000_000)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 130


# --- order ----------------------------------------------------------------------------------------------


def test_ids_are_ordered_by_number_and_not_by_letter() -> None:
    assert StreamId.parse("9-0") < StreamId.parse("10-0")
    assert StreamId.parse("5-9") < StreamId.parse("5-10") < StreamId.parse("6-0")


def test_the_origin_is_before_every_id_an_entry_can_have() -> None:
    assert StreamId(0, 1) > ORIGIN == StreamId.parse("0-0")


AWKWARD = [StreamId(ms, seq) for ms in (0, 9, 10, 99, 100, LARGEST) for seq in (1, 9, 10, 99, 100, LARGEST)]


def test_the_server_orders_ids_likewise(client: Any, portfolio: str) -> None:
    for at in sorted(AWKWARD):
        client.xadd(portfolio, {"type": "x"}, id=str(at))
    assert [StreamId.parse(text) for text, _ in client.xrange(portfolio)] == sorted(AWKWARD)


@pytest.mark.parametrize(("first", "second"), [("10-0", "9-99"), ("10-5", "10-5"), ("10-10", "10-9")])
def test_the_server_refuses_an_id_that_is_not_above_the_last(
    client: Any, portfolio: str, first: str, second: str
) -> None:
    client.xadd(portfolio, {"type": "x"}, id=first)
    assert not StreamId.parse(second) > StreamId.parse(first)
    with pytest.raises(redis.ResponseError, match="equal or smaller"):
        client.xadd(portfolio, {"type": "x"}, id=second)


# --- decisions ------------------------------------------------------------------------------------------


def test_a_decision_is_named_after_its_event() -> None:
    event = StreamId.parse("1736950000000-3")
    assert str(event.decision(0)) == "1736950000000-300"
    assert str(event.decision(99)) == "1736950000000-399"
    assert str(event.before_decisions()) == "1736950000000-299"
    assert StreamId.parse("1736950000000-342").event() == event


@given(ANSWERABLE, INDEXES)
def test_a_decision_leads_back_to_its_event(event: StreamId, index: int) -> None:
    assert event.decision(index).event() == event
    assert event.decision(index).seq <= LARGEST


@given(ANSWERABLE, INDEXES, ANSWERABLE, INDEXES)
def test_decisions_are_in_the_order_of_their_events_and_never_share_an_id(
    event: StreamId, index: int, other: StreamId, other_index: int
) -> None:
    ours, theirs = event.decision(index), other.decision(other_index)
    assert (ours < theirs) == ((event, index) < (other, other_index))
    assert (ours == theirs) == ((event, index) == (other, other_index))


@given(ANSWERABLE.filter(lambda event: event > ORIGIN))
def test_a_wait_starts_at_the_id_right_before_the_first_decision(event: StreamId) -> None:
    before, first = event.before_decisions(), event.decision(0)
    assert before < first
    following = StreamId(before.ms, before.seq + 1) if before.seq < LARGEST else StreamId(before.ms + 1, 0)
    assert following == first


def test_before_the_first_of_a_millisecond_lies_the_end_of_the_one_before() -> None:
    assert StreamId(7, 1).before() == StreamId(7, 0)
    assert StreamId(7, 0).before() == StreamId(6, LARGEST)
    assert ORIGIN.before() == ORIGIN
    assert StreamId(7, 0).before_decisions() == StreamId(6, LARGEST)
    assert ORIGIN.before_decisions() == ORIGIN


@given(ANSWERABLE)
def test_after_an_events_decisions_come_those_of_the_next(event: StreamId) -> None:
    last = event.after_decisions()
    assert last == event.decision(DECISIONS_PER_EVENT - 1)
    assert StreamId(last.ms, last.seq + 1).event() == StreamId(event.ms, event.seq + 1)


def test_after_an_event_without_room_for_decisions_come_those_of_the_next_millisecond() -> None:
    assert StreamId(7, LAST_ANSWERABLE + 1).after_decisions() == StreamId(7, LARGEST)


def test_a_wait_from_before_the_decisions_finds_the_first_of_them(client: Any, portfolio: str) -> None:
    earlier, event = StreamId(7, 0), StreamId(8, 0)
    for answered in (earlier, event):
        client.xadd(portfolio, {"type": "x"}, id=str(answered.decision(0)))
    ((_, found),) = client.xread({portfolio: str(event.before_decisions())})
    assert [text for text, _ in found] == ["8-0"]


def test_a_second_answer_to_a_request_is_refused_by_the_server(client: Any, portfolio: str) -> None:
    answer = StreamId(7, 3).decision(0)
    client.xadd(portfolio, {"type": "EntryAllowed"}, id=str(answer))
    with pytest.raises(redis.ResponseError, match="equal or smaller"):
        client.xadd(portfolio, {"type": "EntryDenied"}, id=str(answer))


@pytest.mark.parametrize("index", [-1, DECISIONS_PER_EVENT])
def test_there_is_no_decision_beyond_the_hundredth(index: int) -> None:
    with pytest.raises(ValueError, match=rf"^no room for decision {index} of event 7-3$"):
        StreamId(7, 3).decision(index)


def test_an_event_with_the_largest_count_that_leaves_room_can_be_answered_and_the_next_cannot() -> None:
    last, beyond = StreamId(7, LAST_ANSWERABLE), StreamId(7, LAST_ANSWERABLE + 1)
    assert last.answerable
    assert last.decision(99).seq <= LARGEST
    assert not beyond.answerable
    with pytest.raises(ValueError, match="no room"):
        beyond.decision(0)
    with pytest.raises(ValueError, match="no room"):
        beyond.before_decisions()
