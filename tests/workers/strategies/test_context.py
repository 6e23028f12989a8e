"""Other markets as context: a bar is seen once it has ended, over the past as live; or a clear error."""

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from portfold.config import ConfigError, Configuration, ConfiguredFeed, load
from portfold.log import open_log
from portfold.research.backtest.outcome import BacktestPlan, past_of
from portfold.research.backtest.signals import signals_alone
from portfold.research.backtest.trading import trade_alone
from portfold.research.errors import ResearchError
from portfold.research.filter.examples import examples_of
from portfold.research.simulate.market import ResearchMarket
from portfold.research.trades.trading_days import DaySpan
from portfold.research.tune.plan import TunePlan
from portfold.research.tune.succession import Term, succession_of
from portfold.research.tune.tuning import tune
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.csv_folder import BarsError
from portfold.workers.run.process import WorkerPlan, run
from portfold.workers.strategies.context import OverThePast
from portfold.workers.strategies.guarded import StrategyFailed
from portfold.workers.strategies.opened import open_strategy
from tests.live import Live
from tests.processes import config_folder, coordinating
from tests.research.backtested import backtested
from tests.server import EmbeddedServer

STRATEGY = """
from typing import Annotated
from msgspec import Struct
from portfold.config.rules import Searched, Whole
from portfold.workers.strategies.intent import Enter, Exit

class Mine:
    context = ("TLT", "VIX")
    class Parameters(Struct, frozen=True):
        bars: Annotated[int, Whole(1, 50, "bars"), Searched(1, 3)] = 2

    def __init__(self, parameters, trading_day):
        self.parameters, self.made = parameters, {}

    def see(self, bar):
        self.made[bar.symbol] = bar.close - bar.open

    def decide(self, bar, held):
        calm = self.made.get("TLT", 0) > 0 and self.made.get("VIX", 0) < 0
        if held is None:
            return Enter("long", 1) if calm else None
        return Exit("no more") if held.bars >= self.parameters.bars and not calm else None
"""
BEGINS = datetime(2025, 1, 6, 15, tzinfo=UTC)
Written = Callable[..., Configuration]


def lines_of(seed: int, times: list[str]) -> list[str]:
    """Lines of bars, one at each of the times."""
    random, found = Random(seed), []
    for at in times:
        opens, closes = (Decimal(random.randint(20_000, 20_400)) / 4 for _ in range(2))
        found.append(f"{at},{opens},{max(opens, closes)},{min(opens, closes)},{closes}")
    return found


