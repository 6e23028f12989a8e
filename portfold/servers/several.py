"""Addresses that name several servers, one of which takes a portfolio's writes: Sentinel's, or a cluster's.

    redis+sentinel://HOST[:26379],HOST[:PORT],…/PRIMARY[/DB]
    redis+cluster://HOST[:6379],HOST[:PORT],…[/0]

`rediss+…` encrypts. A user and a password before an @ are those of the servers, not of the Sentinels.
"""

import re
from typing import Literal, NamedTuple, Self
from urllib.parse import unquote, urlsplit

EXPECTED = "redis+sentinel://HOST,HOST/PRIMARY/DB or redis+cluster://HOST,HOST"

_SCHEME = re.compile(r"rediss?\+(sentinel|cluster)")
_NODE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::([0-9]{1,5}))?")
_SENTINELS_PATH = re.compile(r"/([A-Za-z0-9._-]{1,64})(?:/([0-9]{0,5}))?")
_DEFAULT_PORTS = {"sentinel": 26379, "cluster": 6379}


class Node(NamedTuple):
    """One address of several."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class SeveralServers(NamedTuple):
    """What such an address says. `primary` is the name by which Sentinels know it; a cluster has none."""

    kind: Literal["sentinel", "cluster"]
    nodes: tuple[Node, ...]
    primary: str = ""
    database: int = 0
    encrypted: bool = False
    username: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"SeveralServers({self})"

    def __str__(self) -> str:
        """Returns where it looks, in words and without secrets."""
        asked = ", ".join(map(str, self.nodes))
        return (
            f"{self.primary} (Sentinel at {asked})" if self.kind == "sentinel" else f"the cluster at {asked}"
        )

    @classmethod
    def named_by(cls, url: str) -> Self | None:
        """Reads such an address; None for that of a single server. Raises ValueError where it is neither."""
        parts = urlsplit(url)
        scheme = _SCHEME.fullmatch(parts.scheme)
        if scheme is None:
            return None
        kind: Literal["sentinel", "cluster"] = "sentinel" if scheme[1] == "sentinel" else "cluster"
        if parts.query or parts.fragment:
            raise ValueError(f"expected {EXPECTED}, without ? and #")
        secrets, _, addresses = parts.netloc.rpartition("@")
        user, _, password = secrets.partition(":")
        primary, database = _primary_in(parts.path) if kind == "sentinel" else _no_primary_in(parts.path)
        return cls(
            kind,
            tuple(_node(address, _DEFAULT_PORTS[kind]) for address in addresses.split(",")),
            primary,
            database,
            encrypted=parts.scheme.startswith("rediss"),
            username=unquote(user) or None,
            password=unquote(password) or None,
        )


def _node(address: str, port: int) -> Node:
    found = _NODE.fullmatch(address)
    if found is None or not 1 <= int(found[2] or port) <= 65535:
        raise ValueError("expected HOST or HOST:PORT between commas")
    return Node(found[1].strip("[]"), int(found[2] or port))


def _primary_in(path: str) -> tuple[str, int]:
    found = _SENTINELS_PATH.fullmatch(path)
    if found is None:
        raise ValueError("expected /PRIMARY or /PRIMARY/DB after the Sentinels, as in …:26379/mymaster/0")
    return found[1], int(found[2] or 0)


def _no_primary_in(path: str) -> tuple[str, int]:
    if path not in ("", "/", "/0"):
        raise ValueError("expected no database but /0, as a cluster has no other")
    return "", 0
