"""What went wrong in real systems, with real processes, and the proof that each check would have noticed.

`tests/coordinator/fold/test_seen_in_the_wild.py` has a test a row of what the fold owes; here is what takes a
gate and a coordinator to show. Below, each old behaviour is put back in its place, and its row's test fails.
"""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from portfold.coordinator.fold import invariants
from portfold.coordinator.fold.closing import flatten as flattening
from portfold.coordinator.fold.effects import entry, positions, time_passing
from portfold.coordinator.fold.limits import limits_of
from portfold.coordinator.fold.rules import table
from portfold.coordinator.fold.rules.limits import daily_loss, max_positions
from portfold.coordinator.fold.state import State
from portfold.coordinator.fold.trading_day import TradingDay
from portfold.events.decisions import EventRejected, StopLossTriggered
from portfold.workers.client.decision import Decision
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from tests.coordinator import story
from tests.coordinator.fold import test_seen_in_the_wild as wild
from tests.coordinator.story import chicago, each, limits, only
from tests.live import Live
from tests.processes import Coordinators, coordinating
from tests.server import EmbeddedServer
from tests.waiting import until


@pytest.fixture
def coordinator(server: EmbeddedServer, portfolio: str) -> Iterator[None]:
    with coordinating(server.url, portfolio):
        yield


@pytest.fixture(autouse=True)
def _listen_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that is closed waits for its listener's read: let that be short."""
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)


@pytest.fixture
def gate(server: EmbeddedServer, portfolio: str) -> Iterator[PortfolioGate]:
    """A worker's gate; it has announced itself to whoever coordinates."""
    settings = GateSettings(url=server.url, portfolio=portfolio, answer_seconds=10)
    with PortfolioGate("ibs-ES", symbols=["ES"], settings=settings) as opened:
        yield opened


# --- with a gate and a coordinator ------------------------------------------------------------------------


def strategy_enters(gate: PortfolioGate) -> bool:
    """As its author wrote it."""
    ordered = False
    if gate.request_entry("ES"):
        ordered = True
    return ordered


@pytest.mark.usefixtures("coordinator")
def test_an_ok_and_reason_tuple_was_always_true_and_the_limit_never_held_in_production(
    gate: PortfolioGate, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    live.halt()
    assert not strategy_enters(gate)
    allowed, reason = gate.request_entry("ES")
    assert (allowed, reason) == (False, "Halted by ann: news")

    monkeypatch.setattr(gate, "request_entry", lambda symbol: (False, f"no {symbol} today"))
    assert strategy_enters(gate), "what the old answer made of the same strategy"


def another_filter_says_no(gate: PortfolioGate) -> None:
    with gate.request_entry("ES") as allowed:
        assert allowed


@pytest.mark.usefixtures("coordinator")
def test_slot_reserved_then_another_filter_says_no_and_the_slot_is_leaked(
    gate: PortfolioGate, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    another_filter_says_no(gate)
    live.all_decided()
    assert live.status()["slots_used"] == "0"

    monkeypatch.setattr(Decision, "__exit__", lambda *_: None)
    another_filter_says_no(gate)
    live.all_decided()
    assert live.status()["slots_used"] == "1", "what becomes of it without a block that gives it back"


@pytest.mark.usefixtures("coordinator")
def test_stop_is_noticed_at_the_strategys_next_bar(gate: PortfolioGate) -> None:
    """The strategy has no next bar; it is told all the same, on a thread that waits for nothing else."""
    told: list[tuple[str, str]] = []
    heard = threading.Event()

    def close_everything(order: Any) -> None:
        told.append((order.cause, threading.current_thread().name))
        heard.set()

    gate.on_flatten(close_everything)
    with gate.request_entry("ES") as allowed:
        assert allowed
        gate.position_opened("ES", price="5000")
    gate.position_marked("ES", price="4949", unrealized="-2550")
    assert heard.wait(10)
    assert told == [("daily stop loss", "flatten")]


def test_halt_blocks_exits_too(gate: PortfolioGate, live: Live, coordinators: Coordinators) -> None:
    coordinators.start()
    with gate.request_entry("ES") as allowed:
        assert allowed
        gate.position_opened("ES", price="5000")
    live.halt()
    coordinators.end()
    assert gate.position_closed("ES", price="5001", pnl="45", commission="5"), (
        "halted, and nobody coordinates"
    )
    coordinators.start()
    live.all_decided()
    assert (live.open, live.pnl, live.halted) == ([], Decimal(45), True)


@pytest.mark.usefixtures("coordinator")
@pytest.mark.parametrize("nonsense", ["NaN", "-Infinity", "1e99"])
def test_nan_disables_the_limit_for_good(gate: PortfolioGate, live: Live, nonsense: str) -> None:
    with gate.request_entry("ES") as allowed:
        assert allowed
        gate.position_opened("ES", price="5000")
    mark = (
        "type",
        "PositionMarked",
        "worker",
        "ibs-ES",
        "session",
        gate.session,
        "symbol",
        "ES",
        "side",
        "long",
    )
    refused = live.decided(live.by_hand(*mark, "seq", "98", "price", "4949", "unrealized", nonsense))
    assert (
        "PositionMarked.unrealized: expected a finite amount in dollars"
        in only(EventRejected, refused).reason
    )
    sound = live.decided(live.by_hand(*mark, "seq", "99", "price", "4949", "unrealized", "-2550"))
    assert each(StopLossTriggered, sound), "the limit is still there"


def test_restart_forgets_positions_the_days_loss_and_the_stop(
    gate: PortfolioGate, live: Live, coordinators: Coordinators
) -> None:
    coordinators.start()
    with gate.request_entry("ES") as allowed:
        assert allowed
        gate.position_opened("ES", price="5000")
    gate.position_marked("ES", price="4949", unrealized="-2550")
    until(lambda: live.status()["stopped_out"] == "true", "the stop")
    coordinators.end()  # kill -9
    coordinators.start()
    answer = gate.request_entry("ES")
    assert (answer.allowed, answer.code) == (False, "stopped_out")
    assert (live.status()["open_positions"], live.status()["daily_pnl"]) == ("ES", "-2550.00")


# --- the old behaviour in its place -----------------------------------------------------------------------

Plant = Callable[[pytest.MonkeyPatch], None]


def nothing(*_: object) -> list[object]:
    return []


def allowing_reserves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (entry, max_positions, invariants):
        monkeypatch.setattr(module, "slots_used", lambda state: len(state.positions))


def a_slot_is_never_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "withdraw", nothing)


def a_slot_never_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_passing, "_expire", nothing)


