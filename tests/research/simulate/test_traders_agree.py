"""Ten traders behind one coordinator and the simulator of their signals agree, trade by trade.

The traders are those of the workers: strategy, paper broker, gate; the coordinator is a process of its own on
a real server, and only the clock is driven. Whoever is denied asks again at the next bar while its signal
lasts, and whoever was stopped signals anew: none of that is in a file of trades.
"""

import io
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from portfold.config import Configuration, load
from portfold.events.codec import decode_decided, decode_event, encode_checked
from portfold.events.decisions import LimitReached
from portfold.events.incoming import ClockTicked, PositionClosed, PositionOpened
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus, at_time
from portfold.exchange_time import milliseconds_of
from portfold.log import Log, open_log
from portfold.research.backtest.signals import signals_alone
from portfold.research.backtest.trading import IN_MEMORY, trade_alone
from portfold.research.simulate.prices import Closes, Pricing
from portfold.research.simulate.scenario import Scenario
from portfold.research.simulate.simulator import Simulated
from portfold.research.simulate.trade_events import worker_of
from portfold.workers.brokers.protocol import BrokerSetup, OpenedBroker
from portfold.workers.brokers.registry import open_broker
from portfold.workers.client.context import GateEnvironment
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.synthetic import SYMBOLS, SyntheticMarket
from portfold.workers.protection import Protection, pass_through
from portfold.workers.run.trader import Manner, Trader
from portfold.workers.strategies.opened import open_strategy
from tests.processes import Coordinators, config_folder
from tests.research.made import scenario_of
from tests.research.simulate.test_agreement import Simulation, on_a_driven_clock, told
from tests.server import EmbeddedServer
from tests.waiting import until

DAYS, SEED, STOP, TARGET = 2, 4, 900, "profit_target"
Made = tuple[str, int, int, Decimal]


class Desk:
    """Ten traders on one clock, driven from moment to moment in the order that the simulator supposes."""

    def __init__(self, bus: Bus, configuration: Configuration, settings: GateSettings) -> None:
        self._bus = bus
        self._configuration = configuration
        self._settings = settings
        self._now_ms = 0
        self._last: dict[str, Bar] = {}
        self._seen = bus.last_event()
        self._open = ExitStack()
        self._brokers: dict[str, OpenedBroker] = {}
        self._gates: dict[str, PortfolioGate] = {}
        self._traders: dict[str, Trader] = {}

    def __enter__(self) -> "Desk":
        log, lines = open_log("workers", target=io.StringIO())
        self._open.enter_context(closing(lines))
        for symbol in SYMBOLS:
            worker = worker_of(symbol)
            setup = BrokerSetup(self._configuration, worker, IN_MEMORY, log, {})
            broker = self._brokers[symbol] = self._open.enter_context(closing(open_broker(setup)))
            environment = GateEnvironment(stamp=lambda: at_time(self._now_ms))
            gate = self._gates[symbol] = PortfolioGate(
                worker, symbols=[symbol], settings=self._settings, log=log, environment=environment
            )
            self._open.callback(gate.close)
            self._traders[symbol] = Trader(
                contract=self._configuration.contracts[symbol],
                strategy=open_strategy(self._configuration, symbol).strategy(),
                gate=gate,
                broker=broker,
                log=log,
                manner=Manner(protection=self._protection(symbol, log)),
            )
            gate.start()
        return self

    def _protection(self, symbol: str, log: Log) -> Protection:
        wanted = self._configuration.runtime.stop_distance(symbol)
        return Protection(wanted, self._configuration.contracts[symbol], log)

    def __exit__(self, *_of_an_error: object) -> None:
        self._open.close()

    def begin(self, moment: datetime) -> None:
        self._now_ms = milliseconds_of(moment)
        self._settle()

    def play(self, moment: datetime, bars: Mapping[str, Bar]) -> None:
        """Plays a moment: whoever holds something first, what adds to the day before what takes from it, all
        before a stop closes anything; then the others, in the order of their lots.
        """
        self._now_ms = milliseconds_of(moment)
        for symbol, bar in bars.items():  # whoever is stopped by another's bar is closed at prices of now
            if self._configuration.runtime.stop_distance(symbol) is None:
                self._brokers[symbol].mark(symbol, bar.close)
            else:  # what its stop closes on the bar's way is closed before anybody asks
                pass_through(self._brokers[symbol], bar)
                self._settle()
        held = {symbol: self._adds(symbol, bars[symbol]) for symbol in bars if self._positions(symbol)}
        asking = sorted(bars.keys() - held.keys(), key=lambda symbol: _lot(self._now_ms, symbol))
        with ExitStack() as no_flatten_yet:
            for gate in self._gates.values():
                no_flatten_yet.enter_context(gate.orders)
            for symbol in sorted(held, key=lambda symbol: -held[symbol]):
                self._traders[symbol].on_bar(bars[symbol])
                self._settle(flat=False)
        self._settle()
        for symbol in asking:
            self._traders[symbol].on_bar(bars[symbol])
            self._settle()
        self._last = dict(bars)

    def _positions(self, symbol: str) -> bool:
        return bool(self._brokers[symbol].positions(worker_of(symbol)))

    def _adds(self, symbol: str, bar: Bar) -> Decimal:
        (held,) = self._brokers[symbol].positions(worker_of(symbol))
        moved = (bar.close - self._last[symbol].close) * held.size
        return self._configuration.contracts[symbol].point_value * (moved if held.side == "long" else -moved)

    def _settle(self, *, flat: bool = True) -> None:
        """Until all is decided, and nothing is left to flatten."""

        def at_rest() -> bool:
            status = self._bus.status()
            decided = status.get("last_event") == str(self._bus.last_event())
            return decided and not (flat and status["flattening"])

        if self._bus.last_event() != self._seen:
            until(at_rest, "the portfolio to come to rest")
            self._seen = self._bus.last_event() if flat else self._seen


