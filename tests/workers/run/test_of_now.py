"""Where money is at stake only a bar that has just ended opens anything."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from portfold.log import open_log
from portfold.workers.feeds.bar import Bar
from portfold.workers.run.money import LATE_SECONDS, OfNow

NOON = datetime(2025, 1, 6, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LATE = timedelta(seconds=LATE_SECONDS)


class Watch:
    """The clock, and what is said."""

    def __init__(self) -> None:
        self.now = NOON
        self.said = io.StringIO()
        log, self.lines = open_log("worker", target=self.said)
        self.of_now = OfNow(log, self.time)

    def time(self) -> float:
        return self.now.timestamp()

    def judges(self, ended: datetime) -> bool:
        price = Decimal(5000)
        return self.of_now(Bar("ES", ended, price, price, price, price))


@pytest.fixture
def watch() -> Iterator[Watch]:
    watch = Watch()
    yield watch
    watch.lines.close()


def test_a_bar_is_of_now_for_its_interval_and_a_bound(watch: Watch) -> None:
    assert not watch.judges(NOON - 2 * HOUR)
    assert watch.judges(NOON - HOUR)
    assert watch.judges(NOON)
    watch.now = NOON + 2 * HOUR + LATE
    assert watch.judges(NOON + HOUR)
    watch.now += timedelta(seconds=1)
    assert not watch.judges(NOON + HOUR + timedelta(microseconds=1))


def test_a_weekend_does_not_make_the_interval_longer(watch: Watch) -> None:
    for ended in (NOON - 60 * HOUR, NOON - 59 * HOUR):
        assert not watch.judges(ended)
    assert not watch.judges(NOON - 2 * HOUR)


def test_of_the_first_bar_no_interval_is_known(watch: Watch) -> None:
    assert watch.judges(NOON - LATE)
    assert not Watch().judges(NOON - LATE - timedelta(seconds=1))


def test_a_bar_of_the_future_is_not_of_now(watch: Watch) -> None:
    assert watch.judges(NOON + LATE)
    assert not watch.judges(NOON + LATE + timedelta(seconds=1))


def test_it_is_said_once_per_stretch(watch: Watch) -> None:
    for hours in (5, 4, 3, 1, 0):
        watch.judges(NOON - hours * HOUR)
    watch.now += 5 * HOUR
    watch.judges(NOON + HOUR)
    watch.lines.close()
    said = [json.loads(line)["event"] for line in watch.said.getvalue().splitlines()]
    old, again = "ES bars are not of now: they open nothing", "ES bars are of now again"
    assert said == [old, again, old]