def write(folder: Path, name: str, header: str, lines: list[str]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.csv").write_text("\n".join([f"{header},open,high,low,close", *lines, ""]))


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """Hours of ES and VIX, which has gaps, and days of TLT."""
    hours = [BEGINS + timedelta(days=day, hours=hour) for day in range(21) for hour in range(7)]
    hours = [hour for hour in hours if hour.weekday() < 5]
    folder, named = tmp_path / "bars", [f"{hour:%Y-%m-%dT%H:%M}" for hour in hours]
    write(folder, "ES", "time", lines_of(1, named))
    write(folder, "VIX", "time", lines_of(2, [at for number, at in enumerate(named) if number % 3]))
    write(folder, "TLT", "date", lines_of(3, sorted({at[:10] for at in named})))
    return folder


@pytest.fixture
def written(tmp_path: Path) -> Written:
    def make(code: str = STRATEGY) -> Configuration:
        runtime = {"workers": {"ES": {"strategy": "mine.py:Mine"}}}
        limits = {"symbols": ["ES"], "daily_stop_loss": 1_000_000}
        folder = config_folder(tmp_path / "mine", limits=limits, runtime=runtime)
        (folder / "mine.py").write_text(code)
        return load(str(folder), {}, tmp_path)

    return make


def planned(configuration: Configuration, market: Path, folder: Path) -> BacktestPlan:
    return BacktestPlan(configuration, ResearchMarket(str(market)), DaySpan(), Decimal(150_000), folder)


def test_live_and_backtest_make_the_same_trades_by_the_same_context(
    written: Written, market: Path, server: EmbeddedServer, portfolio: str, live: Live, tmp_path: Path
) -> None:
    configuration = written()
    past = past_of(planned(configuration, market, tmp_path), "ES")
    opened = open_strategy(configuration, "ES")
    traded = trade_alone("ES", past.bars, configuration, opened=opened.over(past.context))
    assert len(traded.trades) > 8
    late = [Bar(*(bar.symbol, bar.time + timedelta(hours=2)), *prices(bar)) for bar in past.context]
    other = trade_alone("ES", past.bars, configuration, opened=opened.over(late))
    assert other.trades != traded.trades, "it does depend on when the context is known"

    feed = ConfiguredFeed("csv", {"folder": str(market), "pace_seconds": 0})
    plan = WorkerPlan("ES", feed, tmp_path / "book.sqlite")
    settings = GateSettings(url=server.url, portfolio=portfolio, answer_seconds=30, worker_lost_seconds=600)
    log, lines = open_log("Mine-ES")
    with coordinating(server.url, portfolio, config=configuration.source.folder):
        run(configuration, settings, plan, log=log, stop=threading.Event())
        live.all_decided()
    lines.close()
    entries = [Decimal(str(event["price"])) for event in live.said("PositionOpened")]
    exits = [
        (Decimal(str(event["price"])), Decimal(str(event["pnl"]))) for event in live.said("PositionClosed")
    ]
    last = [traded.opened.price] if traded.opened else []
    assert entries == [trade.entry_price for trade in traded.trades] + last
    assert exits == [(trade.exit_price, trade.pnl) for trade in traded.trades]


def prices(bar: Bar) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    return bar.open, bar.high, bar.low, bar.close


class Notes:
    """A strategy that notes what it is shown."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def see(self, bar: Bar) -> None:
        self.seen.append(f"{bar.symbol} {bar.close}")

    def decide(self, bar: Bar, _: object) -> None:
        self.seen.append(f"decides {bar.close}")


def test_a_bar_is_seen_before_the_one_that_ends_with_it_and_after_any_that_ended_a_moment_before() -> None:
    def bar(symbol: str, price: int, **later: int) -> Bar:
        return Bar(symbol, BEGINS + timedelta(**later), *[Decimal(price)] * 4)

    notes = Notes()
    context = [bar("TLT", 90), bar("VIX", 20), bar("TLT", 91, microseconds=1), bar("TLT", 92, hours=9)]
    over = OverThePast(notes, context)
    over.decide(bar("ES", 5000), None)
    over.decide(bar("ES", 5001, hours=1), None)
    assert notes.seen == ["TLT 90", "VIX 20", "decides 5000", "TLT 91", "decides 5001"]


def test_all_of_research_is_shown_the_same_context(written: Written, market: Path, tmp_path: Path) -> None:
    configuration = written()
    plan = planned(configuration, market, tmp_path)
    past = past_of(plan, "ES")
    opened = open_strategy(configuration, "ES").over(past.context)
    traded = trade_alone("ES", past.bars, configuration, opened=opened).trades
    made = {(trade.entry_ms, trade.exit_ms, trade.pnl) for trade in traded}
    signals = signals_alone("ES", past.bars, configuration, opened=opened).outcomes
    assert made <= {(one.entry_ms, one.exit_ms, one.pnl) for one in signals}, "each from a copy of then"
    examples = examples_of("ES", past.bars, configuration, opened=opened)
    ended = {(one.entered.ms, one.left.ms): one.pnl for one in examples.of}
    both = {(one.entry_ms, one.exit_ms): one.pnl for one in signals}
    assert len(ended) > 5
    assert ended == {ends: both[ends] for ends in ended}
    turns = [Term(past.bars[at].time, opened.parameters) for at in (0, 40)]
    by_turns = succession_of(opened, turns)
    assert trade_alone("ES", past.bars, configuration, opened=by_turns).trades == traded

    assert backtested(plan, "ES").best.trades == len(traded)
    tuned = tune(TunePlan(plan, date(2025, 1, 16), "month", 3, 1, 1), "ES")
    assert tuned.best.trades > 0


def test_nothing_is_traded_where_nobody_brings_the_context(
    written: Written, market: Path, tmp_path: Path
) -> None:
    configuration = written()
    with pytest.raises(ConfigError, match=r"workers.ES.strategy: expected the bars of TLT, VIX beside"):
        trade_alone("ES", [], configuration)
    (market / "TLT.csv").unlink()
    told = r"expected bars of TLT too, as the strategy of ES looks at it, got those of ES, VIX"
    with pytest.raises(BarsError, match=told):
        past_of(planned(configuration, market, tmp_path), "ES")
    for feed, error in (
        (ConfiguredFeed("csv", {"folder": str(market), "pace_seconds": 0}), told),
        (ConfiguredFeed("synthetic"), "expected bars of TLT, VIX too"),
    ):
        with pytest.raises(BarsError, match=error):
            begun(configuration, feed, tmp_path)
    (configuration.source.folder / "own.py").write_text(
        "class Feed:\n    def __init__(self, _): pass\n    def bars(self, symbol): return iter(())\n"
    )
    with pytest.raises(
        ConfigError, match=r"feed.kind: expected a feed with bars_with\(symbol, context\), as"
    ):
        begun(configuration, ConfiguredFeed("own.py:Feed"), tmp_path)
    write(market, "TLT", "date", lines_of(1, ["2030-01-02"]))
    with pytest.raises(ResearchError, match=r"ES: expected bars of TLT until 2025-01-24 too, .*got none"):
        past_of(planned(configuration, market, tmp_path), "ES")


def begun(configuration: Configuration, feed: ConfiguredFeed, folder: Path) -> None:
    """Begins a worker that ends before it asks a server anything."""
    settings = GateSettings(url="redis://127.0.0.1:1", portfolio="none")
    log, lines = open_log("Mine-ES")
    try:
        plan = WorkerPlan("ES", feed, folder / "book.sqlite")
        run(configuration, settings, plan, log=log, stop=threading.Event())
    finally:
        lines.close()


@pytest.mark.parametrize("declared", ["'TLT'", "('tlt',)", "('TLT', 'TLT')", "('ES',)", "(3,)", "7"])
def test_a_context_that_is_none_is_refused(declared: str, written: Written) -> None:
    code = STRATEGY.replace('("TLT", "VIX")', declared)
    with pytest.raises(ConfigError, match=r"workers.ES.strategy: expected context: up to 16 other markets"):
        open_strategy(written(code), "ES")


def test_what_is_shown_a_context_has_to_see_it(written: Written) -> None:
    def made(code: str) -> Any:
        return open_strategy(written(code), "ES").strategy()

    with pytest.raises(StrategyFailed, match=r"Mine has a context and no see\(bar\)"):
        made(STRATEGY.replace("def see", "def look"))
    failing = made(STRATEGY.replace("self.made[bar.symbol] = ", "1 / 0 #"))
    with pytest.raises(StrategyFailed, match=r"raised ZeroDivisionError.*at the bar of TLT that ends"):
        failing.see(Bar("TLT", BEGINS, *[Decimal(90)] * 4))
