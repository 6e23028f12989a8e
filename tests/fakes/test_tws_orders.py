"""Orders at the fake gateway, as the real client meets them: at rest, filled, refused, found again."""

from decimal import Decimal

import pytest
from ib_async import IB, LimitOrder, MarketOrder, Order, StopOrder, Trade

from tests.fakes.tws.gateway import Gateway
from tests.fakes.tws_client import connected, market_order, place, run, until


def got(trade: Trade) -> list[tuple[float, float]]:
    """Returns what the order got: contracts and price of each execution."""
    return [(fill.execution.shares, fill.execution.price) for fill in trade.fills]


def errors_of(client: IB) -> list[tuple[int, int]]:
    """Returns a list that grows by request and code of every error."""
    errors = list[tuple[int, int]]()
    client.errorEvent += lambda request, code, _text, _contract: errors.append((request, code))
    return errors


def test_an_order_fills_in_parts_on_order_and_what_is_left_is_cancelled() -> None:
    async def story(gateway: Gateway) -> None:
        gateway.exchange.fills = "on order"
        async with connected(gateway) as client:
            trade = await market_order(client, "BUY", 5, "parts")
            await until(lambda: trade.orderStatus.status == "Submitted", "the order at work")
            gateway.exchange.fill("parts", 2, "5000.25")
            gateway.exchange.fill("parts", 1, "5000.50")
            await until(lambda: trade.orderStatus.filled == 3, "three contracts")
            assert got(trade) == [(2.0, 5000.25), (1.0, 5000.5)]
            assert trade.orderStatus.remaining == 2
            client.cancelOrder(trade.order)
            await until(lambda: trade.orderStatus.status == "Cancelled", "the cancellation")
            assert trade.orderStatus.filled == 3
            assert gateway.exchange.size("ESZ5") == 3

    with Gateway() as gateway:
        run(story(gateway))


def test_a_stop_rests_until_the_price_reaches_it() -> None:
    async def story(gateway: Gateway) -> None:
        async with connected(gateway) as client:
            trade = await place(client, StopOrder("SELL", 1, 4990.0))
            await until(lambda: trade.orderStatus.status == "PreSubmitted", "the resting stop")
            gateway.exchange.trade("ESZ5", "4990.25")
            assert gateway.exchange.size("ESZ5") == 0
            gateway.exchange.trade("ESZ5", "4989.75")
            await until(lambda: trade.orderStatus.status == "Filled", "the fill")
            assert got(trade) == [(1.0, 4989.75)]

    with Gateway() as gateway:
        run(story(gateway))


def test_a_limit_rests_is_amended_and_fills() -> None:
    async def story(gateway: Gateway) -> None:
        async with connected(gateway) as client:
            trade = await place(client, LimitOrder("BUY", 1, 4999.0))
            await until(lambda: trade.orderStatus.status == "Submitted", "the resting limit")
            trade.order.lmtPrice = 5000.0
            client.placeOrder(trade.contract, trade.order)
            await until(lambda: trade.orderStatus.status == "Filled", "the fill")

    with Gateway() as gateway:
        run(story(gateway))


def test_one_of_a_group_that_fills_cancels_the_other() -> None:
    async def story(gateway: Gateway) -> None:
        async with connected(gateway) as client:
            stop = await place(client, StopOrder("SELL", 1, 4990.0, ocaGroup="leg", ocaType=1))
            target = await place(client, LimitOrder("SELL", 1, 5010.0, ocaGroup="leg", ocaType=1))
            await until(lambda: target.orderStatus.status == "Submitted", "both at work")
            gateway.exchange.trade("ESZ5", "5010")
            await until(lambda: stop.orderStatus.status == "Cancelled", "the end of the stop")
            assert target.orderStatus.status == "Filled"

    with Gateway() as gateway:
        run(story(gateway))


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (LimitOrder("BUY", 1, 4999.1), 110),
        (Order(action="BUY", totalQuantity=1, orderType="TRAIL"), 387),
        (MarketOrder("BUY", 1, account="U999"), 321),
    ],
    ids=["off the grid", "of no kind it knows", "of another's account"],
)
def test_an_order_that_cannot_be_is_refused_with_the_code_for_it(order: Order, code: int) -> None:
    async def story(gateway: Gateway) -> None:
        async with connected(gateway) as client:
            errors = errors_of(client)
            trade = await place(client, order)
            await until(lambda: (trade.order.orderId, code) in errors, "the refusal")
            assert gateway.exchange.orders == []

    with Gateway() as gateway:
        run(story(gateway))


def test_a_refusal_201_and_one_after_acceptance() -> None:
    async def story(gateway: Gateway) -> None:
        async with connected(gateway) as client:
            errors = errors_of(client)
            gateway.misbehaviour.orders = "refused"
            first = await market_order(client, "BUY", 1, "first")
            await until(first.isDone, "the refusal")
            gateway.misbehaviour.orders, gateway.exchange.fills = "taken", "on order"
            second = await market_order(client, "BUY", 1, "second")
            await until(lambda: second.orderStatus.status == "Submitted", "acceptance")
            gateway.exchange.end("second", "margin", "Inactive")
            await until(lambda: second.orderStatus.status == "Inactive", "the late refusal")
            assert [code for _order, code in errors if code == 201] == [201, 201]

    with Gateway() as gateway:
        run(story(gateway))


