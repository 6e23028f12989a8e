"""What is fed with any bytes: each takes them whole, and refuses them by an error meant for users, if at all.

What a file is read from lies in memory where the system has such a place. A target keeps nothing.
"""

import csv
import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

from portfold.config import load
from portfold.coordinator.audit.evidence.earlier_export import LISTING, EarlierExport
from portfold.coordinator.audit.explain.explanation import explain
from portfold.coordinator.audit.explain.lookup import find_id
from portfold.coordinator.audit.record.verify import verify
from portfold.coordinator.fold.invariants import check
from portfold.coordinator.store.entry_json import read_words, words_json
from portfold.coordinator.store.follower import Follower
from portfold.coordinator.store.segment import open_segment
from portfold.coordinator.store.snapshot import read_snapshot
from portfold.coordinator.views.narration import narrate
from portfold.coordinator.views.view_of_state import portfolio_view
from portfold.errors import PortfoldError
from portfold.events.codec import decode_decision, decode_event, encode
from portfold.events.decisions import Decision
from portfold.events.fields import DECEIVING
from portfold.events.incoming import Malformed
from portfold.events.stream_id import StreamId
from portfold.research.trades.trade_file import read_rows
from portfold.workers.brokers.traderspost.webhook import read_answer
from portfold.workers.feeds.csv_folder import CsvFolder
from tests.audit.in_memory import InMemory
from tests.coordinator.story import WEDNESDAY
from tests.fuzz.events_from import events_from

Target = Callable[[bytes], None]
_MEMORY = Path("/dev/shm")  # noqa: S108 - nothing of it stays
_CHICAGO = ZoneInfo("America/Chicago")


def _words(content: bytes) -> list[str]:
    return content.decode("utf-8", "surrogateescape").split("\0")


def codec(content: bytes) -> None:
    """An entry is an event that comes back the same, or is refused in a sentence that steers no terminal."""
    words = _words(content)
    event = decode_event(words)
    if isinstance(event, Malformed):
        assert event.reason
        assert not DECEIVING.search(event.reason)
    else:
        assert decode_event(encode(event)) == event
    try:
        decision: Decision = decode_decision(words)
    except PortfoldError:
        return
    assert decode_decision(encode(decision)) == decision


def fold(content: bytes) -> None:
    """Whatever is on a log, it is decided, its invariants hold, and it can be told."""
    follower = Follower()
    for number, words in enumerate(events_from(content)):
        at = StreamId(WEDNESDAY + number * 1000, 0)
        decided = follower.advance(at, words)
        check(follower.state, at, decided.event)
        narrate(follower.state, decided)
    portfolio_view(follower.state, follower.cursor, leader="a", durability="", clock="server")


def audit(content: bytes) -> None:
    """Whatever is on a log, each event of it is explained, and all of it is decided again."""
    entries = [(StreamId(WEDNESDAY + at * 1000, 0), words) for at, words in enumerate(events_from(content))]
    if not entries:
        return
    record = InMemory(entries)
    assert verify(record).difference is None
    last = entries[-1][0]
    explain(record, find_id(record, last, _ignored), _ignored)


def _ignored(_done: int) -> None:
    return None


def config(content: bytes) -> None:
    """A configuration is read, or refused with the name of the field."""
    names = ("portfolio_optimization.json", "runtime.json", "contracts.json")
    with _folder() as folder:
        (folder / names[content[0] % 3 if content else 0]).write_bytes(content[1:])
        load(str(folder), {}, folder)


def trades(content: bytes) -> None:
    """Trades of a table."""
    rows = list(csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline="")))
    if rows:
        read_rows("ES", rows[0], rows[1:], _CHICAGO)


def bars(content: bytes) -> None:
    """Bars of a table."""
    with _folder() as folder:
        (folder / "ES.csv").write_bytes(content)
        feed = CsvFolder(folder)
        for symbol in feed.symbols:
            for _ in feed.bars(symbol):
                pass


def dbn(content: bytes) -> None:
    """Bars as a vendor's file has them."""
    with _folder() as folder:
        (folder / "ES.dbn").write_bytes(content)
        feed = CsvFolder(folder)
        for symbol in feed.symbols:
            for _ in feed.bars(symbol):
                pass


def archive(content: bytes) -> None:
    """A segment of an archive."""
    with _folder() as folder:
        path = folder / "segment-000001.jsonl.gz"
        path.write_bytes(content)
        with open_segment(path) as segment:
            for _ in segment:
                pass


def export(content: bytes) -> None:
    """An export of an earlier version, and a line of one."""
    try:
        words = read_words(content)
    except ValueError:
        words = []
    assert read_words(words_json(words)) == words
    with _folder() as folder:
        first, _, rest = content.partition(b"\xff")
        (folder / LISTING).write_bytes(first)
        (folder / "events-000001.jsonl").write_bytes(rest)
        for _ in EarlierExport(folder).recorded():
            pass


def snapshot(content: bytes) -> None:
    """A snapshot is whole, or none."""
    read_snapshot(content.decode("utf-8", "surrogateescape"))


def traderspost(content: bytes) -> None:
    """Only a plain yes is one, whatever a server says."""
    status = 200 + (content[0] if content else 0) % 400
    answer = read_answer(status, content[1:], {"Retry-After": content[1:12].decode("latin-1")})
    assert answer.outcome != "accepted" or 200 <= status < 300


TARGETS: dict[str, Target] = {
    one.__name__: one
    for one in (codec, fold, audit, config, trades, bars, dbn, archive, export, snapshot, traderspost)
}


def fed(target: Target, content: bytes) -> None:
    """Feeds it; what is refused by an error meant for a user is as it should be."""
    said = "it was taken"
    try:
        target(content)
    except PortfoldError as refused:
        said = str(refused)
    assert said.strip(), "an error without a sentence"


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder in memory, for one input."""
    where = _MEMORY if _MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="portfold-fuzz-", dir=where) as made:
        yield Path(made)


def seeds(name: str) -> Iterator[bytes]:
    """What a target reads when all is well, to begin with."""
    if name in ("codec", "fold", "audit"):
        yield "\0".join(["type", "ClockTicked"]).encode()
        yield b"type\0EntryRequested\0worker\0w\0session\0s\0seq\x001\0symbol\0ES\0side\0long\0size\x001"
        yield bytes(range(200))
    elif name == "config":
        yield b'\0{"portfolio_constraints": {"max_positions": 4, "daily_stop_loss": 2500, "symbols": ["ES"]}}'
        yield b'\1{"heartbeat_seconds": 1}'
    elif name == "trades":
        yield b"Entry Time,Exit Time,PnL\n2025-01-15 10:00:00,2025-01-15 11:00:00,100.5\n"
    elif name == "bars":
        yield b"time,open,high,low,close,volume\n2025-01-15T10:00:00-06:00,1,2,1,2,3\n"
    elif name == "traderspost":
        yield b'\0{"success": true, "id": "1"}'
    else:
        yield b"{}"
