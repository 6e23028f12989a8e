"""docs/strategies.md: every snippet on the page is taken from it and run."""

import io
import json
import re
import threading
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import backtrader as bt
import pytest

from portfold.config import load
from portfold.log import open_log
from portfold.workers.adapters.backtrader import Bars
from portfold.workers.brokers.protocol import BrokerSetup, sends_within
from portfold.workers.brokers.registry import is_paper, open_broker
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.synthetic import SyntheticMarket
from portfold.workers.protection import Protection
from portfold.workers.run.in_process import InProcessPortfolio
from portfold.workers.run.process import WorkerPlan, run
from portfold.workers.run.trader import Manner, Trader
from portfold.workers.strategies.opened import open_strategy
from tests.live import Live
from tests.processes import ROOT, config_folder, coordinating
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.adapters.bt_strategies import Dips

PAGE = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
MONDAY = datetime(2025, 1, 6, 15, tzinfo=UTC)


def block(kind: str, name: str) -> str:
    """The block on the page behind the comment `<!-- kind: name -->`."""
    found = re.findall(rf"<!-- {kind}: {re.escape(name)} -->\n```[a-z]*\n(.*?)```", PAGE, re.DOTALL)
    assert len(found) == 1, f"{kind} {name}"
    return str(found[0])


def run_snippet(name: str, **given: Any) -> dict[str, Any]:
    """Runs a snippet with the names that its reader has; returns what it leaves behind."""
    names = dict(given)
    exec(compile(block("snippet", name), f"strategies.md: {name}", "exec"), names)  # noqa: S102 - our own page
    return names


pytestmark = pytest.mark.usefixtures("listen_briefly")


