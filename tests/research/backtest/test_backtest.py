"""One symbol alone: what is traded, what is written of it, and what it depends on."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfold.config import Configuration, ConfiguredRules, load
from portfold.config.runtime import ProtectiveStop
from portfold.config.strategies.ibs import IbsParameters
from portfold.events.fields import Side
from portfold.research.backtest.alone import AloneGate
from portfold.research.backtest.figures import figures_of
from portfold.research.backtest.out_of_sample import GROUPS, TESTED, OutOfSample, Past, out_of_sample
from portfold.research.backtest.outcome import BacktestPlan
from portfold.research.backtest.rows import TradeRow, trades_table
from portfold.research.backtest.signals import signals_alone
from portfold.research.backtest.trading import trade_alone
from portfold.research.errors import ResearchError
from portfold.research.filter.cross_validation import (
    LabelSpan,
    combinatorial_folds,
    fold_paths,
    group_of_each,
)
from portfold.research.filter.examples import Examples, examples_of
from portfold.research.filter.training import KINDS, as_arrays, path_scores
from portfold.research.simulate.market import ResearchMarket
from portfold.research.trades.results_folder import best_file, read_results, trades_file
from portfold.research.trades.trade_file import Trade, read_rows
from portfold.research.trades.trading_days import DaySpan
from portfold.workers.feeds.bar import Bar
from portfold.workers.feeds.synthetic import SyntheticMarket
from tests.research.backtested import backtested
from tests.research.made import CHICAGO, HOUR_MS, random_trades
from tests.research.referee.labels import uniqueness

SUNDAY = datetime(2025, 1, 5, 23, tzinfo=UTC)
LOW, MIDDLE, HIGH = "5000", "5005", "5010"


def configured(**parameters: object) -> Configuration:
    packaged = load(None, {}, Path("/"))
    workers = {"default": msgspec.structs.replace(IbsParameters(max_bars=None), **parameters)}
    runtime = msgspec.structs.replace(packaged.runtime, workers=workers)
    return msgspec.structs.replace(packaged, runtime=runtime)


def bars(*closes: str) -> list[Bar]:
    """Hourly bars of ES from 5000 to 5010."""
    between = (Decimal(5005), Decimal(5010), Decimal(5000))
    return [
        Bar("ES", SUNDAY + timedelta(hours=number), *between, Decimal(close))
        for number, close in enumerate(closes)
    ]


# --- what is traded -------------------------------------------------------------------------------------


def test_a_trade_has_the_moments_fills_and_costs_of_the_paper_broker() -> None:
    traded = trade_alone("ES", bars(MIDDLE, LOW, MIDDLE, HIGH, MIDDLE), configured(size=2))
    (one,) = traded.trades
    begin = int(SUNDAY.timestamp()) * 1000
    assert (one.entry_ms, one.exit_ms) == (begin + HOUR_MS, begin + 3 * HOUR_MS)
    assert (one.side, one.size) == ("long", 2)
    assert (one.entry_price, one.exit_price) == (Decimal("5000.25"), Decimal("5009.75"))
    assert one.pnl == 2 * (Decimal("9.50") * 50 - 5)
    assert traded.opened is None


def test_what_is_open_at_the_end_is_no_trade() -> None:
    traded = trade_alone("ES", bars(LOW, HIGH, LOW), configured())
    assert len(traded.trades) == 1
    assert traded.opened is not None
    assert traded.opened.price == Decimal("5000.25")


def test_bars_before_the_first_that_is_traded_warm_up_and_trade_nothing() -> None:
    """A stop in average true ranges of three bars can be had at once, or only when three have come."""
    past = bars(LOW, LOW, LOW, LOW, HIGH, MIDDLE)
    measured = configured(stop_atr=Decimal(2), atr_bars=3)
    warm = trade_alone("ES", past, measured, begins=2)
    assert [one.entry_ms // HOUR_MS - int(SUNDAY.timestamp()) // 3600 for one in warm.trades] == [2]
    cold = trade_alone("ES", past[2:], measured)
    assert (cold.trades, cold.opened) == ([], None)


@pytest.mark.parametrize(("cooldown", "entered"), [(0, [1, 2]), (1, [1, 3]), (2, [1, 4])])
def test_a_rest_counts_from_a_stop_that_was_filled_before_any_bar_showed_the_position(
    cooldown: int, entered: list[int]
) -> None:
    """A stop of a tick is filled within the bar after the entry, whose close is a signal again."""
    usual = configured(cooldown_bars=cooldown)
    resting = msgspec.structs.replace(usual.runtime, protective_stop=ProtectiveStop(ticks=1))
    stopped = msgspec.structs.replace(usual, runtime=resting)
    found = trade_alone("ES", bars(MIDDLE, *[LOW] * 8), stopped).trades
    begin = int(SUNDAY.timestamp()) * 1000
    assert [(one.entry_ms - begin) // HOUR_MS for one in found][:2] == entered
    signals = signals_alone("ES", bars(MIDDLE, *[LOW] * 8), stopped).outcomes
    assert [one.asked.left_ms for one in signals if one.asked] == [one.entry_ms for one in signals]


def test_a_gate_that_is_alone_takes_no_end_without_a_beginning() -> None:
    with pytest.raises(ValueError, match="expected the end of None, got that of long 1 ES"):
        AloneGate("ibs-ES").position_closed("ES", price=1, pnl=0)


# --- the file -------------------------------------------------------------------------------------------

dollars = st.integers(-(10**9), 10**9).map(lambda cents: Decimal(cents).scaleb(-2))
prices = st.integers(-(10**14), 10**14).map(lambda units: Decimal(units).scaleb(-8))
SIDES: tuple[Side, Side] = ("long", "short")
moments = st.integers(10**11, 4 * 10**12)


@st.composite
def trades(draw: st.DrawFn) -> Trade:
    entry, exit_ = sorted((draw(moments), draw(moments)))
    side: Side = draw(st.sampled_from(SIDES))
    size = draw(st.integers(1, 10_000))
    return Trade("ES", entry, exit_, draw(dollars), size, side, draw(prices), draw(prices))


@settings(max_examples=50)
@given(
    st.lists(st.tuples(trades(), st.booleans(), st.none() | st.floats(0, 1)), max_size=5),
    st.sampled_from(("America/Chicago", "UTC", "Asia/Kolkata", "Australia/Lord_Howe")),
    st.sampled_from(("America/New_York", "Europe/Berlin")),
)
def test_the_reader_gives_the_selected_trades_back(
    rows: list[tuple[Trade, bool, float | None]], written_in: str, read_in: str
) -> None:
    table = trades_table([TradeRow(*row) for row in rows], ZoneInfo(written_in))
    header, *lines = [line.split(",") for line in table.splitlines()]
    found = read_rows("ES", header, lines, ZoneInfo(read_in))
    selected = [trade for trade, chosen, _ in rows if chosen]
    assert found.trades == sorted(selected, key=lambda one: (one.entry_ms, one.exit_ms))
    assert (found.unselected, found.dropped) == (len(rows) - len(selected), {})


def test_an_hour_that_comes_twice_is_told_by_its_offset() -> None:
    first = int(datetime(2025, 11, 2, 6, 30, tzinfo=UTC).timestamp()) * 1000  # 01:30 in summer time
    twice = [
        Trade("ES", at, at + HOUR_MS, Decimal(1), 1, "long", Decimal(1), Decimal(1))
        for at in (first, first + HOUR_MS)
    ]
    table = trades_table([TradeRow(one, selected=True, probability=None) for one in twice], CHICAGO)
    times = [line.split(",")[0] for line in table.splitlines()[1:]]
    assert times == ["2025-11-02 01:30:00-05:00", "2025-11-02 01:30:00-06:00"]


# --- figures --------------------------------------------------------------------------------------------


def test_the_drawdown_and_the_profit_are_those_of_the_trades_in_their_order() -> None:
    one_by_one = random_trades(7, ("ES",), each=60)
    alone = [two for one, two in pairwise(one_by_one) if one.exit_ms < two.entry_ms]
    found = figures_of(configured(), alone, ["2025-01-06"], Decimal(150_000)).metrics
    account = np.cumsum([0.0, *(float(one.pnl) for one in sorted(alone, key=lambda one: one.exit_ms))])
    assert found.total_return == pytest.approx(account[-1])
    assert found.max_dd == pytest.approx((np.maximum.accumulate(account) - account).max())
    assert (found.trades, found.block_rate, found.daily_stops) == (len(alone), 0, 0)


def test_no_limit_of_the_configuration_counts_for_a_symbol_alone() -> None:
    read, trades = configured(), random_trades(7, ("ES",), each=1)
    rules = ConfiguredRules(windows="mon-fri/00:00..23:59=deny", symbol_entries="0")
    limited = msgspec.structs.replace(read, portfolio=msgspec.structs.replace(read.portfolio, rules=rules))
    day, cash = ["2025-01-06"], Decimal(150_000)
    assert figures_of(limited, trades, day, cash) == figures_of(read, trades, day, cash)
    assert figures_of(limited, trades, day, cash).metrics.trades == 1


def test_no_trades_have_figures_too() -> None:
    found = figures_of(configured(), [], ["2025-01-06", "2025-01-07"], Decimal(150_000)).metrics
    assert (found.trades, found.sharpe, found.max_dd, found.profit_factor) == (0, 0, 0, None)


# --- the whole of a symbol ------------------------------------------------------------------------------


@pytest.fixture
def plan(tmp_path: Path) -> BacktestPlan:
    market = ResearchMarket("synthetic", days=10, seed=3)
    return BacktestPlan(configured(), market, DaySpan(), Decimal(150_000), tmp_path)


def test_what_is_written_is_what_was_traded(plan: BacktestPlan) -> None:
    best = backtested(plan, "ES").best
    market = SyntheticMarket(plan.configuration.contracts, days=10, seed=3)
    expected = trade_alone("ES", list(market.bars("ES")), plan.configuration).trades
    (read,) = read_results(plan.folder, zone=CHICAGO).symbols
    assert read.trades == tuple(expected)
    assert (read.unselected, read.dropped) == (0, {})
    assert read.best["Trades"] == best.trades == len(expected)
    assert read.best["Total_PnL_USD"] == pytest.approx(float(sum(one.pnl for one in expected)))
    assert read.best["Costs_USD"] == len(expected) * 2 * (2.5 + 12.5)
    assert "Sharpe_OOS_CPCV" not in read.best  # null: nothing was fitted, so nothing is out of sample
    assert best.sharpe_oos_cpcv is None
    assert (best.first_day, best.last_day, best.days) == ("2025-01-06", "2025-01-17", 10)


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({}, True),
        ({"market": ResearchMarket("synthetic", days=10, seed=4)}, False),
        ({"configuration": configured(max_bars=3)}, False),
        ({"span": DaySpan(date(2025, 1, 8))}, False),
        ({"cash": Decimal(100_000)}, False),
    ],
)
def test_a_symbol_is_not_done_again_unless_something_changed(
    plan: BacktestPlan, change: dict[str, object], *, again: bool
) -> None:
    first = backtested(plan, "ES")
    second = backtested(msgspec.structs.replace(plan, **change), "ES")
    assert (first.before, second.before) == (False, again)
    assert (second.best == first.best) is again


@pytest.mark.parametrize("file", [trades_file, best_file])
def test_a_symbol_whose_files_were_touched_is_done_again(
    plan: BacktestPlan, file: Callable[[Path, str], Path]
) -> None:
    path = file(plan.folder, "ES")
    backtested(plan, "ES")
    whole = path.read_text()
    path.write_text(whole[:-40])
    assert backtested(plan, "ES").before is False
    assert path.read_text() == whole


def test_a_span_holds_trades_of_its_days_and_is_warm_from_the_first(plan: BacktestPlan) -> None:
    first, last = date(2025, 1, 8), date(2025, 1, 14)
    best = backtested(msgspec.structs.replace(plan, span=DaySpan(first, last)), "ES").best
    (read,) = read_results(plan.folder, zone=CHICAGO).symbols
    opens = datetime(2025, 1, 7, 17, tzinfo=CHICAGO).timestamp() * 1000
    ends = datetime(2025, 1, 14, 17, tzinfo=CHICAGO).timestamp() * 1000
    assert all(opens <= one.entry_ms < one.exit_ms < ends for one in read.trades)
    assert (best.first_day, best.last_day, best.days) == ("2025-01-08", "2025-01-14", 5)
    # 23 bars a day: Monday's and Tuesday's warm up.
    assert (best.warm_up_bars, best.bars) == (46, 115)


def test_a_span_without_bars_says_which_there_are(plan: BacktestPlan) -> None:
    with pytest.raises(
        ResearchError, match=r"bars from 2026-01-01 to the last; .* from 2025-01-06 to 2025-01-17"
    ):
        backtested(msgspec.structs.replace(plan, span=DaySpan(date(2026, 1, 1))), "ES")


def test_a_symbol_that_trades_nothing_leaves_no_older_trades_behind(plan: BacktestPlan) -> None:
    backtested(plan, "ES")
    never = configured(entry_hours="03:01-03:02")
    best = backtested(msgspec.structs.replace(plan, configuration=never), "ES").best
    assert (best.trades, best.sharpe, best.win_rate) == (0, 0, 0)
    assert len(trades_file(plan.folder, "ES").read_text().splitlines()) == 1


# --- out of sample --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def learned() -> tuple[list[Bar], Examples]:
    configuration = configured(sides="both")
    market = list(SyntheticMarket(configuration.contracts, days=25, seed=4).bars("ES"))
    return market, examples_of("ES", market, configuration)


def test_a_path_scores_each_example_by_a_model_trained_without_its_group(
    learned: tuple[list[Bar], Examples],
) -> None:
    examples = learned[1]
    scores = path_scores(examples, "logistic", groups=GROUPS, tested=TESTED, embargo=0.01)
    spans = [LabelSpan(one.first, one.last) for one in examples.of]
    folds = list(combinatorial_folds(spans, GROUPS, TESTED, -(-examples.bars // 100)))
    group = group_of_each(len(spans), GROUPS)
    features, labels = as_arrays(examples.of)
    paths = fold_paths(GROUPS, TESTED)
    assert len(scores) == len(paths) == 5
    for path, place in ((0, 0), (2, len(spans) // 2), (4, len(spans) - 1)):
        fold = folds[paths[path][group[place]]]
        trained = list(fold.train)
        weights = [float(one) for one in uniqueness([(spans[one].first, spans[one].last) for one in trained])]
        model = KINDS["logistic"]().fit(
            features[trained], labels[trained], logisticregression__sample_weight=np.array(weights)
        )
        assert place not in trained
        assert scores[path][place] == pytest.approx(model.predict_proba(features[[place]])[0, 1])


def test_the_sharpe_out_of_sample_is_the_mean_of_the_paths(learned: tuple[list[Bar], Examples]) -> None:
    market, examples = learned
    days = ["2025-01-06", "2025-02-28"]
    past = Past(market, 0, days)
    judged = out_of_sample(configured(sides="both"), "ES", past, examples, "logistic", Decimal(150_000))
    assert judged.method.startswith("CPCV: 6 groups, 2 tested, purged, embargo 1%")
    assert len(judged.paths) == 5
    assert judged.sharpe == pytest.approx(sum(judged.paths) / 5)
    assert len(judged.trades) == 5
    for sharpe, trades in zip(judged.paths, judged.trades, strict=True):
        figures = figures_of(configured(sides="both"), trades, days, Decimal(150_000))
        assert figures.metrics.sharpe == pytest.approx(sharpe)


def test_too_few_examples_have_no_sharpe_out_of_sample(learned: tuple[list[Bar], Examples]) -> None:
    market, examples = learned
    few = msgspec.structs.replace(examples, of=examples.of[:99])
    past = Past(market, 0, ["2025-01-06"])
    judged = out_of_sample(configured(), "ES", past, few, "logistic", Decimal(1))
    assert judged == OutOfSample(None, "none: Expected 100 examples at least to learn from, got 99.")
