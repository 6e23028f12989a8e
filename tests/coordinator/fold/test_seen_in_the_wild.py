"""What went wrong in real systems without a coordinator: one test for each, named after it.

What only processes can show (the answer's truth value, a push within milliseconds, a killed coordinator) is
tested where the processes are; here is what the fold owes each of them.
"""

from decimal import Decimal

import msgspec
import pytest

from portfold.coordinator.fold.state import State, slots_used
from portfold.events.codec import decode_event
from portfold.events.decisions import (
    EntryAllowed,
    EntryDenied,
    EventRejected,
    FlattenOverdue,
    StopLossTriggered,
)
from portfold.events.incoming import EntryRequested, Malformed
from tests.coordinator.story import DAY, MINUTE, SECOND, Story, chicago, code, each, kinds, only


def test_two_strategies_ask_at_3_of_4_and_five_positions_open() -> None:
    story = Story(max_positions=4)
    story.enters("6A", "CL", "SI")
    assert code(story.asks("ES")) == "allowed"
    assert code(story.asks("RTY")) == "max_positions"
    story.fills("ES")
    assert len(story.state.positions) == 4


def test_a_denial_was_taken_for_a_yes() -> None:
    """No field has to be looked at to tell the answers apart: they are two types, and a denial says why."""
    story = Story(max_positions=1)
    allowed, denied = story.asks("ES"), story.asks("CL")
    assert isinstance(allowed, EntryAllowed)
    assert isinstance(denied, EntryDenied)
    assert denied.code
    assert denied.reason


def test_slot_reserved_then_another_filter_says_no_and_the_slot_is_leaked_forever() -> None:
    story = Story(max_positions=1, reservation_ms=30 * SECOND)
    story.asks("ES")
    story.withdraws("ES")
    assert code(story.asks("CL")) == "allowed", "given back"
    story.after(30 * SECOND)
    assert code(story.asks("SI")) == "allowed", "or expired, with nobody giving it back"


def test_restart_forgets_positions_loss_and_stop_and_trading_resumes_after_a_stop_out() -> None:
    story = Story()
    story.enters("ES", "CL")
    story.asks("SI")
    story.closes("CL", pnl="-2500")
    story.state = msgspec.json.decode(msgspec.json.encode(story.state), type=State)
    assert story.open == ["ES:long:1"]
    assert story.pnl == Decimal(-2500)
    assert code(story.asks("RTY")) == "stopped_out"
    assert kinds(story.closes("ES")) == ["PortfolioFlat"]


def test_stop_is_noticed_at_each_strategys_next_bar_up_to_an_hour_later() -> None:
    """It is decided with the very event that reached the limit, and names what everybody must close."""
    story = Story()
    story.enters("ES", "CL", "SI")
    decisions = story.marks("ES", "-2500")
    assert only(StopLossTriggered, decisions).positions == (
        "CL:long:1:ibs-CL ES:long:1:ibs-ES SI:long:1:ibs-SI"
    )
    assert story.state.stop is not None
    assert story.state.stop.since == f"{story.ms}-0"


def test_the_day_resets_only_when_a_position_closes_so_after_a_stop_out_trading_never_resumes() -> None:
    story = Story()
    story.enters("ES")
    story.closes("ES", pnl="-2500")
    assert kinds(story.after(DAY)) == ["TradingDayStarted"]
    assert code(story.asks("ES")) == "allowed"


@pytest.mark.parametrize("midnight", [chicago(2025, 1, 16), chicago(2025, 1, 15, 18)], ids=["Chicago", "UTC"])
def test_midnight_of_the_local_clock_as_day_boundary(midnight: int) -> None:
    story = Story(start_ms=midnight - 30 * MINUTE)
    story.enters("ES")
    story.closes("ES", pnl="-2500")
    assert story.at(midnight + 30 * MINUTE) == []
    assert code(story.asks("ES")) == "stopped_out"


def test_the_stop_counts_closed_trades_only_and_an_open_loser_is_invisible() -> None:
    story = Story()
    story.enters("ES")
    assert each(StopLossTriggered, story.marks("ES", "-2500"))


def test_the_emergency_exit_logs_and_alerts_and_nobody_closes() -> None:
    story = Story()
    story.enters("ES", "CL")
    story.closes("CL", pnl="-2500")
    for _ in range(5):
        story.after(MINUTE)
    overdue = only(FlattenOverdue, story.after(DAY))
    assert (overdue.positions, story.open) == ("ES:long:1:ibs-ES", ["ES:long:1"])
    assert code(story.asks("SI")) == "stopped_out", "not even on the next day"
    assert kinds(story.closes("ES")) == ["PortfolioFlat"]


def test_halt_blocks_exits_too() -> None:
    story = Story()
    story.enters("ES")
    story.halt()
    assert story.closes("ES", pnl="10") == []
    assert story.open == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", "NaN"),
        ("price", "Infinity"),
        ("pnl", "NaN"),
        ("pnl", "1e999"),
        ("size", "0"),
        ("size", "-1"),
    ],
)
def test_nan_or_zero_disables_the_limit_for_good(field: str, value: str) -> None:
    story = Story()
    story.enters("ES")
    report = {
        "type": "PositionClosed",
        "worker": "ibs-ES",
        "session": "s1",
        "seq": "99",
        "symbol": "ES",
        "side": "long",
        "size": "1",
        "price": "100",
        "commission": "0",
        "pnl": "-2500",
    }
    refused = decode_event([text for pair in (report | {field: value}).items() for text in pair])
    assert isinstance(refused, Malformed)
    assert f"PositionClosed.{field}" in only(EventRejected, story.hears(refused)).reason
    assert story.pnl == 0

    sound = decode_event([text for pair in report.items() for text in pair])
    assert each(StopLossTriggered, story.hears(sound)), "the limit is still there"


def test_a_price_of_zero_cannot_hide_a_loss() -> None:
    """Zero and below are prices since April 2020; with them the loss is computed like any other."""
    story = Story(point_values="CL=1000")
    story.enters("CL", price="18.27")
    assert kinds(story.closes("CL", price="0", pnl="0")) == [
        "PnlDisputed",
        "StopLossTriggered",
        "PortfolioFlat",
    ]


def test_a_retried_publish_takes_a_second_slot() -> None:
    story = Story()
    request = story.next_of(EntryRequested, "ibs-ES", symbol="ES", side="long", size=1)
    answers = [kinds(story.hears(request)) for _ in range(3)]
    assert answers == [["EntryAllowed"]] * 3
    assert slots_used(story.state) == 1
