"""An anchor and its line, and a log that is decided anew so that it adds up."""

from portfold.coordinator.audit.record.anchor import Anchor
from portfold.coordinator.store.follower import Follower
from portfold.events.wire.bus import Entry
from tests.archive.past import Past

ANCHOR = Anchor(
    portfolio="main",
    cursor="1736950000000-3",
    chain="0123456789abcdef" * 4,
    fold="1",
    events="4711",
    made="2025-01-15T20:30:00Z",
)


LINE = (
    "portfold-anchor 1 portfolio=main cursor=1736950000000-3 "
    "chain=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef "
    "fold=1 events=4711 made=2025-01-15T20:30:00Z"
)


def rewrite(past: Past, events: list[Entry]) -> None:
    """Makes the log one of these events, decided anew, with a head to match: it adds up again."""
    follower, keys = Follower(), past.bus.keys
    with past.client.pipeline() as commands:
        commands.delete(keys.events, keys.decisions)
        for at, fields in events:
            words = [word.encode("utf-8", "surrogateescape") for word in fields]
            commands.execute_command("XADD", keys.events, str(at), *words)
            for decision, texts in follower.advance(at, fields).entries:
                commands.execute_command("XADD", keys.decisions, str(decision), *texts)
        head = {"cursor": str(follower.cursor), "chain": follower.chain, "folded": len(events)}
        commands.hset(keys.head, mapping=head)
        commands.execute()
