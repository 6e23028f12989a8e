"""What the account holds and nobody on the log owns: closed by a broker that can, told by one that cannot."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.events.account import ACCOUNT
from portfold.events.legs import Leg
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus
from portfold.workers.brokers.legs_book import PaperBook
from portfold.workers.brokers.paper import PaperBroker
from portfold.workers.brokers.protocol import BrokerPosition
from portfold.workers.client.closing.flatten_order import FlattenOrder
from portfold.workers.flattener.book_watch import BookWatch
from portfold.workers.flattener.unowned import Unowned
from tests.cli.standing import Standing
from tests.coordinator.story import SECOND, Story
from tests.live import Live
from tests.workers.flattener.flattener_desk import Desk

ORDER = FlattenOrder(
    "an episode",
    ORIGIN,
    "flatten handed over",
    everything=False,
    positions=(Leg("RTY", "long", 2, ACCOUNT), Leg("CL", "long", 1, "ibs-CL")),
)


@pytest.fixture
def unowned(desk: Desk, bus: Bus, client: Any) -> Desk:
    """Two RTY in the account that nobody on the log owns, on the log as the account's."""
    story = Story(account="DU1", account_grace_ms=SECOND)
    story.account_says("50000", "RTY:long:2:2100")
    story.account_says("50000", "RTY:long:2:2100")
    story.flatten()
    assert "RTY:long:account" in story.state.positions
    Standing(bus, client).of(story)
    return desk


def adopts(desk: Desk) -> None:
    """Lets the broker take over what no order of ours entered."""

    def adopt(held: BrokerPosition) -> None:
        book = PaperBook(desk.book, 2.0)
        with book.transaction() as entries:
            entries.write_leg(held)
            entries.write_mark(held.symbol, Decimal(2099))
        book.close()

    desk.broker.adopt = adopt  # type: ignore[attr-defined]  # one that a broker may have


def closes(live: Live) -> list[tuple[str, str, str, str]]:
    said = live.said("PositionClosed")
    return sorted((one["symbol"], one["owner"], one["size"], one["price"]) for one in said)


def test_a_broker_that_can_takes_it_over_and_closes_it_once(unowned: Desk, live: Live) -> None:
    adopts(unowned)
    unowned.flattener.flatten(ORDER)
    assert closes(live) == [("CL", "ibs-CL", "1", "100.00"), ("RTY", ACCOUNT, "2", "2099.0")]
    unowned.flattener.flatten(ORDER)
    assert len(closes(live)) == 2


def test_a_broker_that_cannot_says_so_once_with_what_to_do_and_the_rest_is_closed(
    unowned: Desk, live: Live
) -> None:
    for _ in range(3):
        unowned.flattener.flatten(ORDER)
    assert [close[0] for close in closes(live)] == ["CL"]
    unowned.lines.close()
    logged = unowned.logged.getvalue()
    assert logged.count("the account holds what no order of this broker entered") == 1
    assert "portfold settle RTY account --size 0" in logged
    assert "is not what it is to close" not in logged


# --- once, and only what is nobody's --------------------------------------------------------------------


def test_what_was_closed_is_not_taken_over_by_a_flattener_that_starts_before_it_is_decided(
    unowned: Desk, bus: Bus
) -> None:
    adopts(unowned)
    unowned.flattener.flatten(ORDER)
    assert unowned.broker.unreported_exits(ACCOUNT) == []  # it is on the log, where nothing is decided yet
    Unowned(bus, unowned.broker, unowned.log).take_over(ORDER.positions)
    assert unowned.broker.positions(ACCOUNT) == []


@pytest.mark.parametrize(("unreported", "taken"), [(0, [2]), (1, [1]), (2, []), (3, [])])
def test_a_fill_in_the_book_that_nobody_has_reported_is_its_workers(
    unowned: Desk, bus: Bus, unreported: int, taken: list[int]
) -> None:
    adopts(unowned)
    if unreported:
        with PaperBroker(unowned.book, "ibs-RTY", unowned.contracts) as worker:
            worker.enter("RTY", "long", unreported, Decimal(2100))
    Unowned(bus, unowned.broker, unowned.log).take_over(ORDER.positions)
    assert [held.size for held in unowned.broker.positions(ACCOUNT)] == taken


@pytest.mark.parametrize("before", [1, 2])
def test_what_has_grown_since_it_was_taken_over_is_taken_over_whole(
    unowned: Desk, bus: Bus, before: int
) -> None:
    adopts(unowned)
    unowned.broker.adopt(  # type: ignore[attr-defined]  # as above
        BrokerPosition(ACCOUNT, "RTY", "long", before, Decimal(2100), Decimal(0))
    )
    for _ in range(2):
        Unowned(bus, unowned.broker, unowned.log).take_over(ORDER.positions)
    assert [held.size for held in unowned.broker.positions(ACCOUNT)] == [2]


def test_what_was_taken_over_and_is_still_to_be_closed_is_on_the_log(unowned: Desk, bus: Bus) -> None:
    adopts(unowned)
    Unowned(bus, unowned.broker, unowned.log).take_over(ORDER.positions)
    watch = BookWatch(bus, unowned.broker, log=unowned.log, clock=unowned.clock)
    for _ in range(2):
        watch.look()
        unowned.clock.sleep(5)
    assert "CL long of ibs-CL" in bus.book_exceeds()  # which no worker has reported here
    assert ACCOUNT not in bus.book_exceeds()
