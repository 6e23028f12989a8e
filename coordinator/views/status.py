"""The status: what a trader runs the day by, flat in one hash, and the same as Python values.

`HGETALL` of the status key shows every field as text; `read_status` gives the familiar dictionary.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from portfold.coordinator.fold.rules.flatten import catches_new_fills
from portfold.coordinator.fold.state import (
    Acknowledged,
    Reservation,
    State,
    Stats,
    TailMissing,
    daily_pnl,
    legs_named,
    open_symbols,
    slots_used,
)
from portfold.dollars import CENT, EXACT
from portfold.events.stream_id import StreamId

_COUNTS = (
    "total_entries_requested",
    "total_entries_allowed",
    "total_entries_blocked",
    "total_exits",
    "stop_loss_triggers",
)
_FLAG = {True: "true", False: "false"}


def status_fields(state: State, at: StreamId) -> dict[str, str]:
    """The status hash after the event `at`. Lists are separated by `, `, amounts are dollars.

    `opened_ms` goes with `positions`, `reserved_until_ms` with `reserved`: times in the clock of the log.
    """
    standing = [one for one in state.reservations.values() if not one.revoked]
    return {
        "max_positions": str(state.limits.max_positions) if state.limits else "",
        "open_positions_count": str(len(state.positions)),
        "open_positions": ", ".join(open_symbols(state)),
        "daily_pnl": _dollars(daily_pnl(state)),
        "stopped_out": _FLAG[state.stop is not None],
        "current_day": state.day.date,
        "stats": _stats_text(state.stats),
        "slots_used": str(slots_used(state)),
        "reserved": _slots(standing),
        "kept": _slots(one for one in standing if one.kept),
        "taken_back": _slots(one for one in state.reservations.values() if one.revoked),
        "positions": ", ".join(
            f"{one.symbol} {one.side} {one.size} @ {one.price:f} by {one.worker} ({one.unrealized:+.2f})"
            for one in state.positions.values()
        ),
        "opened_ms": ", ".join(str(one.opened_ms) for one in state.positions.values()),
        "reserved_until_ms": ", ".join(str(one.expires_ms) for one in standing),
        "realized_pnl": _dollars(state.day.realized),
        "daily_stop_loss": f"{state.limits.daily_stop_loss:f}" if state.limits else "",
        "stop_from": _dollars(state.day.stop_from),
        "day_ends_ms": str(state.day.ends_ms),
        "halted": _FLAG[state.halt is not None],
        "halted_by": state.halt.by if state.halt else "",
        "halt_reason": state.halt.reason if state.halt else "",
        "log_incomplete": _FLAG[state.tail_missing is not None],
        "tail_missing": _tail_missing(state.tail_missing),
        "loss_acknowledged": _acknowledged(state.acknowledged),
        "stopped_at": state.stop.since if state.stop else "",
        "flattening": legs_named(state, state.flatten.left) if state.flatten else "",
        "fills_closed_at_once": _FLAG[catches_new_fills(state)],
        "flatten_cause": state.flatten.cause if state.flatten else "",
        "flatten_started_ms": str(state.flatten.started_ms) if state.flatten else "",
        "flatten_deadline_ms": str(state.flatten.deadline_ms) if state.flatten else "",
        "unsettled": ", ".join(_unsettled(state)),
        "workers": ", ".join(f"{name} {worker.presence}" for name, worker in state.workers.items()),
        "worker_symbols": ", ".join(
            " ".join((name, *worker.symbols)) for name, worker in state.workers.items()
        ),
        "unmarked": ", ".join(held.symbol for held in state.positions.values() if held.mark is None),
        "stale_marks": ", ".join(held.symbol for held in state.positions.values() if held.mark_stale),
        "limits": state.limits.text if state.limits else "",
        "limits_by": state.limits.by if state.limits else "",
        "most_positions": str(state.stats.most_positions),
        "limit_breaches": str(state.stats.limit_breaches),
        "events_rejected": str(state.stats.events_rejected),
        "epoch": str(state.epoch),
        "fold_version": str(state.fold_version),
        "last_event": str(at),
    }


def read_status(fields: Mapping[str, str]) -> dict[str, object]:
    """The status hash as Python values: counts, lists, dollars as float, flags. Unknown keys stay text.

    What is missing is as in a portfolio where nothing has happened; without any field there is no status.
    """
    if not fields:
        return {}
    status: dict[str, object] = dict(fields)
    for name in ("max_positions", "open_positions_count", "slots_used", "most_positions", "limit_breaches"):
        status[name] = int(fields.get(name) or 0)
    for name in ("daily_pnl", "realized_pnl", "daily_stop_loss", "stop_from"):
        status[name] = float(fields.get(name) or 0)
    for name in ("stopped_out", "halted", "log_incomplete"):
        status[name] = fields.get(name) == "true"
    status["open_positions"] = [symbol for symbol in fields.get("open_positions", "").split(", ") if symbol]
    status["stats"] = _read_stats(fields.get("stats") or _stats_text(Stats()))
    return status


def _stats_text(stats: Stats) -> str:
    counts = " ".join(f"{name}={getattr(stats, name)}" for name in _COUNTS)
    asked = stats.total_entries_requested
    return f"{counts} block_rate={stats.total_entries_blocked / asked if asked else 0:.3f}"


def _read_stats(text: str) -> dict[str, int | float]:
    pairs = dict(pair.split("=") for pair in text.split(" "))
    counts: dict[str, int | float] = {name: int(pairs[name]) for name in _COUNTS}
    return counts | {"block_rate": float(pairs["block_rate"])}


def _slots(reserved: Iterable[Reservation]) -> str:
    return ", ".join(f"{one.symbol} {one.side} {one.size} by {one.worker}" for one in reserved)


def _unsettled(state: State) -> list[str]:
    """What log and broker disagree about, and may: a slot whose worker was lost may be filled."""
    odd = [f"{one.symbol} of {one.worker}: {one.kind}" for one in state.unsettled.values()]
    return odd + [
        f"{one.symbol} of {one.worker}: maybe_filled"
        for key, one in state.reservations.items()
        if one.kept and key not in state.unsettled
    ]


def _tail_missing(missing: TailMissing | None) -> str:
    return f"{missing.worker} saw {missing.saw}, said so at {missing.since}" if missing else ""


def _acknowledged(loss: Acknowledged | None) -> str:
    return f"by {loss.by} at {loss.at}: {loss.reason} | {loss.detail}" if loss else ""


def _dollars(amount: Decimal) -> str:
    """To the cent, however much it is: in the arithmetic of the fold, which holds any sum of events."""
    return f"{EXACT.quantize(amount, CENT):f}"
