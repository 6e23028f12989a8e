"""A folder that is written whole or not at all: whatever ends it early, nothing of it stays."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portfold.coordinator.audit.record.record import RecordError


class NotWritten(RecordError):
    """The folder cannot be written. Its text is a sentence that names the place."""


@contextmanager
def new_folder(folder: Path) -> Iterator[None]:
    """Makes the folder, which is to be new or empty, to be filled within the block.

    Raises NotWritten, also for an OSError of the block.
    """
    made = _claimed(folder)
    try:
        yield
    except OSError as error:
        _remove(folder, made=made)
        raise NotWritten(f"{error.filename or folder} cannot be written: {error.strerror}.") from error
    except BaseException:
        _remove(folder, made=made)
        raise


def _claimed(folder: Path) -> bool:
    """Makes sure that the folder is there, and empty; whether it was made here."""
    try:
        made = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        occupied = any(folder.iterdir())
    except OSError as error:
        raise NotWritten(f"{folder} cannot be written: {error.strerror}.") from error
    if occupied:
        raise NotWritten(
            f"{folder} is not empty. Name a folder that is new or empty: nothing is overwritten."
        )
    return made


def _remove(folder: Path, *, made: bool) -> None:
    """Takes away what was written: all there is, as the folder was empty before."""
    for path in folder.iterdir():
        path.unlink()
    if made:
        folder.rmdir()
