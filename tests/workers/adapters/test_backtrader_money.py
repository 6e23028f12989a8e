"""Backtrader with a broker that trades with money: only when told so, and by nothing but bars of now."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import backtrader as bt
import pytest

from portfold.config import ConfigError
from portfold.log import open_log
from portfold.workers.adapters.backtrader import CannotRun, live_broker
from portfold.workers.adapters.backtrader_bars_of_now import BarsOfNow
from portfold.workers.adapters.backtrader_feeds import Feeds
from portfold.workers.run.money import OfNow
from tests.live import Live
from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.set_clock import SetClock
from tests.waiting import until
from tests.workers.adapters.cerebros import HOUR, MONDAY, Trading, configured, plan, with_money

pytestmark = pytest.mark.usefixtures("listen_briefly")


@pytest.fixture
def coordinator(server: EmbeddedServer, portfolio: str) -> Iterator[None]:
    with coordinating(server.url, portfolio):
        yield


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({}, r"trades with money: say --live, or --paper .*live=True"),
        ({"live": True, "paper": True}, "Expected --paper or --live, got both"),
    ],
)
def test_money_is_traded_only_when_told_so(tmp_path: Path, said: dict[str, Any], sentence: str) -> None:
    configuration = configured(tmp_path, **with_money(tmp_path))
    with pytest.raises(CannotRun, match=sentence):
        live_broker("bt", ["ES"], configuration=configuration, book=tmp_path / "book.sqlite", **said)


def test_live_with_a_broker_on_paper_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match=r"broker\.kind: expected a real broker, got paper"):
        live_broker(
            "bt", ["ES"], configuration=configured(tmp_path), book=tmp_path / "book.sqlite", live=True
        )


def test_a_stop_that_would_not_rest_beside_its_entries_is_refused(tmp_path: Path) -> None:
    stop = {"ticks": 8, "symbols": {"CL": None}}
    with pytest.raises(ConfigError, match=r"protective_stop\.symbols\.ES: expected null, as no stop rests"):
        live_broker(
            "bt", ["CL", "ES"], configuration=configured(tmp_path, protective_stop=stop), book=tmp_path / "b"
        )


def test_a_credential_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET", raising=False)
    broker = {"kind": "traderspost", "options": {"webhook_url_env": "NOT_SET"}}
    with pytest.raises((CannotRun, ConfigError), match="NOT_SET"):
        live_broker(
            "bt", ["ES"], configuration=configured(tmp_path, broker=broker), book=tmp_path / "b", live=True
        )


@pytest.mark.usefixtures("coordinator")
def test_bars_of_the_past_open_nothing(
    live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    """A folder played, a made-up market, the history before the live bars; they close what is open."""
    now = datetime.now(UTC)
    acts = plan(
        bar1=lambda s: s.buy(), bar2=lambda s: s.buy(), bar4=lambda s: s.buy(), bar5=lambda s: s.buy()
    )
    acts |= plan(bar6=lambda s: s.close())
    trading = Trading(server.url, portfolio, tmp_path, acts, runtime=with_money(tmp_path), live=True)
    for at in (MONDAY, MONDAY + HOUR, now - 3 * HOUR, now - 2 * HOUR):
        trading.market.ends(5000, at)
    until(lambda: len(trading.told) == 3, "the last of the old bars")
    live.all_decided()
    assert live.said("EntryRequested") == [], "the gate is not even asked"
    trading.market.ends(5000, now - HOUR)
    until(lambda: live.status().get("open_positions") == "ES", "ES to be opened by a bar of now")
    trading.market.ends(5000, now - HOUR + timedelta(seconds=1))  # so the interval is a second, and it is old
    until(lambda: len(trading.told) == 5, "the close by an old bar")
    strategy = trading.end()
    assert [status for _, _, status in trading.told] == ["Rejected"] * 3 + ["Completed"] * 2
    assert strategy.position.size == 0
    assert set(strategy.reasons) == {"ES bars are not of now (times in UTC): they open nothing"}
    assert "ES bars are not of now: they open nothing" in trading.said.getvalue()


@pytest.mark.usefixtures("coordinator")
def test_a_day_that_is_dated_at_its_end_is_of_now(
    server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    """Backtrader dates a daily bar so, hours before."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    acts = plan(bar3=lambda s: s.buy(), bar4=lambda s: s.close(), bar5=lambda s: s.buy())
    trading = Trading(
        server.url, portfolio, tmp_path, acts, runtime=with_money(tmp_path), daily=True, live=True
    )
    for days in (-1, 0, 1, 2, 3, 4):
        trading.market.ends(5000, midnight + timedelta(days=days))
    trading.end()
    assert [status for _, _, status in trading.told] == ["Completed", "Completed", "Rejected"]


class _Days:
    """The daily feed of one contract, whose last bar is dated at the end of its day."""

    _timeframe = bt.TimeFrame.Days
    _compression = 1

    def __init__(self) -> None:
        self.datetime = [0.0]

    def ends(self, dated: datetime) -> None:
        self.datetime[0] = bt.date2num(dated.replace(tzinfo=None))

    def symbols(self) -> list[str]:
        return ["ES"]

    def latest(self, _: str) -> "_Days":
        return self


def test_a_day_that_is_dated_ahead_is_of_now_the_night_and_the_day_after_too() -> None:
    """However often it is looked at before that: its interval is a day."""
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    clock = SetClock()
    clock.now = now.timestamp()
    log, lines = open_log("bt")
    days = _Days()
    bars = BarsOfNow(cast(Feeds, days), lambda: OfNow(log, clock.monotonic))
    days.ends(midnight - timedelta(days=1))
    bars.see()
    days.ends(midnight)
    for _ in range(3):
        bars.see()
    assert bars.has("ES")
    clock.now = (midnight + timedelta(days=1, minutes=4)).timestamp()
    assert bars.has("ES")
    clock.now += 120
    assert not bars.has("ES")
    lines.close()
