"""Where an audit reads: the options that all its commands share, and the record they come to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from portfold.cli.exits import Unusable
from portfold.cli.target import Target

if TYPE_CHECKING:
    from portfold.cli.target import ResolvedTarget
    from portfold.coordinator.audit.record.record import Record


@Parameter(name="*", group="Which portfolio")
@dataclass(frozen=True)
class Source(Target):
    """The options of Target, `--archive` and `--archive-only`."""

    archive: Path | None = None
    """The folder of what was moved off the server; by default runtime.json's archive_folder."""

    archive_only: Annotated[bool, Parameter(negative="")] = False
    """Read the archive alone, without a server."""

    @contextmanager
    def record(self) -> Iterator["Record"]:
        """Yields the record, open as long as the block lasts. Raises Unusable, and what reading raises."""
        from portfold.coordinator.audit.record.record import LiveRecord

        if self.archive_only:
            # Where the folder is named nothing else is needed, not even a configuration that can be read.
            folder = self.archive or self._folder(self.resolve()) or _no_archive()
            yield kept_record(folder, self.portfolio)
            return
        place = self.resolve()
        bus = place.bus()
        try:
            yield LiveRecord(bus, self._folder(place), place.shown)
        finally:
            bus.close()

    def _folder(self, place: "ResolvedTarget") -> Path | None:
        named = self.archive or place.configuration.runtime.archive_folder
        return Path(named) if named else None


def kept_record(folder: Path, portfolio: str | None = None) -> "Record":
    """Returns what is in an archive, that of `portfolio` if one is named, or in an earlier version's export.

    Raises Unusable, and what reading raises.
    """
    from portfold.coordinator.audit.evidence.earlier_export import EarlierExport
    from portfold.coordinator.audit.record.record import ArchivedRecord
    from portfold.coordinator.store.archive import Archive

    if Archive.is_in(folder) or not EarlierExport.is_in(folder):
        return ArchivedRecord(folder, portfolio)
    record = EarlierExport(folder)
    if portfolio is not None and record.portfolio != portfolio:
        raise Unusable(f"--archive: it is of portfolio {record.portfolio}, not of {portfolio}.")
    return record


def _no_archive() -> Path:
    raise Unusable("--archive-only: expected --archive, or archive_folder in runtime.json.")
