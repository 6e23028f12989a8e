"""The sources of the account: what they say of it, and that they say nothing where they do not know."""

import json
import os
import time
from decimal import Decimal
from pathlib import Path

import pytest

from portfold.config.contracts import read_contracts
from portfold.config.locate import PACKAGED
from portfold.events.legs import Holding
from portfold.workers.account.file import FileSource
from portfold.workers.account.paper import PaperSource
from portfold.workers.account.source import AccountUnreadable
from portfold.workers.brokers.paper import PaperBroker

CONTRACTS = read_contracts(PACKAGED / "contracts.json")


# --- paper ------------------------------------------------------------------------------------------------


def trade(book: Path, owner: str = "ibs-ES") -> PaperBroker:
    return PaperBroker(book, owner, CONTRACTS)


def test_paper_moves_cash_with_each_fill_and_open_profit_with_each_mark(tmp_path: Path) -> None:
    book = tmp_path / "book.sqlite"
    contract = CONTRACTS["ES"]
    source = PaperSource(book, CONTRACTS, Decimal(50_000))
    broker = trade(book)
    bought = broker.enter("ES", "long", 2, Decimal(5000)).fills[0]
    fees = contract.commission_per_side * 2
    broker.mark("ES", bought.price + 1)
    said = source.read()
    assert said.holdings == (Holding("ES", "long", 2, bought.price.normalize()),)
    assert said.unrealized == 2 * contract.point_value
    assert said.equity == 50_000 - fees + 2 * contract.point_value
    sold = broker.exit("ES", "long", 2, bought.price).fills[0]
    said = source.read()
    made = (sold.price - bought.price) * 2 * contract.point_value
    assert not said.holdings
    assert said.unrealized == 0
    assert said.equity == 50_000 + made - 2 * fees


def test_paper_nets_what_several_owners_hold(tmp_path: Path) -> None:
    book = tmp_path / "book.sqlite"
    source = PaperSource(book, CONTRACTS, Decimal(50_000))
    trade(book).enter("ES", "long", 3, Decimal(5000))
    short = trade(book, "hedge").enter("ES", "short", 1, Decimal(5010)).fills[0]
    trade(book, "other").enter("CL", "short", 1, Decimal(70))
    held = {one.symbol: (one.side, one.size) for one in source.read().holdings}
    assert held == {"ES": ("long", 2), "CL": ("short", 1)}
    assert short.side == "short"


def test_a_locked_book_says_nothing(tmp_path: Path) -> None:
    book = tmp_path / "book.sqlite"
    book.write_bytes(b"no book at all, and long enough to be taken for none" * 50)
    with pytest.raises(Exception, match="could not be used"):
        PaperSource(book, CONTRACTS, Decimal(0))


# --- a file -----------------------------------------------------------------------------------------------

WRITTEN = {
    "equity": 50123.45,
    "realized": 120,
    "unrealized": 3.45,
    "positions": {"ES": {"size": -1, "price": 5990.25}, "CL": {"size": 0, "price": 0}},
    "working": {"ES": 1, "CL": 0},
}


def written(folder: Path, tree: object = WRITTEN) -> FileSource:
    path = folder / "account.json"
    path.write_text(tree if isinstance(tree, str) else json.dumps(tree))
    return FileSource(path, 60)


def test_a_file_says_what_is_written_in_it(tmp_path: Path) -> None:
    said = written(tmp_path).read()
    assert (said.equity, said.realized, said.unrealized) == (
        Decimal("50123.45"),
        Decimal(120),
        Decimal("3.45"),
    )
    assert said.holdings == (Holding("ES", "short", 1, Decimal("5990.25")),)
    assert said.working == {"ES": 1}


@pytest.mark.parametrize(
    ("tree", "why"),
    [
        ("", "JSON"),
        ({"realized": 1}, "equity"),
        ({"equity": "much"}, "equity"),
        ({"equity": 1, "positions": {"ES": {"size": 1.5, "price": 1}}}, "positions.ES.size"),
        ({"equity": 1, "balance": 2}, "balance"),
    ],
)
def test_a_file_that_is_not_as_described_says_nothing(tmp_path: Path, tree: object, why: str) -> None:
    with pytest.raises(AccountUnreadable, match=why):
        written(tmp_path, tree).read()


def test_a_file_that_nobody_writes_any_more_says_nothing_of_now(tmp_path: Path) -> None:
    source = written(tmp_path)
    then = time.time() - 61
    os.utime(tmp_path / "account.json", (then, then))
    with pytest.raises(AccountUnreadable, match="says nothing of now"):
        source.read()
    with pytest.raises(AccountUnreadable, match="does not say"):
        FileSource(tmp_path / "none.json", 60).read()
