"""A yes that no longer holds is taken back before anything is traded on it."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from portfold.events.codec import RefusedField
from portfold.events.legs import Leg
from tests.live import Live, read
from tests.processes import config_folder, coordinating
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.client.gates import Gates, Strategy, own_server

pytestmark = pytest.mark.usefixtures("listen_briefly")


@pytest.mark.usefixtures("coordinator")
def test_a_yes_holds_until_it_is_used_or_given_back(gates: Gates) -> None:
    gate = gates()
    yes = gate.request_entry("ES")
    assert gate.standing(yes)
    assert not gate.standing(gate.request_entry("ES"))
    gate.withdraw("ES")
    assert not gate.standing(yes)
    second = gate.request_entry("ES")
    gate.position_opened("ES", price="100")
    assert not gate.standing(second)


@pytest.mark.usefixtures("coordinator")
@pytest.mark.parametrize("order", ["flatten", "halt"])
def test_a_yes_does_not_outlive_an_order_that_comes_after_it(gates: Gates, live: Live, order: str) -> None:
    heard = Strategy()
    gate = gates(callbacks=(heard,))
    yes = gate.request_entry("ES")
    live.flatten() if order == "flatten" else live.halt()
    assert not gate.standing(yes)
    if order == "flatten":
        live.resume()
        assert until(lambda: heard.orders, "the order")[0].pending == (Leg("ES", "long", 1, "ibs-ES"),)
        assert not gate.standing(yes)  # resumed, but its slot is gone
        assert gate.request_entry("ES").code == "symbol_pending"  # it may have been filled, and not told yet
        gate.withdraw("ES")
        assert gate.standing(gate.request_entry("ES"))


def test_a_yes_does_not_outlive_its_slot(
    gates: Gates, live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    short = config_folder(tmp_path / "config", runtime={"reservation_seconds": 0.2, "answer_seconds": 0.1})
    with coordinating(server.url, portfolio, config=short):
        gate = gates()
        yes = gate.request_entry("ES")
        assert yes
        until(lambda: not gate.standing(yes), "the slot to lapse")
        live.all_decided()
        until(lambda: gate.request_entry("ES"), "a slot again")


def test_a_yes_asked_with_hold_stands_until_its_fill_is_reported_or_its_slot_given_back(
    gates: Gates, live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    short = config_folder(tmp_path / "config", runtime={"reservation_seconds": 0.5, "answer_seconds": 0.1})
    with coordinating(server.url, portfolio, config=short):
        gate = gates()
        yes = gate.request_entry("ES", hold=True)
        first = (yes.good_until, yes.expires_ms)
        until(lambda: len(live.said("EntryRenewed")) >= 5, "renewals")
        assert gate.standing(yes)
        live.all_decided()
        (reserved,) = live.state.reservations.values()
        assert reserved.request == str(yes.event)
        assert yes.expires_ms is not None
        assert (yes.good_until, yes.expires_ms) > first
        gate.position_opened("ES", price=100)
        assert not gate.standing(yes)
        assert not gate.renew(yes)
        renewed = len(live.said("EntryRenewed"))
        until(
            lambda: len(live.said("PositionMarked")) or gate.position_marked("ES", price=1, unrealized=0), ""
        )
        live.all_decided()
        assert len(live.said("EntryRenewed")) == renewed
        assert "EventRejected" not in [type(read(entry)).__name__ for entry in live.decisions()]


def test_of_a_slot_that_is_filled_in_parts_the_rest_is_kept(
    gates: Gates, live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    """A fill that is refused at the door takes nothing of it."""
    short = config_folder(tmp_path / "config", runtime={"reservation_seconds": 3, "answer_seconds": 0.1})
    with coordinating(server.url, portfolio, config=short):
        gate = gates()
        yes = gate.request_entry("ES", size=3, hold=True)
        for part in (1, 2):
            with pytest.raises(RefusedField):
                gate.position_opened("ES", size=4 - part, price="nan")
            gate.position_opened("ES", price=100)
            renewed = len(live.said("EntryRenewed"))
            until(partial(_is_renewed, live, renewed + 1), f"renewals of what is left after part {part}")
            assert gate.standing(yes)
        gate.position_opened("ES", price=100)
        assert not gate.standing(yes)
        live.all_decided()
        assert live.status()["reserved"] == ""
        kinds = {type(read(entry)).__name__ for entry in live.decisions()}
        assert not kinds & {"LimitBreached", "EventRejected", "EntryExpired"}


def _is_renewed(live: Live, times: int) -> bool:
    return len(live.said("EntryRenewed")) >= times


def test_a_yes_does_not_stand_while_the_bus_is_away(portfolio: str, client: Any, tmp_path: Path) -> None:
    with (
        own_server(tmp_path, portfolio, client) as (server, gates, _),
        coordinating(server.url, portfolio),
    ):
        gate = gates()
        yes = gate.request_entry("ES")
        assert gate.standing(yes)
        server.kill()
        assert not gate.standing(yes)
        server.restart()
