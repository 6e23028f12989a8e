"""A trader whose positions have protective stops: what it enters, and what the log learns of a stop."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from portfold.config import Configuration, ProtectiveStop, StopDistance, load
from portfold.research.backtest.trading import trade_alone
from portfold.workers.brokers.resting.protective import REASON
from portfold.workers.feeds.bar import Bar
from portfold.workers.strategies.intent import Enter
from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.workers.run.entry_floor import START, Floor, bar

TWENTY = StopDistance(ticks=20)


@pytest.fixture
def floor(
    server: EmbeddedServer, portfolio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Floor]:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
    with coordinating(server.url, portfolio):
        opened = Floor(server.url, portfolio, tmp_path)
        with opened.gate:
            yield opened
        opened.close()


def test_a_stop_is_on_the_log_as_a_close_for_that_reason_and_the_strategy_sees_it_gone(
    floor: Floor, live: Live
) -> None:
    floor.begin(stop=TWENTY)
    floor.bar(0, Enter("long", 2))
    floor.bar(1)
    floor.bar(2, opens=4980)
    assert floor.strategy.shown == [None, 1, None]
    live.all_decided()
    (closed,) = live.said("PositionClosed")
    assert (closed["reason"], closed["size"], closed["price"]) == (REASON, "2", "4980.00")
    assert live.status()["open_positions"] == ""
    assert floor.broker.unreported_exits() == []


def test_an_entry_names_its_stop_and_one_filled_as_expected_moves_none(floor: Floor, live: Live) -> None:
    floor.begin(stop=TWENTY)
    floor.bar(0, Enter("long", 2))
    live.all_decided()
    (asked,) = live.said("EntryRequested")
    assert (asked["stop_price"], asked["price"]) == ("4995.00", "5000")
    assert [Decimal(filled["price"]) for filled in live.said("PositionOpened")] == [5000]
    assert live.said("StopMoved") == []


def test_what_an_earlier_life_left_is_stopped_out_by_the_next(floor: Floor, live: Live) -> None:
    floor.begin(stop=TWENTY)
    floor.bar(0, Enter("long", 1))
    floor.begin()  # its own configuration names no stop: the position has one all the same
    floor.trader.warm_up(bar(0))
    floor.bar(1, opens=4990)
    live.all_decided()
    assert [closed["reason"] for closed in live.said("PositionClosed")] == [REASON]


def test_no_entry_is_asked_for_before_its_stop_can_be_measured(floor: Floor, live: Live) -> None:
    floor.begin(stop=StopDistance(atr=Decimal(2), atr_bars=2))
    floor.bar(0, Enter("long", 1))
    assert floor.steps == ["signal"]
    floor.bar(1, Enter("long", 1), opens=5010)
    live.all_decided()
    assert len(live.said("PositionOpened")) == 1


def test_an_entry_at_the_next_open_may_be_stopped_out_by_that_very_bar(floor: Floor, live: Live) -> None:
    floor.begin(stop=TWENTY, fill_at="next_bar")
    floor.bar(0, Enter("long", 1))
    floor.bar(1, opens=5010)  # and closes at 5000
    live.all_decided()
    assert [closed["price"] for closed in live.said("PositionClosed")] == ["5005.00"]


def test_a_backtest_has_the_same_stops() -> None:
    packaged = load(None, {}, Path("/"))
    runtime = msgspec.structs.replace(packaged.runtime, protective_stop=ProtectiveStop(ticks=20))
    configuration: Configuration = msgspec.structs.replace(packaged, runtime=runtime)
    low, falls = [
        Bar("ES", bar(number).time, Decimal(5005), Decimal(5010), Decimal(lowest), Decimal(5000))
        for number, lowest in enumerate((5000, 4990))
    ]
    (trade,) = trade_alone("ES", [low, falls], configuration).trades
    assert (trade.entry_price, trade.exit_price) == (Decimal("5000.25"), Decimal("4995.00"))
    assert low.time == START
