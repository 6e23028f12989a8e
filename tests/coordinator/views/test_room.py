"""What would be allowed now: it says what an answer would say, and asks for nothing."""

import copy
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from portfold.coordinator.fold.rules.table import why_not
from portfold.coordinator.views.room import Room, of_size, room_in
from portfold.events.decisions import EntryAllowed
from portfold.events.incoming import EntryRequested
from portfold.events.stream_id import StreamId
from tests.coordinator.fold.budget.books import at_stop, portfolio, risking
from tests.coordinator.story import Story, code


def asked(story: Story, size: int = 1, symbol: str = "ES", **named: object) -> Room:
    """The room for ibs-ES a millisecond from now, over a copy of the state."""
    request = EntryRequested("ibs-ES", "", 0, symbol, "long", size, **named)  # type: ignore[arg-type]
    now = StreamId(story.ms + 1, 0)
    return room_in(copy.deepcopy(story.state), now, request, as_of=StreamId(story.ms, 0))


def test_it_names_the_largest_size_and_the_rule_that_denies_one_more() -> None:
    found = asked(portfolio(), size=2, **at_stop("4990"))  # 500 a contract of 2,500
    assert (found.allowed, found.size, found.largest, found.code) == (True, 2, 4, "loss_budget")
    assert "$-2,500.00 of $-2,500.00" in found.reason


def test_too_much_is_denied_as_a_request_would_be() -> None:
    story = portfolio()
    found = asked(story, size=5, **at_stop("4990"))
    answer = story.asks("ES", 5, **at_stop("4990"))
    assert not isinstance(answer, EntryAllowed)
    assert (found.allowed, found.code, found.reason) == (False, answer.code, answer.reason)
    assert found.largest == 4


def test_where_any_size_is_denied_there_is_none() -> None:
    story = portfolio()
    story.halt()
    assert (asked(story).largest, asked(story).code) == (0, "halted")


def test_without_a_rule_that_binds_sooner_it_is_max_contracts() -> None:
    found = asked(portfolio(loss_budget="", max_contracts=7))
    assert (found.largest, found.code) == (7, "max_contracts")


def test_a_risk_is_of_all_contracts_together_and_grows_with_them() -> None:
    assert asked(portfolio(), size=2, **risking("1000")).largest == 4


def test_a_slot_whose_time_is_over_is_room_again() -> None:
    story = portfolio(max_positions=1)
    story.asks("CL", **risking("10"))
    assert asked(story).code == "max_positions"
    story.after(60_000)
    assert asked(story).allowed


def test_nothing_changes_by_asking() -> None:
    story = portfolio()
    before = copy.deepcopy(story.state)
    asked(story, **risking("100"))
    assert story.state == before


@given(
    budget=st.integers(1, 3000),
    risk=st.integers(1, 900),
    held=st.integers(0, 4),
    tier=st.sampled_from(["", "1%=above:2", "50%=flatten"]),
)
def test_the_largest_is_the_one_that_trying_every_size_finds(
    budget: int, risk: int, held: int, tier: str
) -> None:
    story = portfolio(daily_stop_loss=Decimal(budget), max_contracts=9, loss_tiers=tier)
    for symbol in ["CL", "SI", "6A", "6B"][:held]:
        code(story.asks(symbol, **risking(str(risk))))
    request = EntryRequested("ibs-ES", "s1", 1, "ES", "long", 1, risk=Decimal(risk))
    found = asked(story, **risking(str(risk)))
    limits = story.state.limits
    assert limits is not None
    story.starts("ibs-ES")
    allowed = [size for size in range(1, 12) if why_not(story.state, limits, of_size(request, size)) is None]
    assert found.largest == max(allowed, default=0)
