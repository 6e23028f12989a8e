"""The simulator and the live portfolio agree, trade by trade.

The same trades go through real processes: a coordinator of its own process on a real server, a gate for each
symbol that asks, reports and hears of stops on a thread of its own. Only the clock is driven, so that the
trades of weeks take seconds. What is decided must be what the simulator said, to the reason in words and to
the cent.
"""

import io
import threading
from collections.abc import Iterable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from portfold.config import Configuration
from portfold.coordinator.fold.fold import fold
from portfold.coordinator.fold.state import State
from portfold.dollars import gross_pnl
from portfold.events.codec import decode_decided, encode_checked
from portfold.events.decisions import (
    Decision,
    EntryAllowed,
    EntryDenied,
    EventRejected,
    FlattenOrdered,
    LimitBreached,
    LimitReached,
    PnlDisputed,
    StopLossTriggered,
    TradingDayStarted,
)
from portfold.events.incoming import ClockTicked, Event, PositionClosed
from portfold.events.legs import parse_legs
from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, at_time
from portfold.exchange_time import local_time
from portfold.log import Log, open_log
from portfold.research.simulate.scenario import Scenario
from portfold.research.simulate.simulator import simulate
from portfold.research.simulate.trade_events import Happening, worker_of
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.client.context import GateEnvironment
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from tests.processes import Coordinators
from tests.research.made import CHICAGO, random_trades, scenario_of
from tests.research.simulate.cases import CASES, POSITIONS, Case, begins_of, configured, in_session
from tests.research.simulate.test_laws import SYMBOLS, bars_of
from tests.server import EmbeddedServer
from tests.waiting import until


class Told(NamedTuple):
    """What was decided that mattered: answers in order, days, stops, limits, and what should not be."""

    answers: list[tuple[str, str, str]]
    days: list[TradingDayStarted]
    stops: list[tuple[int, Decimal, str]]
    reached: list[tuple[int, str, str]]
    odd: list[Decision]


def told(decided: list[tuple[StreamId, Decision]]) -> Told:
    """The decisions of a portfolio in the words in which both can be compared."""
    return Told(
        answers=[
            (one.symbol, one.code, one.reason) if isinstance(one, EntryDenied) else (one.symbol, "", "")
            for _, one in decided
            if isinstance(one, EntryAllowed | EntryDenied)
        ],
        days=[one for _, one in decided if isinstance(one, TradingDayStarted)],
        stops=[
            (at.ms, one.daily_pnl, one.positions) for at, one in decided if isinstance(one, StopLossTriggered)
        ],
        reached=[
            (at.ms, one.rule, one.worker or one.symbol)
            for at, one in decided
            if isinstance(one, LimitReached)
        ],
        odd=[one for _, one in decided if isinstance(one, EventRejected | LimitBreached | PnlDisputed)],
    )


# --- the simulated side ---------------------------------------------------------------------------------


class Simulation:
    """What the simulator decides, and the closes it books, as it goes."""

    def __init__(self, scenario: Scenario, positions: int = POSITIONS) -> None:
        self.decided: list[tuple[StreamId, Decision]] = []
        self.closes: list[tuple[str, int, Decimal]] = []
        limits = scenario.limits_of(scenario.symbols, positions)
        self.simulated = simulate(scenario.timeline, limits, self._look_on)

    def _look_on(self, state: State, at: StreamId, event: Event) -> list[Decision]:
        decisions = fold(state, at, event)
        self.decided += ((at, one) for one in decisions)
        if isinstance(event, PositionClosed):
            self.closes.append((event.symbol, at.ms, event.pnl))
        return decisions


# --- the live side --------------------------------------------------------------------------------------


