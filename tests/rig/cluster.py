"""Six nodes of a cluster: three primaries, each with a replica."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Self

from redis import RedisError
from redis.crc import key_slot

from portfold.events.wire.embedded import HOST
from portfold.events.wire.keys import Keys
from tests.rig.node import Node, free_ports
from tests.waiting import until

_BUS_OFFSET = 10_000
_SLOTS = 16_384
_PRIMARIES = 3


class Cluster:
    """As a context manager it ends with the block."""

    def __init__(self, folder: Path, *, down_ms: int = 800) -> None:
        self.nodes: list[Node] = []
        self._names: dict[int, str] = {}
        self._failed: Node | None = None
        lasting = {
            "appendonly": "yes",
            "appendfsync": "always",
            "repl_diskless_sync_delay": "0",
            "cluster_enabled": "yes",
            "cluster_node_timeout": str(down_ms),
            "cluster_replica_validity_factor": "0",
        }
        try:
            for port in free_ports(2 * _PRIMARIES, beside=_BUS_OFFSET):
                self.nodes.append(Node(folder / f"node-{port}", port, **lasting))
                self._names[port] = str(self.nodes[-1].ask("CLUSTER", "MYID"))
            self._meet()
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        """Kills them all."""
        for one in self.nodes:
            one.kill()

    @property
    def url(self) -> str:
        return f"redis+cluster://{','.join(f'{HOST}:{one.port}' for one in self.nodes)}"

    @property
    def replicas(self) -> int:
        """How many replicas each primary has."""
        return 1

    @property
    def ways(self) -> Sequence[str]:
        """The ways in which another node comes to have a slot."""
        return ("killed", "moved", "frozen", "moved key by key")

    def fail(self, portfolio: str, way: str) -> None:
        """Has another node take the portfolio's slot: its node is killed or frozen, or the slot is moved."""
        if way == "moved":
            self.move(portfolio)
        elif way == "moved key by key":
            self.move_key_by_key(portfolio)
        else:
            self._failed = first = self.primary_of(portfolio)
            first.kill() if way == "killed" else first.freeze()
            self.until_promoted(portfolio, first)

    def heal(self) -> None:
        """Brings back whoever failed, and waits until the cluster is whole."""
        if self._failed is not None:
            self._failed.come_back()
            self._failed = None
        self.until_whole()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def primary_of(self, portfolio: str) -> Node:
        """Returns the node that has the portfolio's slot, as a node that is there sees it."""
        slot = slot_of(portfolio)
        for one in (node for node in self.nodes if node.is_up):
            with suppress(RedisError):
                for first, last, primary, *_ in one.ask("CLUSTER", "SLOTS"):
                    if first <= slot <= last:
                        return next(node for node in self.nodes if node.port == primary[1])
        raise AssertionError("no node knows who has the slot")

    def until_promoted(self, portfolio: str, instead_of: Node) -> Node:
        """Waits until another has the portfolio's slot, and is returned."""

        def promoted() -> Node | None:
            now = self.primary_of(portfolio)
            return now if now is not instead_of and now.facts("replication")["role"] == "master" else None

        return until(promoted, "another node to have the slot", seconds=60)

    def move(self, portfolio: str) -> Node:
        """Moves the portfolio's slot to another primary, all at once; returns that."""
        source, slot = self.primary_of(portfolio), slot_of(portfolio)
        target = next(one for one in self._primaries() if one is not source)
        source.ask(
            "CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", str(slot), str(slot), "NODE", self._names[target.port]
        )
        return self.until_promoted(portfolio, source)

    def move_key_by_key(self, portfolio: str) -> Node:
        """Moves it as older servers do: for a while some keys are here and some there."""
        source, slot = self.primary_of(portfolio), str(slot_of(portfolio))
        target = next(one for one in self._primaries() if one is not source)
        here, there = self._names[source.port], self._names[target.port]
        target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", here)
        source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", there)
        while keys := source.ask("CLUSTER", "GETKEYSINSLOT", slot, "1"):
            source.ask("MIGRATE", HOST, str(target.port), str(keys[0]), "0", "5000")
        for node in (target, source, *self._primaries()):
            node.ask("CLUSTER", "SETSLOT", slot, "NODE", there)
        return self.until_promoted(portfolio, source)

    def until_whole(self) -> None:
        """Waits until every slot has a primary and every replica is in step."""

        def whole() -> bool:
            with suppress(RedisError):
                return all(self._in_order(one) for one in self.nodes)
            return False

        until(whole, "the cluster to be whole", seconds=60)

    def _primaries(self) -> list[Node]:
        return [one for one in self.nodes if one.facts("replication")["role"] == "master"]

    def _in_order(self, node: Node) -> bool:
        facts = node.facts("replication")
        in_step = facts["role"] == "master" or facts["master_link_status"] == "up"
        text = node.ask("CLUSTER", "INFO")
        found = text if isinstance(text, dict) else dict(line.split(":") for line in str(text).split())
        # A node is told last who replicates whom, and whoever asks it before that does not hear of a replica.
        knows_replicas = all(len(whose) > self.replicas for _, _, *whose in node.ask("CLUSTER", "SLOTS"))
        return (
            in_step
            and knows_replicas
            and found["cluster_state"] == "ok"
            and found["cluster_known_nodes"] == str(len(self.nodes))
        )

    def _meet(self) -> None:
        first, *others = self.nodes
        for other in others:
            first.ask("CLUSTER", "MEET", HOST, str(other.port))
        edges = [number * _SLOTS // _PRIMARIES for number in range(_PRIMARIES + 1)]
        for number, node in enumerate(self.nodes[:_PRIMARIES]):
            node.ask("CLUSTER", "ADDSLOTSRANGE", str(edges[number]), str(edges[number + 1] - 1))
        for primary, replica in zip(self.nodes[:_PRIMARIES], self.nodes[_PRIMARIES:], strict=True):
            name = self._names[primary.port]
            until(partial(self._knows, replica, name), "nodes to know each other", seconds=30)
            replica.ask("CLUSTER", "REPLICATE", name)
        self.until_whole()

    @staticmethod
    def _knows(node: Node, name: str) -> bool:
        return name in str(node.ask("CLUSTER", "NODES"))


def slot_of(portfolio: str) -> int:
    """Returns the slot of all of the portfolio's keys."""
    return int(key_slot(Keys(portfolio).events.encode()))
