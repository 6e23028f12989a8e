"""What the account holds and nobody on the log owns: closed by a broker that can, told by one that cannot."""

from decimal import Decimal
from typing import Any

import pytest

from portfold.events.account import ACCOUNT
from portfold.events.legs import Leg
from portfold.events.stream_id import ORIGIN
from portfold.events.wire.bus import Bus
from portfold.workers.brokers.legs_book import PaperBook
from portfold.workers.brokers.protocol import BrokerPosition
from portfold.workers.client.closing.flatten_order import FlattenOrder
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
