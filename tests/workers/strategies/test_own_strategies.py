"""A strategy in a file of the user's own: what it may be, and how each fault is told, in one sentence."""

import copy
import grp
import json
import os
import pwd
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from portfold.config import ConfigError, Configuration, load
from portfold.research.backtest.trading import trade_alone
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.synthetic import SyntheticMarket
from portfold.workers.named import who_else
from portfold.workers.strategies.guarded import StrategyFailed
from portfold.workers.strategies.intent import Enter, OwnPosition, tell_if_gone
from portfold.workers.strategies.opened import open_strategy, own_code
from tests.processes import config_folder

HEAD = """
from decimal import Decimal
from typing import Annotated, Literal
from msgspec import Struct
from portfold.config.rules import Whole
from portfold.workers.strategies.intent import Enter, Exit
"""
IBS_AGAIN = """
class Mine:
    class Parameters(Struct, frozen=True):
        below: Decimal = Decimal("0.2")
        bars: Annotated[int, Whole(1, 50, "bars")] = 8
        side: Literal["long", "short"] = "long"
        size: int = 1

    def __init__(self, parameters, trading_day):
        self.parameters = parameters

    def decide(self, bar, held):
        strength = (bar.close - bar.low) / (bar.high - bar.low) if bar.high > bar.low else Decimal("0.5")
        if held is None:
            return Enter("long", self.parameters.size) if strength < self.parameters.below else None
        if held.bars >= 1 and strength > 1 - self.parameters.below:
            return Exit("ibs")
        return Exit("max_bars") if held.bars >= self.parameters.bars else None
"""
SHORTEST = """
class Mine:
    {attributes}
    def __init__(self, parameters, trading_day): {begins}
    def decide(self, bar, held): {decides}
"""
Written = Callable[..., Configuration]


