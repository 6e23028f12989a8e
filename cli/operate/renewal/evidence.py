"""The file of what a renewal takes off: each event exactly as it lay there, a line each.

Guarantees: an event is in the file, on the disk, before it is taken off; no file there is changed, but
one of an attempt that failed, which has the first of the same events, is gone on with.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from portfold.cli.exits import Unusable

if TYPE_CHECKING:
    from portfold.events.wire.bus import Entry


class Evidence:
    """The file of one renewal."""

    def __init__(self, file: Path) -> None:
        self._file, self._begun = file, False

    def keep(self, entries: "Sequence[Entry]") -> None:
        """Adds the entries. Raises Unusable where the file is another's, or cannot be written."""
        from portfold.coordinator.store.entry_json import words_json
        from portfold.whole_files import to_disk, write_durably

        lines = b"".join(words_json([str(entry.id), *entry.fields]) + b"\n" for entry in entries)
        try:
            if not self._begun and self._file.exists():
                lines = self._not_kept_yet(lines)
            if not self._begun and not self._file.exists():
                write_durably(self._file, lines)
            else:
                with self._file.open("ab") as file:
                    file.write(lines)
                    to_disk(file)
        except OSError as error:
            raise Unusable(f"--evidence: {self._file} cannot be written: {error.strerror}.") from error
        self._begun = True

    def _not_kept_yet(self, lines: bytes) -> bytes:
        """Returns what is to be added to what an attempt that failed has kept of these events."""
        kept = self._file.read_bytes()
        if not kept or not lines.startswith(kept):
            raise Unusable(f"--evidence: {self._file} is there already; name another file.")
        return lines[len(kept) :]