def _lot(ms: int, symbol: str) -> bytes:
    return blake2b(f"1 {ms} {symbol}".encode(), digest_size=8).digest()


def made_on(bus: Bus) -> Iterator[Made]:
    """Yields the trades on the log: symbol, begin, end, dollars."""
    opened: dict[str, int] = {}
    for entry in bus.events_after(ORIGIN, count=100_000):
        match decode_event(entry.fields):
            case PositionOpened(symbol=symbol):
                opened[symbol] = entry.id.ms
            case PositionClosed(symbol=symbol, pnl=pnl):
                yield symbol, opened.pop(symbol), entry.id.ms, pnl


def made_in(scenario: Scenario, simulated: Simulated) -> list[Made]:
    """Returns the trades of a simulation, sorted."""
    trades = scenario.timeline.trades
    each = ((trades[one.trade], one) for one in simulated.taken)
    return sorted((trade.symbol, trade.entry_ms, one.closed_ms, one.pnl) for trade, one in each)


def scenario_for(market: Mapping[str, list[Bar]], configuration: Configuration) -> Scenario:
    """The scenario of the symbols' signals, with their bars."""
    trades = [
        trade
        for symbol, bars in market.items()
        for trade in signals_alone(symbol, bars, configuration).outcomes
    ]
    closes = {
        symbol: Closes([milliseconds_of(bar.time) for bar in bars], [bar.close for bar in bars])
        for symbol, bars in market.items()
    }
    pricing = Pricing(configuration.contracts, closes)
    return scenario_of(trades, pricing=pricing, stop=STOP, configuration=configuration)


