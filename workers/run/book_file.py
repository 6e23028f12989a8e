"""Which file is the book of a portfolio's broker: one of its log's own.

A book holds what the broker has open for the workers of one log. Another server, or the same one begun anew,
is another log, though the portfolio's name is the same: its workers must not find these positions and close
them. Guarantees: all processes on one log find the same file, by whatever address; where the server is away,
the one that was found at that address before; a log from before logs had names keeps the file it had. Which
log was there before another is noted, so that what a real broker has open from then is not forgotten.
"""

from contextlib import closing
from hashlib import sha256
from pathlib import Path

from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect, without_secrets
from portfold.events.wire.errors import BusError
from portfold.workers.brokers.left_behind import NOTES, remember_earlier, write_note
from portfold.workers.brokers.registry import PAPER
from portfold.workers.client.settings import GateSettings


def book_of(portfolio: str, folder: Path, kind: str = PAPER, log: str = "") -> Path:
    """Returns where the book of a portfolio's broker of that kind lies, for the log of that name."""
    name = kind.rpartition(":")[2]  # of FILE.py:NAME, the name
    return folder / ("-".join(filter(None, [name, portfolio, log])) + ".sqlite")


def book_there(settings: GateSettings, folder: Path, kind: str) -> Path:
    """Returns the same for the log on that server. Raises BusError where it is away and was never seen
    before.
    """
    address = f"{without_secrets(settings.url)} {settings.portfolio}"
    note = folder / NOTES / sha256(address.encode()).hexdigest()[:16]
    try:
        with closing(Bus(connect(settings.url, password=settings.password), settings.portfolio)) as bus:
            log = bus.log_name()
    except BusError:
        noted = _noted(note)
        if noted is None:
            raise
        log = noted
    else:
        before = _noted(note)
        if before and before != log:
            remember_earlier(folder, log, before)
        if before != log:
            write_note(note, f"{log}\n")
    return book_of(settings.portfolio, folder, kind, log)


def _noted(note: Path) -> str | None:
    try:
        return note.read_text(encoding="utf-8").strip()
    except OSError:
        return None
