"""How the server keeps the log, in words: its settings, and what they can lose.

docs/durability.md has the whole table. A server that may throw the log away to make room is refused.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from portfold.events.wire.errors import BusRefused

_OLDEST_REDIS = (7, 0)
_BY_FSYNC = {
    "always": "what was acknowledged survives the death of the server and of the machine",
    "everysec": "the machine's death, and seldom the server's, loses an acknowledged second or two",
    "no": "the machine's death loses some 30 s or more of what was acknowledged",
}


class Durability(NamedTuple):
    """`setting` is short, for the status; `meaning` says what can be lost; the level is the log's."""

    setting: str
    meaning: str
    level: Literal["info", "warning"]


def durability(facts: Mapping[str, str], settings: Mapping[str, str]) -> Durability:
    """Judges what `Bus.server` and `Bus.settings` report."""
    if facts.get("aof_enabled") == "1":
        fsync = settings.get("appendfsync", "")
        if fsync in _BY_FSYNC:
            level: Literal["info", "warning"] = "info" if fsync == "always" else "warning"
            return Durability(f"append-only file, fsync {fsync}", _BY_FSYNC[fsync], level)
        unknown = (
            "how often it is synced may not be asked; everysec is the default, and can lose a second or two"
        )
        return Durability("append-only file, fsync unknown", unknown, "warning")
    if settings.get("save"):
        lost = "the death of the server or of the machine loses everything since the last snapshot"
        return Durability(f"snapshots only (save {settings['save']})", lost, "warning")
    if not settings:
        lost = "the death of the server loses everything since its last snapshot, if it makes any"
        return Durability("no append-only file", lost, "warning")
    return Durability("off", "a restart of the server loses the whole log", "warning")


def too_old(redis_version: str) -> bool:
    """Returns whether this version lacks what we need; Valkey says which Redis it is compatible with."""
    return tuple(int(part) for part in redis_version.split(".")[:2]) < _OLDEST_REDIS


def refuse_eviction(facts: Mapping[str, str]) -> str:
    """Raises BusRefused where the server may evict the log; returns a warning, or nothing."""
    limit, policy = facts.get("maxmemory", "0"), facts.get("maxmemory_policy", "noeviction")
    if limit == "0" or policy == "noeviction":
        return ""
    if policy.startswith("allkeys"):
        raise BusRefused(
            f"The server's maxmemory is {limit} bytes with maxmemory-policy {policy}: it would throw the log "
            "away to make room. Set maxmemory-policy to noeviction, by CONFIG SET and in its configuration "
            "file, or use another server."
        )
    return (
        f"The server's maxmemory-policy is {policy}: short of memory, it evicts leases and heartbeats, and "
        "leaders and workers then count as lost. Set it to noeviction"
    )
