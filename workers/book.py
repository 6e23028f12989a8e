"""Which file is the book of a portfolio's broker: one of its log's own.

A book holds what the broker has open for the workers of one log. Another server, or the same one begun anew,
is another log, though the portfolio's name is the same: its workers must not find these positions and close
them. Guarantees: all processes on one log find the same file, by whatever address; where the server is away,
the one that was found at that address before; a log from before logs had names keeps the file it had.
"""

import secrets
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path

from events.bus import Bus
from events.connection import connect, without_secrets
from events.errors import BusError
from workers.brokers.registry import PAPER
from workers.settings import GateSettings

_NOTES = "logs"


def book_of(portfolio: str, folder: Path, kind: str = PAPER, log: str = "") -> Path:
    """Where the book of a portfolio's broker of that kind lies, for the log of that name."""
    name = kind.rpartition(":")[2]  # of FILE.py:NAME, the name
    return folder / ("-".join(filter(None, [name, portfolio, log])) + ".sqlite")


def book_there(settings: GateSettings, folder: Path, kind: str) -> Path:
    """The same for the log on that server. Raises BusError where it is away and was never seen before."""
    address = f"{without_secrets(settings.url)} {settings.portfolio}"
    note = folder / _NOTES / sha256(address.encode()).hexdigest()[:16]
    try:
        with closing(Bus(connect(settings.url, password=settings.password), settings.portfolio)) as bus:
            log = bus.log_name()
    except BusError:
        noted = _noted(note)
        if noted is None:
            raise
        log = noted
    else:
        if log != _noted(note):
            _write(note, log)
    return book_of(settings.portfolio, folder, kind, log)


def _noted(note: Path) -> str | None:
    try:
        return note.read_text(encoding="utf-8").strip()
    except OSError:
        return None


def _write(note: Path, log: str) -> None:
    """Many processes may: each writes the whole, to a file of its own first. Missed only in an outage."""
    with suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        new = note.with_name(f"{note.name}.{secrets.token_hex(4)}")
        new.write_text(f"{log}\n", encoding="utf-8")
        new.replace(note)
