"""The health of a portfolio as a small file of JSON, for whoever watches a file rather than a server.

Guarantees: the file is whole whenever it is read; one that is older than a few seconds means that nobody
writes it any more, as `now_ms` in it says.
"""

import time
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from portfold.cli.exits import Failure
from portfold.cli.stopping import ended_by_sigterm
from portfold.cli.watch.status.contact import Contact, Glimpse
from portfold.cli.watch.status.look import Look
from portfold.coordinator.views.headlines import headlines
from portfold.whole_files import part_of

_UTC = ZoneInfo("UTC")
_EVERY_SECONDS = 1.0


def keep_health(look: Look, file: Path, *, watch: bool) -> None:
    """Writes the health once, or every second until Ctrl-C or SIGTERM. Raises Failure if it is not well."""
    contact = Contact(look.now, wall_ms=_wall_ms, zone=look.zone)
    with ended_by_sigterm():
        well = write_health(file, contact.glimpse(), _wall_ms())
        while watch:
            time.sleep(_EVERY_SECONDS)
            write_health(file, contact.glimpse(), _wall_ms())
    if not well:
        raise Failure(f"Not all is well: {file} says why.")


def write_health(file: Path, glimpse: Glimpse, wall_ms: int) -> bool:
    """Writes the health; returns whether all is well. Raises Failure where the file cannot be written."""
    health = health_of(glimpse, wall_ms)
    try:
        part_of(file).write_bytes(msgspec.json.format(msgspec.json.encode(health), indent=2) + b"\n")
        part_of(file).replace(file)
    except OSError as error:
        raise Failure(f"--health: {file}: {error.strerror}.") from error
    return bool(health["ok"])


def health_of(glimpse: Glimpse, wall_ms: int) -> dict[str, object]:
    """Returns what the file says; `wall_ms` is this machine's clock."""
    seen = glimpse.seen
    if glimpse.trouble or seen is None:
        code = "no_server" if glimpse.trouble else "never_led"
        why = glimpse.trouble or "no coordinator has ever run for this portfolio"
        return {"ok": False, "now_ms": wall_ms, "headlines": [code], "why": [why]}
    found = headlines(seen, _UTC)
    return {
        "ok": all(one.level == "info" for one in found),
        "now_ms": wall_ms,
        "log_ms": seen.now_ms,
        "headlines": [one.code for one in found],
        "why": [f"{one.title}: {one.text}" for one in found if one.text],
        "may_trade": found[0].code == "trading",
        "daily_pnl": float(seen.view.day.pnl),
        "positions": len(seen.view.positions),
        "leader": seen.leader,
    }


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
