"""The feed as a process: one feeds, another takes over behind its last minute, none interleaves."""

import os
import signal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from portfold.cli.exits import UNUSABLE
from portfold.config import load
from portfold.events.market import Step, step_fields
from portfold.events.wire.bus import Bus
from portfold.exchange_time import milliseconds_of
from portfold.workers.feeds.steps import steps
from portfold.workers.feeds.synthetic import SyntheticMarket
from tests.cli.command_line import portfold, started
from tests.proxy import proxy_to
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.market.feeds import WRITTEN, configured, now_ms, step_times, writes

MADE = {
    "source": "synthetic",
    "symbols": {"ES": "ES", "CL": "CL"},
    "options": {"pace_seconds": 0.02, "days": 400},
}
TEN = 1_763_650_800_000
MINUTE = 60_000


def made_up(count: int) -> list[int]:
    """When the first steps of the made-up market end."""
    contracts = load(None, {}, Path("/")).contracts
    market = SyntheticMarket(contracts, days=400, seed=1, symbols=("ES", "CL"))
    return [milliseconds_of(moment) for moment, _ in islice(steps(market), count)]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
def test_a_standby_goes_on_behind_the_last_minute_of_a_feed_that_is_gone(
    server: EmbeddedServer, portfolio: str, bus: Bus, tmp_path: Path, end: signal.Signals
) -> None:
    config = configured(tmp_path / "config", server.url, portfolio, market=MADE, lease_ms=100)
    words = ("feed", "--config", str(config))
    with started(*words, cwd=tmp_path) as first:
        first.says("Feeding")
        until(lambda: len(step_times(bus)) > 3, "some minutes")
        with started(*words, cwd=tmp_path) as second:
            second.says("Standing by: the feed is process")
            first.process.send_signal(end)
            first.ends()
            before = len(step_times(bus))
            second.says("Feeding")
            until(lambda: len(step_times(bus)) > before + 3, "the minutes of the second")
            second.process.send_signal(signal.SIGTERM)
            assert second.ends() == 0
    found = step_times(bus)
    assert found == made_up(len(found)), "each minute once, none left out"


def test_a_feed_that_was_paused_and_replaced_adds_nothing_and_stands_by(
    server: EmbeddedServer, portfolio: str, bus: Bus, tmp_path: Path
) -> None:
    config = configured(tmp_path / "config", server.url, portfolio, market=MADE, lease_ms=100)
    words = ("feed", "--config", str(config))
    with started(*words, cwd=tmp_path) as first, started(*words, cwd=tmp_path) as second:
        until(lambda: len(step_times(bus)) > 3, "some minutes")
        held_by = int(bus.market().holder.split()[1])
        feeding, standby = (first, second) if first.process.pid == held_by else (second, first)
        os.kill(held_by, signal.SIGSTOP)
        standby.says("Feeding")
        os.kill(held_by, signal.SIGCONT)
        feeding.says("Another feed has taken the lease")
        feeding.says("Standing by: the feed is process")
        before = len(step_times(bus))
        until(lambda: len(step_times(bus)) > before + 3, "more minutes, whoever has the lease by now")
    found = step_times(bus)
    assert found == made_up(len(found))


SLOW = """
class Slow:
    def __init__(self, setup):
        self.stop = setup.stop
        while not (setup.file.parent / "open").exists():
            self.stop.wait(0.01)

    def updates(self):
        while not self.stop.wait(0.1):
            yield None

    def close(self):
        pass
"""


def test_of_two_feeds_whose_source_takes_longer_to_open_than_the_lease_the_first_keeps_it(
    server: EmbeddedServer, portfolio: str, bus: Bus, client: Any, tmp_path: Path
) -> None:
    market = {"source": "slow.py:Slow", "symbols": {"ES": "ES"}}
    config = configured(tmp_path / "config", server.url, portfolio, market=market, lease_ms=100)
    (config / "slow.py").write_text(SLOW)
    words = ("feed", "--config", str(config))
    with started(*words, cwd=tmp_path) as first, started(*words, cwd=tmp_path):
        until(lambda: bus.market().holder, "the lease to be taken")
        taken_ms = bus.now_ms()
        until(lambda: bus.now_ms() - taken_ms > 3 * 500, "three leases to be over")
        (config / "open").touch()
        until(lambda: "Feeding" in "".join(map(Path.read_text, tmp_path.glob("*.said"))), "one to feed")
        assert client.hget(bus.keys.feed_head, "epoch") == "1", "nobody has taken it from the first"
        assert first.process.poll() is None