@pytest.fixture
def config(tmp_path: Path, portfolio: str, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The configuration that applies to the reader: a portfolio of his own, on this server."""
    runtime = {"portfolio": portfolio, "redis_url": server.url, "slippage_ticks": 0, "answer_seconds": 10}
    folder = config_folder(tmp_path / "config", runtime=runtime)
    monkeypatch.setenv("PORTFOLD_CONFIG", str(folder))
    monkeypatch.delenv("PORTFOLD_URL", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return folder


@pytest.fixture
def coordinator(server: EmbeddedServer, portfolio: str, config: Path) -> Iterator[None]:
    with coordinating(server.url, portfolio, config=config):
        yield


def kinds_of(live: Live) -> list[str]:
    live.all_decided()
    return [entry.fields[1] for entry in live.events()]


@pytest.mark.usefixtures("coordinator")
def test_plain(live: Live) -> None:
    run_snippet(
        "plain",
        prices=lambda: [5000, 4990, 5010],
        wants_in=lambda price: price < 5000,
        wants_out=lambda price: price > 5000,
        buy=lambda: 4990,
        sell=lambda: 5010,
        profit=lambda: 995,
    )
    assert kinds_of(live)[-5:] == [
        "WorkerStarted",
        "EntryRequested",
        "PositionOpened",
        "PositionClosed",
        "WorkerStopped",
    ]
    assert live.status()["realized_pnl"] == "995.00"
    assert live.status()["limit_breaches"] == "0"


def test_the_ibs_worker_names_its_stop_and_the_budget_denies_the_second(tmp_path: Path) -> None:
    limits, runtime = (json.loads(block(kind, "stop")) for kind in ("limits", "entry"))
    configuration = load(str(config_folder(tmp_path / "c", limits=limits, runtime=runtime)), {}, tmp_path)
    portfolio, said = InProcessPortfolio.of(configuration), io.StringIO()
    log, lines = open_log("worker", target=said)
    for number, (symbol, close) in enumerate([("ES", 5000), ("CL", 70)]):
        worker, contract = f"ibs-{symbol}", configuration.contracts[symbol]
        ends = MONDAY + timedelta(minutes=number)
        portfolio.at(ends)
        broker = open_broker(BrokerSetup(configuration, worker, Path(":memory:"), log, {}))
        trader = Trader(
            contract=contract,
            strategy=open_strategy(configuration, symbol).strategy(),
            gate=portfolio.gate(worker, [symbol]).start(),
            broker=broker,
            log=log,
            manner=Manner(protection=Protection(configuration.runtime.stop_distance(symbol), contract, log)),
        )
        trader.on_bar(Bar(symbol, ends, *map(Decimal, (close, close + 1, close, close))))
        broker.close()
    lines.close()
    (denied,) = [line for line in map(json.loads, said.getvalue().splitlines()) if "denied" in line["event"]]
    assert block("output", "stop") == f"{denied['event']}\n"


def test_plain_told_to_flatten_ends_at_zero(
    live: Live, server: EmbeddedServer, portfolio: str, config: Path
) -> None:
    """Through the kill switch and the coordinator's own order, and another one."""
    contracts, sold = [0], threading.Event()

    def buy() -> int:
        contracts[0] += 1
        return 4990

    def sell() -> int:
        contracts[0] -= 1
        sold.set()
        return 5010

    def prices() -> Iterator[int]:
        yield 4990
        live.flatten()
        live.bus.pull_killswitch(["by", "ann", "event", str(live.events()[-1].id)])
        assert sold.wait(20)
        until(lambda: live.status()["flattening"] == "", "the last close")
        live.flatten()
        live.all_decided()

    soon = config_folder(
        config, runtime={"portfolio": portfolio, "redis_url": server.url, "flatten_seconds": 0.1}
    )
    with coordinating(server.url, portfolio, config=soon):
        run_snippet(
            "plain",
            prices=prices,
            wants_in=lambda price: price < 5000,
            wants_out=lambda price: price > 5000,
            buy=buy,
            sell=sell,
            profit=lambda: 995,
        )
    assert contracts == [0]
    assert len(live.said("PositionClosed")) == 1


@pytest.mark.usefixtures("config")
def test_backtrader_in_a_backtest(config: Path) -> None:
    market = SyntheticMarket(load(str(config), {}, config).contracts, days=3, seed=7)
    left = run_snippet("backtest", data=Bars(bars=market.bars("ES")), Dips=Dips)
    assert left["cerebro"].broker.getvalue() != 50_000


@pytest.mark.usefixtures("coordinator")
def test_backtrader_live(live: Live, config: Path) -> None:
    market = SyntheticMarket(load(str(config), {}, config).contracts, days=1, seed=7)
    run_snippet("live", data=Bars(bars=market.bars("ES"), live=True), Dips=Dips)
    live.all_decided()
    assert live.said("PositionOpened")
    assert live.status()["limit_breaches"] == "0"


class BuyOnTwoSellOnFour(bt.Strategy):  # type: ignore[misc]  # Backtrader has no types
    def next(self) -> None:
        if len(self.data) == 2:
            self.buy()
        elif len(self.data) == 4:
            self.close()


@pytest.mark.usefixtures("config")
def test_the_example_of_a_gap_comes_out_as_the_page_says() -> None:
    closes = [Decimal(price) for price in (5000, 5001, 5002, 5010, 5010)]
    opens = [Decimal(5000), Decimal(5000), Decimal("5001.75"), Decimal(5002), Decimal(5010)]
    bars = [
        Bar(
            "ES",
            MONDAY + number * timedelta(hours=1),
            opened,
            max(opened, closed),
            min(opened, closed),
            closed,
        )
        for number, (opened, closed) in enumerate(zip(opens, closes, strict=True))
    ]
    said = io.StringIO()
    with redirect_stdout(said):
        run_snippet("gap", bars=bars, BuyOnTwoSellOnFour=BuyOnTwoSellOnFour)
    assert said.getvalue() == block("output", "gap")


@pytest.mark.usefixtures("coordinator")
def test_the_drop_in(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTFOLD_WORKER", "old")
    said = io.StringIO()
    with redirect_stdout(said):
        left = run_snippet("drop-in", on_emergency_exit=print, buy=lambda: 5000.25, profit=lambda: -62.5)
    left["coordinator"].close()
    assert said.getvalue() == "-62.5 False\n"
    assert "PositionOpened" in kinds_of(live)
    assert live.status()["limit_breaches"] == "0"


def test_each_way_is_short() -> None:
    for name, most in (("plain", 18), ("backtest", 11), ("live", 11), ("drop-in", 11)):
        lines = [line for line in block("snippet", name).splitlines() if line]
        assert len(lines) <= most, name


def test_the_entry_for_a_paper_market_opens_a_broker_that_can_be_late(config: Path, tmp_path: Path) -> None:
    found = load(str(config_folder(config, runtime=json.loads(block("entry", "paper")))), {}, config)
    log, lines = open_log("worker", target=io.StringIO())
    broker = open_broker(BrokerSetup(found, "ibs-ES", tmp_path / "book.sqlite", log, {}))
    assert sends_within(broker) == 1.2
    broker.close()
    lines.close()


def test_the_entry_for_traderspost_is_read_and_is_not_paper(config: Path) -> None:
    found = load(str(config_folder(config, runtime=json.loads(block("entry", "traderspost")))), {}, config)
    assert found.runtime.broker.options == {"webhook_url_env": "TRADERSPOST_URL"}
    assert not is_paper(found)


@pytest.mark.usefixtures("coordinator")
def test_a_broker_and_a_feed_of_ones_own(live: Live, config: Path, tmp_path: Path) -> None:
    """The worker as it is, with both files and the entries of the page beside its configuration."""
    for name in ("my_broker.py", "my_feed.py"):
        (config / name).write_text(block("file", name))
    entries = json.loads(block("entry", "own").replace("/var/lib/bars", str(tmp_path)))
    configuration = load(str(config_folder(config, runtime=entries)), {}, tmp_path)
    bars = tmp_path / "ES.txt"
    now = datetime.now(UTC)
    bars.write_text(f"{now.isoformat()},5000,5001,4999,4999.25\n")
    log, lines = open_log("worker", target=io.StringIO())
    plan = WorkerPlan("ES", configuration.runtime.feed, tmp_path / "book.sqlite")
    settings, stop = GateSettings.of(configuration), threading.Event()
    thread = threading.Thread(
        target=run, args=(configuration, settings, plan), kwargs={"log": log, "stop": stop}
    )
    thread.start()
    until(lambda: live.status().get("open_positions") == "ES", "ES to be opened")
    with bars.open("a") as file:
        file.write(f"{(now + timedelta(minutes=1)).isoformat()},4999.25,5010,4999,5009.75\nend\n")
    thread.join(20)
    assert not thread.is_alive()
    lines.close()
    live.all_decided()
    assert live.status()["open_positions"] == ""
    orders = (tmp_path / "orders.txt").read_text()
    assert orders == "ENTER long 1 ES at 4999.25\nEXIT long 1 ES at 5009.75\n"
