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
    """The options of Target, `--archive`, `--archive-only` and `--export`."""

    archive: Path | None = None
    """The folder of what was moved off the server; by default runtime.json's archive_folder."""

    archive_only: Annotated[bool, Parameter(negative="")] = False
    """Read the archive alone, without a server."""

    export: Path | None = None
    """Read an export in this folder, and neither server nor archive."""

    @contextmanager
    def record(self) -> Iterator["Record"]:
        """The record, open for as long as the block lasts. Raises Unusable, and what reading raises."""
        from portfold.coordinator.audit.record.record import ArchivedRecord, LiveRecord

        if self.export is not None:
            # A --url may come from the environment, so it is no mistake: it is not used.
            if self.archive is not None or self.archive_only or self.portfolio:
                raise Unusable(
                    "--export: expected neither --portfolio, --archive nor --archive-only with it."
                )
            from portfold.coordinator.audit.export.export_record import ExportedRecord

            yield ExportedRecord(self.export)
            return
        place = self.resolve()
        if self.archive_only:
            yield ArchivedRecord(self._folder(place) or _no_archive())
            return
        bus = place.bus()
        try:
            yield LiveRecord(bus, self._folder(place), place.shown)
        finally:
            bus.close()

    def _folder(self, place: "ResolvedTarget") -> Path | None:
        named = self.archive or place.configuration.runtime.archive_folder
        return Path(named) if named else None


def _no_archive() -> Path:
    raise Unusable("--archive-only: expected --archive, or archive_folder in runtime.json.")
