"""Each role on a real server: which commands write which keys, by the server's word, and what none may."""

from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError

from portfold.events.roles.server_roles import ServerRole, all_roles
from portfold.events.wire.connection import as_user
from tests.server import EmbeddedServer

WORKER = "ibs-ES"
ROLES = all_roles([WORKER])
PASSWORD = "a-password-of-tests"  # noqa: S105 - of tests
REPORTING = dict.fromkeys(("worker", "flattener", "account", "operator"), "xadd")

WRITERS: dict[str, dict[str, str]] = {
    "events": {**REPORTING, "coordinator": "xadd", "notifier": "xgroup|destroy", "archiver": "xtrim"},
    "decisions": {"coordinator": "xadd", "archiver": "xtrim"},
    "head": {"coordinator": "hincrby hset hsetnx"},
    "status": {"coordinator": "del hset"},
    "snapshot": {"coordinator": "set"},
    "leader": {"coordinator": "pexpire set"},
    "standby": {"coordinator": "set"},
    "log": dict.fromkeys(("coordinator", "worker", "flattener", "account"), "setnx"),
    "archive": {"archiver": "hset"},
    "killswitch": {"operator": "xadd"},
    "steps": {"worker": "xadd"},
    f"worker:{WORKER}": {"worker": "pexpire set"},
    f"claim:{WORKER}": {"worker": "pexpire set"},
    "claim:telling of a day": {"worker": "set"},
    "worker:another": {},
    "claim:another": {},
    "worker:flattener": {"flattener": "pexpire set"},
    "claim:flattener": {"flattener": "pexpire set"},
    "claim:account": {"account": "set"},
    "book-lacks": {"flattener": "set"},
    "book-exceeds": {"flattener": "set"},
    "without-stop": {"flattener": "set"},
    "less-than-expected": {"notifier": "set"},
    "dead-mans-switch": {"notifier": "set"},
    "notifier:log": {"notifier": "del hincrby hset hsetnx"},
    "notifier-lease:log": {"notifier": "pexpire set"},
    "bars": {"feed": "xadd"},
    "prices": {"feed": "hdel hset"},
    "contracts": {"feed": "hdel hset"},
    "feed-notices": {"feed": "hdel hset"},
    "feed": {"feed": "pexpire set"},
    "feed-head": {"feed": "hincrby hset"},
    "of-nobody": {},
}
"""For each key the commands by which each role may change it: what is not here is refused."""

EVERYBODYS = {
    *("auth", "client|setinfo", "exec", "fcall", "hello", "info", "multi", "ping", "quit", "reset", "select"),
    *("exists", "get", "hget", "hgetall", "hlen", "hmget", "mget", "pexpiretime", "pttl", "type", "time"),
    *("xinfo|stream", "xrange", "xread", "xrevrange", "cluster|slots", "command", "wait", "waitaof"),
}
"""What changes nothing by itself: what a function does is asked of the command that it does it by."""

REFUSED: tuple[tuple[str, ...], ...] = (
    ("DEL", "{}:events"),
    ("XTRIM", "{}:bars", "MAXLEN", "0"),
    ("XDEL", "{}:events", "1-1"),
    ("XSETID", "{}:events", "9-9"),
    ("RENAME", "{}:events", "{}:bars"),
    ("SET", "{}:events", "nothing"),
    ("GET", "portfolio:{{another}}:leader"),
    ("XADD", "portfolio:{{another}}:events", "*", "type", "TradingHalted"),
    ("EVAL", "return 1", "0"),
    ("EVALSHA", "ffffffffffffffffffffffffffffffffffffffff", "0"),
    ("SCRIPT", "LOAD", "return 1"),
    ("FUNCTION", "FLUSH"),
    ("CONFIG", "GET", "requirepass"),
    ("CONFIG", "SET", "appendonly", "no"),
    ("ACL", "LIST"),
    ("ACL", "SETUSER", "default", "on", "nopass"),
    ("CLIENT", "KILL", "TYPE", "normal"),
    ("KEYS", "*"),
    ("SCAN", "0"),
    ("FLUSHALL",),
    ("SHUTDOWN", "NOSAVE"),
    ("REPLICAOF", "127.0.0.1", "1"),
    ("MONITOR",),
    ("SUBSCRIBE", "x"),
    ("PUBLISH", "x", "y"),
)


