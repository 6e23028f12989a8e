"""Every signal of a symbol with its own outcome: traded alone they come to the trades, and what was denied
asks again.
"""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from portfold.config import Configuration, load
from portfold.research.backtest.signals import signals_alone
from portfold.research.backtest.trading import trade_alone
from portfold.research.simulate.simulator import simulate
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.synthetic import SyntheticMarket
from tests.processes import config_folder
from tests.research.made import scenario_of

WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "cooldown": {"cooldown_bars": 3, "sides": "both"},
    "measured stops": {"stop_atr": 1, "take_profit_atr": 1.5, "cooldown_bars": 1, "sides": "both"},
    "a day's end": {"exit_at": "15:00", "entry_hours": "08:00-14:00"},
    "short holds": {"max_bars": 1, "entry_below": 0.5, "size": 2},
}


def configured(tmp_path: Path, parameters: dict[str, Any], fill_at: str, **runtime: Any) -> Configuration:
    """A configuration in which ES is traded by these parameters, and costs something."""
    options = {
        "broker": {"kind": "paper", "options": {"fill_at": fill_at}},
        "slippage_ticks": 2,
        "max_contracts": 9,
    }
    workers = {"workers": {"ES": parameters}}
    folder = config_folder(tmp_path / "config", runtime={**options, **workers, **runtime})
    return load(str(folder), {}, tmp_path)


def bars_of(configuration: Configuration, days: int = 7) -> list[Bar]:
    return list(SyntheticMarket(configuration.contracts, days=days, seed=3).bars("ES"))


@pytest.mark.parametrize("resting", [{}, {"protective_stop": {"ticks": 12}}], ids=["", "resting stop"])
@pytest.mark.parametrize("fill_at", ["mark", "next_bar"])
@pytest.mark.parametrize("way", WAYS)
def test_alone_the_signals_come_to_the_very_trades(
    way: str, fill_at: str, resting: dict[str, Any], tmp_path: Path
) -> None:
    configuration = configured(tmp_path, WAYS[way], fill_at, **resting)
    bars = bars_of(configuration)
    signals = signals_alone("ES", bars, configuration, begins=20).outcomes
    traded = trade_alone("ES", bars, configuration, begins=20)
    scenario = scenario_of(signals, stop=999_999_999, configuration=configuration)
    found = simulate(scenario.timeline, scenario.limits_of(["ES"], 1))
    made = [scenario.timeline.trades[one.trade] for one in found.taken]
    assert [structs.replace(one, asked=None) for one in made] == traded.trades
    assert found.open_at_end == (traded.opened is not None)
    assert len(signals) >= len(made) > 5
