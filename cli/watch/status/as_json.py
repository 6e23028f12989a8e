"""The status as one JSON object. Guarantees: its fields are those that docs/command.md lists."""

from zoneinfo import ZoneInfo

from msgspec.structs import asdict

from portfold.coordinator.store.entry_json import shown_json
from portfold.coordinator.views.headlines import headlines
from portfold.coordinator.views.overview import Overview
from portfold.coordinator.views.portfolio_view import ShownPosition, Slot
from portfold.coordinator.views.rule_view import rule_fields
from portfold.coordinator.views.status import status_values
from portfold.events.wire.market import MarketSeen

_UTC = ZoneInfo("UTC")


def as_json(seen: Overview) -> str:
    """Returns the status as one line of JSON."""
    return shown_json(fields(seen))


def fields(seen: Overview) -> dict[str, object]:
    """Returns the fields of the status hash as values, with what else was read of server and log."""
    view, backlog, server = seen.view, seen.backlog, seen.server
    return {
        **dict(sorted(status_values(view).items())),
        "headlines": [one.code for one in headlines(seen, _UTC)],
        "now_ms": seen.now_ms,
        "held": [_held(one) for one in view.positions],
        "reservations": [_slot(one, None if one.kept else one.expires_ms) for one in view.reserved],
        "taken_back": [_slot(one, None) for one in view.taken_back],
        "stop_at": float(view.stop_at),
        "stop_used": float(view.stop_used),
        "rules": [rule_fields(one) for one in view.rules],
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
        "dead_mans_switch": seen.switch._asdict() if seen.switch else None,
        "market": _market(seen.market) if seen.market else None,
        "server": {
            "version": server.version,
            "run": server.run,
            "keeps": server.kept.setting,
            "writes_fail": server.writes_fail,
        },
    }


def _market(seen: MarketSeen) -> dict[str, object]:
    return {
        "feed": seen.holder,
        "last_step_ms": seen.last_step_ms,
        "prices": {
            symbol: {"price": last.price, "at_ms": last.at_ms, "age_ms": seen.now_ms - last.at_ms}
            | {"source": last.source, "contract": last.contract}
            for symbol, last in sorted(seen.prices.items())
        },
        "notices": dict(sorted(seen.notices.items())),
    }


def _held(one: ShownPosition) -> dict[str, object]:
    return asdict(one) | {
        "price": one.price,
        "unrealized": float(one.unrealized),
        "mark": one.mark,
        "earlier": float(one.earlier),
        "unmarked": one.unmarked,
        "stop_price": one.stop_price,
        "at_stop": None if one.at_stop is None else float(one.at_stop),
    }


def _slot(one: Slot, until_ms: int | None) -> dict[str, object]:
    return {
        "symbol": one.symbol,
        "side": one.side,
        "size": one.size,
        "worker": one.worker,
        "until_ms": until_ms,
        "kept": one.kept,
    }
