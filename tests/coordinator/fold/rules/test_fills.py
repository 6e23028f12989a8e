"""Fills: a fact is folded whether or not it was granted; what broke a limit is shouted about."""

from decimal import Decimal

from portfold.coordinator.fold.state import POSITIONS_HELD, contracts_used, slots_used
from portfold.events.decisions import Decision, EventRejected, FlattenOrdered, LimitBreached
from tests.coordinator.story import SECOND, Story, code, each, only


def breaches(decisions: list[Decision]) -> list[str]:
    return [breach.code for breach in each(LimitBreached, decisions)]


def test_a_granted_fill_is_quiet_and_turns_the_slot_into_a_position() -> None:
    story = Story()
    story.asks("ES")
    assert story.fills("ES") == []
    assert story.open == ["ES:long:1"]
    assert slots_used(story.state) == 1
    assert story.state.reservations == {}


def test_a_partial_fill_keeps_the_rest_reserved_in_one_slot() -> None:
    story = Story()
    story.asks("ES", size=3)
    assert story.fills("ES", size=1) == []
    assert (slots_used(story.state), contracts_used(story.state)) == (1, 3)
    assert story.fills("ES", size=2) == []
    assert (slots_used(story.state), contracts_used(story.state)) == (1, 3)
    assert story.open == ["ES:long:3"]


def test_partial_fills_average_their_prices() -> None:
    story = Story()
    story.asks("ES", size=3)
    story.fills("ES", size=1, price="100")
    story.fills("ES", size=2, price="103")
    [held] = story.state.positions.values()
    assert held.price == Decimal(102)


def test_withdrawing_the_rest_of_a_partial_fill_keeps_the_position() -> None:
    story = Story()
    story.asks("ES", size=3)
    story.fills("ES", size=1)
    story.withdraws("ES")
    assert (story.open, contracts_used(story.state)) == (["ES:long:1"], 1)


def test_a_fill_at_its_expiry_is_late() -> None:
    story = Story(reservation_ms=30 * SECOND)
    story.asks("ES")
    story.at(story.ms + 30 * SECOND - 2)
    assert breaches(story.fills("ES")) == []
    story.asks("CL")
    story.at(story.ms + 30 * SECOND - 1)
    assert breaches(story.fills("CL")) == ["ungranted"]
    assert story.open == ["CL:long:1", "ES:long:1"]


def test_a_fill_nobody_asked_for_is_folded_and_named() -> None:
    story = Story()
    breach = only(LimitBreached, story.fills("ES", size=2))
    assert (breach.worker, breach.symbol, breach.code) == ("ibs-ES", "ES", "ungranted")
    assert breach.reason == "2 filled where 0 were granted"
    assert story.open == ["ES:long:2"]
    assert code(story.asks("ES")) == "symbol_in_position"


def test_filling_more_than_granted_is_a_breach_of_the_rest() -> None:
    story = Story()
    story.asks("ES", size=1)
    breach = only(LimitBreached, story.fills("ES", size=2))
    assert breach.reason == "2 filled where 1 were granted"


def test_a_fill_on_the_other_side_uses_no_grant() -> None:
    story = Story()
    story.asks("ES", side="long")
    assert breaches(story.fills("ES", side="short")) == ["ungranted"]
    assert slots_used(story.state) == 2


def test_one_position_too_many_is_a_breach_and_the_last_allowed_one_is_not() -> None:
    story = Story(max_positions=2, max_contracts=9)
    story.enters("ES")
    assert breaches(story.fills("CL")) == ["ungranted"]
    assert breaches(story.fills("SI")) == ["ungranted", "max_positions"]


def test_one_contract_too_many_is_a_breach_and_the_last_allowed_one_is_not() -> None:
    story = Story(max_contracts=3)
    story.enters("ES")
    assert breaches(story.fills("CL", size=2)) == ["ungranted"]
    assert breaches(story.fills("CL", size=1)) == ["ungranted", "max_contracts"]


def test_a_symbol_outside_the_portfolio_is_a_breach() -> None:
    assert breaches(Story(symbols="ES CL").fills("NQ")) == ["ungranted", "symbol_not_allowed"]


def test_a_second_worker_in_the_same_symbol_is_a_breach() -> None:
    story = Story()
    story.enters("ES")
    assert breaches(story.fills("ES", worker="another")) == ["ungranted", "symbol_in_position"]
    assert story.open == ["ES:long:1", "ES:long:1"]


def test_breaches_are_counted() -> None:
    story = Story(max_positions=1, symbols="ES")
    story.enters("ES")
    story.fills("NQ")
    assert story.state.stats.limit_breaches == 3
    assert story.state.stats.most_positions == 2


def test_a_fill_after_the_stop_is_a_breach_and_ordered_flat_at_once() -> None:
    story = Story()
    story.enters("CL")
    story.asks("ES")
    story.closes("CL", pnl="-2500")
    decisions = story.fills("ES")
    assert breaches(decisions) == ["ungranted"]
    assert only(FlattenOrdered, decisions).positions == "ES:long:1:ibs-ES"


def test_a_negative_price_is_a_price() -> None:
    story = Story()
    story.enters("CL", price="-37.63")
    [held] = story.state.positions.values()
    assert held.price == Decimal("-37.63")


def test_a_book_fuller_than_it_can_be_halts_trading() -> None:
    story = Story()
    for number in range(POSITIONS_HELD):
        story.fills("ES", worker=f"w{number}")
    assert code(story.asks("SI")) == "max_positions"
    rejected = only(EventRejected, story.fills("CL"))
    assert rejected.reason == "PositionOpened: more than 64 positions were reported open; trading is halted"
    assert len(story.state.positions) == POSITIONS_HELD
    assert code(story.asks("SI")) == "halted"


def test_more_of_what_is_in_a_full_book_still_fits() -> None:
    story = Story()
    for number in range(POSITIONS_HELD):
        story.fills("ES", worker=f"w{number}")
    story.fills("ES", worker="w0")
    assert story.state.positions["ES:long:w0"].size == 2
