"""What a process takes with it that the log does not know of: it says so before it is gone."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest

from portfold.events.codec import RefusedField
from portfold.log import open_log
from portfold.workers.client.gate import PortfolioGate
from portfold.workers.client.settings import GateSettings
from tests.coordinator.story import code
from tests.live import Live
from tests.processes import coordinating
from tests.proxy import proxy_to
from tests.server import EmbeddedServer


class Mine:
    """A gate, and what it says that is critical."""

    def __init__(self, url: str, portfolio: str, **more: Any) -> None:
        self._said = io.StringIO()
        log, self._lines = open_log("mine", target=self._said)
        settings = GateSettings(url=url, portfolio=portfolio, answer_seconds=1.0, worker_lost_seconds=60)
        self.gate = PortfolioGate("mine", symbols=["ES"], settings=settings, log=log, **more).start()

    def end(self) -> list[str]:
        self.gate.close()
        self._lines.close()
        said = [json.loads(line) for line in self._said.getvalue().splitlines()]
        return [line["event"] for line in said if line["level"] == "critical"]


@pytest.fixture(autouse=True)
def _coordinator(server: EmbeddedServer, portfolio: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("portfold.workers.client.listener.LISTEN_SECONDS", 0.1)
    with coordinating(server.url, portfolio):
        yield


def test_reports_that_wait_for_the_bus_are_named(server: EmbeddedServer, portfolio: str) -> None:
    with proxy_to(server.port) as network:
        mine = Mine(network.url, portfolio)
        assert mine.gate.request_entry("ES")
        network.redirect(1)
        mine.gate.position_opened("ES", price=5000)
        mine.gate.position_closed("ES", price=5001, pnl=45, commission=5)
        said = mine.end()
    lost = "NEVER REPORTED: the bus was away until the end, and the log lacks "
    assert lost + "PositionOpened ES long 1, PositionClosed ES long 1" in said


def test_a_slot_that_nobody_used_or_gave_back_is_asked_about(server: EmbeddedServer, portfolio: str) -> None:
    mine = Mine(server.url, portfolio)
    assert mine.gate.request_entry("ES", hold=True)
    assert mine.gate.request_entry("CL", hold=True)
    mine.gate.withdraw("CL")
    assert mine.end() == ["ES: granted, never registered, and this process ends: was it filled?"]


def test_a_block_that_fails_may_have_failed_after_its_order(
    live: Live, server: EmbeddedServer, portfolio: str
) -> None:
    def enter() -> None:
        with mine.gate.request_entry("ES") as entry:
            assert mine.gate.standing(entry)
            raise TimeoutError  # of the broker, which may have taken the order

    mine = Mine(server.url, portfolio)
    with pytest.raises(TimeoutError):
        enter()
    assert live.said("EntryWithdrawn") == []
    assert mine.end() == [
        "ES: failed: TimeoutError, between the yes and the report: was it filled?",
        "ES: granted, never registered, and this process ends: was it filled?",
    ]
    live.all_decided()
    assert live.status()["unsettled"] == "ES of mine: maybe_filled"
    assert code(live.asks("ES", worker="another")) == "symbol_pending"
    live.settle("ES", 0, worker="mine")
    assert code(live.asks("ES", worker="another")) == "allowed"


@pytest.mark.parametrize("words", [{"price": "NaN"}, {"price": 1, "side": "buy"}, {"price": 1, "size": 0}])
def test_a_fill_whose_report_is_refused_is_asked_about(
    server: EmbeddedServer, portfolio: str, words: dict[str, Any]
) -> None:
    mine = Mine(server.url, portfolio)
    entry = mine.gate.request_entry("ES")
    with pytest.raises(RefusedField):
        mine.gate.position_opened("ES", **words)
    assert not entry.used
    assert mine.end() == ["ES: granted, never registered, and this process ends: was it filled?"]


@pytest.mark.parametrize("knows", [False, True])
def test_what_an_earlier_life_was_granted_is_asked_about_where_no_broker_can_be(
    live: Live, server: EmbeddedServer, portfolio: str, *, knows: bool
) -> None:
    live.starts("mine")
    live.asks("ES", worker="mine")
    live.loses_worker("mine")
    mine = Mine(server.url, portfolio, **({"holdings": list} if knows else {}))
    asked = "ES long 1: granted to an earlier life of this process, never registered: was it filled?"
    assert mine.end() == ([] if knows else [asked])


def test_who_leaves_nothing_behind_says_nothing(server: EmbeddedServer, portfolio: str) -> None:
    mine = Mine(server.url, portfolio)
    with mine.gate.request_entry("ES"):
        mine.gate.position_opened("ES", price=5000)
    with mine.gate.request_entry("CL"):
        pass
    assert mine.end() == []
