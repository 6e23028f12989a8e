"""Warns of what the book of an earlier log at the same address still holds.

A book belongs to a log, so with a new one (the server was flushed, or set up again) there is a new, empty
book: whatever a real broker holds from before is in the old one, and nobody looks there. Guarantees: whoever
opens the broker on the new book logs it, critically and each time, as long as the old one holds anything.
"""

import secrets
from contextlib import closing, suppress
from pathlib import Path

from portfold.log import Log
from portfold.workers.brokers.orders_book import Orders, open_orders_book
from portfold.workers.brokers.protocol import BrokerError

NOTES = "logs"
"""The folder beside the books in which notes on their logs are."""
_PATIENCE_SECONDS = 0.5


def write_note(note: Path, text: str) -> None:
    """Writes the note whole, through a file of its own: many processes may at once."""
    with suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        new = note.with_name(f"{note.name}.{secrets.token_hex(4)}")
        new.write_text(text, encoding="utf-8")
        new.replace(note)


def remember_earlier(folder: Path, log: str, earlier: str) -> None:
    """Notes that the log `earlier` was at the address of `log` before; the books of both lie in `folder`."""
    before = dict.fromkeys([earlier, *_earlier_logs(folder, earlier)])
    write_note(_note(folder, log), "\n".join(before) + "\n")


def earlier_books(book: Path) -> list[Path]:
    """Returns the same broker's books of the logs that were there before that of `book`, the latest first."""
    name, _, log = book.stem.rpartition("-")
    beside = [book.with_name(f"{name}-{each}{book.suffix}") for each in _earlier_logs(book.parent, log)]
    return [each for each in beside if each != book and each.exists()]


def warn_of_earlier_books(book: Path, log: Log) -> None:
    """Logs, critically, what an earlier book still holds. Raises nothing."""
    for earlier in earlier_books(book):
        try:
            left = ", ".join(_left_in(earlier))
        except BrokerError as error:
            left = f"it cannot be read: {error}"
        if left:
            log.critical(
                "LEFT BEHIND: the log here was begun anew, and the broker's book of the one before is not "
                f"empty: {left}",
                book=str(earlier),
                what_to_do="look at the broker; close there what is open, and remove the old book",
            )


def _left_in(book: Path) -> list[str]:
    with closing(open_orders_book(book, _PATIENCE_SECONDS)) as opened, opened.reading() as entries:
        legs = [f"{leg.symbol} {leg.side} {leg.size} of {leg.owner}" for leg in entries.legs(None)]
        return [*legs, *(f"nobody knows of order {order}" for order in Orders(entries).unsettled())]


def _earlier_logs(folder: Path, log: str) -> list[str]:
    try:
        return _note(folder, log).read_text(encoding="utf-8").split()
    except OSError:
        return []


def _note(folder: Path, log: str) -> Path:
    return folder / NOTES / f"{log}.before"