class Portfolio:
    """Gates for all symbols on one clock, driven from moment to moment."""

    def __init__(
        self, scenario: Scenario, settings: GateSettings, bus: Bus, configuration: Configuration
    ) -> None:
        self.closes: list[tuple[str, int, Decimal]] = []
        self._scenario = scenario
        self._bus = bus
        self._contracts = configuration.contracts
        self._lock = threading.RLock()
        self._held: dict[str, int] = {}
        self._now = scenario.timeline.opening.ms
        log, self._lines = open_log("workers", target=io.StringIO())
        self._gates = {symbol: self._gate(symbol, settings, log) for symbol in scenario.symbols}

    def _gate(self, symbol: str, settings: GateSettings, log: Log) -> PortfolioGate:
        gate = PortfolioGate(
            worker_of(symbol),
            symbols=[symbol],
            settings=settings,
            log=log,
            environment=GateEnvironment(stamp=lambda: at_time(self._now)),
        )
        gate.on_flatten(self._flatten)
        return gate

    def play(self, ticks: Iterable[int] = ()) -> None:
        """Everything that the trades have to say, one thing after the other; time passes at `ticks` too."""
        for _, sessions in self._scenario.timeline.published:
            self._bus.append(encode_checked(sessions), at_time(self._now))
        due = sorted(ticks)
        for gate in self._gates.values():
            gate.start()
            self._settle()
        for happening in self._scenario.timeline.happenings:
            while due and due[0] < happening.at.ms:
                self._now = due.pop(0)
                self._bus.append(encode_checked(ClockTicked()), at_time(self._now))
                self._settle()
            self._now = happening.at.ms
            self._say(happening)
            self._settle()

    def close(self) -> None:
        for gate in self._gates.values():
            gate.close()
        self._lines.close()

    def _say(self, happening: Happening) -> None:
        symbol, place = happening.symbol, happening.trade
        gate, trade = self._gates[symbol], self._scenario.timeline.trades[place]
        side, fact = trade.side or "long", happening.fact
        if happening.request is not None:
            if gate.request_entry(symbol, side, trade.size):
                with self._lock:
                    self._held[symbol] = place
                    gate.position_opened(symbol, side, trade.size, price=fact.price)
        elif self._held.get(symbol) == place:
            if isinstance(fact, PositionClosed):
                self._close(symbol, fact.price, fact.pnl)
            else:
                unrealized = self._scenario.timeline.pricing.worth(trade, fact.price)
                gate.position_marked(symbol, side, price=fact.price, unrealized=unrealized)

    def _flatten(self, order: FlattenOrder) -> None:
        """On the gates' own threads, one after the other as the order names their positions.

        By themselves they close in any order, as brokers fill, and what a day has lost when it is stopped
        among these closes depends on it: the simulator takes the order's own.
        """
        ordered = self._ordered_by(order)
        for leg in order.positions:
            before = ordered[: ordered.index(leg.symbol)] if leg.symbol in ordered else []
            until(partial(self._closed, before), f"those before {leg.symbol} to close")
            with self._lock:
                if leg.symbol not in self._held or leg.worker != worker_of(leg.symbol):
                    continue
                trade = self._scenario.timeline.trades[self._held[leg.symbol]]
                due = self._now >= trade.exit_ms
                found = None if due else self._scenario.timeline.pricing.forced_exit(trade, self._now)
                price, pnl = found or (trade.exit_price or Decimal(0), trade.pnl)
                self._close(leg.symbol, price, pnl)

    def _closed(self, symbols: Iterable[str]) -> bool:
        with self._lock:
            return self._held.keys().isdisjoint(symbols)

    def _ordered_by(self, order: FlattenOrder) -> list[str]:
        """The symbols of all positions that the decision behind `order` names."""
        written = self._bus.decisions_after(ORIGIN, count=100_000)
        decided = [decode_decided(entry.fields)[0] for entry in written if entry.id.event() == order.event]
        orders = [one for one in decided if isinstance(one, StopLossTriggered | FlattenOrdered)]
        return [leg.symbol for one in orders for leg in parse_legs(one.positions)]

    def _close(self, symbol: str, price: Decimal, pnl: Decimal) -> None:
        with self._lock:
            trade = self._scenario.timeline.trades[self._held.pop(symbol)]
            side, entry = trade.side or "long", trade.entry_price or Decimal(0)
            value = self._contracts[symbol].point_value
            commission = gross_pnl(side, entry, price, trade.size, value) - pnl
            self.closes.append((symbol, self._now, pnl))  # before it is told, for then time goes on
            self._gates[symbol].position_closed(
                symbol, side, trade.size, price=price, pnl=pnl, commission=commission
            )

    def _settle(self) -> None:
        """Until all is decided and nothing is left to flatten."""

        def at_rest() -> bool:
            status = self._bus.status()
            return status.get("last_event") == str(self._bus.last_event()) and not status["flattening"]

        until(at_rest, "the portfolio to come to rest")


def on_a_driven_clock(server: EmbeddedServer, portfolio: str) -> GateSettings:
    """Settings for gates whose days pass in seconds: every mark is published, and nobody is lost."""
    return GateSettings(
        url=server.url,
        portfolio=portfolio,
        answer_seconds=10.0,
        worker_lost_seconds=600.0,
        mark_seconds=0.0,
        mark_stale_seconds=31 * 86_400,
    )


@pytest.fixture(autouse=True)
def _listen_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that is closed waits for its listener's read: let that be short."""
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_simulator_and_real_processes_agree_trade_by_trade(
    case: Case,
    tmp_path: Path,
    server: EmbeddedServer,
    portfolio: str,
    bus: Bus,
    coordinators: Coordinators,
) -> None:
    configuration = configured(tmp_path, case)
    trades = random_trades(case.seed, SYMBOLS, each=16)
    pricing = bars_of(trades, case.seed) if case.with_bars else None
    scenario = in_session(scenario_of(trades, pricing=pricing, stop=case.stop, configuration=configuration))
    simulated = Simulation(scenario)
    bus.append(encode_checked(ClockTicked()), at_time(scenario.timeline.opening.ms))
    coordinators.start(config=configuration.source.folder, clock="driven")
    live = Portfolio(scenario, on_a_driven_clock(server, portfolio), bus, configuration)
    try:
        live.play(begins_of(scenario))
    finally:
        live.close()
    until(lambda: bus.status().get("last_event") == str(bus.last_event()), "the last decision")
    written = bus.decisions_after(ORIGIN, count=100_000)
    found = told([(entry.id.event(), decode_decided(entry.fields)[0]) for entry in written])
    expected = told(simulated.decided)
    assert found.odd == expected.odd == []
    assert found.answers == expected.answers
    assert found.stops == expected.stops
    assert found.reached == expected.reached
    assert found.days == expected.days
    assert sorted(live.closes) == sorted(simulated.closes)
    # It is no proof if nothing happened.
    assert len(expected.stops) >= case.stops
    assert {code for _, code, _ in expected.answers} >= case.codes
    assert {rule for _, rule, _ in expected.reached} >= case.reached
    closed_at = {f"{local_time(ms, CHICAGO):%H:%M}" for _, ms, _ in simulated.closes}
    assert {moment for moment in closed_at if not moment.endswith(":00")} == case.flat_at
    assert len(expected.days) > 5
