"""Users of the server that may do no more than their work needs, as the words of `ACL SETUSER`.

A role is data: the keys that it may read, and grants, each some commands on some keys. Guarantees: what is
not named here the server refuses; only the coordinator writes decisions, head, status and snapshot, and only
the archiver may trim; nobody brings a script, sees another portfolio, or asks the server for its settings,
among which are passwords. What a permission cannot forbid stands in docs/security.md. Needs Redis 7 or
Valkey, which know selectors, keys that are only read, and functions.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from portfold.events.wire.keys import Keys

CONNECTING = ("client|setinfo", "cluster|slots", "command", "hello", "ping", "select")
_TOGETHER = ("exec", "multi")
_READING_KEYS = ("exists", "get", "hget", "hgetall", "hlen", "hmget", "mget", "type")
_LASTING = ("pexpiretime", "pttl")
_READING_STREAMS = ("xinfo|stream", "xrange", "xread", "xrevrange")
_OF_THE_SERVER = ("info", "time")
READING = (*CONNECTING, *_TOGETHER, *_READING_KEYS, *_LASTING, *_READING_STREAMS, *_OF_THE_SERVER)
"""What every role may give: where it reaches is said by the keys that it may read."""

_LOG = ("events", "decisions", "status", "head", "log", "archive", "leader")
_NAMES = ("worker:*", "claim:*")
_FOUND = ("book-lacks", "book-exceeds", "without-stop")
_SAID = (*_FOUND, "less-than-expected", "dead-mans-switch")
_ALERTS = ("notifier:*", "notifier-lease:*")
_MARKET = ("bars", "prices", "contracts", "feed", "feed-notices")
_ALL = (*_LOG, "snapshot", "standby", *_NAMES, *_SAID, *_ALERTS, *_MARKET, "killswitch")


class Grant(NamedTuple):
    """Some commands on some keys, by their names without the portfolio's prefix.

    They write, unless `both`: then they may read as well.
    """

    commands: tuple[str, ...]
    keys: tuple[str, ...]
    both: bool = False


class ServerRole(NamedTuple):
    """What one kind of process may do on the server; `name` says which, `reads` which keys it may read."""

    name: str
    reads: tuple[str, ...]
    grants: tuple[Grant, ...] = ()

    def user(self, portfolio: str) -> str:
        """Returns the name of the user of the server who has this role in that portfolio."""
        return f"portfold.{portfolio}.{self.name}"

    def words(self, *portfolios: str) -> list[str]:
        """Returns the words of `ACL SETUSER` for these portfolios, but for the password."""
        read = [f"%R~{key}" for key in _full(self.reads, portfolios)]
        selectors = [_selector(grant, portfolios) for grant in self.grants]
        given = [f"+{command}" for command in READING]
        return [self.user(portfolios[0]), "reset", "on", *read, "-@all", *given, *selectors]


def _calls(*keys: str) -> Grant:
    """Returns the leave to call functions on these keys; for what one does there it needs other grants."""
    return Grant(("fcall",), keys, both=True)


def _name(name: str) -> tuple[Grant, ...]:
    """Returns the leave to be there under a name."""
    return (Grant(("set", "pexpire"), (f"worker:{name}", f"claim:{name}")),)


_REPORTS = Grant(("xadd",), ("events",))
_WAITS = Grant(("wait", "waitaof"), ())
_NAMES_THE_LOG = Grant(("setnx",), ("log",))

COORDINATOR = ServerRole(
    "coordinator",
    (*_LOG, "snapshot", "standby", "worker:*"),
    (
        _calls("events", "decisions", "status", "head", "log", "leader"),
        Grant(("xadd",), ("events", "decisions")),
        Grant(("hincrby", "hset", "hsetnx"), ("head",), both=True),
        Grant(("del", "hset"), ("status",)),
        Grant(("pexpire", "set"), ("leader",)),
        Grant(("set",), ("snapshot", "standby")),
        _NAMES_THE_LOG,
    ),
)
"""Who decides. It alone writes decisions, head, status and snapshot."""

FEED = ServerRole(
    "feed",
    (*_LOG, *_MARKET, "feed-head"),
    (
        _calls("feed", "feed-head", "bars", "prices", "contracts", "feed-notices"),
        Grant(("pexpire", "set"), ("feed",)),
        Grant(("hincrby", "hset"), ("feed-head",), both=True),
        Grant(("xadd",), ("bars",)),
        Grant(("hdel", "hset"), ("prices", "contracts", "feed-notices")),
    ),
)

ACCOUNT = ServerRole(
    "account",
    (*_LOG, "claim:*", "book-exceeds"),
    (_calls("claim:account", "log", "head"), Grant(("set",), ("claim:account",)), _REPORTS, _NAMES_THE_LOG),
)

OPERATOR = ServerRole("operator", _ALL, (Grant(("xadd",), ("events", "killswitch")),))
"""Who gives orders, by command or by the dashboard."""

NOTIFIER = ServerRole(
    "notifier",
    (*_LOG, *_SAID, *_ALERTS, *_MARKET, "snapshot", "worker:*"),
    (
        _calls(*_ALERTS, "events", "head", "archive", "leader"),
        Grant(("pexpire", "set"), ("notifier-lease:*",)),
        Grant(("set",), ("less-than-expected", "dead-mans-switch")),
        Grant(("del", "hincrby", "hset", "hsetnx"), ("notifier:*",), both=True),
        Grant(("xgroup|destroy",), ("events",)),
    ),
)

ARCHIVER = ServerRole(
    "archiver",
    (*_LOG, "snapshot"),
    (
        _calls("head", "events", "decisions", "archive"),
        Grant(("xtrim",), ("events", "decisions")),
        Grant(("hset",), ("archive",)),
    ),
)
"""Who takes history off the server, and nobody else."""

AUDITOR = ServerRole("auditor", _ALL)
"""Who only looks: status, tail, doctor, audit, trials."""

DASHBOARD = ServerRole(
    "dashboard",
    (*_LOG, "snapshot", "standby", "worker:*", *_SAID, *_ALERTS, *_MARKET),
)
"""Whoever serves the dashboard without `--operate`: an order from there the server refuses."""

ROLES = (COORDINATOR, FEED, ACCOUNT, OPERATOR, NOTIFIER, ARCHIVER, AUDITOR, DASHBOARD)
"""Those of which a portfolio has one each; beside them are the flattener and the workers."""


def worker_role(worker: str) -> ServerRole:
    """Returns the role of the worker of that name: it writes events, and signs of life under its own name."""
    return ServerRole(
        f"worker.{worker}",
        (*_LOG, *_NAMES, *_MARKET, "killswitch", "book-exceeds"),
        (
            _calls(f"worker:{worker}", f"claim:{worker}", "claim:telling?*", "log", "head"),
            *_name(worker),
            Grant(("set",), ("claim:telling?*",)),  # by which one of many tells people
            Grant(("xadd",), ("events", "steps")),
            _WAITS,
            _NAMES_THE_LOG,
        ),
    )


def flattener_role(name: str = "flattener") -> ServerRole:
    """Returns the role of the flattener, which says beside its reports what its book lacks."""
    return ServerRole(
        name,
        (*_LOG, *_NAMES, *_FOUND, "prices", "killswitch"),
        (
            _calls(f"worker:{name}", f"claim:{name}", "log", "head"),
            *_name(name),
            Grant(("set",), _FOUND),
            _REPORTS,
            _NAMES_THE_LOG,
        ),
    )


FLATTENER = flattener_role()


def all_roles(workers: Sequence[str]) -> list[ServerRole]:
    """Returns the roles of a portfolio that has these workers."""
    return [*ROLES, FLATTENER, *map(worker_role, workers)]


def role_of(user: str) -> tuple[ServerRole, str] | None:
    """Returns the role of the user of that name, and the portfolio; None for a name that no role has."""
    ours, _, rest = user.partition(".")
    portfolio, _, name = rest.partition(".")
    if ours != "portfold" or not portfolio or not name:
        return None
    kind, _, worker = name.partition(".")
    if kind == "worker" and worker:
        return worker_role(worker), portfolio
    return next(((role, portfolio) for role in (*ROLES, FLATTENER) if role.name == name), None)


def _full(keys: Sequence[str], portfolios: Sequence[str]) -> Iterator[str]:
    """Yields the keys of these portfolios by their whole names."""
    for portfolio in portfolios:
        for key in keys:
            yield f"{Keys(portfolio).prefix}:{key}"


def _selector(grant: Grant, portfolios: Sequence[str]) -> str:
    """Returns a grant as one of the selectors of a user."""
    how = "~" if grant.both else "%W~"
    keys = [f"{how}{key}" for key in _full(grant.keys, portfolios)]
    return f"({' '.join([*(f'+{command}' for command in grant.commands), *keys])})"
