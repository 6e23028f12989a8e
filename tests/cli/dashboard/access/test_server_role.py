"""The dashboard under a user of the server that may only read: all of it works, and an order is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portfold.events.roles.server_roles import DASHBOARD
from portfold.events.wire.notifier_bus import NotifierBus
from tests.cli.dashboard.visitor import PASSWORD, served, users_file
from tests.cli.dashboard.words import shown
from tests.live import Live
from tests.server import EmbeddedServer
from tests.waiting import until

WORD = "a-word"


@pytest.fixture
def role(client: Any, portfolio: str) -> Iterator[tuple[str, str]]:
    """The user on the server, under a name of the test's own, and its password."""
    name, *words = DASHBOARD.words(portfolio)
    client.execute_command("ACL", "SETUSER", name, *words, f">{WORD}")
    yield name, WORD
    client.execute_command("ACL", "DELUSER", name)


def under(server: EmbeddedServer, role: tuple[str, str]) -> str:
    """The server's address by which one is that user."""
    return server.url.replace("redis://", f"redis://{role[0]}:{role[1]}@")


def test_every_page_and_every_metric_is_there_under_the_role(
    server: EmbeddedServer, portfolio: str, led: Live, role: tuple[str, str], tmp_path: Path
) -> None:
    file = users_file(tmp_path, [("jane", "operator")])
    NotifierBus(led.client, portfolio).take_over("log", "me", 600_000)
    options = ("--users", str(file), "--operate")
    with served(under(server, role), portfolio, tmp_path, *options) as dashboard:
        jane = dashboard.visitor()
        jane.signs_in("jane", PASSWORD)
        jane.gets("/metrics")
        led.starts("ibs-ES", symbols="ES")
        led.enters("ES", price="5000.25")
        last = led.events()[-1].id
        day = led.bus.status()["current_day"]
        for page in ("", "log?all=1", f"at?time={last}", f"why/{last}", "days", f"days/{day}", "limits"):
            found = jane.gets(page)
            assert found.status_code == 200, (page, shown(found.text))
            assert "NOPERM" not in found.text, page
        with jane.http.get(f"{jane.base}/{portfolio}/live", stream=True, timeout=30) as told:
            lines = told.iter_lines()
            assert any(b"ES entry allowed" in line for line in lines)
        read = jane.gets("/metrics").text
        assert "portfold_alerts_pending{" in read
        until(lambda: "portfold_decisions_total{" in jane.gets("/metrics").text, "decisions to be counted")
        before = led.events()
        refused = jane.orders("halt", reason="x")
        assert "no permissions" in shown(refused.text)
        assert led.events() == before
