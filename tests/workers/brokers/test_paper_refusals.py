"""What the paper broker refuses, and how long it waits for a book that others use."""

import sqlite3
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from portfold.events.fields import Side
from portfold.workers.brokers.order import ExitFill
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.protocol import (
    BrokerError,
    NotOpen,
    Withheld,
)
from tests.workers.brokers.desk import locked
from tests.workers.brokers.paper_books import open_broker


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
    out = broker.exit("ES", "long", 1, Decimal(5000)).fills[0]
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
        (
            lambda broker: broker.enter("ES", "long", size=True, price=Decimal(1)),
            "in whole contracts from 1, got True",
        ),
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
                closed.extend(broker.exit("ES", "long", 1, None).fills)
            except NotOpen:
                return

    threads = [threading.Thread(target=close_until_none_is_left) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(closed) == 40
    assert broker.positions() == []
