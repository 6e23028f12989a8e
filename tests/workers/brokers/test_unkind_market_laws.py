"""Whatever the market fills of a trader's orders, the log has it, and nothing else."""

import io
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfold.config import load
from portfold.log import open_log
from portfold.workers.account.paper import PaperSource
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.paper_market import PaperFills
from portfold.workers.run.in_process import InProcessPortfolio
from portfold.workers.run.trader import Trader
from portfold.workers.strategies.intent import Enter, Exit, Intent
from tests.costs import costing
from tests.processes import config_folder
from tests.workers.run.entry_floor import CONTRACTS, Later, Wishes, bar

OWNER = "ibs-ES"
wishes = st.one_of(
    st.builds(Enter, st.sampled_from(["long", "short"]), st.integers(1, 5)), st.just(Exit("ibs")), st.none()
)
markets = st.builds(
    PaperFills, st.integers(1, 4), st.just(0), st.floats(0, 0.9), st.floats(0, 0.9), st.integers(0, 10_000)
)


class Desk:
    """A trader in a portfolio of its own, at a paper market."""

    def __init__(self, folder: Path, fills: PaperFills) -> None:
        configuration = load(str(config_folder(folder / "config")), {}, folder)
        contracts = costing(CONTRACTS, commission_per_side="2.50")
        log, self._lines = open_log(OWNER, target=io.StringIO())
        self.portfolio = InProcessPortfolio.of(configuration)
        self.portfolio.at(bar(0).time - timedelta(hours=1))
        self.strategy, self.clock, self.book = Wishes([]), Later(), folder / "book.db"
        self.broker = PaperBroker(self.book, OWNER, contracts, fills=fills)
        self.account = PaperSource(self.book, contracts, Decimal(0))
        self.trader = Trader(
            contract=contracts["ES"],
            strategy=self.strategy,
            gate=self.portfolio.gate(OWNER, ["ES"]).start(),
            broker=self.broker,
            log=log,
            clock=self.clock,
        )

    def bar(self, number: int, intent: Intent) -> None:
        self.portfolio.at(bar(number).time)
        self.strategy.next = [intent]
        self.trader.on_bar(bar(number))
        self.clock.passed += 3
        self.trader.between_bars()

    def held(self) -> list[tuple[str, int]]:
        return [(one.side, one.size) for one in self.broker.positions()]

    def on_the_log(self) -> list[tuple[str, int]]:
        return [(one.side, one.size) for one in self.portfolio.state.positions.values()]

    def close(self) -> None:
        self.account.close()
        self.broker.close()
        self._lines.close()


@settings(max_examples=25, deadline=None)
@given(markets, st.lists(wishes, min_size=1, max_size=12))
def test_the_log_has_every_fill_once_and_no_slot_is_left_of_what_an_order_did_not_get(
    tmp_path_factory: pytest.TempPathFactory, fills: PaperFills, wanted: list[Intent]
) -> None:
    desk = Desk(tmp_path_factory.mktemp("desk"), fills)
    state = desk.portfolio.state
    for number, intent in enumerate(wanted):
        desk.bar(number, intent)
        assert desk.on_the_log() == desk.held()
        assert (state.reservations, state.unsettled, desk.broker.unreported_exits()) == ({}, {}, [])
    number = len(wanted)
    while desk.held():
        desk.bar(number, Exit("the end"))
        number += 1
    assert state.net == desk.account.read().equity
    assert state.stats.limit_breaches == 0
    desk.close()


def test_what_an_exit_left_open_is_closed_within_seconds(tmp_path: Path) -> None:
    desk = Desk(tmp_path, PaperFills(parts=3, cancel_share=0.5, seed=4))
    desk.bar(0, Enter("long", 3))
    assert desk.held() == [("long", 3)]
    desk.strategy.next = [Exit("ibs")]
    desk.trader.on_bar(bar(1))
    left = desk.held()
    assert left
    for _ in range(20):
        desk.clock.passed += 60
        desk.trader.between_bars()
    assert (desk.held(), desk.on_the_log()) == ([], [])
    desk.close()
