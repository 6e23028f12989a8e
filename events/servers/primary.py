"""Connections to whichever of several servers takes a portfolio's writes now.

A portfolio lies on one server at a time: the primary that Sentinels name, or the node of a cluster that has
its slot. Each connection asks for it when it is made. One that hears that its server is not it any more (a
primary that became a replica, a slot that moved) is cut, and the next one asks anew. So a failover and a
reshard look like a server that went away for a moment, which everything here can bear; nothing is ever sent
a second time. Who knows is asked through the client library.
"""

import os
from collections.abc import Mapping
from typing import Any, Protocol

from redis import Connection, ConnectionPool, CredentialProvider, Redis, SSLConnection, exceptions
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.retry import Retry
from redis.sentinel import Sentinel

from portfold.servers.several import Node, SeveralServers

SENTINELS_USER, SENTINELS_PASSWORD = "PORTFOLD_SENTINEL_USER", "PORTFOLD_SENTINEL_PASSWORD"
"""What of the environment says as whom Sentinels are asked, where they want to know."""
_ASKING_SECONDS = 1.0
_NOT_HERE = (
    exceptions.ReadOnlyError,
    exceptions.AskError,  # and MovedError
    exceptions.TryAgainError,
    exceptions.ClusterDownError,  # and MasterDownError
)


class Locate(Protocol):
    """Who knows which server it is now. Raises the library's ConnectionError while nobody knows."""

    def primary(self) -> tuple[str, int]:
        """Returns its host and port."""

    def everyone(self) -> list[tuple[str, int]]:
        """Returns host and port of each server that is it or may become it."""


class PrimaryBySentinel:
    """The primary that Sentinels name."""

    def __init__(self, servers: SeveralServers, asking: dict[str, Any]) -> None:
        self._servers = servers
        known: Any = Sentinel  # the library's own types are too loose to check against
        self._sentinel: Any = known(servers.nodes, sentinel_kwargs=asking)

    def __str__(self) -> str:
        return str(self._servers)

    def primary(self) -> tuple[str, int]:
        """Asks one Sentinel after the other."""
        try:
            host, port = self._sentinel.discover_master(self._servers.primary)
        except exceptions.ConnectionError as unknown:
            if "Authentication" in str(unknown):  # the library's only trace of what a Sentinel said
                raise exceptions.AuthenticationError(
                    f"a Sentinel wants {SENTINELS_PASSWORD}, or another, and maybe {SENTINELS_USER}"
                ) from None
            raise exceptions.ConnectionError("no Sentinel knows of a primary that is there") from None
        return str(host), int(port)

    def everyone(self) -> list[tuple[str, int]]:
        """Asks for the primary and its replicas."""
        replicas = self._sentinel.discover_slaves(self._servers.primary)
        return [self.primary(), *((str(host), int(port)) for host, port in replicas)]


class PrimaryInCluster:
    """The node of a cluster that has the slot of `key`."""

    def __init__(self, servers: SeveralServers, asking: dict[str, Any]) -> None:
        self._servers = servers
        self._asking = asking
        self._cluster: Any = None  # the library's own types are too loose to check against
        self.key = ""

    def __str__(self) -> str:
        return str(self._servers)

    def primary(self) -> tuple[str, int]:
        """Asks the nodes anew which slots they have."""
        node = self._asked().get_node_from_key(self.key)
        if node is None:
            raise exceptions.ConnectionError("no node of the cluster has its slot")
        return str(node.host), int(node.port)

    def everyone(self) -> list[tuple[str, int]]:
        """Asks for all nodes: a slot may move to any of them."""
        return [(str(node.host), int(node.port)) for node in self._asked().get_nodes()]

    def _asked(self) -> Any:
        try:
            if self._cluster is None:
                one: Any = ClusterNode
                nodes, retry = [one(*node) for node in self._servers.nodes], Retry(NoBackoff(), 0)
                self._cluster = RedisCluster(
                    startup_nodes=nodes, require_full_coverage=False, retry=retry, **self._asking
                )
            else:
                self._cluster.nodes_manager.initialize()
        except (exceptions.RedisClusterException, exceptions.RedisError) as unknown:
            raise exceptions.ConnectionError(f"no node says which one has it: {unknown}") from None
        return self._cluster


class _ToThePrimary(Connection):
    """Asks where to connect, and is cut when that is no longer it."""

    def __init__(self, *, locate: Locate, **settings: Any) -> None:
        super().__init__(**settings)  # type: ignore[no-untyped-call] # the library has no types here
        self._locate = locate

    def _connect(self) -> Any:
        self.host, self.port = self._locate.primary()
        return super()._connect()  # type: ignore[no-untyped-call]

    def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return super().read_response(*args, **options)
        except _NOT_HERE as elsewhere:
            self.disconnect()  # type: ignore[no-untyped-call]
            raise exceptions.ConnectionError(
                f"{Node(self.host, self.port)} is not it any more: {elsewhere}"
            ) from None


class _ToThePrimaryEncrypted(_ToThePrimary, SSLConnection):
    """The same, encrypted."""


def client_of(
    servers: SeveralServers,
    *,
    password: str | None = None,
    credential_provider: CredentialProvider | None = None,
    environ: Mapping[str, str] = os.environ,
    **settings: Any,
) -> Redis:
    """Returns a client of whichever server it is; `settings` are those of each connection.

    Who comes is the user of the address, by its password or `password`, or whom the provider says. As whom
    Sentinels are asked, `environ` says.
    """
    who: dict[str, Any] = {"username": servers.username, "password": servers.password or password}
    if credential_provider is not None:
        who = {"credential_provider": credential_provider}
    encryption = {name: value for name, value in settings.items() if name.startswith("ssl_")}
    asking = {"socket_timeout": _ASKING_SECONDS, "socket_connect_timeout": _ASKING_SECONDS, **encryption}
    if servers.encrypted:
        asking["ssl"] = True
    locate: Locate
    if servers.kind == "sentinel":
        as_whom = {"username": environ.get(SENTINELS_USER), "password": environ.get(SENTINELS_PASSWORD)}
        locate = PrimaryBySentinel(servers, {**asking, **as_whom, "retry": Retry(NoBackoff(), 0)})
    else:
        locate = PrimaryInCluster(servers, {**asking, **who})
    pool = ConnectionPool(
        connection_class=_ToThePrimaryEncrypted if servers.encrypted else _ToThePrimary,
        locate=locate,
        db=servers.database,
        **who,
        **settings,
    )
    return Redis.from_pool(pool)


def whereabouts(client: Any) -> str:
    """Returns where a client of several servers looks, in words; empty for a client of one."""
    return str(client.connection_pool.connection_kwargs.get("locate", ""))


def everyone(client: Any) -> list[Node]:
    """Returns each of several servers that a client may come to; none for a client of one.

    Raises the library's errors while nobody knows.
    """
    locate: Locate | None = client.connection_pool.connection_kwargs.get("locate")
    return [Node(*found) for found in locate.everyone()] if locate is not None else []


def keep_to(client: Any, key: str) -> None:
    """Tells a client of a cluster which key it is there for; to others that makes no difference.

    Raises ValueError where it was told of another before: one client is for one portfolio.
    """
    locate = client.connection_pool.connection_kwargs.get("locate")
    if isinstance(locate, PrimaryInCluster):
        if locate.key not in ("", key):
            raise ValueError(f"expected a client of its own for {key}, got that of {locate.key}")
        locate.key = key
