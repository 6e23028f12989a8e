"""`portfold reconcile`: what the log, the book and the account say, and the account taken as right."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from portfold.cli.exits import FAILED, OK
from portfold.coordinator.views.view_field import view_in
from portfold.events.account import AccountReported
from portfold.workers.brokers.legs_book import PaperBook
from portfold.workers.brokers.protocol import BrokerPosition
from tests.cli.command_line import Ran, called
from tests.coordinator.story import limits
from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer

BY = ("--by", "ann", "--reason", "seen")


class Desk:
    """A watched account of 50,000 dollars, a worker that says it holds one ES, and a book of its own."""

    def __init__(self, live: Live, server: EmbeddedServer, folder: Path) -> None:
        self.live = live
        self.book = folder / "book"
        self._folder = folder
        self._where = ("--url", server.url, "--portfolio", live.keys.name, "--book", str(self.book))
        watch = {"account": "DU1", "account_tolerance": Decimal(5), "account_silent_ms": 600_000}
        live.hears(limits(**watch))
        self.reports("50000")
        live.starts("ibs-ES", symbols="ES")
        live.fills("ES", price="5000")
        self.books(1)

    def reports(self, equity: str, positions: str = "") -> None:
        now = self.live.bus.now_ms()
        nothing = Decimal(0)
        self.live.hears(AccountReported("DU1", "paper", now, Decimal(equity), nothing, nothing, positions))

    def books(self, size: int) -> None:
        book = PaperBook(self.book, 2.0)
        with book.transaction() as entries:
            held = BrokerPosition("ibs-ES", "ES", "long", size, Decimal(5000), Decimal(2))
            entries.write_leg(held)
        book.close()

    def booked(self) -> list[tuple[str, int, Decimal]]:
        book = PaperBook(self.book, 2.0)
        found = [(one.owner, one.size, one.price) for one in book.read_legs(None)]
        book.close()
        return found

    def types(self, *words: str) -> Ran:
        return called(*words, *self._where, cwd=self._folder)


@pytest.fixture
def desk(live: Live, server: EmbeddedServer, tmp_path: Path) -> Iterator[Desk]:
    with coordinating(server.url, live.keys.name):
        yield Desk(live, server, tmp_path)


def test_what_agrees_is_shown_side_by_side(desk: Desk) -> None:
    desk.reports("50000", "ES:long:1:5000")
    ran = desk.types("reconcile")
    assert ran.code == OK, ran.err
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert lines[0].startswith("Account DU1, as paper had it ")
    assert "ES long 1 ibs-ES long 1 ibs-ES long 1" in lines
    assert "equity $50,000.00 $50,000.00" in lines
    assert lines[-1] == "There are no orders with unknown outcome."


def test_the_command_that_is_printed_settles_log_and_book_and_the_account_agrees(desk: Desk) -> None:
    desk.reports("50000", "ES:long:2:5001.25")
    ran = desk.types("reconcile")
    (command,) = [line.strip() for line in ran.out.splitlines() if "ES ibs-ES --size" in line]
    assert "ES ibs-ES --size 2 --price 5001.25 --in-book" in command
    assert f"--book {desk.book}" in command
    done = desk.types("settle", "ES", "ibs-ES", "--size", "2", "--price", "5001.25", "--in-book", *BY)
    assert done.code == OK, done.err
    assert desk.booked() == [("ibs-ES", 2, Decimal("5001.25"))]
    desk.reports("50000", "ES:long:2:5001.25")
    assert "--size" not in desk.types("reconcile").out


def test_the_account_is_taken_as_right_only_by_name_and_reason(desk: Desk) -> None:
    desk.reports("49700", "ES:long:1:5000")
    asked = desk.types("reconcile", "--account-is-right")
    assert asked.code == OK, asked.err
    assert "$-300.00 is accepted" in asked.out
    assert "Nothing is changed yet." in asked.out
    assert desk.live.said("AccountSettled") == []
    done = desk.types("reconcile", "--account-is-right", *BY)
    assert "Account DU1 is taken as right. On record as" in done.out
    desk.live.all_decided()
    view = view_in(desk.live.status())
    assert view is not None
    assert view.account is not None
    assert view.account.differing == ()
    assert view.account.expected == Decimal(49_700)


def test_where_none_is_watched_there_is_none_to_take_as_right(
    live: Live, server: EmbeddedServer, tmp_path: Path
) -> None:
    live.publishes(limits())
    where = ("--url", server.url, "--portfolio", live.keys.name)
    ran = called("reconcile", "--account-is-right", *BY, *where, cwd=tmp_path)
    assert (ran.code, ran.err) == (
        FAILED,
        "portfold: No account is watched, so there is none to take as right.\n",
    )