def test_minutes_prices_and_troubles_are_where_people_see_them(
    server: EmbeddedServer, portfolio: str, bus: Bus, tmp_path: Path
) -> None:
    config = configured(tmp_path / "config", server.url, portfolio, market=WRITTEN)
    with started("feed", "--config", str(config), cwd=tmp_path) as feed:
        at_ms = now_ms()
        writes(config, f"price ES 5990.25 {at_ms}", f"price ES 5990.50 {at_ms + 1}")
        until(lambda: str(bus.last_prices(["ES"])[1].get("ES", "")).count("5990.50"), "the last price")
        assert bus.last_prices(["ES", "CL"])[1]["ES"][1:] == (at_ms + 1, "Written", "")
        writes(config, "listed ES ESZ6 2026-12-18")
        until(lambda: bus.market().contracts == {"ES": ("ESZ6", "2026-12-18")}, "the contract's last day")

        writes(config, f"bar ES {TEN} 1 3 1 2", f"end {TEN}", f"end {TEN + MINUTE}")
        until(lambda: step_times(bus) == [TEN, TEN + MINUTE], "a minute with a trade, and one without")

        writes(config, "disconnected", "silent_symbol CL", "roll ES ESU6 ESZ6", f"gap {TEN} {TEN + MINUTE}")
        until(lambda: len(bus.market().notices) == 4, "the notices")
        writes(config, "reconnected", "recovered CL")
        until(lambda: set(bus.market().notices) == {"roll ES", "gap"}, "the troubles to end")

        writes(config, f"bar ES {TEN + 2 * MINUTE} 1 3 1 2", f"end {TEN + 2 * MINUTE}")
        until(lambda: len(step_times(bus)) == 3, "the minute behind the gap")
        step = bus.last_step()[1]
        assert step is not None
        assert step.known_since_ms == TEN + MINUTE, "whoever reads on knows that something is missing"
        said = feed.says("Something is not known.")
        assert "ES is ESZ6 from" in said


def test_a_minute_that_somebody_has_dated_far_ahead_holds_up_no_feed_and_is_told(
    server: EmbeddedServer, portfolio: str, bus: Bus, tmp_path: Path
) -> None:
    config = configured(tmp_path / "config", server.url, portfolio, market=WRITTEN, lease_ms=100)
    of_nobody = step_fields(Step(2 * TEN, {}))
    with started("feed", "--config", str(config), cwd=tmp_path) as feed:
        writes(config, f"end {TEN}")
        until(lambda: step_times(bus) == [TEN], "a minute")
        bus.publish(bus.keys.bars, of_nobody)
        writes(config, f"end {TEN + MINUTE}", f"end {TEN + 2 * MINUTE}")
        until(lambda: step_times(bus) == [TEN, 2 * TEN, TEN + MINUTE, TEN + 2 * MINUTE], "the minutes behind")
        assert "dated more than a day ahead: it is passed over" in bus.market().notices["gap"]
        feed.says("Somebody else has put a minute on the bus")

    bus.publish(bus.keys.bars, of_nobody)
    (config / "market.txt").write_text("")
    begun_ms = now_ms()
    with started("feed", "--config", str(config), cwd=tmp_path):
        writes(config, f"end {TEN + 4 * MINUTE}")
        step = until(lambda: step_behind(bus, 2 * TEN), "a minute of the next feed")
        assert step.known_since_ms >= begun_ms, "it knows nothing of what was before"


