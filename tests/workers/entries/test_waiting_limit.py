"""A limit entry live: what the log learns while it waits, how it ends, and what can never come of it."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest
from msgspec import structs

from portfold.config import ProtectiveStop, StopDistance
from portfold.events.incoming import FlattenRequested, TradingHalted
from portfold.research.backtest.trading import trade_alone
from portfold.workers.brokers.order import Fill, OrderOutcome
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.protocol import FillAt
from portfold.workers.brokers.resting.protective import REASON
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from portfold.workers.feeds.bar import Bar
from portfold.workers.run.trader import holdings_of
from portfold.workers.strategies.guarded import StrategyFailed
from portfold.workers.strategies.intent import Enter, Exit, Intent, OwnPosition
from tests.costs import costing
from tests.live import Live
from tests.research.made import opened_as, packaged
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.run.entry_floor import CONTRACTS, START, Floor, bar

LIMIT, STOP = Decimal("4990.00"), Decimal("4985.00")
WISH = Enter("long", 2, LIMIT, 2, STOP)


def comes(floor: Floor, number: int, low: str, intent: Intent = None, opens: str = "5000") -> None:
    """A bar of that low, which closes at 5000."""
    prices = (Decimal(opens), Decimal(5001), Decimal(low), Decimal(5000))
    floor.strategy.next = [intent]
    floor.trader.on_bar(Bar("ES", START + timedelta(hours=number), *prices))


def test_it_is_asked_for_once_held_while_it_waits_and_filled_a_tick_beyond(floor: Floor, live: Live) -> None:
    comes(floor, 0, "5000", WISH)
    comes(floor, 1, "4990.00")
    live.all_decided()
    assert (live.status()["slots_used"], live.status()["open_positions"]) == ("1", "")
    comes(floor, 2, "4989.75")
    live.all_decided()
    (asked,) = live.said("EntryRequested")
    assert (asked["price"], asked["stop_price"], asked["size"]) == ("4990.00", "4985.00", "2")
    assert [filled["price"] for filled in live.said("PositionOpened")] == ["4990.00"]
    assert live.said("StopMoved") == live.said("EntryWithdrawn") == []
    assert floor.strategy.shown == [None, None, 0]


@pytest.mark.parametrize("fill_at", ["mark", "next_bar"])
def test_a_new_life_counts_its_bars_as_the_one_that_filled_it_would(fill_at: FillAt, floor: Floor) -> None:
    floor.begin(fill_at=fill_at)
    comes(floor, 0, "5000", WISH)
    comes(floor, 1, "4989")
    floor.begin(fill_at=fill_at)
    for number in range(2):
        floor.trader.warm_up(bar(number))
    comes(floor, 2, "4995")
    floor.begin(fill_at=fill_at)
    for number in range(3):
        floor.trader.warm_up(bar(number))
    comes(floor, 3, "4995")
    assert floor.strategy.shown[-2:] == [1, 2]


def test_what_has_waited_is_renewed_where_its_order_may_take_longer_than_its_slot_still_lasts(
    floor: Floor, live: Live
) -> None:
    floor.broker.sends_within_seconds = 20.0
    comes(floor, 0, "5000", WISH)
    slot = floor.gate.answer  # of 30 seconds; renewed by itself with 15 of them left
    assert slot.expires_ms is not None
    slot.expires_ms, slot.good_until = slot.expires_ms - 13_000, slot.good_until - 13
    comes(floor, 1, "4989")
    live.all_decided()
    assert [one["price"] for one in live.said("PositionOpened")] == ["4990.00"]


def test_after_its_life_it_is_withdrawn_and_the_next_wish_is_heard(floor: Floor, live: Live) -> None:
    for number, intent in enumerate((WISH, None, None, WISH)):
        comes(floor, number, "4990.00", intent)
    live.all_decided()
    assert [one["reason"] for one in live.said("EntryWithdrawn")] == ["not filled within 2 bars"]
    assert len(live.said("EntryRequested")) == 2
    assert "limit entry withdrawn: not filled within 2 bars" in floor.said.getvalue()


def test_another_wish_takes_its_place(floor: Floor, live: Live) -> None:
    comes(floor, 0, "5000", WISH)
    comes(floor, 1, "4999", Enter("long", 1, LIMIT + 5, 1))
    comes(floor, 2, "4989.75")
    live.all_decided()
    assert [one["reason"] for one in live.said("EntryWithdrawn")] == ["another entry is wanted"]
    assert [(one["price"], one["size"]) for one in live.said("PositionOpened")] == [("4995.00", "1")]


def test_a_bar_that_holds_both_its_limit_and_its_stop_is_the_loss(floor: Floor, live: Live) -> None:
    comes(floor, 0, "5000", WISH)
    comes(floor, 1, "4985.00")
    live.all_decided()
    (closed,) = live.said("PositionClosed")
    assert (closed["reason"], closed["price"], closed["pnl"]) == (REASON, "4985.00", "-500.00")
    assert floor.broker.unreported_exits() == []
    assert floor.strategy.shown == [None, None]


def test_which_of_two_stops_is_the_nearer_is_decided_by_what_was_paid(floor: Floor, live: Live) -> None:
    floor.begin(stop=StopDistance(ticks=18))
    comes(floor, 0, "5000", WISH)
    comes(floor, 1, "4985.25", opens="4989")
    live.all_decided()
    assert [one["price"] for one in live.said("PositionOpened")] == ["4989"]
    assert [one["stop_price"] for one in live.said("EntryRequested")] == ["4985.50"]
    assert [one["stop_price"] for one in live.said("StopMoved")] == ["4985.00"]
    comes(floor, 2, "4985.00")
    live.all_decided()
    assert [(one["reason"], one["price"]) for one in live.said("PositionClosed")] == [(REASON, "4985.00")]


def test_a_stop_that_the_market_has_passed_at_the_fill_closes_at_once_and_moves_nowhere(
    floor: Floor, live: Live
) -> None:
    floor.begin(stop=StopDistance(ticks=18))
    comes(floor, 0, "5000", WISH)
    comes(floor, 1, "4979", opens="4980")
    live.all_decided()
    assert [one["price"] for one in live.said("PositionClosed")] == ["4980.00"]
    assert live.said("StopMoved") == live.said("EventRejected") == []


@pytest.mark.parametrize("order", [TradingHalted, FlattenRequested])
def test_what_a_halt_or_a_flatten_overtakes_is_never_filled(
    order: type[TradingHalted | FlattenRequested], floor: Floor, live: Live
) -> None:
    comes(floor, 0, "5000", WISH)
    live.decided(live.publishes(order(by="ann", reason="news")))
    if order is FlattenRequested:
        until(lambda: live.said("EntryWithdrawn"), "the slot to be given back")
    comes(floor, 1, "4980")
    live.all_decided()
    assert len(live.said("EntryWithdrawn")) == 1
    assert live.said("PositionOpened") == []
    assert floor.broker.positions() == []
    assert live.status()["slots_used"] == "0"


def test_who_ends_gives_back_what_waits(floor: Floor, live: Live) -> None:
    comes(floor, 0, "5000", WISH)
    floor.trader.withdraw_waiting("told to stop")
    comes(floor, 1, "4980")
    live.all_decided()
    assert [one["reason"] for one in live.said("EntryWithdrawn")] == ["told to stop"]
    assert live.said("PositionOpened") == []


def test_of_a_process_that_is_replaced_nothing_waits_any_more(
    floor: Floor, server: EmbeddedServer, portfolio: str, live: Live
) -> None:
    comes(floor, 0, "5000", WISH)
    settings = GateSettings(url=server.url, portfolio=portfolio, worker_lost_seconds=60, answer_seconds=10)
    holdings = partial(holdings_of, floor.broker, "ibs-ES")
    with PortfolioGate("ibs-ES", symbols=["ES"], settings=settings, holdings=holdings, log=floor.log):
        until(lambda: len(live.said("WorkerStarted")) == 2, "the next life")
        comes(floor, 1, "4980")
    live.all_decided()
    assert live.said("PositionOpened") == []
    assert floor.broker.positions() == []


def test_an_unfit_price_ends_its_worker_before_anything_is_asked(floor: Floor, live: Live) -> None:
    wrong = Enter("long", 1, stop=Decimal("5000.00"))
    with pytest.raises(StrategyFailed) as failed:
        comes(floor, 0, "5000", wrong)
    assert "ibs-ES wants an entry that is not to be had: stop: expected below the price" in str(failed.value)
    live.all_decided()
    assert live.said("EntryRequested") == []


@pytest.mark.parametrize(
    "wish",
    [
        Enter("long", 1, stop=Decimal("4999.80")),
        Enter("short", 1, stop=Decimal("5000.20")),
        Enter("long", 1, Decimal("4990.20"), stop=Decimal("4990.10")),
    ],
)
def test_prices_that_only_the_grid_brings_together_drop_the_entry_and_end_no_worker(
    wish: Enter, floor: Floor, live: Live
) -> None:
    comes(floor, 0, "5000", wish)
    comes(floor, 1, "4995", Enter("long", 1, stop=Decimal("4999.75")))
    live.all_decided()
    assert [one["stop_price"] for one in live.said("EntryRequested")] == ["4999.75"]
    assert "entry dropped: on the grid no tick is between" in floor.said.getvalue()


class NoLimits(PaperBroker):
    """A broker that can keep no stop at a price and fill no limit: as one of the user's own may be."""

    def enter(self, *words: object, **more: object) -> OrderOutcome[Fill]:
        return super().enter(*words, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        (WISH, "limit: expected none, as this broker has no limit entries"),
        (Enter("long", 1, stop=STOP), "stop: expected none, as no stop can rest at this broker"),
    ],
)
def test_a_broker_that_cannot_is_told_in_a_sentence_and_nothing_is_asked(
    wish: Enter, told: str, floor: Floor, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(floor.broker), "enter", NoLimits.enter)
    with pytest.raises(StrategyFailed, match=told):
        comes(floor, 0, "5000", wish)
    live.all_decided()
    assert live.said("EntryRequested") == []


