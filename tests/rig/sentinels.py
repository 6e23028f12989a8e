"""A primary, its replicas, and the Sentinels that promote one of them."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from redis import RedisError

from portfold.events.wire.embedded import HOST
from tests.rig.node import Node, free_ports
from tests.waiting import until

PRIMARY = "mymaster"
_LOOKS_OFTEN = ("INFO-PERIOD", "200", "PUBLISH-PERIOD", "200", "SLAVE-RECONF-TIMEOUT", "1000")


class Sentinels:
    """Three Sentinels over a primary and `replicas`; as a context manager it ends with the block."""

    def __init__(self, folder: Path, *, replicas: int = 2, down_ms: int = 400) -> None:
        self.servers: list[Node] = []
        self.sentinels: list[Node] = []
        self._failed: Node | None = None
        try:
            self._begin(folder, free_ports(4 + replicas), down_ms)
        except BaseException:
            self.end()
            raise

    def _begin(self, folder: Path, ports: Sequence[int], down_ms: int) -> None:
        lasting = {"appendonly": "yes", "appendfsync": "always", "repl_diskless_sync_delay": "0"}
        first, others = ports[0], ports[1:-3]
        self.servers.append(Node(folder / "primary", first, **lasting))
        for number, port in enumerate(others, 1):
            settings = {"replicaof": f"{HOST} {first}", **lasting}
            self.servers.append(Node(folder / f"replica-{number}", port, **settings))
        for number, port in enumerate(ports[-3:], 1):
            self.sentinels.append(sentinel(folder / f"sentinel-{number}", port, first, down_ms))
        for one in self.sentinels:
            one.ask("SENTINEL", "DEBUG", *_LOOKS_OFTEN)
        until(lambda: all(self._in_step(one) for one in self.servers[1:]), "replicas in step", seconds=60)
        until(self._agree, "the Sentinels to know each other", seconds=60)

    def end(self) -> None:
        """Kills them all."""
        for one in (*self.sentinels, *self.servers):
            one.kill()

    @property
    def url(self) -> str:
        asked = ",".join(f"{HOST}:{one.port}" for one in self.sentinels)
        return f"redis+sentinel://{asked}/{PRIMARY}/0"

    @property
    def replicas(self) -> int:
        """How many replicas each primary has."""
        return len(self.servers) - 1

    @property
    def ways(self) -> Sequence[str]:
        """The ways in which another server comes to be the primary."""
        return ("killed", "frozen", "asked for")

    def fail(self, portfolio: str, way: str) -> None:  # noqa: ARG002 - all portfolios lie on it
        """Has another promoted: the primary is killed, or frozen meanwhile, or a Sentinel is asked for it."""
        first = self.primary()
        if way == "asked for":
            self.sentinels[0].ask("SENTINEL", "FAILOVER", PRIMARY)
        elif way == "frozen":
            first.freeze()
        else:
            first.kill()
        self.until_promoted(first)
        self._failed = first

    def heal(self) -> None:
        """Brings back whoever failed, and waits until all replicas are in step."""
        if self._failed is not None:
            self._failed.come_back()
            self._failed = None
        self.until_in_step()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def primary(self) -> Node:
        """Returns whoever the first Sentinel says it is."""
        _, port = self.sentinels[0].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", PRIMARY)
        return next(one for one in self.servers if one.port == int(port))

    def _others(self) -> list[Node]:
        """Returns all others."""
        first = self.primary()
        return [one for one in self.servers if one is not first]

    def until_promoted(self, instead_of: Node) -> Node:
        """Waits until another is the primary, takes writes, and is returned."""

        def promoted() -> Node | None:
            with suppress(RedisError):
                now = self.primary()
                if now is not instead_of and now.facts("replication")["role"] == "master":
                    return now
            return None

        return until(promoted, "another primary", seconds=60)

    def until_in_step(self) -> None:
        """Waits until all replicas have what the primary has."""
        until(lambda: all(self._in_step(one) for one in self._others()), "replicas in step", seconds=60)
        until(self._agree, "the Sentinels to see it", seconds=60)

    def _in_step(self, replica: Node) -> bool:
        with suppress(RedisError):
            facts = replica.facts("replication")
            return bool(facts["role"] == "slave" and facts["master_link_status"] == "up")
        return False

    def _agree(self) -> bool:
        with suppress(RedisError):
            return all(self._sees_all(one) for one in self.sentinels)
        return False

    def _sees_all(self, sentinel: Node) -> bool:
        words = sentinel.ask("SENTINEL", "MASTER", PRIMARY)
        seen = words if isinstance(words, dict) else dict(zip(words[::2], words[1::2], strict=True))
        others = int(seen["num-other-sentinels"]) == len(self.sentinels) - 1
        return (
            others and int(seen["num-slaves"]) == len(self.servers) - 1 and "down" not in str(seen["flags"])
        )


def sentinel(folder: Path, port: int, primary: int, down_ms: int) -> Node:
    """Starts one that watches the primary at a port."""
    folder.mkdir(parents=True)
    config = folder / "sentinel.conf"
    config.write_text(
        f"sentinel monitor {PRIMARY} {HOST} {primary} 2\n"
        f"sentinel down-after-milliseconds {PRIMARY} {down_ms}\n"
        f"sentinel failover-timeout {PRIMARY} 2000\n"
        f"sentinel parallel-syncs {PRIMARY} 2\n"
        "protected-mode no\n"
    )
    return Node(folder, port, str(config), "--sentinel")
