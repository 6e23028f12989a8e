"""Trades made for a test: by hand, or at random from a seed, and results folders as users have them."""

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from portfold.config import Configuration, TradingDayRoll, load
from portfold.config.locate import PACKAGED
from portfold.dollars import gross_pnl
from portfold.events.fields import Side
from portfold.research.simulate.prices import Closes, Pricing, without_bars
from portfold.research.simulate.scenario import Scenario, TradingAccount, build_scenario
from portfold.research.trades.trade_file import Trade
from portfold.research.trades.trading_days import DaySpan, trades_within
from portfold.workers.strategies.intent import Strategy
from portfold.workers.strategies.opened import NoParameters, OpenedStrategy
from tests.costs import costing

CHICAGO = ZoneInfo("America/Chicago")
HOUR_MS = 3_600_000
MONDAY_MS = int(datetime(2025, 1, 6, 10, tzinfo=CHICAGO).timestamp()) * 1000
"""10:00 in Chicago on an ordinary day."""
HEADER = (
    "Date/Time",
    "Exit Date/Time",
    "Entry_Price",
    "Exit_Price",
    "Model_PnL_USD",
    "Model_Selected",
    "Model_Probability",
)
_COMMISSION = Decimal(5)
_ACCOUNT = {"cash": 150_000, "breach": 6000}
_SIDES: tuple[Side, Side] = ("long", "short")


@cache
def packaged() -> Configuration:
    """The packaged configuration."""
    return load(str(PACKAGED), {}, Path("/"))


def opened_as(make: Callable[[], Strategy]) -> OpenedStrategy:
    """What a worker trades by that no configuration names."""
    place = (Path("runtime.json"), "workers.ES")
    return OpenedStrategy("made", NoParameters(), lambda *_: make(), TradingDayRoll(), own=False, place=place)


def hour(hours: float) -> int:
    """The moment so many hours after MONDAY_MS."""
    return MONDAY_MS + int(hours * HOUR_MS)


def trade(symbol: str, entry: float, exit_: float, pnl: object, **more: Any) -> Trade:
    """A trade between two moments, in hours after 10:00 on Monday."""
    return Trade(symbol, hour(entry), hour(exit_), Decimal(str(pnl)), **more)


def scenario_of(
    trades: Sequence[Trade],
    *,
    pricing: Pricing | None = None,
    stop: object = 2500,
    seed: int = 1,
    drawings: int = 1,
    configuration: Configuration | None = None,
    **account: object,
) -> Scenario:
    """The scenario of these trades, without bars unless there is a pricing; `account`: cash and breach."""
    read = configuration or packaged()
    chosen = trades_within(trades, DaySpan(), zone="America/Chicago", roll="17:00")
    return build_scenario(
        read,
        chosen,
        pricing=pricing or without_bars(read),
        account=TradingAccount(*(Decimal(str(account.get(name, usual))) for name, usual in _ACCOUNT.items())),
        daily_stop_loss=Decimal(str(stop)),
        seed=seed,
        drawings=drawings,
    )


def priced(closes: dict[str, dict[float, str]], *, slippage_ticks: int = 0) -> Pricing:
    """A pricing with these closes: by symbol, at so many hours after 10:00 on Monday. A side costs $2.50."""
    each = {
        symbol: Closes([hour(at) for at in sorted(known)], [Decimal(known[at]) for at in sorted(known)])
        for symbol, known in closes.items()
    }
    contracts = costing(
        packaged().contracts, commission_per_side=str(_COMMISSION / 2), slippage_ticks=slippage_ticks
    )
    return Pricing(contracts, each)


def random_trades(
    seed: int, symbols: Iterable[str] = ("ES", "CL", "6E", "GC", "RTY", "SI"), *, each: int = 30
) -> list[Trade]:
    """Trades that follow from their prices, on whole hours, so that many fall on the same moment."""
    random, contracts = Random(seed), packaged().contracts
    made: list[Trade] = []
    for symbol in symbols:
        contract, at = contracts[symbol], MONDAY_MS // HOUR_MS * HOUR_MS
        for _ in range(each):
            at += random.randint(0, 12) * HOUR_MS
            exit_ms = at + random.randint(0, 8) * HOUR_MS
            side: Side = random.choice(_SIDES)
            entry = 4000 * contract.tick_size
            exit_ = entry + int(random.gauss(0, 900) / float(contract.tick_value)) * contract.tick_size
            pnl = gross_pnl(side, entry, exit_, 1, contract.point_value) - _COMMISSION
            made.append(Trade(symbol, at, exit_ms, pnl, 1, side, entry, exit_))
            at = exit_ms
    return made


def write_results(folder: Path, trades: Iterable[Trade]) -> Path:
    """The trades as a folder of results, in Chicago's time, as it is shown there."""
    by_symbol: dict[str, list[Trade]] = {}
    for one in trades:
        by_symbol.setdefault(one.symbol, []).append(one)
    for symbol, own in by_symbol.items():
        rows = [
            [_shown(one.entry_ms), _shown(one.exit_ms), one.entry_price, one.exit_price, one.pnl, 1, 0.5]
            for one in own
        ]
        write_rows(folder, symbol, HEADER, rows)
        best = folder / f"{symbol}_optimization" / "best.json"
        best.write_text(json.dumps({"Sharpe_OOS_CPCV": 1.5, "Profit_Factor": 1.2}))
    return folder


def write_rows(folder: Path, symbol: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    """A file of trades with just these rows."""
    file = folder / f"{symbol}_optimization" / f"{symbol}_rf_best_trades.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(header)
        writer.writerows(["" if cell is None else cell for cell in row] for row in rows)
    return file


def _shown(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, CHICAGO):%Y-%m-%d %H:%M:%S}"
