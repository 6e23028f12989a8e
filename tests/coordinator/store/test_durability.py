"""How the server keeps the log is named with what it can lose; one that may throw it away is not led on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from portfold.config import load
from portfold.coordinator.store.durability import durability, refuse_eviction
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.errors import BusRefused
from tests.coordinator.story import code
from tests.live import Live
from tests.processes import NOT_COORDINATING, READY, CoordinatorThread, coordinating
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.client.gates import Gates

SAVE = "3600 1 300 100"


@pytest.mark.parametrize(
    ("aof", "settings", "setting", "level"),
    [
        ("1", {"appendfsync": "always", "save": ""}, "append-only file, fsync always", "info"),
        ("1", {"appendfsync": "everysec", "save": SAVE}, "append-only file, fsync everysec", "warning"),
        ("1", {"appendfsync": "no", "save": ""}, "append-only file, fsync no", "warning"),
        ("1", {}, "append-only file, fsync unknown", "warning"),
        ("0", {"appendfsync": "always", "save": SAVE}, f"snapshots only (save {SAVE})", "warning"),
        ("0", {}, "no append-only file", "warning"),
        ("0", {"appendfsync": "always", "save": ""}, "off", "warning"),
    ],
)
def test_every_setting_has_a_name_and_only_the_safe_one_passes_without_a_warning(
    aof: str, settings: dict[str, str], setting: str, level: str
) -> None:
    found = durability({"aof_enabled": aof}, settings)
    assert (found.setting, found.level) == (setting, level)
    assert ("survives" in found.meaning) == (level == "info")
    assert ("los" in found.meaning) == (level == "warning")


@pytest.mark.parametrize(
    ("maxmemory", "policy", "what"),
    [
        ("0", "allkeys-lru", "leads"),
        ("1", "noeviction", "leads"),
        ("1", "volatile-ttl", "warns"),
        ("1", "volatile-lru", "warns"),
        ("1", "allkeys-lru", "refuses"),
        ("1", "allkeys-lfu", "refuses"),
        ("1", "allkeys-random", "refuses"),
    ],
)
def test_only_a_server_that_may_throw_the_log_away_is_refused(maxmemory: str, policy: str, what: str) -> None:
    facts = {"maxmemory": maxmemory, "maxmemory_policy": policy}
    if what == "refuses":
        with pytest.raises(BusRefused, match="Set maxmemory-policy to noeviction, by CONFIG SET"):
            refuse_eviction(facts)
    else:
        assert bool(refuse_eviction(facts)) == (what == "warns")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(tmp_path / "own") as server:
        yield server


def set_on(server: EmbeddedServer, **settings: str) -> None:
    with Redis.from_url(server.url) as client:
        for name, value in settings.items():
            client.config_set(name.replace("_", "-"), value)


def test_a_server_that_may_evict_the_log_is_not_led_on_until_it_is_set_right(
    own: EmbeddedServer, portfolio: str, client: Any
) -> None:
    set_on(own, maxmemory="1gb", maxmemory_policy="allkeys-lru")
    coordinator = CoordinatorThread(
        load(None, {}, Path("/")), url=own.url, portfolio=portfolio, clock="server"
    )
    why = coordinator.says(NOT_COORDINATING)["why"]
    assert why.startswith("The server's maxmemory is 1073741824 bytes with maxmemory-policy allkeys-lru: ")
    bus = Bus(connect(own.url), portfolio)
    assert bus.head() is None
    set_on(own, maxmemory_policy="noeviction")
    coordinator.says(READY)
    assert code(Live(bus, client).asks("ES")) == "allowed"
    coordinator.stop()
    bus.close()


def test_eviction_that_is_switched_on_while_it_leads_is_noticed(own: EmbeddedServer, portfolio: str) -> None:
    coordinator = CoordinatorThread(
        load(None, {}, Path("/")), url=own.url, portfolio=portfolio, clock="server"
    )
    coordinator.says(READY)
    set_on(own, maxmemory="1gb", maxmemory_policy="allkeys-lru")
    assert "maxmemory-policy allkeys-lru" in coordinator.says(NOT_COORDINATING)["why"]
    set_on(own, maxmemory_policy="noeviction")
    coordinator.says(READY, times=2)
    coordinator.stop()


def test_the_setting_found_is_named_once_with_what_it_means_and_stands_in_the_status(
    own: EmbeddedServer, portfolio: str
) -> None:
    set_on(own, appendfsync="everysec", maxmemory="1gb", maxmemory_policy="volatile-lru")
    with coordinating(own.url, portfolio) as coordinator:
        told = [line for line in coordinator.lines() if line["event"].startswith("Durability: ")]
        assert [(line["event"], line["level"]) for line in told] == [
            (
                "Durability: append-only file, fsync everysec: the machine's death, and seldom the server's, "
                "loses an acknowledged second or two",
                "warning",
            )
        ]
        assert any("it evicts leases and heartbeats" in text for text in coordinator.texts())
        bus = Bus(connect(own.url), portfolio)
        until(lambda: bus.status().get("durability") == "append-only file, fsync everysec", "the status")
        bus.close()


def test_a_primary_without_its_replicas_denies_entries_rather_than_go_on_alone(
    own: EmbeddedServer, portfolio: str
) -> None:
    gates = Gates(own.url, portfolio)
    with coordinating(own.url, portfolio) as coordinator:
        gate = gates(answer_seconds=0.5)
        assert gate.request_entry("ES").allowed
        set_on(own, min_replicas_to_write="1", min_replicas_max_lag="10")
        assert not gate.request_entry("CL")
        assert "NOREPLICAS" in coordinator.says(NOT_COORDINATING)["why"]
        set_on(own, min_replicas_to_write="0")
        coordinator.says(READY, times=2)
        until(lambda: gate.request_entry("SI").allowed, "a yes")
    gates.end()


def test_what_may_not_be_asked_is_not_known(own: EmbeddedServer, portfolio: str) -> None:
    with Redis.from_url(own.url) as client:
        client.execute_command("ACL", "SETUSER", "hosted", "on", ">secret", "~*", "&*", "+@all", "-config")
    hosted = own.url.replace("redis://", "redis://hosted:secret@")
    bus = Bus(connect(hosted), portfolio)
    assert bus.settings() == {}
    bus.close()
    with coordinating(hosted, portfolio) as coordinator:
        coordinator.says("Durability: append-only file, fsync unknown")
