"""The fake gateway's handshake and its life, as the real client meets them."""

import asyncio
import socket

import pytest
from ib_async import IB

from tests.fakes.tws.exchange import Exchange
from tests.fakes.tws.gateway import HOST, Gateway
from tests.fakes.tws_client import connected, market_order, run, until


def test_a_client_connects_and_learns_its_account_and_the_time() -> None:
    async def story(gateway: Gateway) -> None:
        async with connected(gateway, 7) as client:
            assert client.managedAccounts() == ["DU1234567"]
            assert gateway.clients() == [7]
            told = await client.reqCurrentTimeAsync()
            assert abs(told.timestamp() - gateway.exchange.now().timestamp()) < 60

    with Gateway() as gateway:
        run(story(gateway))


@pytest.mark.parametrize("newest", [157, 159, 163, 164, 166, 169, 176, 177, 178])
def test_whatever_version_both_speak_an_order_is_read_and_told_alike(newest: int) -> None:
    async def story(gateway: Gateway) -> None:
        async with connected(gateway) as client:
            assert client.client.serverVersion() == newest
            trade = await market_order(client, "BUY", 2, "ref-1")
            await until(trade.isDone, "the fill")
            await until(lambda: trade.fills[0].commissionReport.execId, "its commission")
            assert trade.orderStatus.status == "Filled"
            assert [(fill.execution.shares, fill.execution.price) for fill in trade.fills] == [(2.0, 5000.0)]
            assert trade.fills[0].execution.orderRef == "ref-1"
            assert trade.fills[0].commissionReport.commission == 4.5
            (details,) = await client.reqContractDetailsAsync(trade.contract)
            assert (details.minTick, details.contract and details.contract.multiplier) == (0.25, "50")

    with Gateway(versions=(100, newest)) as gateway:
        run(story(gateway))


def test_a_client_whose_versions_are_all_too_old_is_hung_up_on() -> None:
    with Gateway(versions=(179, 190)) as gateway, socket.create_connection((HOST, gateway.port)) as plain:
        plain.sendall(b"API\0\0\0\0\x09v157..178")
        assert plain.recv(100) == b""


def test_a_client_id_in_use_is_refused_with_326() -> None:
    async def story(gateway: Gateway) -> None:
        second, errors = IB(), list[int]()
        second.errorEvent += lambda _request, code, _text, _contract: errors.append(code)
        async with connected(gateway, 3) as first:
            attempt = asyncio.ensure_future(second.connectAsync(HOST, gateway.port, clientId=3, timeout=60))
            await until(lambda: 326 in errors, "the refusal")
            attempt.cancel()
            assert first.isConnected()
            assert gateway.clients() == [3]
            await asyncio.gather(attempt, return_exceptions=True)

    with Gateway() as gateway:
        run(story(gateway))


def test_a_restart_at_night_closes_the_connection_and_the_same_port_is_back() -> None:
    async def story(gateway: Gateway) -> None:
        client = IB()
        await client.connectAsync(HOST, gateway.port, clientId=1, timeout=60)
        gone = asyncio.Event()
        client.disconnectedEvent += gone.set
        gateway.stop()
        await gone.wait()
        with pytest.raises(OSError, match="Connect call failed"):
            await client.connectAsync(HOST, gateway.port, clientId=1, timeout=60)
        gateway.start()
        async with connected(gateway) as again:
            assert again.isConnected()

    with Gateway() as gateway:
        run(story(gateway))


def test_servers_lost_and_found_are_told_by_their_codes() -> None:
    async def story(gateway: Gateway) -> None:
        async with connected(gateway) as client:
            codes = list[int]()
            client.errorEvent += lambda _request, code, _text, _contract: codes.append(code)
            gateway.lose_connectivity()
            gateway.restore_connectivity(keep_data=False)
            gateway.lose_connectivity()
            gateway.restore_connectivity(keep_data=True)
            await until(lambda: len(codes) >= 4, "four codes")
            assert codes == [1100, 1101, 1100, 1102]

    with Gateway() as gateway:
        run(story(gateway))


def test_silence_and_garbage_reach_the_client_as_such() -> None:
    async def story(gateway: Gateway) -> None:
        gateway.misbehaviour.silent = True
        client = IB()
        with pytest.raises(TimeoutError):
            await client.connectAsync(HOST, gateway.port, clientId=1, timeout=0.05)
        gateway.misbehaviour.silent = False
        async with connected(gateway) as client:
            gateway.tell_garbage(b"\0\0\0\x08999\0abc\0")
            told = await client.reqCurrentTimeAsync()
            assert told.year > 2000

    with Gateway() as gateway:
        run(story(gateway))


def test_several_accounts_are_all_named() -> None:
    async def story(gateway: Gateway) -> None:
        async with connected(gateway) as client:
            assert client.managedAccounts() == ["DU1", "DU2"]

    with Gateway(Exchange(accounts=["DU1", "DU2"])) as gateway:
        run(story(gateway))
