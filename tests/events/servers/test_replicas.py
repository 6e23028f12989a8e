"""Whether a replica has what an order rests on: a real primary, and replicas that come, hang and go."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.keys import Keys
from portfold.events.wire.presence import WantedReplicas
from tests.live import Live
from tests.processes import coordinating
from tests.rig.node import Node, free_ports
from tests.waiting import until
from tests.workers.client.gates import Gates, withdrawn
from tests.workers.compat.office import Office

SESSION, LASTS_MS = "s1", 60_000
ONE, SOON, TWO = WantedReplicas(1, 10_000), WantedReplicas(1, 300), WantedReplicas(2, 300)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    """A primary, and a replica that is in step."""
    first, second = free_ports(2)
    lasting = {"appendonly": "yes", "appendfsync": "always", "repl_diskless_sync_delay": "0"}
    primary = Node(tmp_path / "primary", first, **lasting)
    with ExitStack() as ends:
        ends.callback(primary.kill)
        replica = Node(tmp_path / "replica", second, replicaof=f"127.0.0.1 {first}", **lasting)
        ends.callback(replica.kill)
        until(lambda: replica.facts("replication")["master_link_status"] == "up", "a replica in step")
        yield primary, replica


def test_it_is_said_to_have_it_when_it_has_it_and_not_before(pair: tuple[Node, Node], portfolio: str) -> None:
    primary, replica = pair
    with closing(Bus(connect(primary.url), portfolio)) as bus:
        _said_when_it_has_it(bus, replica)


def _said_when_it_has_it(bus: Bus, replica: Node) -> None:
    assert bus.beat_reaches("ibs-ES", SESSION, LASTS_MS, ONE) is None, "nobody is there under that session"
    bus.beat("ibs-ES", SESSION, LASTS_MS)
    assert bus.beat_reaches("ibs-ES", SESSION, LASTS_MS, ONE)
    assert replica.ask("GET", bus.keys.worker("ibs-ES")) == SESSION
    assert bus.beat_reaches("ibs-ES", SESSION, LASTS_MS, ONE._replace(on_disk=True))
    assert not bus.beat_reaches("ibs-ES", SESSION, LASTS_MS, TWO), "there is only one"
    replica.freeze()
    assert bus.beat_reaches("ibs-ES", SESSION, LASTS_MS, SOON) is False
    replica.come_back()
    until(lambda: bus.beat_reaches("ibs-ES", SESSION, LASTS_MS, ONE), "the replica to have it")


def test_no_order_goes_out_on_a_yes_that_no_replica_has(
    pair: tuple[Node, Node], portfolio: str, tmp_path: Path
) -> None:
    primary, replica = pair
    gates, office = Gates(primary.url, portfolio), Office(primary.url, portfolio, tmp_path)
    wanted = WantedReplicas(1, 3_000)
    with ExitStack() as ends:
        ends.enter_context(coordinating(primary.url, portfolio))
        bus = ends.enter_context(closing(Bus(connect(primary.url), portfolio)))
        ends.callback(gates.end)
        ends.callback(office.end)
        gate, old = gates(replicated=wanted), office(settings={"replicated": wanted})
        decision = gate.request_entry("ES")
        assert decision
        assert gate.standing(decision)
        assert old.can_open_position("CL")
        replica.kill()
        assert not gate.standing(decision)
        gates.logged("no entry, as the yes is not on enough replicas in time")
        assert gate.position_closed("ES", price=5000, pnl=0, commission=0), "an exit waits for no replica"
        assert old.can_open_position("SI").code == "not_replicated"
        assert old.held.slots() == ["CL"]
        until(lambda: withdrawn(Live(bus, primary)), "the slot to be given back")


def test_where_a_sign_of_life_has_lapsed_no_replica_is_to_blame(
    pair: tuple[Node, Node], portfolio: str
) -> None:
    primary, _ = pair
    gates = Gates(primary.url, portfolio)
    with ExitStack() as ends:
        ends.enter_context(coordinating(primary.url, portfolio))
        ends.callback(gates.end)
        gate = gates(replicated=WantedReplicas(1, 3_000), heartbeat_seconds=60.0)
        decision = gate.request_entry("ES")
        primary.ask("DEL", Keys(portfolio).worker("ibs-ES"))
        assert not gate.standing(decision)
        gates.logged("no entry, as this worker's sign of life has lapsed")
