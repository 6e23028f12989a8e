"""Paper fills, what is kept of them, and what is refused. Several processes: `test_paper_book.py`."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfold.config.contracts import read_contracts
from portfold.config.locate import CONTRACTS_FILE, PACKAGED
from portfold.events.fields import Side
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.profit import net_pnl
from portfold.workers.brokers.protocol import (
    Broker,
    BrokerError,
    BrokerPosition,
    ExitFill,
    Fill,
    NotOpen,
    Withheld,
)
from tests.costs import costing
from tests.workers.brokers.desk import locked

CONTRACTS = read_contracts(PACKAGED / CONTRACTS_FILE)


def open_broker(
    book: Path,
    owner: str = "ibs-ES",
    slippage_ticks: int = 1,
    commission: str = "2.50",
    patience: float = 5.0,
) -> PaperBroker:
    return PaperBroker(
        book,
        owner,
        costing(CONTRACTS, slippage_ticks=slippage_ticks, commission_per_side=commission),
        patience=patience,
    )


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "paper.db"


@pytest.fixture
def broker(book: Path) -> Iterator[PaperBroker]:
    with open_broker(book) as broker:
        yield broker


def test_meets_the_protocol(broker: PaperBroker) -> None:
    meets: Broker = broker
    assert meets.positions() == []


@pytest.mark.parametrize(
    ("side", "entered", "left"), [("long", "5000.25", "5009.75"), ("short", "4999.75", "5010.25")]
)
def test_slippage_is_against_the_trader_on_both_fills_of_both_sides(
    broker: PaperBroker, side: Side, entered: str, left: str
) -> None:
    entry = broker.enter("ES", side, 2, Decimal("5000.00"))
    assert entry == Fill("ibs-ES", "ES", side, 2, Decimal(entered), Decimal("5.00"), entry.fill_id)
    out = broker.exit("ES", side, 2, Decimal("5010.00"))
    assert out == ExitFill(
        "ibs-ES",
        "ES",
        side,
        2,
        Decimal(left),
        Decimal("5.00"),
        out.fill_id,
        Decimal(entered),
        Decimal("5.00"),
    )
    assert out.fill_id != entry.fill_id
    assert out.total_commission == Decimal("10.00")
    assert broker.positions() == []


def test_slippage_is_in_ticks_of_the_contract_and_may_be_none(tmp_path: Path) -> None:
    with open_broker(tmp_path / "three.db", slippage_ticks=3) as broker:
        assert broker.enter("SI", "long", 1, Decimal("30.000")).price == Decimal("30.015")
    with open_broker(tmp_path / "none.db", slippage_ticks=0, commission="0") as broker:
        fill = broker.enter("SI", "long", 1, Decimal("30.000"))
        assert (fill.price, fill.commission) == (Decimal("30.000"), Decimal(0))


def test_an_exit_fill_has_what_its_profit_needs(broker: PaperBroker) -> None:
    broker.enter("CL", "short", 1, Decimal("10.00"))
    out = broker.exit("CL", "short", 1, Decimal("-37.63"))
    assert out.price == Decimal("-37.62")
    point = CONTRACTS["CL"].point_value
    profit = net_pnl(out.side, out.entry_price, out.price, out.size, point, out.total_commission)
    assert profit == Decimal("47605.00")


def test_prices_off_the_tick_grid_are_taken_as_they_are(broker: PaperBroker) -> None:
    assert broker.enter("ES", "long", 1, Decimal("2058.91")).price == Decimal("2059.16")


def test_an_exit_without_a_price_is_filled_at_the_last_mark(broker: PaperBroker) -> None:
    broker.enter("ES", "long", 3, Decimal(5000))
    assert broker.exit("ES", "long", 1, None).price == Decimal("4999.75")
    broker.mark("ES", Decimal(4900))
    assert broker.exit("ES", "long", 1, None).price == Decimal("4899.75")
    broker.mark("ES", Decimal(-1))
    assert broker.exit("ES", "long", 1, None).price == Decimal("-1.25")


def test_whoever_trades_or_marks_a_symbol_moves_its_mark_for_all(book: Path, broker: PaperBroker) -> None:
    broker.enter("ES", "long", 1, Decimal(5000))
    with open_broker(book, "other") as other:
        other.enter("ES", "short", 1, Decimal(4800))
        other.mark("CL", Decimal(70))
        assert broker.exit("ES", "long", 1, None).price == Decimal("4799.75")
        broker.mark("ES", Decimal(4700))
        assert other.exit("ES", "short", 1, None).price == Decimal("4700.25")


def test_entering_again_adds_to_the_leg_at_the_average_price(broker: PaperBroker) -> None:
    broker.enter("ES", "long", 1, Decimal(5000))
    broker.enter("ES", "long", 3, Decimal(5004))
    assert broker.positions() == [
        BrokerPosition("ibs-ES", "ES", "long", 4, Decimal("5003.25"), Decimal("10.00"))
    ]


def test_an_average_that_never_ends_is_rounded_to_the_finest_price_the_bus_carries(
    broker: PaperBroker,
) -> None:
    broker.enter("ES", "short", 2, Decimal("-0.25"))
    broker.enter("ES", "short", 1, Decimal("-1.25"))
    assert broker.positions()[0].price == Decimal("-0.8333333333")


def test_a_leg_closed_bit_by_bit_keeps_its_price_and_pays_its_entry_commission_once(book: Path) -> None:
    with open_broker(book, commission="0.335") as broker:
        broker.enter("MES", "long", 3, Decimal(5000))
        outs = [broker.exit("MES", "long", 1, Decimal(5001)) for _ in range(3)]
    assert {out.entry_price for out in outs} == {Decimal("5000.25")}
    assert [out.entry_commission for out in outs] == [Decimal("0.34"), Decimal("0.33"), Decimal("0.335")]


def test_each_owner_has_a_leg_of_its_own(book: Path, broker: PaperBroker) -> None:
    with open_broker(book, "a-first") as other:
        broker.enter("ES", "long", 1, Decimal(5000))
        other.enter("ES", "short", 2, Decimal(5000))
        assert [(held.owner, held.side, held.size) for held in broker.positions()] == [
            ("a-first", "short", 2),
            ("ibs-ES", "long", 1),
        ]
        assert [held.owner for held in broker.positions("ibs-ES")] == ["ibs-ES"]
        assert broker.positions("nobody") == []


def test_another_owners_leg_can_be_closed_by_naming_the_owner(book: Path, broker: PaperBroker) -> None:
    broker.enter("ES", "long", 1, Decimal(5000))
    with open_broker(book, "flattener") as flattener:
        with pytest.raises(NotOpen, match="flattener has none, so long 1 ES cannot be closed"):
            flattener.exit("ES", "long", 1, None)
        assert flattener.exit("ES", "long", 1, None, owner="ibs-ES").owner == "ibs-ES"
    assert broker.positions() == []


def test_flatten_closes_all_of_one_owner_at_the_marks_and_nothing_of_others(
    book: Path, broker: PaperBroker
) -> None:
    broker.enter("ES", "long", 2, Decimal(5000))
    broker.enter("CL", "short", 1, Decimal(70))
    with open_broker(book, "other") as other:
        other.enter("ES", "long", 1, Decimal(4900))
        outs = other.flatten(owner="ibs-ES")
        assert [(out.symbol, out.size, out.price) for out in outs] == [
            ("CL", 1, Decimal("70.01")),
            ("ES", 2, Decimal("4899.75")),
        ]
        assert [held.owner for held in other.positions()] == ["other"]
        assert broker.flatten() == []
        assert len(other.flatten()) == 1


@pytest.mark.parametrize(("side", "size"), [("long", 3), ("short", 1)])
def test_closing_what_is_not_open_is_refused_and_changes_nothing(
    broker: PaperBroker, side: Side, size: int
) -> None:
    broker.enter("ES", "long", 2, Decimal(5000))
    before = broker.positions()
    with pytest.raises(NotOpen, match=f"ibs-ES is long 2, so {side} {size} ES cannot be closed"):
        broker.exit("ES", side, size, Decimal(1))
    assert broker.positions() == before
    assert broker.unreported_exits("ibs-ES") == []
    assert broker.exit("ES", "long", 2, None).price == Decimal("4999.75")


def test_a_leg_is_closed_once(broker: PaperBroker) -> None:
    broker.enter("ES", "long", 1, Decimal(5000))
    broker.exit("ES", "long", 1, Decimal(5000))
    with pytest.raises(NotOpen):
        broker.exit("ES", "long", 1, Decimal(5000))


def test_an_entry_that_may_not_be_made_any_more_changes_nothing(broker: PaperBroker) -> None:
    with pytest.raises(Withheld):
        broker.enter("ES", "long", 1, Decimal(5000), may_send=lambda: False)
    assert broker.positions() == []


def test_whether_an_entry_may_be_made_is_asked_with_the_book_free(broker: PaperBroker, book: Path) -> None:
    """The bus is asked, which may be slow: nobody's exit waits for that."""

    def others_can_write() -> bool:
        with locked(book):
            return True

    broker.enter("ES", "long", 1, Decimal(5000), may_send=others_can_write)
    assert len(broker.positions()) == 1


