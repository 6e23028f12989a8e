"""Is the server one to keep a log on: its version and role, how it keeps data, its memory, disk and clock."""

from portfold.coordinator.doctor.facts import Facts
from portfold.coordinator.doctor.finding import Finding, fail, ok, warn
from portfold.coordinator.store.clock_watch import AHEAD_MS, APART_MS, apart
from portfold.coordinator.store.durability import durability, refuse_eviction, too_old
from portfold.coordinator.views.overview import server_of
from portfold.events.wire.errors import BusRefused
from portfold.exchange_time import span

_FULL, _FILLING = 0.9, 0.7
_DISK_FULL, _DISK_FILLING = 200 << 20, 1 << 30
CLOCKS_DIFFER_MS = 5_000


def version(facts: Facts) -> Finding:
    """Redis from 7.0 on, or Valkey, that takes writes."""
    found, redis = server_of(facts.server, facts.settings).version, facts.server.get("redis_version", "0.0")
    if too_old(redis):
        return fail("server", f"{found} is too old", "use Redis 7.0 or later, or Valkey")
    if facts.server.get("role", "master") != "master":
        return fail(
            "server", f"{found} is a read-only replica", "name the primary: redis_url in runtime.json"
        )
    return ok("server", found)


def persistence(facts: Facts) -> Finding:
    """Reports what the death of the server, or of its machine, would lose."""
    kept = durability(facts.server, facts.settings)
    if server_of(facts.server, facts.settings).writes_fail:
        text = f"{kept.setting}, and the server's last write to its disk failed"
        return fail("persistence", text, "look at the server's log, and at its disk")
    if facts.server.get("aof_enabled") != "1":
        return fail(
            "persistence", f"{kept.setting}: {kept.meaning}", "appendonly yes, by CONFIG SET and in its file"
        )
    if kept.level == "warning":
        return warn(
            "persistence",
            f"{kept.setting}: {kept.meaning}",
            "appendfsync always, by CONFIG SET and in its file",
        )
    return ok("persistence", kept.setting)


def replication(facts: Facts) -> Finding:
    """Checks what a yes must have reached before its order goes out against the replicas there are."""
    wanted, there = facts.configuration.runtime.replicated, int(facts.server.get("connected_slaves", "0"))
    found = "1 replica" if there == 1 else f"{there} replicas"
    if wanted is None:
        remedy = f'"replicated": {{"replicas": {there}}} in runtime.json'
        text = f"{found}, and orders wait for none: a failover can undo a yes"
        return warn("replication", text, remedy) if there else ok("replication", "no replica")
    if wanted.replicas > there:
        text = f"{found} of the {wanted.replicas} that a yes must have reached: no order goes out"
        return fail("replication", text, "bring the replicas back; or set replicated in runtime.json")
    if wanted.replicas < there:
        text = f"{found}, and orders wait for {wanted.replicas}: a failover to another can undo a yes"
        return warn("replication", text, f'"replicated": {{"replicas": {there}}} in runtime.json')
    return ok("replication", f"{found}, and no order goes out before they have its yes")


def eviction(facts: Facts) -> Finding:
    """Checks whether the server may throw the log, or leases and heartbeats, away to make room."""
    remedy = "maxmemory-policy noeviction, by CONFIG SET and in its file"
    try:
        warning = refuse_eviction(facts.server)
    except BusRefused:
        policy = facts.server.get("maxmemory_policy")
        return fail("eviction", f"{policy}: the server throws the log away when memory is short", remedy)
    if warning:
        policy = facts.server.get("maxmemory_policy")
        return warn("eviction", f"{policy}: short of memory, leases and heartbeats go first", remedy)
    return ok("eviction", "nothing is evicted")


def memory(facts: Facts) -> Finding:
    """Reports how much of what the server may use is used: with none left it refuses every write."""
    used, limit = int(facts.server.get("used_memory", "0")), int(facts.server.get("maxmemory", "0"))
    room = limit or int(facts.server.get("total_system_memory", "0"))
    if not room:
        return ok("memory", f"{_size(used)} used")
    text = f"{_size(used)} of {_size(room)} used ({used / room:.0%})"
    remedy = "portfold archive; or more maxmemory"
    if used >= _FULL * room:
        return fail("memory", f"{text}: soon no event can be written", remedy)
    return warn("memory", text, remedy) if used >= _FILLING * room else ok("memory", text)


def disk(facts: Facts) -> Finding:
    """Checks whether there is room for the append-only file, and for its rewrite beside it."""
    if facts.disk is None:
        return ok("disk", "not known from here")
    text = f"{_size(facts.disk.free)} free at {facts.disk.folder}"
    wanted = max(_DISK_FILLING, 2 * int(facts.server.get("aof_current_size", "0")))
    remedy = "make room there: a full disk stops the log, and with it every entry"
    if facts.disk.free < _DISK_FULL:
        return fail("disk", text, remedy)
    return warn("disk", text, remedy) if facts.disk.free < wanted else ok("disk", text)


def clock(facts: Facts) -> Finding:
    """Checks the server's clock, which is time on the log, against this machine's and the last event."""
    if facts.overview is not None and facts.overview.view.clock == "driven":
        return ok("clock", "simulated time")
    ahead_ms = facts.log.events.last.ms - facts.server_ms
    if ahead_ms > AHEAD_MS:
        text = f"the last event is {span(ahead_ms)} ahead of the server's clock: time stands still on the log"
        return fail("clock", text, "put the server's clock right, or wait until it has come there")
    apart_ms = facts.server_ms - facts.wall_ms
    remedy = "put both clocks right (NTP); the server's is the one that counts"
    if abs(apart_ms) > APART_MS:
        return fail("clock", apart(facts.server_ms, facts.wall_ms), remedy)
    text = f"the server's is {span(abs(apart_ms))} {'ahead of' if apart_ms > 0 else 'behind'} this machine's"
    return warn("clock", text, remedy) if abs(apart_ms) > CLOCKS_DIFFER_MS else ok("clock", text)


def _size(count: int) -> str:
    if count < 1 << 20:
        return f"{count / 1024:,.0f} KB"
    if count < 1 << 30:
        return f"{count / (1 << 20):,.1f} MB"
    return f"{count / (1 << 30):,.1f} GB"


CHECKS = (version, persistence, replication, eviction, memory, disk, clock)
