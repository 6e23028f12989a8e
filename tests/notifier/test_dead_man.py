"""The dead man's switch is pressed while all is well, and at no other time; a phone is told like anybody."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from portfold.config import DeadMansSwitch
from portfold.events.wire.connection import Place
from portfold.workers.notify.sinks.dead_man import WAITS_MS, Seen, press, what_is_wrong
from portfold.workers.notify.sinks.http import Address
from portfold.workers.notify.sinks.protocol import NotSent
from tests.fake_discord import HIDDEN, FakeDiscord
from tests.live import Live
from tests.notifier.notifiers import QUIET, NotifierThread
from tests.processes import Coordinators, config_folder
from tests.server import EmbeddedServer
from tests.waiting import until

WELL = Seen(100_000, "vm.1", None)
BEFORE = Seen(99_000, "vm.1", None)


@pytest.mark.parametrize(
    ("seen", "before", "failing", "wrong"),
    [
        (WELL, None, (), ""),
        (WELL, BEFORE, (), ""),
        (WELL, WELL, (), "the server's clock stands still"),
        (WELL._replace(leader=None), BEFORE, (), "no coordinator leads"),
        (WELL._replace(waiting_since_ms=100_000 - WAITS_MS), BEFORE, (), ""),
        (WELL._replace(waiting_since_ms=99_999 - WAITS_MS), BEFORE, (), "an event waits for its decision"),
        (WELL, BEFORE, ("desk", "phone"), "alerts do not get through to desk, phone"),
    ],
)
def test_what_keeps_it_from_being_pressed(
    seen: Seen, before: Seen | None, failing: tuple[str, ...], wrong: str
) -> None:
    found = what_is_wrong(seen, before, failing)
    assert found.startswith(wrong)
    assert bool(found) == bool(wrong)


class Outside(ThreadingHTTPServer):
    """The outside address: counts how often it was asked, and by what method."""

    asked: list[str]
    status = 200


class _Asked(BaseHTTPRequestHandler):
    server: Outside

    def do_GET(self) -> None:
        self.server.asked.append(self.command)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815 - the library's name

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def outside() -> Iterator[Outside]:
    with Outside(("127.0.0.1", 0), _Asked) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


def test_it_asks_by_the_method_that_was_named_and_takes_nothing_but_a_yes(outside: Outside) -> None:
    address = Address(f"http://127.0.0.1:{outside.server_port}/{HIDDEN}")
    for method in ("GET", "POST"):
        press(DeadMansSwitch("PING", method=method), address)
    assert outside.asked == ["GET", "POST"]
    for status in (302, 404, 500):
        outside.status = status
        with pytest.raises(NotSent, match=f"the address answered {status}") as caught:
            press(DeadMansSwitch("PING"), address)
        assert HIDDEN not in str(caught.value)


def test_it_is_pressed_while_somebody_leads_and_the_phone_is_reached(
    server: EmbeddedServer,
    portfolio: str,
    live: Live,
    coordinators: Coordinators,
    discord: FakeDiscord,
    outside: Outside,
    tmp_path: Path,
) -> None:
    notifier: dict[str, Any] = {
        "destinations": {"phone": {"to": "apprise", "url_env": "PHONE", "kinds": QUIET}},
        "merge_seconds": 0.05,
        "dead_mans_switch": {"url_env": "PING", "every_seconds": 1},
    }
    environ = {
        "PHONE": f"ntfy://127.0.0.1:{discord.port}/{HIDDEN}",
        "PING": f"http://127.0.0.1:{outside.server_port}/{HIDDEN}",
    }
    folder = config_folder(tmp_path / "config", runtime={"notifier": notifier})
    thread = NotifierThread(folder, environ, Place(server.url, None, portfolio))
    try:
        until(lambda: "no coordinator leads" in thread.written(), "a switch that is not pressed")
        assert outside.asked == []
        coordinators.start()
        until(lambda: len(outside.asked) >= 2, "the switch to be pressed")
        discord.next("error page", "limited")
        live.starts("ibs-ES", symbols="ES")
        until(lambda: "alerts do not get through to phone" in thread.written(), "the phone to fail")
        pressed = len(outside.asked)
        until(lambda: "ibs-ES" in str(discord.told), "the phone to be told in the end")
        until(lambda: len(outside.asked) > pressed, "the switch to be pressed again")
        assert HIDDEN not in thread.written()
    finally:
        thread.stop()
