"""The fake gateway's market data, as the real client reads it: ticks, bars as they come, bars of the past."""

from datetime import UTC, datetime
from decimal import Decimal

from ib_async import Future

from tests.fakes.tws.exchange import Exchange
from tests.fakes.tws.gateway import Gateway
from tests.fakes.tws.tape import Bar
from tests.fakes.tws_client import ES, connected, run, until

NOON = int(datetime(2025, 12, 1, 18, 0, tzinfo=UTC).timestamp())


def bar(at: int, close: str, volume: int = 10) -> Bar:
    price = Decimal(close)
    return Bar(at, price - 1, price + 1, price - 2, price, volume)


def test_trades_arrive_as_ticks_and_as_time_and_sales() -> None:
    async def story(gateway: Gateway) -> None:
        async with connected(gateway) as client:
            (contract,) = await client.qualifyContractsAsync(ES)
            assert isinstance(contract, Future)
            ticker = client.reqMktData(contract, "233")
            trades = client.reqTickByTickData(contract, "Last")
            await until(lambda: ticker.last == 5000.0, "the price there is")
            gateway.exchange.trade("ESZ5", "5000.25", 3)
            await until(lambda: (ticker.last, ticker.lastSize) == (5000.25, 3.0), "the trade")
            await until(lambda: ticker.rtVolume == 3.0, "the day's volume")
            assert (ticker.bid, ticker.ask) == (5000.0, 5000.5)
            await until(lambda: trades.tickByTicks, "the trade by itself")
            client.cancelTickByTickData(contract, "Last")
            client.cancelMktData(contract)
            await client.reqCurrentTimeAsync()
            gateway.exchange.trade("ESZ5", "5001")
            await client.reqCurrentTimeAsync()
            assert ticker.last == 5000.25

    with Gateway() as gateway:
        run(story(gateway))


def test_bars_of_five_seconds_come_when_they_are_over() -> None:
    async def story(gateway: Gateway) -> None:
        async with connected(gateway) as client:
            (contract,) = await client.qualifyContractsAsync(ES)
            assert isinstance(contract, Future)
            bars = client.reqRealTimeBars(contract, 5, "TRADES", useRTH=False)
            await client.reqCurrentTimeAsync()
            gateway.end_bar("ESZ5", bar(NOON, "5000.50"))
            await until(lambda: bars, "a bar")
            assert (bars[0].time.timestamp(), bars[0].close, bars[0].volume) == (NOON, 5000.5, 10.0)

    with Gateway() as gateway:
        run(story(gateway))


def test_the_past_is_handed_out_in_bars_of_any_length_and_kept_up_to_date() -> None:
    async def story(gateway: Gateway) -> None:
        for minute in range(4):
            gateway.exchange.tapes[gateway.exchange.contract("ESZ5").con_id].put(
                bar(NOON + 60 * minute, str(5000 + minute))
            )
        async with connected(gateway) as client:
            (contract,) = await client.qualifyContractsAsync(ES)
            assert isinstance(contract, Future)
            bars = await client.reqHistoricalDataAsync(
                contract, "", "3600 S", "2 mins", "TRADES", useRTH=False, formatDate=2, keepUpToDate=True
            )
            assert [(one.open, one.high, one.low, one.close, one.volume) for one in bars] == [
                (4999.0, 5002.0, 4998.0, 5001.0, 20.0),
                (5001.0, 5004.0, 5000.0, 5003.0, 20.0),
            ]
            assert [one.date for one in bars] == [
                datetime.fromtimestamp(NOON + after, UTC) for after in (0, 120)
            ]
            gateway.end_bar("ESZ5", bar(NOON + 240, "5010"))
            await until(lambda: len(bars) == 3, "a third bar")
            assert bars[2].close == 5010.0

    with Gateway(Exchange(now=lambda: datetime.fromtimestamp(NOON + 250, UTC))) as gateway:
        run(story(gateway))


def test_after_data_lost_nothing_comes_until_it_is_asked_for_again() -> None:
    async def story(gateway: Gateway) -> None:
        async with connected(gateway) as client:
            (contract,) = await client.qualifyContractsAsync(ES)
            assert isinstance(contract, Future)
            ticker = client.reqMktData(contract)
            await until(lambda: ticker.last == 5000.0, "the price there is")
            gateway.lose_connectivity()
            gateway.exchange.trade("ESZ5", "5001")
            gateway.restore_connectivity(keep_data=False)
            gateway.exchange.trade("ESZ5", "5002")
            await client.reqCurrentTimeAsync()
            assert ticker.last == 5000.0

    with Gateway() as gateway:
        run(story(gateway))


def test_data_that_is_not_subscribed_is_refused_with_the_code_for_it() -> None:
    async def story(gateway: Gateway) -> None:
        gateway.misbehaviour.no_market_data = 354
        async with connected(gateway) as client:
            codes = list[int]()
            client.errorEvent += lambda _request, code, _text, _contract: codes.append(code)
            (contract,) = await client.qualifyContractsAsync(ES)
            assert isinstance(contract, Future)
            client.reqMktData(contract)
            bars = await client.reqHistoricalDataAsync(contract, "", "1 D", "1 min", "TRADES", useRTH=False)
            assert list(bars) == []
            assert 354 in codes
            assert 162 in codes

    with Gateway() as gateway:
        run(story(gateway))


def test_an_unknown_contract_is_none() -> None:
    async def story(gateway: Gateway) -> None:
        async with connected(gateway) as client:
            assert await client.reqContractDetailsAsync(Future(symbol="GC", exchange="COMEX")) == []

    with Gateway() as gateway:
        run(story(gateway))
