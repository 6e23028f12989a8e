"""A paper market that is no kinder than a real one: parts, late fills, rests, rejections."""

import io
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.config import ConfigError, load
from portfold.log import open_log
from portfold.workers.brokers.legs_book import PaperBook
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.paper_market import PaperFills, course_of
from portfold.workers.brokers.protocol import BrokerError, BrokerSetup, NotOpen, sends_within
from portfold.workers.brokers.registry import open_broker
from tests.costs import costing
from tests.processes import config_folder
from tests.workers.brokers.paper_books import CONTRACTS

PRICE = Decimal(5000)
shares = st.floats(0, 0.9)


class Market:
    """Opens brokers on one book; what they wait is noted, and done."""

    def __init__(self, book: Path) -> None:
        self.book = book
        self.waited: list[float] = []

    def broker(self, fills: PaperFills, owner: str = "ibs-ES") -> PaperBroker:
        contracts = costing(CONTRACTS, slippage_ticks=1, commission_per_side="2.50")
        return PaperBroker(self.book, owner, contracts, fills=fills, pause=self.waited.append)


@pytest.fixture
def market(book: Path) -> Market:
    return Market(book)


@given(
    st.builds(
        PaperFills, st.integers(1, 9), st.integers(0, 10_000), shares, shares, st.integers(0, 1_000_000_000)
    ),
    st.integers(1, 10_000),
    st.integers(1, 20),
)
def test_an_order_never_gets_more_than_it_is_for_and_none_outlasts_its_bound(
    fills: PaperFills, number: int, size: int
) -> None:
    course = course_of(fills, "ibs-ES", number, size)
    assert course == course_of(fills, "ibs-ES", number, size)
    assert len(course.parts) <= min(fills.parts, size)
    assert all(part.size >= 1 for part in course.parts)
    got = sum(part.size for part in course.parts)
    assert got == size or (got < size and (course.rejected or fills.cancel_share > 0))
    assert sum(part.after_seconds for part in course.parts) <= fills.longest_seconds + 0.001


def test_an_entry_comes_in_parts_each_a_fill_of_its_own(market: Market) -> None:
    with market.broker(PaperFills(parts=3, late_ms=400, seed=1)) as broker:
        outcome = broker.enter("ES", "long", 6, PRICE)
        assert (outcome.state, outcome.rest, broker.positions()[0].size) == ("filled", 0, 6)
        assert [fill.size for fill in outcome.fills] == [3, 2, 1]
        assert [fill.commission for fill in outcome.fills] == [
            Decimal("7.50"),
            Decimal("5.00"),
            Decimal("2.50"),
        ]
        assert len({fill.fill_id for fill in outcome.fills}) == 3
        assert len(market.waited) == 3
        assert sends_within(broker) == 1.2


def test_what_a_cancelled_order_got_it_keeps_and_its_rest_is_said(market: Market) -> None:
    with market.broker(PaperFills(parts=3, cancel_share=0.9, seed=2)) as broker:
        outcome = broker.enter("ES", "long", 6, PRICE)
        assert (outcome.state, outcome.size, outcome.rest) == ("cancelled", 4, 2)
        assert broker.positions()[0].size == 4
        assert broker.exit("ES", "long", 4, None).state == "cancelled"
        assert broker.positions()[0].size == 2


@pytest.mark.parametrize(
    ("fills", "became"),
    [(PaperFills(reject_share=0.9), "rejected"), (PaperFills(cancel_share=0.9), "cancelled")],
)
def test_an_order_that_gets_nothing_is_refused_and_changes_nothing(
    market: Market, fills: PaperFills, became: str
) -> None:
    with market.broker(fills) as broker:
        with pytest.raises(BrokerError, match=f"An entry of 1 ES was {became} by the paper market"):
            broker.enter("ES", "long", 1, PRICE)
        assert broker.positions() == []


def test_a_later_part_is_filled_at_the_last_price_known_by_then(market: Market) -> None:
    with market.broker(PaperFills()) as other:

        def moves(seconds: float) -> None:
            market.waited.append(seconds)
            if len(market.waited) == 2:
                other.mark("ES", Decimal(5010))

        fills = PaperFills(parts=2, late_ms=400, seed=1)
        with PaperBroker(market.book, "ibs-ES", costing(CONTRACTS), fills=fills, pause=moves) as broker:
            assert [fill.price for fill in broker.enter("ES", "long", 2, PRICE).fills] == [5000, 5010]


def test_an_exit_whose_rest_somebody_else_closes_meanwhile_returns_what_it_closed(market: Market) -> None:
    with market.broker(PaperFills()) as other:
        other.enter("ES", "long", 3, PRICE)
        closed = 0

        def closes_the_rest(_seconds: float) -> None:
            nonlocal closed
            closed += 1
            if closed == 2:
                other.exit("ES", "long", other.positions()[0].size, None)

        contracts, fills = costing(CONTRACTS), PaperFills(parts=2, late_ms=400, seed=1)
        with PaperBroker(market.book, "ibs-ES", contracts, fills=fills, pause=closes_the_rest) as broker:
            outcome = broker.exit("ES", "long", 3, None)
            assert (outcome.state, len(outcome.fills), broker.positions()) == ("cancelled", 1, [])
            assert sum(fill.size for fill in broker.unreported_exits()) == 3
            with pytest.raises(NotOpen):
                broker.exit("ES", "long", 1, None)


def test_orders_are_counted_by_who_gives_them_so_each_meets_the_same_market_again(tmp_path: Path) -> None:
    fills = PaperFills(parts=4, cancel_share=0.3, seed=7)

    def sizes(book: Path, *, with_another: bool) -> list[int]:
        market, got = Market(book), list[int]()
        with market.broker(fills) as mine, market.broker(fills, "another") as another:
            for _ in range(8):
                if with_another:
                    with suppress(BrokerError):
                        another.enter("CL", "long", 5, PRICE)
                got.append(mine.enter("ES", "long", 9, PRICE).size)
        return got

    alone = sizes(tmp_path / "alone.db", with_another=False)
    assert alone == sizes(tmp_path / "beside.db", with_another=True)
    assert len(set(alone)) > 1


def test_nothing_is_counted_where_every_order_is_filled_at_once(market: Market) -> None:
    with market.broker(PaperFills()) as broker:
        broker.enter("ES", "long", 2, PRICE)
        broker.flatten()
    book = PaperBook(market.book, 1.0)
    with book.reading() as entries:
        assert entries.connection.execute("SELECT COUNT(*) FROM orders_given").fetchone() == (0,)
    book.close()
    assert market.waited == []


def test_fills_that_outlast_a_slot_are_refused_by_the_configuration(tmp_path: Path) -> None:
    def opened(late_ms: int) -> None:
        options = {"kind": "paper", "options": {"fills": {"parts": 3, "late_ms": late_ms}}}
        runtime = {"broker": options, "reservation_seconds": 10, "answer_seconds": 1}
        setup = load(str(config_folder(tmp_path / f"{late_ms}", runtime=runtime)), {}, tmp_path)
        log, lines = open_log("worker", target=io.StringIO())
        lines.close()
        open_broker(BrokerSetup(setup, "ibs-ES", tmp_path / "book.db", log, {})).close()

    opened(2_999)
    with pytest.raises(ConfigError, match=r"broker\.options\.fills: .* an entry then take up to 10 s"):
        opened(3_000)
