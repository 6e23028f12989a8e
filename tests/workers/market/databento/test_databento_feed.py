"""The feed as a process with the real client, at the fake gateway: killed, it loses nothing of a minute."""

from pathlib import Path

from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus
from portfold.workers.market.source import MINUTE_MS
from tests.cli.command_line import started
from tests.fakes.databento_gateway import wire
from tests.fakes.databento_gateway.gateway import KEY, Gateway
from tests.fakes.databento_gateway.market import Market
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.market.feeds import configured, now_ms, step_times
from tests.workers.market.traded import SECOND_MS


def seconds(instrument: int, from_ms: int, first: int, beyond: int) -> list[wire.Record]:
    """One lot traded in each second."""
    return [
        wire.bar(instrument, from_ms + each * SECOND_MS, str(5001 + each)) for each in range(first, beyond)
    ]


def test_a_feed_that_is_killed_within_a_minute_costs_nothing_of_it(
    server: EmbeddedServer, portfolio: str, bus: Bus, tmp_path: Path
) -> None:
    begun = now_ms() // MINUTE_MS * MINUTE_MS - 10 * MINUTE_MS
    with Gateway(Market(begun)) as gateway:
        es = gateway.market.enlist("ES.v.0", "ESZ6")
        options = {"gateway": "127.0.0.1", "gateway_port": gateway.port, "history": False}
        market = {"source": "databento", "symbols": {"ES": "ES.v.0"}, "options": options}
        config = configured(tmp_path / "config", server.url, portfolio, market=market, lease_ms=200)
        words = ("feed", "--config", str(config))

        with started(*words, cwd=tmp_path, DATABENTO_API_KEY=KEY) as first:
            gateway.session()
            gateway.second_over(begun)
            gateway.publish(*seconds(es, begun, 0, 70))
            until(lambda: step_times(bus)[-1:] == [begun + MINUTE_MS], "the first minute")
            first.process.kill()
            first.ends()

        with started(*words, cwd=tmp_path, DATABENTO_API_KEY=KEY) as second:
            gateway.publish(*seconds(es, begun, 70, 100))
            gateway.session(2)
            gateway.publish(*seconds(es, begun, 100, 120))
            gateway.second_over(begun + 2 * MINUTE_MS)
            until(lambda: step_times(bus)[-1:] == [begun + 2 * MINUTE_MS], "the second minute")
            until(
                lambda: [str(one.price) for one in bus.last_prices(["ES"])[1].values()] == ["5120"], "a price"
            )
            assert KEY not in second.says("Feeding")

    entries = bus.published_after(bus.keys.bars, ORIGIN, count=99, block_ms=1)
    bars = [entry.by_name["ES"] for entry in entries if "ES" in entry.by_name]
    assert bars == ["5001 5060 5001 5060 60 ESZ6", "5061 5120 5061 5120 60 ESZ6"]
    assert step_times(bus) == sorted(set(step_times(bus)))
