"""The feed as a process with the real client, at the fake gateway of TWS: killed, it loses nothing."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus
from portfold.workers.market.source import MINUTE_MS
from tests.cli.command_line import started
from tests.fakes.tws.exchange import Exchange
from tests.fakes.tws.gateway import Gateway
from tests.fakes.tws.listed import Listed
from tests.fakes.tws.tape import Bar
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.market.feeds import configured, now_ms, step_times


def test_a_feed_that_was_killed_asks_for_what_it_has_not_put_on_the_bus(
    server: EmbeddedServer, portfolio: str, bus: Bus, tmp_path: Path
) -> None:
    year = datetime.now(UTC).year + 1
    contract = Listed(1, "ES", f"ESH{year % 10}", f"{year}0320", "50", Decimal("0.25"), month=f"{year}03")
    exchange = Exchange([contract])
    begun = now_ms() // MINUTE_MS * MINUTE_MS - 5 * MINUTE_MS

    def trades(minute: int, price: int) -> None:
        exact = Decimal(price)
        exchange.tapes[1].put(Bar((begun + minute * MINUTE_MS) // 1000, exact, exact, exact, exact, 7))

    with Gateway(exchange) as gateway:
        symbols, options = {"ES": f"ESH{year}"}, {"port": gateway.port}
        market = {"source": "ibkr", "symbols": symbols, "options": options, "warm_up_minutes": 60}
        config = configured(tmp_path / "config", server.url, portfolio, market=market, lease_ms=200)
        words = ("feed", "--config", str(config))
        trades(0, 5000)
        with started(*words, cwd=tmp_path) as first:
            until(lambda: begun + MINUTE_MS in step_times(bus), "the first minute")
            until(lambda: gateway.is_followed(contract.local_symbol), "the first to follow prices")
            exchange.trade(contract.local_symbol, "5010")
            until(lambda: bus.last_prices(["ES"])[1], "the price")
            first.process.kill()
            first.ends()
        assert bus.last_prices(["ES"])[1]["ES"].contract == contract.local_symbol
        with started(*words, cwd=tmp_path) as second:
            second.says("Feeding")
            until(lambda: gateway.is_followed(contract.local_symbol), "the second to follow prices")
            exchange.trade(contract.local_symbol, "5011")
            until(lambda: bus.last_prices(["ES"])[1]["ES"].price == 5011, "the price of the second")

    entries = bus.published_after(bus.keys.bars, ORIGIN, count=99, block_ms=1)
    first_bar = next(entry.by_name["ES"] for entry in entries if "ES" in entry.by_name)
    assert first_bar == f"5000 5000 5000 5000 7 {contract.local_symbol}"
    assert step_times(bus) == sorted(set(step_times(bus)))