@pytest.fixture
def users(client: Any, portfolio: str) -> Iterator[dict[str, str]]:
    """The user of each role, by the role's short name."""
    named = {}
    for role in ROLES:
        user, *words = role.words(portfolio)
        client.execute_command("ACL SETUSER", user, *words, f">{PASSWORD}")
        named[short(role)] = user
    yield named
    client.execute_command("ACL DELUSER", *named.values())


def short(role: ServerRole) -> str:
    return role.name.partition(".")[0]


def all_commands(client: Any) -> dict[str, tuple[int, int, bool]]:
    """Every command of the server: how many words it wants, where its key stands, whether it writes."""
    found = {}
    for name, about in client.command().items():
        inside = about.get("subcommands") or [[name, about["arity"], about["flags"], about["first_key_pos"]]]
        for command, arity, flags, first, *_ in inside:
            writes = any(flag in ("write", b"write") for flag in flags)
            found[_text(command)] = abs(int(arity)), int(first), writes
    return found


def _text(word: str | bytes) -> str:
    return word.decode() if isinstance(word, bytes) else word


def tried(command: str, about: tuple[int, int, bool], key: str) -> list[str]:
    """The command with that key, and as many words as it wants."""
    words = command.split("|")
    least, first, _ = about
    words += ["1"] * (max(least, first + 1) - len(words))
    if first:
        words[first] = key
    return words


def test_each_key_is_changed_by_whom_the_table_says_and_by_no_other_command(
    client: Any, portfolio: str, users: dict[str, str]
) -> None:
    writing = {name: about for name, about in all_commands(client).items() if about[2] and about[1]}
    assert len(writing) > 100
    asked = [
        (role, key, name, [user, *tried(name, about, f"portfolio:{{{portfolio}}}:{key}")])
        for role, user in users.items()
        for key in WRITERS
        for name, about in writing.items()
    ]
    with client.pipeline(transaction=False) as commands:
        for *_, words in asked:
            commands.execute_command("ACL DRYRUN", *words)
        answers = commands.execute()
    allowed: dict[str, dict[str, str]] = {key: {} for key in WRITERS}
    for (role, key, name, _), answer in zip(asked, answers, strict=True):
        if answer == "OK":
            allowed[key][role] = " ".join(sorted([*allowed[key].get(role, "").split(), name]))
    assert allowed == WRITERS


def test_nothing_else_is_allowed_to_anybody(client: Any, portfolio: str, users: dict[str, str]) -> None:
    others = {name: about for name, about in all_commands(client).items() if not (about[2] and about[1])}
    key = f"portfolio:{{{portfolio}}}:events"
    asked = [
        (name, [user, *tried(name, about, key)]) for user in users.values() for name, about in others.items()
    ]
    with client.pipeline(transaction=False) as commands:
        for _, words in asked:
            commands.execute_command("ACL DRYRUN", *words)
        answers = commands.execute(raise_on_error=False)
    allowed = {name for (name, _), answer in zip(asked, answers, strict=True) if answer == "OK"}
    allowed -= {name for name in allowed if name.startswith("command|")}  # what the server's commands are
    assert {"time", "xrange", "hgetall"} <= allowed <= EVERYBODYS


def test_the_server_refuses_to_each_role_what_is_of_nobody(
    server: EmbeddedServer, portfolio: str, users: dict[str, str]
) -> None:
    prefix = f"portfolio:{{{portfolio}}}"
    for user in users.values():
        with Redis.from_url(as_user(server.url, user, PASSWORD), decode_responses=True) as plain:
            assert plain.get(f"{prefix}:leader") is None
            for command in REFUSED:
                with pytest.raises(NoPermissionError):
                    plain.execute_command(*(word.format(prefix) for word in command))
