"""Plays a real year twice: by the simulator and by live processes; exit code 1 where they do not agree.

`python -m tests.real_year FOLDER` takes a folder of bars, daily or hourly, as `portfold research` does. Each
symbol is backtested alone, its trades go through the simulator with a trailing floor in force, and the same
trades are traded by a process a symbol on a real server, with a coordinator.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from benchmarks.measuring.stage import Stage
from benchmarks.measuring.stage import played as on_a_stage
from portfold.research.simulate.market import ResearchMarket
from portfold.research.trades.trading_days import DaySpan
from tests.real_year.live import dollars, played
from tests.real_year.told import Told, differences
from tests.real_year.year import Year, backtested, configured, simulated


def main() -> int:
    """Plays it for each trailing drawdown, prints what came of it."""
    chosen = _options().parse_args()
    wrong: list[str] = []
    code = on_a_stage(lambda stage: wrong.extend(_all(stage, chosen)))
    return code or int(bool(wrong))


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m tests.real_year", description=__doc__)
    options.add_argument("folder", type=Path, help="of <SYMBOL>.csv")
    options.add_argument("--symbols", default="", help="as ES,CL; all that have a file where not given")
    options.add_argument("--from", dest="first", type=date.fromisoformat, default=date(2020, 1, 1))
    options.add_argument("--to", dest="last", type=date.fromisoformat, default=date(2020, 12, 31))
    options.add_argument("--positions", type=int, default=4)
    options.add_argument("--daily-stop-loss", type=float, default=4000)
    options.add_argument("--start-balance", type=float, default=150_000)
    options.add_argument(
        "--trailing-drawdown", type=float, nargs="+", default=[10_000.0], help="one year for each"
    )
    options.add_argument("--trailing-at", default="", help="once a day at that time in Chicago, as 15:10")
    options.add_argument("--locks-at", type=float, default=0.0)
    options.add_argument("--zone", default="UTC", help="the clock of hourly bars (UTC)")
    return options


def _all(stage: Stage, chosen: argparse.Namespace) -> Iterator[str]:
    for number, amount in enumerate(chosen.trailing_drawdown):
        folder = stage.folder / f"year-{number}"
        folder.mkdir()
        year = _year(folder, chosen, amount)
        begun = time.monotonic()
        expected = simulated(year)
        between = time.monotonic()
        found = played(year, stage, f"year-{number}")
        seconds = between - begun, time.monotonic() - between
        wrong = differences(expected, found)
        _print(year, amount, expected, found, seconds)
        print("\n".join(wrong or ["They agree on every denial, breach and dollar."]), flush=True)
        yield from wrong


def _year(folder: Path, chosen: argparse.Namespace, amount: float) -> Year:
    named = tuple(chosen.symbols.split(",")) if chosen.symbols else _symbols_in(chosen.folder)
    constraints: dict[str, object] = {
        "max_positions": chosen.positions,
        "daily_stop_loss": chosen.daily_stop_loss,
        "start_balance": chosen.start_balance,
        "trailing_drawdown": amount,
        "trailing_locks_at": chosen.locks_at,
    }
    if chosen.trailing_at:
        constraints |= {"trailing_at": chosen.trailing_at, "trailing_zone": "America/Chicago"}
    configuration = configured(folder / "config", named, constraints, {"default": chosen.zone})
    market = ResearchMarket(str(chosen.folder.absolute()))
    return backtested(configuration, market, DaySpan(chosen.first, chosen.last), folder / "results")


def _symbols_in(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(file.stem.upper() for file in folder.glob("*.csv")))


def _print(year: Year, amount: float, expected: Told, found: Told, seconds: tuple[float, float]) -> None:
    trades, symbols = len(year.scenario.timeline.trades), ", ".join(year.symbols)
    print(f"\n{trades} trades of {symbols}; trailing floor ${amount:,.0f} below the peak")
    print(f"simulated in {seconds[0]:.1f} s, by {len(year.symbols) + 1} live processes in {seconds[1]:.0f} s")
    rows = [
        ("entries asked for", *(f"{len(one.answers):,}" for one in (expected, found))),
        ("denied", *(f"{one.denied:,}" for one in (expected, found))),
        ("limits reached", *(f"{len(one.limits):,}" for one in (expected, found))),
        ("daily stops", *(f"{len(one.stops):,}" for one in (expected, found))),
        ("positions closed", *(f"{len(one.closes):,}" for one in (expected, found))),
        ("trading days", *(f"{len(one.days):,}" for one in (expected, found))),
        ("net", *(dollars(one.money.net) for one in (expected, found))),
        ("peak", *(dollars(one.money.peak) for one in (expected, found))),
        ("floor", *(dollars(one.money.floor) for one in (expected, found))),
    ]
    for name, here, there in rows:
        print(f"{name:<20}{here:>16}{there:>16}")
    for _, one in expected.limits:
        print(f"  {one.reason}")


if __name__ == "__main__":
    sys.exit(main())