class Dips:
    """Buys some ticks below each bar's low, with a stop; the stop, or a close above, ends it."""

    def decide(self, bar: Bar, held: OwnPosition | None) -> Intent:
        if held is None:
            return Enter("long", 1, bar.low - 1, 3, bar.low - 3)
        return Exit("higher") if bar.close > held.entry_price else None


def market() -> Iterator[Bar]:
    """Bars that go up and down by a few ticks, with gaps."""
    level = 20_000
    for number in range(120):
        step = (number * 37 + number * number * 11) % 23 - 11
        opened = level + step if number % 5 == 0 else level
        level = opened + step
        prices = (opened, max(opened, level) + number % 4, min(opened, level) - number % 7, level)
        quarter = Decimal("0.25")
        yield Bar("ES", START + timedelta(minutes=number), *(quarter * ticks for ticks in prices))


@pytest.mark.parametrize("ticks", [None, 6])
def test_live_on_paper_and_in_a_backtest_the_trades_are_the_same(
    ticks: int | None, floor: Floor, live: Live
) -> None:
    floor.begin(stop=None if ticks is None else StopDistance(ticks=ticks), strategy=Dips())
    for each in market():
        floor.trader.on_bar(each)
    live.all_decided()
    opened, closed = live.said("PositionOpened"), live.said("PositionClosed")
    found = [(one["price"], other["price"], other["pnl"]) for one, other in zip(opened, closed, strict=True)]
    configuration = structs.replace(packaged(), contracts=costing(CONTRACTS))
    runtime = configuration.runtime
    if ticks is not None:
        runtime = structs.replace(runtime, protective_stop=ProtectiveStop(ticks=ticks))
    configuration = structs.replace(configuration, runtime=runtime)
    alone = trade_alone("ES", list(market()), configuration, opened=opened_as(Dips)).trades
    assert found == [(f"{one.entry_price}", f"{one.exit_price}", f"{one.pnl}") for one in alone]
    reasons = {one["reason"] for one in closed}
    assert reasons == {REASON, "higher"}
    assert live.said("EntryWithdrawn")