def test_outside_of_hours_a_market_order_is_held_with_399_until_they_begin() -> None:
    async def story(gateway: Gateway) -> None:
        gateway.exchange.open_hours("closed")
        async with connected(gateway) as client:
            errors = errors_of(client)
            trade = await market_order(client, "BUY", 1, "early")
            await until(lambda: (trade.order.orderId, 399) in errors, "the warning")
            assert gateway.exchange.size("ESZ5") == 0
            gateway.exchange.open_hours("regular")
            await until(lambda: trade.orderStatus.status == "Filled", "the fill at the open")

    with Gateway() as gateway:
        run(story(gateway))


def test_everything_is_cancelled_at_once_whosever_it_is() -> None:
    async def story(gateway: Gateway) -> None:
        gateway.exchange.fills = "on order"
        async with connected(gateway, 1) as first, connected(gateway, 2) as second:
            trade = await market_order(first, "BUY", 1, "first")
            await until(lambda: trade.orderStatus.status == "Submitted", "the order at work")
            second.reqGlobalCancel()  # type: ignore[no-untyped-call]
            await until(lambda: trade.orderStatus.status == "Cancelled", "the cancellation")

    with Gateway() as gateway:
        run(story(gateway))


def test_a_client_that_comes_back_finds_its_orders_and_executions_and_ids_go_on() -> None:
    async def story(gateway: Gateway) -> None:
        gateway.exchange.fills = "on order"
        async with connected(gateway, 5) as client:
            trade = await market_order(client, "BUY", 3, "mine")
            await until(lambda: trade.orderStatus.status == "Submitted", "the order at work")
            last_id = trade.order.orderId
        gateway.exchange.fill("mine", 1)
        gateway.stop()
        gateway.start()
        async with connected(gateway, 5) as again:
            (found,) = [each for each in again.openTrades() if each.order.orderRef == "mine"]
            assert found.orderStatus.filled == 1
            assert [fill.execution.orderRef for fill in again.fills()] == ["mine"]
            assert again.client.getReqId() > last_id
        async with connected(gateway, 6) as other:
            assert await other.reqOpenOrdersAsync() == []
            (anybody,) = await other.reqAllOpenOrdersAsync()
            assert anybody.order.clientId == 5

    with Gateway() as gateway:
        run(story(gateway))


def test_what_is_over_is_listed_as_completed() -> None:
    async def story(gateway: Gateway) -> None:
        async with connected(gateway) as client:
            trade = await market_order(client, "BUY", 1, "done")
            await until(trade.isDone, "the fill")
            (done,) = await client.reqCompletedOrdersAsync(apiOnly=False)
            assert (done.order.orderRef, done.orderStatus.status) == ("done", "Filled")

    with Gateway() as gateway:
        run(story(gateway))


@pytest.mark.parametrize(
    ("how", "arrived"),
    [("swallowed", 0), ("unanswered", 1), ("breaks before", 0), ("breaks after", 1)],
)
def test_an_order_that_nobody_hears_of_arrived_or_did_not(how: str, arrived: int) -> None:
    async def story(gateway: Gateway) -> None:
        gateway.misbehaviour.orders = how  # type: ignore[assignment]
        async with connected(gateway) as client:
            trade = await market_order(client, "BUY", 1, "gone")
            if how.startswith("breaks"):
                await until(lambda: not client.isConnected(), "the broken connection")
            else:
                await client.reqCurrentTimeAsync()  # what was sent before is read by now
            assert trade.orderStatus.status == "PendingSubmit"
            assert gateway.exchange.size("ESZ5") == arrived

    with Gateway() as gateway:
        run(story(gateway))


def test_a_commission_comes_late_or_as_the_number_that_stands_for_none() -> None:
    async def story(gateway: Gateway) -> None:
        async with connected(gateway) as client:
            gateway.misbehaviour.commissions = "held"
            late = await market_order(client, "BUY", 1, "late")
            await until(late.isDone, "the fill")
            assert late.fills[0].commissionReport.execId == ""
            gateway.tell_commissions()
            await until(lambda: late.fills[0].commissionReport.commission == 2.25, "the commission")
            gateway.misbehaviour.commissions = "unset"
            unset = await market_order(client, "BUY", 1, "unset")
            await until(lambda: unset.fills and unset.fills[0].commissionReport.execId, "a commission")
            assert unset.fills[0].commissionReport.commission > 1e300

    with Gateway() as gateway:
        run(story(gateway))


def test_a_gateway_that_repeats_itself_sends_the_days_executions_again_unasked() -> None:
    async def story(gateway: Gateway) -> None:
        async with connected(gateway) as client:
            await until((await market_order(client, "BUY", 1, "once")).isDone, "the fill")
        gateway.misbehaviour.repeats = True
        async with connected(gateway) as again:
            heard = list[str]()
            again.client.wrapper.commissionReport = lambda report: heard.append(report.execId)
            trade = await market_order(again, "BUY", 1, "twice")
            await until(lambda: len(heard) == 2, "a commission told twice")
            assert len(trade.fills) == 1
            assert gateway.exchange.size("ESZ5") == 2

    with Gateway() as gateway:
        run(story(gateway))


def test_a_person_who_trades_in_tws_changes_the_account_and_no_client_has_an_order() -> None:
    async def story(gateway: Gateway) -> None:
        async with connected(gateway) as client:
            gateway.exchange.by_hand("ESZ5", -2)
            await until(lambda: [one.position for one in client.positions()] == [-2.0], "the position")
            assert client.trades() == []
            (fill,) = await client.reqExecutionsAsync()
            assert (fill.execution.side, fill.execution.orderRef) == ("SLD", "")

    with Gateway() as gateway:
        run(story(gateway))
        assert gateway.exchange.equity() == Decimal("99995.50")