def test_a_minute_that_is_dated_ahead_by_less_keeps_others_away_until_it_is_taken_out_and_is_told(
    server: EmbeddedServer, portfolio: str, bus: Bus, client: Any, tmp_path: Path
) -> None:
    config = configured(tmp_path / "config", server.url, portfolio, market=WRITTEN)
    minute = now_ms() // MINUTE * MINUTE
    with started("feed", "--config", str(config), cwd=tmp_path):
        of_nobody = bus.publish(bus.keys.bars, step_fields(Step(minute + 60 * MINUTE, {})))
        writes(config, f"end {minute}")
        until(lambda: "gap" in bus.market().notices, "it to be told")
        assert "is no later than the last on the bus, and is left out" in bus.market().notices["gap"]
        client.xdel(bus.keys.bars, str(of_nobody))
        writes(config, f"end {minute + MINUTE}")
        until(lambda: step_times(bus) == [minute + MINUTE], "the next minute, once it is gone")


def step_behind(bus: Bus, time_ms: int) -> Step | None:
    """The last minute on the bus, where that is another than the one that ended then."""
    step = bus.last_step()[1]
    return step if step is not None and step.time_ms != time_ms else None


def test_a_refusal_ends_the_feed_and_stands_on_the_bus(
    server: EmbeddedServer, portfolio: str, bus: Bus, tmp_path: Path
) -> None:
    config = configured(tmp_path / "config", server.url, portfolio, market=WRITTEN)
    writes(config, "refused")
    ran = portfold("feed", "--config", str(config), cwd=tmp_path)
    assert ran.code == UNUSABLE
    assert "portfold: The key is not known." in ran.err
    seen = bus.market()
    assert seen.notices == {"refused": "The key is not known."}
    assert seen.holder == "", "the next may try at once"


def test_a_restarted_feed_takes_back_the_troubles_it_left(
    server: EmbeddedServer, portfolio: str, bus: Bus, tmp_path: Path
) -> None:
    config = configured(tmp_path / "config", server.url, portfolio, market=WRITTEN, lease_ms=100)
    writes(config, "refused")
    portfold("feed", "--config", str(config), cwd=tmp_path)
    (config / "market.txt").write_text("")
    with started("feed", "--config", str(config), cwd=tmp_path):
        until(lambda: bus.market().notices == {}, "the refusal to be taken back")


@pytest.mark.parametrize(
    ("market", "sentence"),
    [
        (None, "market: expected what to subscribe to"),
        (WRITTEN | {"symbols": {"ZZ": "ZZ"}}, "market.symbols.ZZ: expected symbols with a contract"),
        (MADE | {"source": "reuters"}, "market.source: expected one of databento, ibkr, csv, synthetic"),
        (MADE | {"options": {"pace": 1}}, "market.options.pace: expected"),
    ],
)
def test_what_cannot_be_fed_is_refused_in_a_sentence(
    server: EmbeddedServer, portfolio: str, tmp_path: Path, market: dict[str, object], sentence: str
) -> None:
    config = configured(tmp_path / "config", server.url, portfolio, market=market)
    ran = portfold("feed", "--config", str(config), cwd=tmp_path)
    assert ran.code == UNUSABLE
    assert sentence in ran.err


def test_an_option_that_cannot_be_used_stands_on_the_bus_too(
    server: EmbeddedServer, portfolio: str, bus: Bus, tmp_path: Path
) -> None:
    """Without it whoever looks at doctor or alerts would learn only that nobody feeds."""
    market = MADE | {"options": {"pace": 1}}
    config = configured(tmp_path / "config", server.url, portfolio, market=market)
    portfold("feed", "--config", str(config), cwd=tmp_path)
    assert "market.options.pace: expected" in bus.market().notices["refused"]


def test_a_feed_whose_bus_was_away_goes_on_behind_its_last_minute(
    server: EmbeddedServer, portfolio: str, bus: Bus, tmp_path: Path
) -> None:
    with proxy_to(server.port) as proxy:
        config = configured(tmp_path / "config", proxy.url, portfolio, market=MADE, lease_ms=100)
        with started("feed", "--config", str(config), cwd=tmp_path) as feed:
            until(lambda: len(step_times(bus)) > 3, "some minutes")
            proxy.lose("answer", b"FCALL")
            feed.says("The bus takes no market data")
            before = len(step_times(bus))
            until(lambda: len(step_times(bus)) > before + 3, "more minutes")
    found = step_times(bus)
    assert found == made_up(len(found))
