"""Users of the server that may do no more than their work needs, as the words of `ACL SETUSER`.

A role is data: the commands that it may give, and the keys that it may read. Guarantees: what is not named
here is refused by the server; no role that only looks may write a key, see another portfolio, or ask the
server for its settings, among which are passwords. Needs Redis 7 or Valkey, which know keys that are only
read.
"""

from typing import NamedTuple

from portfold.events.wire.keys import Keys

CONNECTING = ("client|setinfo", "hello", "ping", "select")
_TOGETHER = ("exec", "multi")
_READING_KEYS = ("exists", "get", "hget", "hgetall", "hmget", "mget", "type")
_READING_STREAMS = ("xinfo|stream", "xrange", "xread", "xrevrange")
_OF_THE_SERVER = ("info", "time")


class ServerRole(NamedTuple):
    """A user of the server: `commands` are those it may give, `reads` the keys, without their prefix."""

    user: str
    commands: tuple[str, ...]
    reads: tuple[str, ...]

    def words(self, *portfolios: str) -> list[str]:
        """Returns the words for these portfolios, but for the password."""
        keys = [f"%R~{Keys(name).prefix}:{key}" for name in portfolios for key in self.reads]
        given = [f"+{command}" for command in self.commands]
        return [self.user, "reset", "on", *keys, "-@all", *given]


DASHBOARD = ServerRole(
    "portfold-dashboard",
    (*CONNECTING, *_TOGETHER, *_READING_KEYS, *_READING_STREAMS, *_OF_THE_SERVER),
    (
        *("events", "decisions", "status", "head", "log", "snapshot", "archive", "leader", "standby"),
        *("worker:*", "book-lacks", "book-exceeds", "without-stop", "less-than-expected"),
        *("notifier:*", "notifier-lease:*"),
        *("bars", "prices", "contracts", "feed", "feed-notices"),
    ),
)
"""Whoever serves the dashboard without `--operate`: an order from there the server refuses."""
