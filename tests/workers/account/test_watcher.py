"""The watcher: what it puts on the log of a real server, and when."""

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import NamedTuple

import pytest

from portfold.clock import SystemClock
from portfold.events.account import AccountReported
from portfold.events.codec import decode_event
from portfold.events.legs import Holding
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus
from portfold.log import open_log
from portfold.workers.account.source import AccountSnapshot, AccountUnreadable, seconds_between_reads
from portfold.workers.account.watcher import AccountWatcher
from tests.waiting import until


class Scripted:
    """A source that says what it is given, one after the other; the last again and again."""

    seconds_between_reads: float

    def __init__(self, *said: AccountSnapshot | Exception) -> None:
        self._said = list(said)

    def read(self) -> AccountSnapshot:
        said = self._said.pop(0) if len(self._said) > 1 else self._said[0]
        if isinstance(said, Exception):
            raise said
        return said

    def close(self) -> None:
        pass


def holding(*held: Holding, equity: str = "50000") -> AccountSnapshot:
    return AccountSnapshot(Decimal(equity), Decimal(0), Decimal(0), held)


class Watch(NamedTuple):
    """A watcher and what it logged."""

    watcher: AccountWatcher
    logged: io.StringIO

    def looks(self, times: int) -> list[bool]:
        return [self.watcher.look() for _ in range(times)]


Watching = Callable[..., Watch]


@pytest.fixture
def watching(bus: Bus) -> Iterator[Watching]:
    with ExitStack() as ends:

        def make(*said: AccountSnapshot | Exception, report_seconds: float = 3600.0) -> Watch:
            logged = io.StringIO()
            log, lines = open_log("account", target=logged)
            ends.callback(lines.close)
            watcher = AccountWatcher(
                bus,
                Scripted(*said),
                account="DU1",
                kind="my.py:open_mine",
                report_seconds=report_seconds,
                log=log,
                clock=SystemClock(),
            )
            return Watch(watcher, logged)

        yield make


def reports(bus: Bus) -> list[AccountReported]:
    found = [decode_event(entry.fields) for entry in bus.events_after(ORIGIN, count=100)]
    assert all(isinstance(one, AccountReported) for one in found)
    return [one for one in found if isinstance(one, AccountReported)]


def test_a_change_is_reported_at_once_and_what_is_alike_is_not(bus: Bus, watching: Watching) -> None:
    flat, long = holding(), holding(Holding("ES", "long", 1, Decimal("5990.25")))
    assert watching(flat, flat, long, long).looks(4) == [True, False, True, False]
    assert [one.positions for one in reports(bus)] == ["", "ES:long:1:5990.25"]


def test_what_is_alike_is_reported_again_when_it_is_due(watching: Watching) -> None:
    assert watching(holding(), report_seconds=0.0).looks(3) == [True, True, True]


def test_a_report_is_of_the_moment_before_the_broker_was_asked(bus: Bus, watching: Watching) -> None:
    before = bus.now_ms()
    watching(holding()).looks(1)
    (report,) = reports(bus)
    assert before <= report.as_of_ms <= bus.now_ms()
    assert (report.account, report.source) == ("DU1", "open_mine")


def test_what_a_broker_does_not_say_is_not_reported_and_that_is_logged_once(watching: Watching) -> None:
    away = AccountUnreadable("no answer")
    watch = watching(away, away, holding())
    assert watch.looks(3) == [False, False, True]
    until(lambda: "is reported again" in watch.logged.getvalue(), "the end of the trouble")
    assert watch.logged.getvalue().count("no answer") == 1


def test_a_figure_beyond_all_bounds_is_not_reported_and_ends_nothing(watching: Watching) -> None:
    watch = watching(holding(equity="1e400"), holding())
    assert watch.looks(2) == [False, True]
    until(lambda: "is reported again" in watch.logged.getvalue(), "the end of the trouble")
    assert "beyond all bounds" in watch.logged.getvalue()


def test_a_source_is_read_every_second_or_at_the_pace_that_it_asks_for() -> None:
    plain, slow = Scripted(holding()), Scripted(holding())
    slow.seconds_between_reads = 3.0
    assert seconds_between_reads(plain, report_seconds=5.0) == 1.0
    assert seconds_between_reads(plain, report_seconds=0.1) == 0.1
    assert seconds_between_reads(slow, report_seconds=5.0) == 3.0


def test_it_goes_on_until_it_is_told_to_stop(watching: Watching) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=watching(holding()).watcher.watch, args=(stop,))
    thread.start()
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
