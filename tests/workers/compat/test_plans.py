"""What a program says that an entry may lose reaches the request, and the budget denies by it."""

from pathlib import Path

import pytest

from tests.live import Live
from tests.processes import config_folder, coordinating
from tests.server import EmbeddedServer
from tests.workers.compat.office import Office

pytestmark = pytest.mark.usefixtures("listen_briefly")

BUDGET = {"loss_budget": "deny", "stop_costs": "CL=5 ES=5", "daily_stop_loss": 1010.01}


def test_a_plan_reaches_the_request_and_the_budget_denies_what_is_too_much(
    office: Office, live: Live, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    with coordinating(server.url, portfolio, config=config_folder(tmp_path / "budget", limits=BUDGET)):
        old = office()
        silent = old.can_open_position("ES")
        assert (silent.code, silent[1]) == (
            "loss_budget",
            "ES names no stop: it needs stop_price with price, or risk",
        )
        backwards = old.can_open_position("ES", stop_price=5010, price=5000)
        assert (backwards.code, backwards[1]) == (
            "refused",
            "stop_price: expected below the price of a long, got stop_price 5010, price 5000",
        )
        assert old.can_open_position("ES", stop_price=4990, price=5000.0)  # $500, and $5
        too_much = old.can_open_position("CL", risk=500.01)
        assert too_much.code == "loss_budget"
        assert "reserved $-505.00, this $-505.01" in too_much[1]
        assert old.can_open_position("CL", risk=500)
    asked = live.said("EntryRequested")
    named = [{name: one[name] for name in ("stop_price", "price", "risk") if name in one} for one in asked]
    stop = {"stop_price": "4990", "price": "5000"}
    assert named == [{}, stop, {"risk": "500.01"}, {"risk": "500"}]
