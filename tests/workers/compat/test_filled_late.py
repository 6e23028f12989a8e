"""What fills after an order to flatten is told once, in whatever order the orders are carried out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portfold.events.decisions import FILLED_SINCE
from portfold.events.legs import Leg
from portfold.events.stream_id import StreamId
from portfold.workers.client.closing.flatten_order import FlattenOrder
from tests.processes import coordinating
from tests.server import EmbeddedServer
from tests.workers.compat.office import Office

LEG = Leg("ES", "long", 1, "old")
ALL = FlattenOrder("1-0", StreamId(1, 0), "ordered by ann", everything=True, pending=(LEG,))
OF_THE_FILL = FlattenOrder("2-0", StreamId(2, 0), f"ES {FILLED_SINCE}", everything=False, positions=(LEG,))


@pytest.fixture
def office(server: EmbeddedServer, portfolio: str, tmp_path: Path) -> Iterator[Office]:
    with coordinating(server.url, portfolio):
        made = Office(server.url, portfolio, tmp_path)
        yield made
        made.end()


def test_what_an_order_carried_out_late_finds_filled_is_told_once(office: Office) -> None:
    """All was flat as it was decided, so the order that the fill brings is of another episode."""
    told: list[list[str]] = []

    def closes(_: str, context: dict[str, Any]) -> None:
        told.append(context["open_positions"])

    old = office(4, 2500.0, closes)
    assert old.can_open_position("ES", size=2)
    old.register_position_opened("ES", 1, 100)
    for order in (ALL, OF_THE_FILL):
        old.emergency.flatten(order)
    assert told == [["ES"]]
    old.register_position_opened("ES", 1, 100)
    old.emergency.flatten(OF_THE_FILL._replace(episode="3-0", event=StreamId(3, 0)))
    assert told == [["ES"], ["ES"]], "more of it was filled since"
