"""The book belongs to a log: another log under the same name finds none of its positions."""

from pathlib import Path
from uuid import uuid4

import pytest

from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.errors import BusError
from portfold.workers.client.settings import GateSettings
from portfold.workers.run.book_file import book_there
from tests.server import EmbeddedServer


def there(url: str, portfolio: str, folder: Path) -> str:
    return book_there(GateSettings(url=url, portfolio=portfolio), folder, "paper").name


def test_all_that_ask_find_one_book_whoever_led_meanwhile(
    bus: Bus, server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    found = there(server.url, portfolio, tmp_path)
    assert found == f"paper-{portfolio}-{bus.log_name()}.sqlite"
    bus.take_lead("ann", 60_000)
    assert there(server.url.replace("127.0.0.1", "localhost"), portfolio, tmp_path / "other") == found


def test_a_log_that_was_led_first_has_a_name_of_its_own_too(bus: Bus) -> None:
    bus.take_lead("ann", 60_000)
    assert len(bus.log_name()) == 8


def test_another_log_of_that_name_has_another_book(
    server: EmbeddedServer, portfolio: str, bus: Bus, tmp_path: Path
) -> None:
    """The same address, begun anew."""
    found = there(server.url, portfolio, tmp_path)
    with connect(server.url) as plain:
        plain.delete(bus.keys.log)
    assert there(server.url, portfolio, tmp_path) != found


def test_a_log_from_before_logs_had_names_keeps_its_book(
    server: EmbeddedServer, portfolio: str, bus: Bus, tmp_path: Path
) -> None:
    with connect(server.url) as plain:
        plain.hset(bus.keys.head, "epoch", "1")
    bus.take_lead("ann", 60_000)
    assert there(server.url, portfolio, tmp_path) == f"paper-{portfolio}.sqlite"


def test_with_the_server_away_the_book_found_there_before_is_taken(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "server") as server:
        url = server.url
        found = there(url, "main", tmp_path / "state")
    assert there(url, "main", tmp_path / "state") == found
    with pytest.raises(BusError):
        there(url, f"never-{uuid4().hex}", tmp_path / "state")
