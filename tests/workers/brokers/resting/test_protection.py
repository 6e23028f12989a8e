"""How far off protective stops rest, what they wait for, and how a trader uses them."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from portfold.config import StopDistance
from portfold.config.contracts import read_contracts
from portfold.config.locate import CONTRACTS_FILE, PACKAGED
from portfold.events.fields import Side
from portfold.log import open_log
from portfold.workers.brokers.protocol import BrokerPosition
from portfold.workers.brokers.resting.protective import stop_price
from portfold.workers.feeds.bar import Bar
from portfold.workers.protection import Protection, protecting

CONTRACTS = read_contracts(PACKAGED / CONTRACTS_FILE)
OPENS = datetime(2025, 11, 3, 15, tzinfo=UTC)


class Said:
    """A log, and what is read of it at the end."""

    def __init__(self) -> None:
        self._text = io.StringIO()
        self.log, self._lines = open_log("ibs-ES", target=self._text)

    def all(self) -> str:
        self._lines.close()
        return self._text.getvalue()


@pytest.fixture
def said() -> Iterator[Said]:
    said = Said()
    yield said
    said.all()


def bar(number: int, high: str, low: str) -> Bar:
    at = OPENS + timedelta(minutes=number)
    return Bar("ES", at, Decimal(low), Decimal(high), Decimal(low), Decimal(low))


@pytest.mark.parametrize(
    ("symbol", "wanted", "distance"),
    [
        ("ES", StopDistance(ticks=8), "2.00"),
        ("CL", StopDistance(ticks=8), "0.08"),
        ("ES", StopDistance(dollars=Decimal(500)), "10.00"),
        ("ES", StopDistance(dollars=Decimal("506.24")), "10.00"),
        ("ES", StopDistance(dollars=Decimal("0.01")), "0.25"),
        ("CL", StopDistance(dollars=Decimal(500)), "0.50"),
    ],
)
def test_a_distance_is_whole_ticks_never_more_than_named_and_at_least_one(
    said: Said, symbol: str, wanted: StopDistance, distance: str
) -> None:
    assert Protection(wanted, CONTRACTS[symbol], said.log).distance == Decimal(distance)


def test_an_average_true_range_opens_nothing_before_it_can_be_measured_which_is_said_once(
    said: Said,
) -> None:
    protection = Protection(StopDistance(atr=Decimal(2), atr_bars=2), CONTRACTS["ES"], said.log)
    for _ in range(2):
        assert not protection.is_known()
    protection.take(bar(0, "5001", "5000"))
    assert not protection.is_known()
    protection.take(bar(1, "5002.20", "5000"))
    assert (protection.is_known(), protection.distance) == (True, Decimal("3.00"))
    assert said.all().count("its protective stop needs more bars") == 1


def test_without_one_entries_are_as_they_were(said: Said) -> None:
    protection = Protection(None, CONTRACTS["ES"], said.log)
    protection.take(bar(0, "5001", "5000"))
    assert (protection.is_known(), protection.distance) == (True, None)
    assert protecting(bar, protection.place(None)) is bar


@pytest.mark.parametrize(
    ("side", "named", "filled", "rests"),
    [
        ("long", None, "5000", "4995.00"),
        ("long", "4995.00", "5000", "4995.00"),
        ("long", "4994.75", "5000", "4995.00"),
        ("long", "4994.75", "4999.75", "4994.75"),
        ("long", "4994.75", "4999.50", "4994.75"),
        ("long", "4995.00", "5000.25", "4995.25"),
        ("long", "4998.00", "4990", "4998.00"),
        ("short", "5005.25", "5000", "5005.00"),
        ("short", "5005.25", "5000.50", "5005.25"),
        ("short", "5005.00", "4999.75", "5004.75"),
    ],
)
def test_of_a_stop_of_runtime_json_and_one_that_the_strategy_names_the_nearer_to_the_fill_rests(
    side: Side, named: str | None, filled: str, rests: str, said: Said
) -> None:
    protection = Protection(StopDistance(ticks=20), CONTRACTS["ES"], said.log)
    place = protection.place(None if named is None else Decimal(named))
    leg = BrokerPosition("ibs-ES", "ES", side, 2, Decimal(filled), Decimal(0))
    assert place.beside(leg, Decimal("0.25")) == place.expected(side, leg.price) == Decimal(rests)


@pytest.mark.parametrize(("side", "rests"), [("long", "4998.25"), ("short", "5002.00")])
def test_off_the_grid_a_stop_rests_at_the_next_tick_nearer(side: str, rests: str) -> None:
    leg = BrokerPosition("ibs-ES", "ES", side, 2, Decimal("5000.125"), Decimal(0))  # type: ignore[arg-type]
    assert stop_price(leg, Decimal(2), Decimal("0.25")) == Decimal(rests)
