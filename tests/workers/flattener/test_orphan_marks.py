"""The flattener marks what no worker is there to mark: whose positions, at what price, how often."""

import io
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portfold.config import load
from portfold.config.locate import PACKAGED
from portfold.events.account import ACCOUNT
from portfold.events.wire.bus import Bus
from portfold.events.wire.market import NewPrice
from portfold.log import open_log
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.protocol import BrokerPosition
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from portfold.workers.flattener.flattener import NAME
from portfold.workers.flattener.orphan_marks import OrphanMarks, Pace
from tests.cli.standing import Standing
from tests.coordinator.story import Story
from tests.live import Live
from tests.server import EmbeddedServer
from tests.set_clock import SetClock

STALE_SECONDS, REPEAT_SECONDS = 60.0, 30.0


class Booked(PaperBroker):
    """One whose book has months: ESZ2026 of the worker in ES."""

    booked: tuple[BrokerPosition, ...] = ()

    def positions(self, owner: str | None = None) -> list[BrokerPosition]:
        return [one for one in self.booked if owner in (None, one.owner)]


class Orphans:
    """A log that a story has left, prices of now, and the marks of a flattener."""

    def __init__(self, bus: Bus, live: Live, server: EmbeddedServer, folder: Path) -> None:
        self.bus = bus
        self.clock = SetClock()
        self._live = live
        self._epoch = bus.take_feed("here 1 feed", 600_000).epoch
        self._log, self._lines = open_log(NAME, target=io.StringIO())
        contracts = load(str(PACKAGED), {}, folder).contracts
        self.broker = Booked(folder / "book.sqlite", NAME, contracts)
        settings = GateSettings(url=server.url, portfolio=bus.keys.name)
        self._gate = PortfolioGate(NAME, settings=settings, log=self._log)
        pace = Pace(0.5, STALE_SECONDS, REPEAT_SECONDS)
        mine = {name: contracts[name] for name in ("CL", "ES")}
        self._marks = OrphanMarks(bus, self._gate, self.broker, mine, pace, log=self._log, clock=self.clock)

    def priced(self, es: int, age_ms: int = 0, contract: str = "") -> None:
        at_ms = self.bus.now_ms() - age_ms
        self.bus.write_prices(self._epoch, "test", [NewPrice("ES", Decimal(es), at_ms, contract)])

    def marked(self) -> list[tuple[str, str, Decimal]]:
        """Looks once; whose position was marked since the last look, at what price, and what it makes."""
        before = len(self._live.said("PositionMarked"))
        self._marks.look()
        new = self._live.said("PositionMarked")[before:]
        assert all(mark["worker"] == NAME for mark in new)
        return [(mark["owner"], mark["price"], Decimal(mark["unrealized"])) for mark in new]

    def close(self) -> None:
        self._gate.close()
        self.broker.close()
        self._lines.close()


@pytest.fixture
def orphans(bus: Bus, live: Live, server: EmbeddedServer, tmp_path: Path) -> Iterator[Orphans]:
    made = Orphans(bus, live, server, tmp_path)
    yield made
    made.close()


def standing(orphans: Orphans, client: Any, story: Story, *silent: str) -> None:
    """The story is how things stand; these give no signs of life."""
    Standing(orphans.bus, client).of(story)
    for worker in silent:
        client.delete(orphans.bus.keys.worker(worker))


def long_in_es() -> Story:
    story = Story()
    story.enters("ES", price="6000")
    return story


@pytest.mark.parametrize("how", ["lost", "stopped"])
def test_what_a_worker_that_is_gone_holds_is_marked(orphans: Orphans, client: Any, how: str) -> None:
    story = long_in_es()
    story.loses_worker("ibs-ES") if how == "lost" else story.stops("ibs-ES")
    standing(orphans, client, story, "ibs-ES")
    orphans.priced(5990)
    assert orphans.marked() == [("ibs-ES", "5990", Decimal(-500))]


def test_who_is_up_marks_by_itself_and_so_does_who_is_there_and_not_yet_on_the_log(
    orphans: Orphans, client: Any
) -> None:
    story = long_in_es()
    standing(orphans, client, story, "ibs-ES")  # missed by nobody yet
    orphans.priced(5990)
    assert orphans.marked() == []
    story.loses_worker("ibs-ES")
    standing(orphans, client, story)  # it was started again a moment ago
    assert orphans.marked() == []


def test_what_the_account_holds_and_nobody_owns_is_marked_where_its_entry_price_is_known(
    orphans: Orphans, client: Any
) -> None:
    story = Story()
    story.fills("ES", price="6000", worker=ACCOUNT)
    story.fills("CL", price="0", worker=ACCOUNT)
    standing(orphans, client, story, ACCOUNT)
    orphans.priced(5990)
    orphans.bus.write_prices(1, "test", [NewPrice("CL", Decimal(60), None)])
    assert orphans.marked() == [(ACCOUNT, "5990", Decimal(-500))]


def test_a_price_that_is_too_old_is_no_mark(orphans: Orphans, client: Any) -> None:
    story = long_in_es()
    story.loses_worker("ibs-ES")
    standing(orphans, client, story, "ibs-ES")
    orphans.priced(5990, age_ms=round(STALE_SECONDS * 1000) + 1)
    assert orphans.marked() == []
    orphans.priced(5991, age_ms=round(STALE_SECONDS * 1000) - 5_000)
    assert [price for _, price, _ in orphans.marked()] == ["5991"]


def test_a_price_that_is_dated_far_ahead_is_no_mark(orphans: Orphans, client: Any) -> None:
    story = long_in_es()
    story.loses_worker("ibs-ES")
    standing(orphans, client, story, "ibs-ES")
    orphans.priced(5990, age_ms=-1_860_000)
    assert orphans.marked() == []
    orphans.priced(5991, age_ms=-1_740_000)
    assert [price for _, price, _ in orphans.marked()] == ["5991"]


def test_a_price_of_another_month_than_the_book_has_is_no_mark(orphans: Orphans, client: Any) -> None:
    story = long_in_es()
    story.loses_worker("ibs-ES")
    standing(orphans, client, story, "ibs-ES")
    zero = Decimal(0)
    orphans.broker.booked = (BrokerPosition("ibs-ES", "ES", "long", 1, Decimal(6000), zero, "ESZ2026"),)
    orphans.priced(6050, contract="ESH7")
    assert orphans.marked() == []
    orphans.priced(5990, contract="ESZ6")
    assert [price for _, price, _ in orphans.marked()] == ["5990"]


def test_the_same_mark_is_given_again_before_it_is_stale_and_another_at_once(
    orphans: Orphans, client: Any
) -> None:
    story = long_in_es()
    story.loses_worker("ibs-ES")
    standing(orphans, client, story, "ibs-ES")
    orphans.priced(5990)
    assert len(orphans.marked()) == 1
    orphans.clock.sleep(REPEAT_SECONDS - 0.1)
    assert orphans.marked() == []
    orphans.clock.sleep(0.1)
    assert len(orphans.marked()) == 1
    orphans.priced(5989)
    assert [price for _, price, _ in orphans.marked()] == ["5989"]
