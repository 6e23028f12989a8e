"""Is the log whole, quick to start from, and all of it where it should be."""

from portfold.coordinator.doctor.facts import Facts
from portfold.coordinator.doctor.finding import Finding, fail, ok, warn
from portfold.coordinator.views.status import tail_missing_text
from portfold.events.wire.bus import Extent
from portfold.exchange_time import span

_LONG = 1_000_000
_FAR_BEHIND = 10_000
_SOON = 2_000  # by then a leader has written a snapshot


def log_integrity(facts: Facts) -> Finding:
    """Checks whether log and head add up, and no worker misses what it saw on it."""
    lost = facts.log.found.lost
    if lost:
        return fail(
            "log",
            lost,
            "restore the log; if what is gone is gone for good: portfold acknowledge --by NAME --reason TEXT",
        )
    seen = facts.overview
    if seen is not None and seen.view.tail_missing:
        text = f"it lost its end: {tail_missing_text(seen.view.tail_missing)}; entries are denied"
        return fail(
            "log",
            text,
            "check what is open at the broker, then: portfold acknowledge --by NAME --reason TEXT",
        )
    return ok("log", "adds up")


def gaps(facts: Facts) -> Finding:
    """Checks whether anything was taken out of the streams by hand, and not moved to an archive."""
    log = facts.log
    if log.archived is not None and log.moved is None:
        return warn("gaps", "not known: the archive cannot be read", "see archive, below")
    moved = (log.moved.events, log.moved.decisions) if log.moved else (0, 0)
    streams = ("event", log.events), ("decision", log.decisions)
    missing = [
        f"{count:,} {name}{'s' if count > 1 else ''}"
        for (name, extent), gone, left in zip(streams, moved, log.left_over, strict=True)
        if (count := _missing(extent, gone - left)) > 0
    ]
    if not missing:
        return ok("gaps", "none")
    text = f"{' and '.join(missing)} gone from the streams, and not to an archive"
    if facts.overview is not None and facts.overview.view.acknowledged:
        return warn("gaps", f"{text}; a loss was acknowledged", "nothing, if that was it")
    return fail(
        "gaps", text, "find out who used XDEL or XTRIM; restore the log: portfold audit needs all of it"
    )


def length(facts: Facts) -> Finding:
    """Reports how much the server holds: all of it is in its memory."""
    text = f"{facts.log.events.length:,} events and {facts.log.decisions.length:,} decisions on the server"
    if facts.log.events.length > _LONG:
        return warn("length", text, "portfold archive, once a day")
    return ok("length", text)


def snapshot(facts: Facts) -> Finding:
    """Reports where the next leader starts from: without a snapshot it decides all of the log again first."""
    log, head, found = facts.log, facts.log.head, facts.log.snapshot
    remedy = "the leader writes one soon; without a leader, start one: portfold coordinator"
    if found.cursor is None and not found.there and head.folded <= _SOON and log.archived is None:
        return ok("snapshot", f"none yet, and none needed: the log has {head.folded:,} events")
    if found.cursor is None:
        what = "cannot be read, or is of another version" if found.there else "is missing"
        return warn("snapshot", f"it {what}: the next start reads all of the log again", remedy)
    if found.cursor > head.cursor:
        return warn("snapshot", f"it is of {found.cursor}, ahead of the head: of another log", remedy)
    age = span(max(0, log.events.last.ms - found.cursor.ms))
    text = f"{found.behind:,} events and {age} behind the end of the log"
    return warn("snapshot", text, remedy) if found.behind > _FAR_BEHIND else ok("snapshot", text)


def archive(facts: Facts) -> Finding:
    """Checks whether the archive's folder can be read, and is named where a start looks for it."""
    log = facts.log
    if log.archive_trouble:
        return fail(
            "archive", log.archive_trouble, "restore the folder, or name the right one in runtime.json"
        )
    if log.archived is None:
        return ok("archive", "nothing was moved off the server")
    if log.archive_folder is None:
        text = f"history was moved to {log.archived.folder}, and runtime.json does not say so"
        return warn("archive", text, "name it there, as archive_folder: a start without snapshot needs it")
    if log.moved is not None and log.moved.end < log.archived.up_to:
        text = (
            f"{log.archive_folder} ends at {log.moved.end}, and history was moved up to {log.archived.up_to}"
        )
        return fail("archive", text, "restore the folder, or name the right one in runtime.json")
    return ok("archive", f"{log.moved.events if log.moved else 0:,} events in {log.archive_folder}")


def _missing(extent: Extent, moved: int) -> int:
    return extent.added - extent.length - moved


CHECKS = (log_integrity, gaps, length, snapshot, archive)
