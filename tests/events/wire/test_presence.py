"""Heartbeats on a real server, the kill switch beside them, and all keys of a portfolio on one node."""

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis, RedisError

from portfold.events.stream_id import ORIGIN, StreamId
from portfold.events.wire.bus import Bus, Entry
from portfold.events.wire.embedded import server_binary
from portfold.events.wire.keys import Keys
from tests.events.wire.commits import TICK
from tests.waiting import until

# --- presence -------------------------------------------------------------------------------------------


def test_a_heartbeat_is_there_until_it_lapses(bus: Bus) -> None:
    bus.beat("ibs-ES", "s1", 60_000)
    bus.beat("ibs-CL", "s2", 20)
    assert bus.beats(["ibs-ES", "nobody"]) == ["s1", None]
    until(lambda: bus.beats(["ibs-CL"]) == [None], "the heartbeat to lapse")
    assert bus.beats([]) == []


def test_the_kill_switch_is_heard_beside_the_decisions(bus: Bus, client: Any) -> None:
    assert (bus.last_pull(), bus.last_pull_id()) == (None, ORIGIN)
    pull = bus.pull_killswitch(["by", "ann"])
    client.execute_command("XADD", bus.keys.decisions, "7-0", *TICK)
    assert bus.last_pull() == Entry(pull, ["by", "ann"])
    assert bus.last_pull_id() == pull
    assert bus.orders_after(ORIGIN, ORIGIN, count=9, block_ms=1) == (
        [Entry(StreamId(7, 0), TICK)],
        [Entry(pull, ["by", "ann"])],
    )
    assert bus.orders_after(StreamId(7, 0), pull, count=9, block_ms=1) == ([], [])


# --- one portfolio, one node ----------------------------------------------------------------------------


@contextmanager
def cluster_node(folder: Path) -> Iterator[Any]:
    """A server that counts itself part of a cluster, reached by a socket in `folder`."""
    place = folder / "s"
    command = [str(server_binary()), "--port", "0", "--unixsocket", str(place), "--cluster-enabled", "yes"]
    command += ["--dir", str(folder), "--save", "", "--cluster-port", str(20_000 + secrets.randbelow(10_000))]
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL) as process,
        Redis(unix_socket_path=str(place)) as client,
    ):
        try:
            until(lambda: process.poll() is not None or answers(client), "a cluster node")
            yield client if process.poll() is None else None
        finally:
            process.kill()


def answers(client: Any) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Any]:
    """A cluster node; its port is chosen at random, so a taken one is no reason to give up."""
    for attempt in range(10):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with cluster_node(folder) as client:
            if client is not None:
                yield client
                return
    raise AssertionError("no port for a cluster node")


def test_a_cluster_keeps_all_keys_of_a_portfolio_in_one_slot(node: Any) -> None:
    def slot(key: str) -> Any:
        return node.execute_command("CLUSTER", "KEYSLOT", key)

    keys = Keys("main")
    names = [name for name in dir(Keys) if isinstance(getattr(Keys, name), property)]
    every = [*(getattr(keys, name) for name in names), keys.worker("ibs-ES"), keys.worker("ibs-CL")]
    assert len(every) >= 12
    assert {slot(key) for key in every} == {slot("main")}
    assert slot(Keys("other").events) != slot("main")
