"""`portfold archive`: moves verified history off the server, and verifies what was moved."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from portfold.cli.exits import Unusable
from portfold.cli.target import Target
from portfold.cli.typed import typed
from portfold.events.roles.server_roles import ARCHIVER

if TYPE_CHECKING:
    from portfold.cli.target import ResolvedTarget
    from portfold.coordinator.store.archive import Segment
    from portfold.coordinator.store.archiver import Archived, Keep
    from portfold.coordinator.store.verification import VerifiedArchive

_TARGET = Target()
_A_CENTURY = 36_525

Flag = Annotated[bool, Parameter(negative="")]


def register(app: App) -> None:
    """Adds the command."""
    app.command(archive)


def archive(
    *,
    folder: Annotated[Path | None, Parameter(name="--dir")] = None,
    keep_events: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    keep_days: Annotated[int | None, Parameter(validator=Number(gte=1, lte=_A_CENTURY))] = None,
    verify: Flag = False,
    dry_run: Flag = False,
    target: Target = _TARGET,
) -> None:
    """Move old events and decisions from the server to compressed files.

    Each event is decided again and compared before it is moved; what was moved
    stays part of the log, for replays and restarts. The command may run while
    a coordinator leads, be interrupted, and be run again.

    Exit code 1 when the log or the archive is damaged, or another archiver is
    at work.

    For example, once a day:

        portfold archive --dir /var/lib/portfold/archive --keep-days 7

    Parameters
    ----------
    folder
        The archive's folder; by default runtime.json's archive_folder, else
        one in the user's state folder.
    keep_events
        How many events stay on the server, at least; by default 10,000.
    keep_days
        Or: of how many days events stay on the server.
    verify
        Verify the whole archive, and move nothing. Needs no server.
    dry_run
        Say what would be moved, and move nothing.
    """
    if keep_events is not None and keep_days is not None:
        raise Unusable("--keep-events, --keep-days: expected one of them, got both.")
    if verify and (dry_run or keep_events is not None or keep_days is not None):
        raise Unusable("--verify: expected neither --keep-events, --keep-days nor --dry-run with it.")
    resolved = target.resolve(ARCHIVER)
    chosen = folder or _usual_folder(resolved)
    if verify:
        _verify(chosen)
    else:
        from portfold.coordinator.store.archiver import Keep

        _archive(resolved, chosen, Keep(events=keep_events or Keep().events, days=keep_days), dry_run=dry_run)


def _usual_folder(resolved: "ResolvedTarget") -> Path:
    from portfold.cli.folders import state_folder

    named = resolved.configuration.runtime.archive_folder
    return Path(named) if named else state_folder() / "archive" / resolved.portfolio


def _archive(resolved: "ResolvedTarget", folder: Path, keep: "Keep", *, dry_run: bool) -> None:
    from portfold.coordinator.store.archiver import archive_history, outlook
    from portfold.events.wire.archiver_bus import ArchiverBus
    from portfold.events.wire.connection import connect

    bus = ArchiverBus(connect(resolved.url, password=resolved.password), resolved.portfolio)
    began = time.monotonic()
    try:
        if dry_run:
            done = outlook(bus, folder, keep)
        else:
            done = archive_history(bus, folder, keep, on_progress=_print_segment)
    finally:
        bus.close()
    seconds = time.monotonic() - began
    for line in _summary(
        done, f"{resolved.shown} to {folder}", seconds, would="would be " if dry_run else ""
    ):
        print(line)


def _summary(done: "Archived", what: str, seconds: float, *, would: str) -> list[str]:
    lines = []
    if done.events:
        lines.append(f"{done.events:,} events and {done.decisions:,} decisions {would}moved from {what}.")
    if done.trimmed_events:
        lines.append(f"The server keeps all from event {done.first_kept} on.")
    if not done.events and not done.trimmed_events:
        lines.append(f"Nothing to move from {what}: everything on the server is to stay.")
    if done.decided:
        lines.append(f"Decided {_rate(done.decided, seconds)}, all alike.")
    return lines


def _verify(folder: Path) -> None:
    from portfold.coordinator.store.verification import verify_archive

    began = time.monotonic()
    found = verify_archive(folder, on_progress=_print_segment)
    for line in _verdict(found, folder, time.monotonic() - began):
        print(typed(line))


def _verdict(found: "VerifiedArchive", folder: Path, seconds: float) -> list[str]:
    lines = [
        f"The archive {folder} of portfolio {found.portfolio} is whole: {_segments(found.segments)}, "
        f"{found.events:,} events and {found.decisions:,} decisions.",
        f"Decided {_rate(found.events - found.by_chain_alone, seconds)}, all alike.",
    ]
    if found.by_chain_alone:
        lines.append(
            f"Not decided again: {found.by_chain_alone:,} events, as another version of the rules decided "
            "otherwise. Their hashes and their chain are right."
        )
    if found.unlisted:
        verb = "is" if found.unlisted == 1 else "are"
        lines.append(
            f"{_segments(found.unlisted)} {verb} not listed yet; the next `portfold archive` does that."
        )
    return lines


def _segments(count: int) -> str:
    return f"{count:,} segment" if count == 1 else f"{count:,} segments"


def _print_segment(segment: "Segment") -> None:
    from portfold.events.fields import readable  # somebody else may have written the archive

    held = f"{segment.events:,} events and {segment.decisions:,} decisions, {segment.first} to {segment.last}"
    print(readable(f"{segment.file}  {held}, {segment.bytes / 1e6:,.1f} MB"), flush=True)


def _rate(events: int, seconds: float) -> str:
    return f"{events:,} events again at {events / max(seconds, 0.001):,.0f} a second"
