"""The status as one JSON object. Its fields are documented in docs/command.md, and stay."""

from zoneinfo import ZoneInfo

from portfold.coordinator.store.entry_json import shown_json
from portfold.coordinator.views.headlines import headlines
from portfold.coordinator.views.overview import Overview

_UTC = ZoneInfo("UTC")


def as_json(seen: Overview) -> str:
    """One line."""
    return shown_json(fields(seen))


def fields(seen: Overview) -> dict[str, object]:
    """The status hash's fields as values, and beside them what was looked for around it."""
    backlog, server = seen.backlog, seen.server
    return {
        **dict(sorted(seen.status.items())),
        "headlines": [one.code for one in headlines(seen, _UTC)],
        "now_ms": seen.now_ms,
        "held": [
            one._asdict() | {"price": str(one.price), "unrealized": float(one.unrealized)}
            for one in seen.held
        ],
        "reservations": [one._asdict() for one in seen.reserved],
        "taken_back": [one._asdict() for one in seen.taken_back],
        "stop_at": float(seen.account.stop_at),
        "stop_used": float(seen.account.used),
        "present": [one._asdict() for one in seen.workers],
        "unmanaged": [
            {"symbol": one.symbol, "side": one.side, "size": one.size, "worker": one.worker}
            | {"became": seen.became_of(one.worker), "opened_ms": one.opened_ms}
            for one in seen.unmanaged
        ],
        "missing_symbols": list(seen.missing),
        "flattener_alive": seen.flattener_alive,
        "leading": seen.leader,
        "standby": seen.standby,
        "last_on_log": str(seen.last_event),
        "undecided": backlog.events,
        "undecided_more": backlog.more,
        "undecided_ms": backlog.oldest_ms,
        "log_lost": backlog.lost,
        "server": {
            "version": server.version,
            "run": server.run,
            "keeps": server.kept.setting,
            "writes_fail": server.writes_fail,
        },
    }
