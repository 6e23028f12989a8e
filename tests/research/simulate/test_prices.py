"""What a position was worth on its way: from closes, where the trade and the contract add up."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from portfold.research.errors import ResearchError
from portfold.research.simulate.market import ResearchMarket
from portfold.research.simulate.prices import from_market, without_bars
from portfold.research.trades.trade_file import Trade
from tests.research.made import hour, packaged, priced, trade

ES_POINT = 50
FEES = 5


def es(pnl: object, entry: str | None = "4000", exit_: str | None = "4010", **more: Any) -> Trade:
    """A trade of ES from hour 0 to hour 4."""
    prices = {"entry_price": entry and Decimal(entry), "exit_price": exit_ and Decimal(exit_)}
    return trade("ES", 0, 4, pnl, **prices, **more)


BARS = priced({"ES": {1: "4002", 2: "3990", 4: "4010", 5: "1"}})


# --- the side -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "side"),
    [
        (es(10 * ES_POINT - FEES), "long"),
        (es(-10 * ES_POINT - FEES), "short"),
        (es(-FEES, exit_="4000"), "long"),
        (es(-700, exit_=None), "long"),
        (es(10 * ES_POINT - FEES, side="short"), "short"),
    ],
)
def test_the_side_is_the_rows_or_the_one_that_explains_the_pnl(made: Trade, side: str) -> None:
    assert BARS.side_of(made) == side


# --- what adds up ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cost", "has_price"), [(FEES, True), ("-12.50", True), ("-12.51", False), (145, True), ("145.01", False)]
)
def test_a_trade_has_a_price_when_its_costs_are_plausible(cost: object, *, has_price: bool) -> None:
    # ES: $12.50 a tick. Up to ten of them and $20 may be lost on the way, one tick may be rounding.
    assert BARS.has_price(es(10 * ES_POINT - Decimal(str(cost)))) is has_price


def test_a_micros_pnl_under_its_big_brothers_name_has_no_price() -> None:
    assert not BARS.has_price(es(10 * 5 - 1, exit_="4010", side="long"))


@pytest.mark.parametrize("made", [es(495, entry=None), es(495, exit_=None), trade("ZZ", 0, 4, 495)])
def test_without_prices_or_a_contract_there_is_no_price(made: Trade) -> None:
    assert not BARS.has_price(made)


def test_without_bars_nothing_has_a_price() -> None:
    assert not without_bars(packaged()).has_price(es(495))


# --- forced exits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "price"),
    [
        (0.5, "4000"),  # no bar has ended since the entry: the entry's own price is the last known
        (0.999, "4000"),
        (1, "4002"),
        (1.999, "4002"),
        (2, "3990"),
        (3.999, "3990"),
    ],
)
def test_a_forced_exit_is_at_the_last_close_known_then(at: float, price: str) -> None:
    found = BARS.forced_exit(es(10 * ES_POINT - FEES), hour(at))
    assert found == (Decimal(price), (Decimal(price) - 4000) * ES_POINT - FEES)


@pytest.mark.parametrize(("side", "pnl", "price"), [("long", 495, "4001.50"), ("short", -505, "4002.50")])
def test_a_forced_exit_pays_slippage_on_its_way_out(side: str, pnl: int, price: str) -> None:
    bars = priced({"ES": {1: "4002"}}, slippage_ticks=2)
    found = bars.forced_exit(es(pnl, side=side), hour(1))
    assert found is not None
    assert found[0] == Decimal(price)


def test_commission_and_worth_grow_with_the_size() -> None:
    found = BARS.forced_exit(es(3 * (10 * ES_POINT - FEES), size=3), hour(1))
    assert found == (Decimal(4002), Decimal(3 * (2 * ES_POINT - FEES)))


@pytest.mark.parametrize(("entry_bar", "at"), [(False, [1, 2]), (True, [0, 1, 2])])
def test_a_trade_is_marked_by_the_closes_before_its_exit_and_by_its_entrys_bar_where_that_is_known(
    *, entry_bar: bool, at: list[int]
) -> None:
    bars = priced({"ES": {-1: "1", 0: "4001", 1: "4002", 2: "3990", 4: "4010"}})
    bars = structs.replace(bars, marks_entry_bar=entry_bar)
    assert [ms for ms, _ in bars.marks(es(10 * ES_POINT - FEES))] == [hour(one) for one in at]


@pytest.mark.parametrize(("fills", "entry_bar"), [("mark", False), ("next_bar", True)])
def test_the_configuration_says_whether_the_bar_of_an_entry_marks_it(
    fills: str, tmp_path: Path, *, entry_bar: bool
) -> None:
    (tmp_path / "ES.csv").write_text("time,open,high,low,close\n2025-01-06T15:00,1,3,1,2\n")
    runtime = packaged().runtime
    broker = structs.replace(runtime.broker, options={"fill_at": fills})
    read = structs.replace(packaged(), runtime=structs.replace(runtime, broker=broker))
    assert from_market(read, ResearchMarket(str(tmp_path)), ["ES"]).marks_entry_bar is entry_bar


# --- folders of bars ------------------------------------------------------------------------------------


def test_a_folder_of_bars_is_read_as_a_worker_reads_it(tmp_path: Path) -> None:
    (tmp_path / "ES.csv").write_text("time,open,high,low,close\n2025-01-06T15:00,1,3,1,2\n")
    closes = from_market(packaged(), ResearchMarket(str(tmp_path)), ["ES", "CL"]).closes
    ended = int(datetime(2025, 1, 6, 16, tzinfo=UTC).timestamp()) * 1000
    assert (list(closes), closes["ES"].ends_ms, closes["ES"].prices) == (["ES"], [ended], [Decimal(2)])


def test_bars_of_none_of_the_symbols_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ES.csv").write_text("date,open,high,low,close\n")
    with pytest.raises(ResearchError, match="expected bars of CL, NQ"):
        from_market(packaged(), ResearchMarket(str(tmp_path)), ["NQ", "CL"])
