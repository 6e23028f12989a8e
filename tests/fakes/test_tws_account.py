"""The account behind the fake gateway, to the cent, and what the real client hears of it."""

from decimal import Decimal
from fractions import Fraction

import pytest
from ib_async import IB

from tests.fakes.tws.account import Account, Holding
from tests.fakes.tws.gateway import Gateway
from tests.fakes.tws.listed import usual
from tests.fakes.tws_client import connected, market_order, run, until

ES, COMMISSION = usual()[0], Decimal("2.25")


def test_a_round_trip_makes_the_move_less_both_commissions() -> None:
    held = Holding(ES)
    assert held.trade(2, Decimal("5000.25"), 2 * COMMISSION) is None
    assert held.trade(-2, Decimal("5001.25"), 2 * COMMISSION) == 100 - 9


def test_a_part_that_is_closed_carries_its_part_of_the_cost() -> None:
    held = Holding(ES)
    held.trade(3, Decimal(5000), 3 * COMMISSION)
    assert held.trade(-1, Decimal(5002), COMMISSION) == 100 - Fraction("4.5")
    assert held.open_profit(Decimal(5002)) == 200 - Fraction("4.5")
    assert held.average_cost == Decimal("250002.25")


def test_a_sale_that_turns_the_position_closes_one_and_opens_the_other() -> None:
    held = Holding(ES)
    held.trade(1, Decimal(5000), COMMISSION)
    assert held.trade(-3, Decimal(4999), 3 * COMMISSION) == -50 - Fraction("4.5")
    assert held.size == -2
    assert held.open_profit(Decimal(4998)) == 100 - Fraction("4.5")


def test_a_new_day_keeps_the_equity_and_begins_to_count_again() -> None:
    account = Account("DU1", Decimal(1000))
    account.holding(ES).trade(2, Decimal(5000), 2 * COMMISSION)
    account.holding(ES).trade(-1, Decimal(5001), COMMISSION)
    prices = {ES.con_id: Decimal("5000.50")}
    before = account.equity(prices)
    account.begin_day()
    assert (account.realized, account.equity(prices)) == (Decimal(0), before)
    assert before == Decimal(1000) + 50 + 25 - 3 * COMMISSION


async def values(client: IB) -> dict[str, str]:
    """Returns the account's values that the client was told, by tag."""
    await client.reqAccountSummaryAsync()
    return {value.tag: value.value for value in await client.accountSummaryAsync()}


def test_a_client_reads_equity_positions_and_profit_to_the_cent() -> None:
    async def story(gateway: Gateway) -> None:
        async with connected(gateway) as client:
            profit = client.reqPnL("DU1234567")
            await until((await market_order(client, "BUY", 2, "in")).isDone, "the fill")
            (contract,) = [position.contract for position in client.positions()]
            single = client.reqPnLSingle("DU1234567", "", contract.conId)
            gateway.exchange.trade("ESZ5", "5001.25")
            await until(lambda: profit.unrealizedPnL == 125 - 4.5, "the open profit")
            await until(lambda: single.value == 500_125, "the worth of the position")
            await until((await market_order(client, "SELL", 1, "out")).isDone, "the exit")
            await until(lambda: profit.realizedPnL == 62.5 - 4.5, "the realized profit")
            told = await values(client)
            assert told["NetLiquidation"] == "100118.25"
            (position,) = client.positions()
            assert (position.position, position.avgCost) == (1.0, 250_002.25)
            (item,) = client.portfolio()
            assert (item.unrealizedPNL, item.realizedPNL) == (60.25, 58.0)

    with Gateway() as gateway:
        run(story(gateway))


@pytest.mark.parametrize("restarted", [False, True])
def test_what_is_held_outlives_client_and_gateway(*, restarted: bool) -> None:
    async def story(gateway: Gateway) -> None:
        async with connected(gateway) as client:
            await until((await market_order(client, "SELL", 1, "in")).isDone, "the fill")
        if restarted:
            gateway.stop()
            gateway.start()
        async with connected(gateway) as again:
            assert [position.position for position in again.positions()] == [-1.0]

    with Gateway() as gateway:
        run(story(gateway))