def shortest(decides: str = "return None", *, begins: str = "pass", attributes: str = "") -> str:
    return SHORTEST.format(decides=decides, begins=begins, attributes=attributes)


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Writes a strategy beside runtime.json, where ES is traded by it; loads that."""

    def write(code: str, **params: object) -> Configuration:
        entry = {"strategy": "mine.py:Mine", "params": params}
        config_folder(tmp_path / "mine", runtime={"workers": {"ES": entry}})
        (tmp_path / "mine" / "mine.py").write_text(HEAD + code)
        return load(str(tmp_path / "mine"), {}, tmp_path)

    return write


def bars(configuration: Configuration, days: int = 10) -> list[Bar]:
    return list(SyntheticMarket(configuration.contracts, days=days, seed=4).bars("ES"))


def test_a_strategy_of_ones_own_trades_like_ours_by_the_same_rule(written: Written, tmp_path: Path) -> None:
    own = written(IBS_AGAIN)
    ours = load(str(config_folder(tmp_path / "ours")), {}, tmp_path)
    market = bars(ours, days=60)
    found, expected = (trade_alone("ES", market, each).trades for each in (own, ours))
    assert found == expected
    assert len(found) > 40
    assert own.runtime.worker_name("ES") == "Mine-ES"


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"bars": 0}, "params.bars: expected a whole number of bars from 1 to 50, got 0"),
        ({"bars": "8"}, 'params.bars: expected a whole number of bars from 1 to 50, got "8"'),
        ({"below": "x"}, "params.below: expected a number from "),
        ({"side": "up"}, 'params.side: expected "long" or "short", got "up"'),
        ({"bar": 3}, "params.bar: expected a known key (the nearest is bars), got an unknown key"),
        ({"size": 5}, "params.size: expected at most max_contracts, which is 4, got 5"),
    ],
)
def test_parameters_are_read_by_their_types_and_an_error_names_the_field(
    params: dict[str, object], told: str, written: Written
) -> None:
    with pytest.raises(ConfigError) as error:
        open_strategy(written(IBS_AGAIN, **params), "ES")
    assert f"workers.ES.{told}" in str(error.value)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("raise SystemExit('bye')", "SystemExit: bye"),
        ("Mine = 3", "expected the name of a function"),
        ("class Other: pass", "has no attribute 'Mine'"),
        (shortest(begins="1 / 0"), "ZeroDivisionError: division by zero (line"),
        (shortest(attributes="Parameters = dict"), "expected Parameters that are a msgspec.Struct"),
    ],
)
def test_a_file_that_is_no_strategy_is_refused_in_a_sentence(code: str, told: str, written: Written) -> None:
    with pytest.raises(ConfigError) as error:
        open_strategy(written(code), "ES").strategy()
    assert "runtime.json: workers.ES.strategy: expected" in str(error.value)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (
            shortest("return 1 / 0"),
            "raised ZeroDivisionError: division by zero (line 11 of mine.py), at the bar",
        ),
        (
            shortest("return 'buy'"),
            "returned 'buy', expected an Enter or None while it holds nothing, at the bar of ES",
        ),
        (shortest("return Exit('out')"), "expected an Enter or None while it holds nothing"),
        (shortest("return Enter('up', 1)"), 'expected a side, "long" or "short", and a size'),
        (shortest("return Enter('long', 0)"), "a size from 1 to 10000 contracts"),
        (shortest("return Enter('long', True)"), "a size from 1 to 10000 contracts"),
        (shortest("return Enter('long', 1, 5.0)"), "limit=5.0, lives_bars=1, stop=None), expected its limit"),
        (
            shortest("return Enter('long', 1, bar.low, 0)"),
            "expected its lives_bars as a whole number of bars",
        ),
        (
            shortest("\n        while True: pass", attributes="returns_within_seconds = 0.05"),
            "did not return within 0.05 seconds (line 12 of mine.py), at the bar of ES",
        ),
        (shortest(attributes="warm_up_bars = -1"), "expected warm_up_bars from 0 to 100,000, got -1"),
        (shortest(attributes="returns_within_seconds = 0"), "expected returns_within_seconds of more than 0"),
        ("class Mine:\n    def __init__(self, *_): pass", "has no decide(bar, held)"),
    ],
)
def test_a_strategy_that_does_something_else_than_promised_fails_in_a_sentence(
    code: str, told: str, written: Written
) -> None:
    configuration = written(code)
    with pytest.raises(StrategyFailed) as error:
        trade_alone("ES", bars(configuration), configuration)
    assert str(error.value).startswith("mine.py:Mine")
    assert told in str(error.value)


def test_while_it_holds_something_it_may_only_leave(written: Written) -> None:
    configuration = written(shortest("return Enter('long', 1)"))
    strategy, (first, *_) = open_strategy(configuration, "ES").strategy(), bars(configuration)
    assert strategy.decide(first, None) == Enter("long", 1)
    with pytest.raises(StrategyFailed, match="expected an Exit or None while it holds something"):
        strategy.decide(first, OwnPosition("long", first.close, 1))


def test_one_that_wants_to_know_is_told_of_a_position_that_came_and_went(
    written: Written,
) -> None:
    gone = "self.gone = True\n    def came_and_went(self): self.gone = True"
    decides = "return None if self.gone else Enter('long', 1, bar.low + 1, 1, bar.low)"
    configuration = written(shortest(decides, begins=gone.replace("True", "False", 1)))
    opened = open_strategy(configuration, "ES").strategy()
    first, *_ = bars(configuration)
    assert opened.decide(first, None) is not None
    tell_if_gone(opened, None)
    assert opened.decide(first, None) is None
    fails = written(shortest(begins="pass\n    def came_and_went(self): raise ValueError('no')"))
    with pytest.raises(StrategyFailed, match="raised ValueError: no"):
        tell_if_gone(open_strategy(fails, "ES").strategy(), None)


def test_without_came_and_went_nobody_is_told(written: Written) -> None:
    tell_if_gone(open_strategy(written(shortest()), "ES").strategy(), None)


def test_an_entry_counts_from_the_last_bar_of_the_warm_up_on_also_in_a_copy(written: Written) -> None:
    configuration = written(shortest("return Enter('long', 1)", attributes="warm_up_bars = 3"))
    strategy, (first, *_) = open_strategy(configuration, "ES").strategy(), bars(configuration)
    assert [strategy.decide(first, None) for _ in range(2)] == [None, None]
    assert copy.deepcopy(strategy).decide(first, None) == Enter("long", 1)


def test_what_everybody_can_write_is_not_run(written: Written) -> None:
    configuration = written("raise AssertionError('it was run')")
    file = configuration.files.runtime.path.parent / "mine.py"
    for place, mode in ((file.parent, 0o777), (file, 0o666)):
        before = place.stat().st_mode
        place.chmod(mode)
        with pytest.raises(ConfigError) as error:
            open_strategy(configuration, "ES")
        assert f"got {place}, which everybody can: chmod o-w {place}" in str(error.value)
        place.chmod(before)
    file.unlink()
    with pytest.raises(ConfigError, match="expected a file that is there"):
        open_strategy(configuration, "ES")


ROOT, ME, ANOTHER, SHARED = 0, os.geteuid(), 54_321, 54_321
FOLDER, FILE = stat.S_IFDIR, stat.S_IFREG


@pytest.mark.parametrize(
    ("kind", "mode", "owner", "group", "who"),
    [
        (FILE, 0o644, ME, SHARED, ""),
        (FILE, 0o644, ROOT, SHARED, ""),
        (FILE, 0o644, ANOTHER, SHARED, "belongs to another user"),
        (FILE, 0o664, ME, SHARED, "its group can"),
        (FILE, 0o666, ME, SHARED, "everybody can"),
        (FOLDER, 0o775, ME, SHARED, "its group can"),
        (FOLDER, 0o777, ROOT, SHARED, "everybody can"),
        (FOLDER, 0o1777, ROOT, SHARED, ""),
        (FOLDER, 0o1777, ANOTHER, SHARED, "belongs to another user"),
    ],
)
def test_who_else_may_write_what_would_be_run(kind: int, mode: int, owner: int, group: int, who: str) -> None:
    facts = os.stat_result((kind | mode, 1, 1, 1, owner, group, 0, 0, 0, 0))
    said, remedy = who_else(facts)
    assert said == who
    assert bool(remedy) == bool(who)


@pytest.mark.parametrize(("others", "who"), [([], ""), (["bob"], "its group can")])
def test_a_group_is_ones_own_where_nobody_else_is_in_it(
    monkeypatch: pytest.MonkeyPatch, others: list[str], who: str
) -> None:
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_gid=SHARED, pw_name="me"))
    monkeypatch.setattr(grp, "getgrgid", lambda _: SimpleNamespace(gr_mem=["me", *others]))
    said, _ = who_else(os.stat_result((FOLDER | 0o775, 1, 1, 1, ME, SHARED, 0, 0, 0, 0)))
    assert said == who


def test_nothing_of_it_is_run_before_its_worker_opens_it(written: Written, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    configuration = written(f"open({str(ran)!r}, 'w').close()")
    assert configuration.runtime.keys_of("ES") == ("ES",)
    assert not ran.exists()
    with pytest.raises(ConfigError):
        open_strategy(configuration, "ES")
    assert ran.exists()
    assert "mine" not in sys.modules


def test_another_text_of_it_is_another_strategy_to_research(written: Written) -> None:
    one, other = (own_code(written(shortest(decides)), "ES") for decides in ("return None", "return  None"))
    assert len(one) == 64
    assert one != other
    assert own_code(load(None, {}, Path("/")), "ES") == ""


@pytest.mark.parametrize(
    ("workers", "told"),
    [
        (
            {"ES": {"strategy": "moon"}},
            "workers.ES.strategy: expected one of ibs, atr_dip, bollinger, opening",
        ),
        ({"ES": {"strategy": "atr_dip", "params": {"dip_atr": 0}}}, "workers.ES.params.dip_atr: expected"),
        (
            {"ES": {"strategy": "atr_dip", "entry_below": 0.1}},
            "workers.ES.entry_below: expected one of strategy",
        ),
        ({"ES": {"strategy": "ibs", "params": {"size": 9}}}, "workers.ES.params.size: expected at most"),
        ({"ES": {}, "ES:ibs": {}}, 'workers."ES:ibs": expected a name of its own'),
        ({"ES:Late": {}}, 'workers."ES:Late": expected a symbol of 1 to 12'),
        (
            {"ES": {"strategy": "opening_range", "params": {"exit_at": "09:00"}}},
            "workers.ES.params.exit_at: expected more than range_minutes, which is 30, after opens_at",
        ),
    ],
)
def test_what_ships_is_read_with_the_configuration(
    workers: dict[str, object], told: str, tmp_path: Path
) -> None:
    folder = config_folder(tmp_path / "mine", runtime={"workers": workers})
    with pytest.raises(ConfigError) as error:
        load(str(folder), {}, tmp_path)
    assert told in str(error.value)


def test_several_workers_of_a_symbol_have_names_of_their_own(tmp_path: Path) -> None:
    dip = {"strategy": "atr_dip", "params": {"trend_bars": 50, "size": 2}}
    late = {"params": {"trend_bars": 60}}
    workers = {
        "default": dip,
        "ES:late": late,
        "ES:early": {"strategy": "ibs"},
        "CL": {"strategy": "bollinger"},
    }
    runtime = load(str(config_folder(tmp_path / "mine", runtime={"workers": workers})), {}, tmp_path).runtime
    names = [runtime.worker_name(key) for symbol in ("ES", "CL", "6A") for key in runtime.keys_of(symbol)]
    assert names == ["late-ES", "early-ES", "bollinger-CL", "atr_dip-6A"]
    # What names another strategy than the default takes nothing of it; what names none takes the rest.
    params = json.loads(json.dumps([runtime.worker(key).params for key in ("ES:late", "ES:early")]))  # type: ignore[union-attr]
    assert params == [{"trend_bars": 60, "size": 2}, {}]
