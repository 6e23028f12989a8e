"""`portfold ask`: it reads the log, says what would be allowed, and writes nothing."""

import json
from decimal import Decimal

import pytest

from portfold.cli.main import run
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from tests.live import Live
from tests.processes import config_folder, coordinating
from tests.server import EmbeddedServer

BUDGET = {"loss_budget": "default", "default_risk": "ES=500", "daily_stop_loss": 1200}


def test_it_says_the_largest_size_and_what_binds_and_writes_nothing(
    server: EmbeddedServer,
    portfolio: str,
    live: Live,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = config_folder(tmp_path_factory.mktemp("c") / "config", limits=BUDGET)
    where = ["--url", server.url, "--portfolio", portfolio, "--config", str(folder)]
    with coordinating(server.url, portfolio, config=folder):
        live.all_decided()
        before = live.bus.last_event()
        settings = GateSettings(url=server.url, portfolio=portfolio)
        gate = PortfolioGate("mine-ES", symbols=["ES"], settings=settings)
        for words, size, largest in (("--stop 4990 --price 5000", 1, 2), ("--stop 4990 --price 5000", 3, 2)):
            code = run(["ask", "ES", *words.split(), "--size", str(size), "--json", *where])
            found = json.loads(capsys.readouterr().out)
            room = gate.room("ES", size=size, stop_price=Decimal(4990), price=5000)
            assert (found["allowed"], found["largest"], found["code"]) == (size <= 2, largest, "loss_budget")
            assert (room.allowed, room.largest, room.reason) == (found["allowed"], largest, found["reason"])
            assert code == (0 if size <= 2 else 1)
        assert run(["ask", "ES", *where]) == 0
        said = capsys.readouterr().out
        assert said.startswith("ES long 1 would be allowed, as of event ")
        assert "At most 2 would be: loss_budget: Day's P&L would be $-1,552.50 of $-1,200.00" in said
        assert live.bus.last_event() == before
        gate.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--stop 5010 --price 5000", "stop_price: expected below the price of a long"),
        ("--risk 0", "risk: expected more than 0 dollars"),
        ("--size 0", "EntryRequested.size: expected a whole number of contracts"),
    ],
)
def test_a_question_that_is_none_gets_a_sentence(
    server: EmbeddedServer, portfolio: str, capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    assert run(["ask", "ES", *words.split(), "--url", server.url, "--portfolio", portfolio]) == 2
    assert said in capsys.readouterr().err
