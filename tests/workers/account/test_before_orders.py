"""Before the first order of a run with money: which account, what it holds, whether that adds up."""

import json
import threading
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from portfold.config import Configuration, load
from portfold.events.wire.bus import Bus
from portfold.log import open_log
from portfold.workers.account.before_orders import NotAsTheLog, check_account
from portfold.workers.brokers.protocol import OrderUnknown
from tests.cli.standing import Standing
from tests.coordinator.story import Story
from tests.processes import config_folder
from tests.workers.account.test_account_process import holds
from tests.workers.brokers.ibkr.tws_desk import Desk

ACCOUNT: dict[str, Any] = {"name": "DU1", "source": "file", "grace_seconds": 0.01}


class Before:
    """A log on which one ES is open, and an account in a file."""

    def __init__(self, bus: Bus, client: Any, folder: Path) -> None:
        self._bus = bus
        self._folder = folder
        self._lines = StringIO()
        story = Story()
        story.enters("ES", price="5000")
        Standing(bus, client).of(story)

    def configuration(self, **runtime: Any) -> Configuration:
        account = {**ACCOUNT, "options": {"path": str(self._folder / "account.json")}}
        made = config_folder(self._folder / "config", runtime={"account": account, **runtime})
        return load(str(made), {}, self._folder)

    def holds(self, **positions: int) -> None:
        holds(self._folder, **positions)

    def checks(
        self, configuration: Configuration | None = None, *, book: Path | None = None, named: str = "DU1"
    ) -> list[dict[str, Any]]:
        """Returns the lines that were logged."""
        log, lines = open_log("run", target=self._lines)
        try:
            check_account(
                configuration or self.configuration(),
                self._bus,
                book or self._folder / "book",
                named=named,
                log=log,
                environ={},
                stop=threading.Event(),
            )
        finally:
            lines.close()
        return [json.loads(line) for line in self._lines.getvalue().splitlines()]


@pytest.fixture
def before(bus: Bus, client: Any, tmp_path: Path) -> Before:
    return Before(bus, client, tmp_path)


def test_it_says_which_account_what_is_in_it_and_what_is_open_there_and_here(before: Before) -> None:
    before.holds(ES=1)
    [line] = before.checks()
    assert line["event"] == "Account DU1: $50,000.00"
    assert (line["open_there"], line["open_on_the_log"]) == ("ES long 1", "ES long 1 by ibs-ES")


def test_an_account_that_holds_something_else_starts_nothing(before: Before) -> None:
    before.holds(ES=2)
    with pytest.raises(NotAsTheLog, match=r"holds ES long 2, the log ES long 1 by ibs-ES\. Nothing"):
        before.checks()


def test_an_account_that_cannot_be_read_starts_nothing(before: Before) -> None:
    with pytest.raises(NotAsTheLog, match="Account DU1 cannot be read"):
        before.checks()


def test_another_account_than_the_one_that_is_traded_is_refused(before: Before) -> None:
    before.holds(ES=1)
    broker = {"kind": "ibkr", "options": {"port": 4002, "account": "DU1234567"}}
    with pytest.raises(NotAsTheLog, match="expected DU1, the account that is watched, got DU1234567"):
        before.checks(before.configuration(broker=broker))


def test_without_a_watched_account_that_is_said(before: Before) -> None:
    [line] = before.checks(before.configuration(account=None))
    assert line["event"].startswith("No account is watched")


def test_where_no_account_is_watched_the_gateway_of_interactive_brokers_is_asked_once(
    before: Before, tmp_path: Path
) -> None:
    desk = Desk(tmp_path)
    try:
        desk.end(desk.holding(1))
        broker = {"kind": "ibkr", "options": {"port": desk.gateway.port, "connect_seconds": 20}}
        live = before.configuration(account=None, broker=broker)
        warned, *_, said = before.checks(live, book=desk.book, named="DU1234567")
        assert warned["event"] == "No account is watched; this run compares it once"
        assert said["event"].startswith("Account DU1234567: $")
        assert (said["open_there"], said["open_on_the_log"]) == ("ES long 1", "ES long 1 by ibs-ES")
        with pytest.raises(NotAsTheLog, match="Account DU7654321 cannot be read"):
            before.checks(live, book=desk.book, named="DU7654321")
    finally:
        desk.close()


def test_what_an_exit_of_ours_closed_while_nobody_was_there_starts_all_the_same(
    before: Before, tmp_path: Path
) -> None:
    desk = Desk(tmp_path)
    try:
        worker = desk.holding(1)
        desk.exchange.open_hours("closed")
        with pytest.raises(OrderUnknown):
            worker.exit("ES", "long", 1, None)
        desk.end(worker)
        desk.exchange.open_hours("regular")  # it is filled, and nobody is there to hear of it
        options = {"port": desk.gateway.port, "connect_seconds": 20, "contracts": {"ES": "ESZ2025"}}
        live = before.configuration(broker={"kind": "ibkr", "options": options})
        before.holds()
        lines = before.checks(live, book=desk.book)
        told = [line for line in lines if line["event"].startswith("Closed at the broker and not on the log")]
        assert [line["closed"] for line in told] == ["ES"]
        before.holds(ES=-1)
        with pytest.raises(NotAsTheLog, match="holds ES short 1, the log ES long 1"):
            before.checks(live, book=desk.book)
    finally:
        desk.close()