WORKERS, BUDGET = "workers", "loss_budget"
ALL_THAT_SHIP = {
    "default": {},
    **{
        symbol: {"strategy": "bollinger", "params": {"bars": 5, "deviations": 1.2}} for symbol in ("6A", "6B")
    },
    **{
        symbol: {"strategy": "opening_range", "params": {"opens_at": "08:00", "range_minutes": 60}}
        for symbol in ("6C", "6N", "ES")
    },
    **{
        symbol: {
            "strategy": "atr_dip",
            "params": {"trend_bars": 10, "atr_bars": 5, "dip_atr": 0.5, "cooldown_bars": 2},
        }
        for symbol in ("6S", "CL", "RTY")
    },
}


@pytest.mark.parametrize(
    "constraints",
    [
        *({"max_positions": count} for count in (1, 2, 4, 10)),
        {"max_positions": 10, "marks_together_seconds": 60},
        {"max_positions": 1, TARGET: 20},
        {"max_positions": 3, WORKERS: ALL_THAT_SHIP, BUDGET: "deny"},
    ],
)
def test_traders_behind_one_coordinator_make_the_trades_that_are_simulated(
    constraints: Mapping[str, Any],
    server: EmbeddedServer,
    portfolio: str,
    bus: Bus,
    coordinators: Coordinators,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
    own = {name: value for name, value in constraints.items() if name != WORKERS}
    limits = {"daily_stop_loss": STOP, "symbols": list(SYMBOLS), **own}
    workers = constraints.get(WORKERS, {})
    runtime = {"mark_stale_seconds": 31 * 86_400, "slippage_ticks": 1, WORKERS: workers}
    if BUDGET in constraints:
        runtime["protective_stop"] = {"dollars": 420}
    configuration = load(
        str(config_folder(tmp_path / "config", limits=limits, runtime=runtime)), {}, tmp_path
    )
    feed = SyntheticMarket(configuration.contracts, days=DAYS, seed=SEED)
    market = {symbol: list(feed.bars(symbol)) for symbol in SYMBOLS}
    scenario = scenario_for(market, configuration)
    simulated = Simulation(scenario, constraints["max_positions"])
    moments = sorted({bar.time for bars in market.values() for bar in bars})
    bus.append(encode_checked(ClockTicked()), at_time(milliseconds_of(moments[0]) - 3_600_000))
    coordinators.start(config=configuration.source.folder, clock="driven")
    by_time = {symbol: {bar.time: bar for bar in bars} for symbol, bars in market.items()}
    with Desk(bus, configuration, on_a_driven_clock(server, portfolio)) as desk:
        for moment in moments:
            desk.play(moment, {symbol: bars[moment] for symbol, bars in by_time.items() if moment in bars})
    until(lambda: bus.status().get("last_event") == str(bus.last_event()), "the last decision")
    written = bus.decisions_after(ORIGIN, count=100_000)
    found = told([(entry.id.event(), decode_decided(entry.fields)[0]) for entry in written])
    expected = told(simulated.decided)
    assert sorted(made_on(bus)) == made_in(scenario, simulated.simulated)
    assert found.answers == expected.answers
    assert found.stops == expected.stops
    assert found.odd == expected.odd == []
    assert (BUDGET in {code for _, code, _ in expected.answers}) == (BUDGET in constraints)
    # It is no proof if nothing happened.
    alone = {
        (symbol, one.entry_ms)
        for symbol, bars in market.items()
        for one in trade_alone(symbol, bars, configuration).trades
    }
    begun = {made[:2] for made in made_on(bus)}
    assert begun - alone
    if TARGET not in constraints:
        assert bool(expected.stops) == (BUDGET not in constraints)  # which keeps every stop away from it
        return
    # It is reached by the mark at the close at which its position leaves: after costs it is not.
    reached = [at.ms for at, one in simulated.decided if isinstance(one, LimitReached)]
    left_then = [dollars for _, _, ends, dollars in made_on(bus) if ends == reached[0]]
    before = sum(dollars for _, _, ends, dollars in made_on(bus) if ends < reached[0])
    assert before + sum(left_then) < constraints[TARGET]
