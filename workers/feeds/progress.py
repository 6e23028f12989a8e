"""How far a worker has come, in a file of its own, so that its next life goes on there and knows its past.

Noted as a bar is begun, before anything is done about it: a bar is traded once, however a life ends. The file
is replaced whole, so it is never half written; it is not synced, as nothing depends on it that is not at the
broker and on the log. A file that cannot be read is refused: to begin anew would be to trade the past again.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from portfold.config import ConfigError

_Time = Annotated[datetime, Meta(tz=True)]


class _ProgressNote(Struct, frozen=True):
    last: _Time | None = None
    last_flat: _Time | None = None
    last_held: _Time | None = None


class BarProgress:
    """The times of the last bar begun, and of the last ones begun with nothing and with something held.

    `file` None: nothing is noted, and nothing known. Raises ConfigError.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._noted = _read(file) if file is not None else _ProgressNote()
        self.last = self._noted.last
        self.last_held = self._noted.last_held
        self._last_flat = self._noted.last_flat

    def note(self, time: datetime, *, held: bool) -> None:
        """Notes that a bar is begun, and whether something is held. Raises OSError."""
        if self._file is None:
            return
        self._noted = _ProgressNote(
            last=time,
            last_flat=self._noted.last_flat if held else time,
            last_held=time if held else self._noted.last_held,
        )
        fresh = self._file.with_name(f"{self._file.name}.new")
        fresh.write_bytes(msgspec.json.encode(self._noted))
        fresh.replace(self._file)

    def was_held_at(self, time: datetime) -> bool:
        """Returns whether a position that is open as this life begins was when the bar of that time began."""
        return self._last_flat is None or time > self._last_flat


def _read(file: Path) -> _ProgressNote:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_ProgressNote)
    except FileNotFoundError:
        return _ProgressNote()
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise ConfigError(file, "", "a worker's progress", f"what cannot be read: {error}") from error