def test_an_exit_that_was_confirmed_while_the_book_was_locked_is_removed_with_the_next_thing_noted(
    broker: PaperBroker, book: Path
) -> None:
    broker.enter("ES", "long", 1, Decimal(5000))
    out = broker.exit("ES", "long", 1, Decimal(5000))
    with open_broker(book) as other:
        with locked(book):
            begun = time.monotonic()
            with pytest.raises(BrokerError, match=r"locked by another process for 0\.2 s"):
                broker.confirm_reported(out.fill_id)
            assert time.monotonic() - begun < 4, "those who wait for who confirms wait as long as for a book"
            assert broker.unreported_exits() == []
            assert other.unreported_exits() == [out]
        broker.mark("ES", Decimal(5000))
        assert other.unreported_exits() == []


def test_entering_against_ones_own_leg_is_refused_and_changes_nothing(broker: PaperBroker) -> None:
    broker.enter("ES", "long", 1, Decimal(5000))
    before = broker.positions()
    with pytest.raises(BrokerError, match="ibs-ES is long 1 ES and must close that before going short"):
        broker.enter("ES", "short", 1, Decimal(5000))
    assert broker.positions() == before


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (
            lambda broker: broker.enter("XX", "long", 1, Decimal(1)),
            r"a symbol with a contract \(6A, .*got 'XX'",
        ),
        (lambda broker: broker.mark("XX", Decimal(1)), "a symbol with a contract"),
        (lambda broker: broker.enter("ES", "up", 1, Decimal(1)), "to be long or short, got 'up'"),
        (lambda broker: broker.enter("ES", "long", 0, Decimal(1)), "in whole contracts from 1, got 0"),
        (lambda broker: broker.enter("ES", "long", True, Decimal(1)), "in whole contracts from 1, got True"),
        (lambda broker: broker.exit("ES", "long", 1.0, None), r"in whole contracts from 1, got 1\.0"),
        (
            lambda broker: broker.enter("ES", "long", 1, Decimal("NaN")),
            r"a finite Decimal, got Decimal\('NaN'\)",
        ),
        (lambda broker: broker.exit("ES", "long", 1, Decimal("Infinity")), "a finite Decimal"),
        (lambda broker: broker.mark("ES", 5000.0), r"a finite Decimal, got 5000\.0"),
    ],
)
def test_an_order_that_cannot_be_is_refused(
    broker: PaperBroker, act: Callable[[PaperBroker], object], expected: str
) -> None:
    with pytest.raises(BrokerError, match=expected):
        act(broker)
    assert broker.positions() == []


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda book: open_broker(book, owner=""), "the name of the worker"),
        (lambda book: open_broker(book.parent / "no" / "paper.db"), "could not be used: unable to open"),
    ],
)
def test_a_broker_that_cannot_be_is_refused(
    book: Path, make: Callable[[Path], PaperBroker], expected: str
) -> None:
    with pytest.raises(BrokerError, match=expected):
        make(book)