def a_restart_begins_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    afresh = SimpleNamespace(
        encode=msgspec.json.encode, decode=lambda *_, **__: State(limits=limits_of(limits()))
    )
    monkeypatch.setattr(wild, "msgspec", SimpleNamespace(json=afresh))


def marks_trigger_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daily_loss, "watch", nothing)


def the_day_rolls_when_a_position_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    roll, closed = time_passing.roll, positions.closed
    monkeypatch.setattr(time_passing, "roll", nothing)
    monkeypatch.setattr(
        positions, "closed", lambda state, at, event: [*roll(state, at), *closed(state, at, event)]
    )


def midnight_rolls_the_day(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def local_day(ms: int, *_of_the_exchange: object) -> TradingDay:
        today = datetime.fromtimestamp(ms / 1000, UTC).astimezone(ZoneInfo(zone)).date()
        midnight = datetime.combine(today + timedelta(days=1), time(), ZoneInfo(zone))
        return TradingDay(today.isoformat(), int(midnight.timestamp() * 1000))

    monkeypatch.setattr(time_passing, "trading_day_at", local_day)


def only_closed_trades_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "daily_pnl", lambda state: state.day.realized)


def a_flatten_is_ordered_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flattening, "remind", nothing)


def the_latch_lifts_with_the_day_whatever_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def lift(state: State) -> None:
        if state.stop is not None and state.stop.day != state.day.date:
            state.stop = None

    monkeypatch.setattr(daily_loss, "lift_if_over", lift)


def the_latch_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def lift(state: State) -> None:
        state.stop = None

    monkeypatch.setattr(daily_loss, "lift_if_over", lift)


def a_halt_refuses_every_report(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = positions.closed

    def refuse(state: State, at: Any, event: Any) -> Any:
        return [EventRejected(reason="halted")] if state.halt is not None else closed(state, at, event)

    monkeypatch.setattr(positions, "closed", refuse)


SLOT = wild.test_slot_reserved_then_another_filter_says_no_and_the_slot_is_leaked_forever
RESTART = wild.test_restart_forgets_positions_loss_and_stop_and_trading_resumes_after_a_stop_out
NEXT_BAR = wild.test_stop_is_noticed_at_each_strategys_next_bar_up_to_an_hour_later
DAY_RESET = wild.test_the_day_resets_only_when_a_position_closes_so_after_a_stop_out_trading_never_resumes
NOBODY_CLOSES = wild.test_the_emergency_exit_logs_and_alerts_and_nobody_closes
MIDNIGHT = wild.test_midnight_of_the_local_clock_as_day_boundary

OLD_BEHAVIOURS: list[tuple[Plant, Callable[[], None]]] = [
    (allowing_reserves_nothing, wild.test_two_strategies_ask_at_3_of_4_and_five_positions_open),
    (a_slot_is_never_given_back, SLOT),
    (a_slot_never_expires, SLOT),
    (a_restart_begins_afresh, RESTART),
    (marks_trigger_nothing, NEXT_BAR),
    (the_day_rolls_when_a_position_closes, DAY_RESET),
    (partial(midnight_rolls_the_day, "America/Chicago"), partial(MIDNIGHT, chicago(2025, 1, 16))),
    (partial(midnight_rolls_the_day, "UTC"), partial(MIDNIGHT, chicago(2025, 1, 15, 18))),
    (only_closed_trades_count, wild.test_the_stop_counts_closed_trades_only_and_an_open_loser_is_invisible),
    (a_flatten_is_ordered_and_forgotten, NOBODY_CLOSES),
    (the_latch_lifts_with_the_day_whatever_is_open, NOBODY_CLOSES),
    (the_latch_is_not_there, RESTART),
    (a_halt_refuses_every_report, wild.test_halt_blocks_exits_too),
]


def name_of(behaviour: Any) -> str | None:
    function = behaviour.func if isinstance(behaviour, partial) else behaviour
    return None if function.__name__.startswith("test_") else function.__name__


@pytest.mark.parametrize(("old_behaviour", "row"), OLD_BEHAVIOURS, ids=name_of)
def test_each_row_would_notice_the_old_behaviour(
    old_behaviour: Plant, row: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    row()
    old_behaviour(monkeypatch)
    monkeypatch.setattr(story, "check", nothing)  # the invariants would notice some; the row has to, itself
    with pytest.raises((AssertionError, ValueError)):  # ValueError: not the one decision there must be
        row()
