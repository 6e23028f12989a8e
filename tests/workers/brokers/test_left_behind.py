"""A log begun anew does not make anybody forget what a real broker holds from the one before."""

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portfold.config import Configuration, load
from portfold.events.wire.bus import Bus
from portfold.log import open_log
from portfold.workers.brokers.protocol import BrokerSetup, OpenedBroker
from portfold.workers.brokers.registry import open_broker
from portfold.workers.client.settings import GateSettings
from portfold.workers.run.book_file import book_there
from tests.processes import config_folder
from tests.workers.brokers.traderspost.webhook_server import Receiver

_LEFT = "LEFT BEHIND: the log here was begun anew, and the broker's book of the one before is not empty: "


class Account:
    """Opens the configured broker as a worker does, on the book of the log that is there."""

    def __init__(self, url: str, portfolio: str, folder: Path, webhook: str) -> None:
        self._settings = GateSettings(url=url, portfolio=portfolio)
        self.folder = folder
        self._webhook = webhook
        self.configuration = self.configured("traderspost", {"webhook_url_env": "WEBHOOK"})

    def configured(self, kind: str, options: Any) -> Configuration:
        broker = {"kind": kind, "options": options}
        return load(str(config_folder(self.folder / kind, runtime={"broker": broker})), {}, self.folder)

    def open(self, configuration: Configuration | None = None) -> tuple[OpenedBroker, list[dict[str, str]]]:
        """The broker, and what was critical about opening it."""
        chosen = configuration or self.configuration
        book = book_there(self._settings, self.folder, chosen.runtime.broker.kind)
        said = io.StringIO()
        log, lines = open_log("worker", target=said)
        opened = open_broker(BrokerSetup(chosen, "ibs-CL", book, log, {"WEBHOOK": self._webhook}))
        lines.close()
        logged = [json.loads(line) for line in said.getvalue().splitlines()]
        return opened, [line for line in logged if line["level"] == "critical"]


@pytest.fixture
def account(server: Any, portfolio: str, tmp_path: Path, receiver: Receiver) -> Account:
    return Account(server.url, portfolio, tmp_path, receiver.url)


def test_what_an_earlier_logs_book_holds_is_said_until_it_is_closed(
    account: Account, bus: Bus, client: Any
) -> None:
    before, nothing = account.open()
    assert nothing == []
    before.enter("CL", "long", 1, Decimal(70))
    for _ in range(2):  # the one before the last is not forgotten either
        client.delete(bus.keys.log)
        after, ((line),) = account.open()
        assert after.positions() == []
        assert line["event"] == _LEFT + "CL long 1 of ibs-CL"
        after.close()
    before.exit("CL", "long", 1, None)
    before.close()
    after, nothing = account.open()
    assert nothing == []
    after.close()


def test_paper_is_of_its_log_alone(account: Account, bus: Bus, client: Any) -> None:
    paper = account.configured("paper", {})
    before, _ = account.open(paper)
    before.enter("CL", "long", 1, Decimal(70))
    before.close()
    client.delete(bus.keys.log)
    after, nothing = account.open(paper)
    assert nothing == []
    after.close()


def test_a_book_that_cannot_be_read_is_said_too(account: Account, bus: Bus, client: Any) -> None:
    before, _ = account.open()
    before.close()
    (book,) = account.folder.glob("traderspost-*.sqlite")
    for each in account.folder.glob("traderspost-*.sqlite*"):
        each.write_bytes(b"not a book" * 1000)
    client.delete(bus.keys.log)
    after, ((line),) = account.open()
    assert line["book"] == str(book)
    assert "it cannot be read" in line["event"]
    after.close()
