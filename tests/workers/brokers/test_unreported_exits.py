"""Every exit is kept until it is confirmed as reported. What a dead process leaves: `test_paper_book.py`."""

import sqlite3
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from portfold.config.contracts import read_contracts
from portfold.config.locate import CONTRACTS_FILE, PACKAGED
from portfold.workers.brokers.order import ExitFill
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.protocol import UNREPORTED_EXITS, BrokerPosition

CONTRACTS = read_contracts(PACKAGED / CONTRACTS_FILE)


def open_broker(book: Path, owner: str) -> PaperBroker:
    return PaperBroker(book, owner, CONTRACTS)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "paper.db"


@pytest.fixture
def broker(book: Path) -> Iterator[PaperBroker]:
    with open_broker(book, "ibs-ES") as broker:
        yield broker


@pytest.fixture
def other(book: Path) -> Iterator[PaperBroker]:
    with open_broker(book, "other") as other:
        yield other


def test_an_exit_is_kept_as_it_was_returned_until_it_is_confirmed(broker: PaperBroker) -> None:
    broker.enter("CL", "short", 2, Decimal("-37.63"))
    out = broker.exit("CL", "short", 1, Decimal("-40.00")).fills[0]
    assert broker.unreported_exits("ibs-ES") == [out]
    broker.confirm_reported(out.fill_id)
    assert broker.unreported_exits("ibs-ES") == []


def test_exits_are_listed_oldest_first_and_confirmed_one_by_one(broker: PaperBroker) -> None:
    broker.enter("ES", "long", 2, Decimal(5000))
    broker.enter("CL", "short", 1, Decimal(70))
    first = broker.exit("ES", "long", 1, Decimal(5001)).fills[0]
    flattened = broker.flatten()
    assert broker.unreported_exits("ibs-ES") == [first, *flattened]
    broker.confirm_reported(flattened[0].fill_id)
    assert broker.unreported_exits("ibs-ES") == [first, flattened[1]]


def test_confirming_again_touches_no_later_exit(broker: PaperBroker) -> None:
    broker.enter("ES", "long", 2, Decimal(5000))
    reported = broker.exit("ES", "long", 1, None).fills[0]
    broker.confirm_reported(reported.fill_id)
    later = broker.exit("ES", "long", 1, None).fills[0]
    assert later.fill_id != reported.fill_id
    broker.confirm_reported(reported.fill_id)
    assert broker.unreported_exits("ibs-ES") == [later]


def test_confirming_what_never_was_does_nothing(broker: PaperBroker) -> None:
    broker.enter("ES", "long", 1, Decimal(5000))
    out = broker.exit("ES", "long", 1, None).fills[0]
    broker.confirm_reported("never-was")
    assert broker.unreported_exits("ibs-ES") == [out]


def test_two_owners_exits_are_kept_apart(broker: PaperBroker, other: PaperBroker) -> None:
    for each in (broker, other):
        each.enter("ES", "long", 1, Decimal(5000))
    (mine,), (theirs,) = (each.exit("ES", "long", 1, None).fills for each in (broker, other))
    assert mine.fill_id != theirs.fill_id
    assert broker.unreported_exits("ibs-ES") == [mine]
    assert broker.unreported_exits("other") == [theirs]
    assert broker.unreported_exits("nobody") == []
    broker.confirm_reported(mine.fill_id)
    assert other.unreported_exits("other") == [theirs]


@pytest.mark.parametrize(
    "close",
    [
        lambda flattener: list(flattener.exit("ES", "long", 1, None, owner="ibs-ES").fills),
        lambda flattener: flattener.flatten(owner="ibs-ES"),
    ],
)
def test_an_exit_belongs_to_the_owner_of_the_position_whoever_made_it(
    broker: PaperBroker, other: PaperBroker, close: Callable[[PaperBroker], list[ExitFill]]
) -> None:
    broker.enter("ES", "long", 1, Decimal(5000))
    outs = close(other)
    assert len(outs) == 1
    assert broker.unreported_exits("ibs-ES") == outs
    assert broker.unreported_exits("other") == []


def test_entering_again_forgets_no_exit(broker: PaperBroker) -> None:
    broker.enter("ES", "long", 1, Decimal(5000))
    out = broker.exit("ES", "long", 1, None).fills[0]
    broker.enter("ES", "short", 1, Decimal(5000))
    assert broker.unreported_exits("ibs-ES") == [out]


@pytest.mark.parametrize(("exits", "dropped"), [(UNREPORTED_EXITS, 0), (UNREPORTED_EXITS + 1, 1)])
def test_beyond_the_bound_the_oldest_exit_of_that_owner_alone_is_dropped(
    broker: PaperBroker, other: PaperBroker, exits: int, dropped: int
) -> None:
    other.enter("ES", "long", 1, Decimal(5000))
    oldest = other.exit("ES", "long", 1, None).fills[0]
    broker.enter("ES", "long", exits, Decimal(5000))
    outs = [broker.exit("ES", "long", 1, None).fills[0] for _ in range(exits)]
    assert broker.unreported_exits("ibs-ES") == outs[dropped:]
    assert broker.unreported_exits("other") == [oldest]


def test_a_book_from_before_exits_were_kept_goes_on(book: Path) -> None:
    old = sqlite3.connect(book)
    old.executescript(
        """
        CREATE TABLE legs (
            owner TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL,
            size INTEGER NOT NULL CHECK (size > 0), price TEXT NOT NULL, commission TEXT NOT NULL,
            PRIMARY KEY (owner, symbol));
        CREATE TABLE marks (symbol TEXT PRIMARY KEY, price TEXT NOT NULL);
        INSERT INTO legs VALUES ('ibs-ES', 'ES', 'long', 1, '5000.25', '2.50');
        INSERT INTO marks VALUES ('ES', '5000');
        """
    )
    old.close()
    with open_broker(book, "ibs-ES") as broker:
        assert broker.unreported_exits("ibs-ES") == []
        assert broker.positions() == [
            BrokerPosition("ibs-ES", "ES", "long", 1, Decimal("5000.25"), Decimal("2.50"))
        ]
        out = broker.exit("ES", "long", 1, None).fills[0]
        assert out.entry_price == Decimal("5000.25")
        assert broker.unreported_exits("ibs-ES") == [out]
