"""The real client `ib_async`, connected to a fake gateway, for one test in one event loop."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from ib_async import IB, Future, MarketOrder, Order, Trade

from tests.fakes.tws.gateway import HOST, Gateway
from tests.waiting import PATIENCE_SECONDS

_Fact = TypeVar("_Fact")
_LOOK_SECONDS = 0.002
ES = Future(localSymbol="ESZ5", exchange="CME")


def run(story: Coroutine[Any, Any, _Fact]) -> _Fact:
    """Runs a test's story in an event loop of its own."""
    return asyncio.run(story)


async def until(look: Callable[[], _Fact], waiting_for: str) -> _Fact:
    """Returns what `look` finds, as soon as that is true; what `tests.waiting` is outside of a loop."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{PATIENCE_SECONDS:g} s went by without {waiting_for}")
        await asyncio.sleep(_LOOK_SECONDS)
    return found


@asynccontextmanager
async def connected(gateway: Gateway, client_id: int = 1) -> AsyncIterator[IB]:
    """Connects as `client_id`; the socket is closed when it ends."""
    client = IB()
    await client.connectAsync(HOST, gateway.port, clientId=client_id, timeout=PATIENCE_SECONDS)
    try:
        yield client
    finally:
        client.disconnect()
        await until(lambda: client.client.conn.transport is None, "the end of the connection")


async def market_order(client: IB, action: str, size: int, reference: str) -> Trade:
    """Places a market order in the front month of ES."""
    (contract,) = await client.qualifyContractsAsync(ES)
    assert isinstance(contract, Future)
    return client.placeOrder(contract, MarketOrder(action, size, orderRef=reference, outsideRth=True))


async def place(client: IB, order: Order) -> Trade:
    """Places any order in the front month of ES."""
    (contract,) = await client.qualifyContractsAsync(ES)
    assert isinstance(contract, Future)
    return client.placeOrder(contract, order)
