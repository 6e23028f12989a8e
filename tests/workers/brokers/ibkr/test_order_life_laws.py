"""Laws of an order's life: whatever order its messages come in, and however often, it is the same life."""

from decimal import Decimal
from functools import reduce
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from portfold.workers.brokers.ibkr.order_life import (
    BrokerMessage,
    Commission,
    Execution,
    Lost,
    NotThere,
    Status,
    begin,
    hear,
)


class Story(NamedTuple):
    """What truly became of an order, and what the broker says of it."""

    size: int
    fills: list[int]
    messages: list[BrokerMessage]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Draws an order that is filled in parts, wholly or until it is cancelled."""
    size = draw(st.integers(1, 12))
    fills, left = list[int](), size
    for part in draw(st.lists(st.integers(1, 5), max_size=6)):
        if part <= left:
            fills.append(part)
            left -= part
    messages: list[BrokerMessage] = [Status("accepted"), Status("working")]
    for number, part in enumerate(fills, 1):
        name = f"e.{number:02}.01"
        messages += [Execution(name, part, Decimal(5000 + number)), Commission(name, Decimal(part))]
        messages.append(Status("working", sum(fills[:number])))
    messages.append(Status("cancelled", size - left) if left else Status("filled", size))
    return Story(size, fills, messages)


def any_message() -> st.SearchStrategy[BrokerMessage]:
    names = st.sampled_from(["e.01.01", "e.01.02", "e.02.01", "odd", ""])
    amounts = st.integers(1, 9)
    return st.one_of(
        st.builds(
            Status,
            st.sampled_from(["accepted", "working", "filled", "cancelled", "rejected"]),
            st.integers(-1, 20),
            certain=st.booleans(),
        ),
        st.builds(Execution, names, amounts, st.just(Decimal(5000))),
        st.builds(Commission, names, st.one_of(st.none(), st.just(Decimal(2)))),
        st.just(Lost()),
        st.just(NotThere()),
    )


@given(stories(), st.data())
def test_in_any_order_and_repeated_the_end_is_the_same(story: Story, data: st.DataObject) -> None:
    repeated = story.messages + data.draw(st.lists(st.sampled_from(story.messages), max_size=8))
    life = reduce(hear, data.draw(st.permutations(repeated)), begin(story.size))
    assert life.is_over
    assert life.filled == sum(story.fills)
    assert life.state == ("filled" if life.filled == story.size else "cancelled")
    assert sum(life.commission(name, Decimal(99)) for name in life.executions) == sum(story.fills)
    assert not life.lacks_commissions


@given(stories(), st.data())
def test_at_every_moment_no_more_counts_than_was_executed_and_nothing_is_taken_back(
    story: Story, data: st.DataObject
) -> None:
    life, before = begin(story.size), 0
    for message in data.draw(st.permutations(story.messages)):
        life = hear(life, message)
        assert before <= life.filled <= sum(story.fills)
        assert life.remaining == (0 if life.is_over else story.size - life.filled)
        before = life.filled


@given(stories(), st.data())
def test_a_broker_out_of_reach_changes_nothing_of_the_end(story: Story, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(story.messages)))
    messages = [*story.messages[:cut], Lost("broken"), *story.messages]
    life = reduce(hear, messages, begin(story.size))
    assert (life.is_over, life.filled) == (True, sum(story.fills))


@given(st.integers(1, 9), st.lists(any_message(), max_size=30))
def test_whatever_is_said_nothing_raises_and_a_message_said_again_says_nothing_new(
    size: int, messages: list[BrokerMessage]
) -> None:
    life = begin(size)
    for message in messages:
        life = hear(life, message)
        assert life.filled >= 0
        assert life.remaining >= 0
        assert hear(life, message) == life
