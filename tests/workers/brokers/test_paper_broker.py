"""Paper fills, and what is kept of them. Several processes: `test_paper_book.py`."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portfold.events.fields import Side
from portfold.workers.brokers.order import ExitFill, Fill
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.profit import net_pnl
from portfold.workers.brokers.protocol import (
    Broker,
    BrokerError,
    BrokerPosition,
    NotOpen,
)
from tests.workers.brokers.paper_books import CONTRACTS, open_broker


def test_meets_the_protocol(broker: PaperBroker) -> None:
    meets: Broker = broker
    assert meets.positions() == []


@pytest.mark.parametrize(
    ("side", "entered", "left"), [("long", "5000.25", "5009.75"), ("short", "4999.75", "5010.25")]
)
def test_slippage_is_against_the_trader_on_both_fills_of_both_sides(
    broker: PaperBroker, side: Side, entered: str, left: str
) -> None:
    entry = broker.enter("ES", side, 2, Decimal("5000.00")).fills[0]
    assert entry == Fill("ibs-ES", "ES", side, 2, Decimal(entered), Decimal("5.00"), entry.fill_id)
    out = broker.exit("ES", side, 2, Decimal("5010.00")).fills[0]
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
        fill = broker.enter("SI", "long", 1, Decimal("30.000")).fills[0]
        assert (fill.price, fill.commission) == (Decimal("30.000"), Decimal(0))


def test_an_exit_fill_has_what_its_profit_needs(broker: PaperBroker) -> None:
    broker.enter("CL", "short", 1, Decimal("10.00"))
    out = broker.exit("CL", "short", 1, Decimal("-37.63")).fills[0]
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
        outs = [broker.exit("MES", "long", 1, Decimal(5001)).fills[0] for _ in range(3)]
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
        (out,) = flattener.exit("ES", "long", 1, None, owner="ibs-ES").fills
    assert out.owner == "ibs-ES"
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
                    fill: Fill = broker.enter("CL", side, size, price).fills[0]
                    flow = -fill.price if side == "long" else fill.price
                else:
                    fill = out = broker.exit("CL", side, size, price).fills[0]
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
