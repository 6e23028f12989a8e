"""A backtest and the worker agree, trade by trade.

The same bars go through a worker as a process of its own, behind its gate, on a real server with a
coordinator; only the clock is driven. The trades on the log are those of the backtest: moments, sides,
prices, dollars.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from portfold.config import load
from portfold.events.codec import decode_event
from portfold.events.incoming import EntryRequested, PositionClosed, PositionOpened, StopMoved
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus
from portfold.research.backtest.trading import trade_alone
from portfold.research.trades.trade_file import Trade
from portfold.workers.feeds.synthetic import SyntheticMarket
from portfold.workers.filters.opened import open_filter
from portfold.workers.run.conductor import Conductor
from tests.cli.command_line import started
from tests.cli.filtered import NAMED, train_es
from tests.processes import config_folder, coordinating
from tests.server import EmbeddedServer

WORKER = "ibs-ES"
WITHOUT_LIMITS = {"max_positions": 50, "daily_stop_loss": 900_000_000, "symbols": ["ES"]}


def traded(bus: Bus) -> list[Trade]:
    """The trades of the worker that are on the log, each with the stop that is told of it last."""
    trades: list[Trade] = []
    opened: tuple[int, PositionOpened] | None = None
    stop: Decimal | None = None
    for entry in bus.events_after(ORIGIN, count=100_000):
        match decode_event(entry.fields):
            case EntryRequested(stop_price=planned):
                stop = Decimal(planned) if planned else None
            case StopMoved(stop_price=moved):
                stop = moved
            case PositionOpened() as begun:
                assert opened is None
                opened = entry.id.ms, begun
            case PositionClosed() as ended:
                assert opened is not None
                ms, begun = opened
                prices = (begun.price, ended.price)
                trades.append(
                    Trade(
                        *("ES", ms, entry.id.ms, ended.pnl, begun.size, begun.side, *prices), stop_price=stop
                    )
                )
                opened = None
    return trades


@pytest.mark.parametrize(
    ("fill_at", "days", "resting"),
    [("mark", 5, None), ("next_bar", 3, {"atr": 1.5, "atr_bars": 5})],
    ids=["with a filter", "with a resting stop"],
)
def test_a_backtest_makes_the_trades_of_the_worker(
    fill_at: str,
    days: int,
    resting: Mapping[str, object] | None,
    server: EmbeddedServer,
    portfolio: str,
    bus: Bus,
    tmp_path: Path,
) -> None:
    filtered = resting is None
    parameters = {"sides": "both", "stop_atr": 2, "take_profit_atr": 3, "cooldown_bars": 1, "size": 2}
    runtime = {
        "portfolio": portfolio,
        "redis_url": server.url,
        "broker": {"kind": "paper", "options": {"fill_at": fill_at}},
        "slippage_ticks": 2,
        "max_contracts": 100,
        "answer_seconds": 10,
        "worker_lost_seconds": 60,
        "workers": {"ES": parameters},
        **({"protective_stop": resting} if resting else {}),
    }
    folder = config_folder(tmp_path / "config", limits=WITHOUT_LIMITS, runtime=runtime)
    if filtered:
        train_es(load(str(folder), {}, tmp_path), folder)
        config_folder(
            folder, runtime={"workers": {"ES": parameters | NAMED["ES"] | {"min_probability": 0.38}}}
        )
    configuration = load(str(folder), {}, tmp_path)
    bars = list(SyntheticMarket(configuration.contracts, days=days, seed=5).bars("ES"))

    conductor = Conductor(bus, [WORKER], check=lambda: None)
    conductor.open(bars[0].time.replace(minute=30) - (bars[1].time - bars[0].time))
    words = ("worker", "ES", "--bars", "driven", "--config", str(folder), "--book", str(tmp_path / "book"))
    with (
        coordinating(server.url, portfolio, config=folder, clock="driven"),
        started(*words, cwd=tmp_path) as worker,
    ):
        conductor.wait_for_limits()
        for bar in bars:
            conductor.play(bar.time, {"ES": bar})
        conductor.end()
        assert worker.ends() == 0, worker.said.read_text()

    found = trade_alone("ES", bars, configuration, open_filter(configuration, "ES"))
    assert found.trades == traded(bus)
    # It is no proof if nothing happened.
    assert len(found.trades) > 5
    assert {trade.side for trade in found.trades} == {"long", "short"}
    assert {trade.stop_price is not None for trade in found.trades} == {resting is not None}
    assert (len(found.signals), bool(found.refused)) == (len(found.trades) if filtered else 0, filtered)
