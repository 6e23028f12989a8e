"""The watch over a portfolio: what hangs or has died does not pass for fresh."""

import threading
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import pytest

from portfold.cli.dashboard.watching import Moment, Watch, wall_ms
from portfold.cli.watch.status.contact import Contact
from portfold.coordinator.audit.record.following import Note
from portfold.coordinator.audit.record.moment import UTC_EXCHANGE
from portfold.coordinator.audit.record.tail import Choice, Tail, TailLine
from portfold.coordinator.audit.record.timeline import Wanted
from portfold.events.wire.bus import Bus
from tests.waiting import until


class HangingDraws:
    """Draws until it is told to hang."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.goes_on.set()

    def parts(self, moment: Moment) -> dict[str, str]:
        self.goes_on.wait()
        return {"verdict": moment.glimpse.trouble or "seen"}

    def line(self, line: TailLine | Note) -> str:
        return str(line)


@pytest.fixture
def draws() -> Iterator[HangingDraws]:
    made = HangingDraws()
    yield made
    made.goes_on.set()


def test_a_watch_that_hangs_is_not_fresh(bus: Bus, draws: HangingDraws) -> None:
    contact = Contact(lambda: None, wall_ms=wall_ms, zone=ZoneInfo("UTC"))
    tail = Tail(bus, None, Choice(Wanted(), everything=False, exchange=UTC_EXCHANGE))
    watch = Watch(bus, contact, tail, draws, fresh_seconds=0.2)
    assert not watch.is_fresh()  # nothing watches yet
    watch.start()
    try:
        assert watch.drawn()["verdict"] == "seen"
        assert watch.is_fresh()
        draws.goes_on.clear()
        until(lambda: not watch.is_fresh(), "the watch to be fresh no more")
        draws.goes_on.set()
        watch.drawn()
        assert watch.is_fresh()
    finally:
        draws.goes_on.set()
        watch.end()