def test_a_file_that_is_no_book_is_refused_and_left_alone(book: Path) -> None:
    book.write_text("date,open,high,low,close\n" * 100)
    with pytest.raises(BrokerError, match=r"paper\.db could not be used: file is not a database"):
        open_broker(book)
    assert book.read_text().startswith("date,open")


def test_a_closed_broker_says_so(book: Path) -> None:
    broker = open_broker(book)
    broker.close()
    with pytest.raises(BrokerError, match="Cannot operate on a closed database"):
        broker.positions()


def test_a_book_locked_for_longer_than_patience_is_an_error_and_reading_does_not_wait(book: Path) -> None:
    with open_broker(book, patience=0.05) as broker:
        broker.enter("ES", "long", 1, Decimal(5000))
        blocker = sqlite3.connect(book, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        with pytest.raises(BrokerError, match=r"was locked by another process for 0\.05 s"):
            broker.exit("ES", "long", 1, None)
        assert len(broker.positions()) == 1
        assert broker.unreported_exits("ibs-ES") == []
        blocker.close()
        assert broker.exit("ES", "long", 1, None).size == 1


def test_opening_a_new_book_that_another_process_is_making_waits_for_it_in_bounds(book: Path) -> None:
    blocker = sqlite3.connect(book, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    begun = time.monotonic()
    with pytest.raises(BrokerError, match=r"was locked by another process for 0\.05 s"):
        open_broker(book, patience=0.05)
    assert 0.05 <= time.monotonic() - begun < 5
    blocker.close()
    with open_broker(book, patience=0.05) as broker:
        assert broker.positions() == []


def test_threads_share_one_broker_and_every_contract_is_closed_once(broker: PaperBroker) -> None:
    broker.enter("ES", "long", 40, Decimal(5000))
    closed: list[ExitFill] = []

    def close_until_none_is_left() -> None:
        while True:
            try:
                closed.append(broker.exit("ES", "long", 1, None))
            except NotOpen:
                return

    threads = [threading.Thread(target=close_until_none_is_left) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(closed) == 40
    assert broker.positions() == []


orders = st.tuples(
    st.booleans(), st.integers(1, 5), st.decimals(-100, 100, places=2), st.sampled_from(["long", "short"])
)


@settings(max_examples=30, deadline=None)
@given(st.lists(orders, max_size=25))
def test_any_sequence_of_orders_keeps_the_sum_of_profits(
    tmp_path_factory: pytest.TempPathFactory, sequence: list[tuple[bool, int, Decimal, Side]]
) -> None:
    """What the exits report, and what is still open, is to the cent a leg the cash that went in and out; and
    the broker keeps the exits as it returned them."""
    point = CONTRACTS["CL"].point_value
    cash, reported, legs = Fraction(0), Decimal(0), 0
    outs: list[ExitFill] = []
    with open_broker(tmp_path_factory.mktemp("book") / "paper.db") as broker:
        for entering, size, price, side in sequence:
            try:
                if entering:
                    fill: Fill = broker.enter("CL", side, size, price)
                    flow = -fill.price if side == "long" else fill.price
                else:
                    fill = out = broker.exit("CL", side, size, price)
                    flow = fill.price if side == "long" else -fill.price
                    reported += net_pnl(side, out.entry_price, out.price, size, point, out.total_commission)
                    outs.append(out)
            except BrokerError:
                continue
            cash += Fraction(flow * size * point - fill.commission)
        assert broker.unreported_exits("ibs-ES") == outs
        for held in broker.positions():
            reported += net_pnl(held.side, held.price, Decimal(0), held.size, point, held.commission_paid)
            legs += 1
    assert abs(Fraction(reported) - cash) <= Fraction(legs + len(outs), 100)
