"""The file of what a renewal takes off: each event exactly as it lay there, a line each.

Guarantees: an event is in the file, on the disk, before it is taken off; no file that is there is changed.
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

        if not self._begun and self._file.exists():
            raise Unusable(f"--evidence: {self._file} is there already; name another file.")
        lines = b"".join(words_json([str(entry.id), *entry.fields]) + b"\n" for entry in entries)
        try:
            if not self._begun:
                write_durably(self._file, lines)
            else:
                with self._file.open("ab") as file:
                    file.write(lines)
                    to_disk(file)
        except OSError as error:
            raise Unusable(f"--evidence: {self._file} cannot be written: {error.strerror}.") from error
        self._begun = True
