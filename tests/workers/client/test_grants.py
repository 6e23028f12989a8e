"""A slot whose fill nobody reports is asked about while somebody remembers, however long it lasts."""

import io
import json

import pytest

from portfold.events.incoming import EntryRenewed
from portfold.events.wire.bus import SERVERS_TIME
from portfold.log import open_log
from portfold.workers.client.decision import Decision
from portfold.workers.client.grants import Grants
from portfold.workers.client.publisher import Publisher
from portfold.workers.client.settings import GateSettings, open_bus
from tests.server import EmbeddedServer
from tests.set_clock import SetClock


@pytest.mark.parametrize(("lasts", "asked_at"), [(30.0, [300, 600, 1200, 2400]), (3600.0, [600, 1200, 2400])])
def test_it_is_asked_about_after_ten_minutes_at_the_latest(
    server: EmbeddedServer, portfolio: str, lasts: float, asked_at: list[int]
) -> None:
    said, clock = io.StringIO(), SetClock()
    log, lines = open_log("me", target=said)
    bus = open_bus(GateSettings(server.url, portfolio=portfolio), "ibs-ES")
    grants = Grants(
        Publisher(bus, patience_seconds=1, stamp=lambda: SERVERS_TIME, log=log, clock=clock),
        lambda number, symbol: EntryRenewed("me", "s1", number, symbol),
        unbroken_since=lambda _: True,
        still_counts=lambda _: True,
        beat_seconds=1.0,
        log=log,
        clock=clock,
    )
    grants.add(Decision(allowed=True, symbol="ES", reason="", good_until=1e9, lasts_seconds=lasts))
    while clock.now < 3000:
        clock.now += 60
        grants.look_after()
    lines.close()
    bus.close()
    told = [json.loads(line) for line in said.getvalue().splitlines()]
    assert [one["seconds"] for one in told] == asked_at
    assert {(one["level"], one["slot"]) for one in told} == {("warning", "renewed")}
