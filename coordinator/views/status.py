"""The status in words: what a trader runs the day by, flat in one hash, and the same as Python values.

All of it is put into words here and nowhere else, from the view, and nothing reads the words back. `HGETALL`
of the status key shows them, and beside them the view itself, which programs read.
"""

from collections.abc import Iterable

from portfold.coordinator.fold.limits import limits_named
from portfold.coordinator.fold.state import Stats
from portfold.coordinator.views.portfolio_view import (
    PortfolioView,
    ShownPosition,
    ShownUnsettled,
    Slot,
)
from portfold.coordinator.views.view_field import view_text
from portfold.events.legs import legs_text
from portfold.events.wire.bus import VIEW

_COUNTS = (
    "total_entries_requested",
    "total_entries_allowed",
    "total_entries_blocked",
    "total_exits",
    "stop_loss_triggers",
)
_FLAG = {True: "true", False: "false"}


def status_fields(view: PortfolioView) -> dict[str, str]:
    """The status hash: the words, and the view."""
    return status_texts(view) | {VIEW: view_text(view)}


def status_texts(view: PortfolioView) -> dict[str, str]:
    """The fields for people. Lists are separated by `, `, amounts are dollars.

    `opened_ms` goes with `positions`, `reserved_until_ms` with `reserved`: times in the clock of the log.
    """
    limits, halt, flatten = view.limits, view.halt, view.flatten
    return {
        "max_positions": str(limits.max_positions) if limits else "",
        "open_positions_count": str(len(view.positions)),
        "open_positions": ", ".join(_open_symbols(view)),
        "daily_pnl": f"{view.day.pnl:f}",
        "stopped_out": _FLAG[view.stop is not None],
        "current_day": view.day.date,
        "stats": _stats_text(view.stats),
        "slots_used": str(view.slots_used),
        **{name: ", ".join(items) for name, items in status_lists(view).items()},
        "opened_ms": ", ".join(str(one.opened_ms) for one in view.positions),
        "reserved_until_ms": ", ".join(str(one.expires_ms) for one in view.reserved),
        "realized_pnl": f"{view.day.realized:f}",
        "daily_stop_loss": f"{limits.daily_stop_loss:f}" if limits else "",
        "stop_from": f"{view.day.stop_from:f}",
        "day_ends_ms": str(view.day.ends_ms),
        "halted": _FLAG[halt is not None],
        "halted_by": halt.by if halt else "",
        "halt_reason": halt.reason if halt else "",
        "log_incomplete": _FLAG[view.tail_missing is not None],
        "tail_missing": tail_missing_text(view),
        "loss_acknowledged": acknowledged_text(view),
        "stopped_at": view.stop.since if view.stop else "",
        "flattening": legs_text(flatten.left) if flatten else "",
        "fills_closed_at_once": _FLAG[view.fills_closed_at_once],
        "flatten_cause": flatten.cause if flatten else "",
        "flatten_started_ms": str(flatten.started_ms) if flatten else "",
        "flatten_deadline_ms": str(flatten.deadline_ms) if flatten else "",
        "unmarked": ", ".join(one.symbol for one in view.positions if one.unmarked),
        "stale_marks": ", ".join(one.symbol for one in view.positions if one.mark_stale),
        "limits": limits.text if limits else "",
        "limits_by": limits.by if limits else "",
        "most_positions": str(view.stats.most_positions),
        "limit_breaches": str(view.stats.limit_breaches),
        "events_rejected": str(view.stats.events_rejected),
        "epoch": str(view.epoch),
        "fold_version": str(view.fold_version),
        "last_event": view.last_event,
        **{name: text for name, text in _of_the_leader(view) if text},
    }


def status_lists(view: PortfolioView) -> dict[str, list[str]]:
    """The items of each list among the fields."""
    return {
        "reserved": slots_in_words(view.reserved),
        "kept": slots_in_words(one for one in view.reserved if one.kept),
        "taken_back": slots_in_words(view.taken_back),
        "positions": [_position(one) for one in view.positions],
        "unsettled": unsettled_in_words(view.unsettled),
        "workers": [f"{one.worker} {one.presence}" for one in view.workers],
        "worker_symbols": [" ".join((one.worker, *one.symbols)) for one in view.workers],
    }


def status_values(view: PortfolioView) -> dict[str, object]:
    """The fields as Python values: counts, lists, dollars as float, flags; the rest is text."""
    limits, day, stats = view.limits, view.day, view.stats
    return status_texts(view) | {
        "max_positions": limits.max_positions if limits else 0,
        "open_positions_count": len(view.positions),
        "slots_used": view.slots_used,
        "most_positions": stats.most_positions,
        "limit_breaches": stats.limit_breaches,
        "daily_pnl": float(day.pnl),
        "realized_pnl": float(day.realized),
        "daily_stop_loss": float(view.daily_limit),
        "stop_from": float(day.stop_from),
        "stopped_out": view.stop is not None,
        "halted": view.halt is not None,
        "log_incomplete": view.tail_missing is not None,
        "open_positions": _open_symbols(view),
        "stats": _counts(stats) | {"block_rate": block_rate(stats)},
    }


def limits_in_words(view: PortfolioView) -> list[str]:
    """Each limit in force, as `max_positions=4`."""
    return [f"{name}={text}" for name, text in limits_named(view.limits).items()] if view.limits else []


def slots_in_words(slots: Iterable[Slot]) -> list[str]:
    """Each slot."""
    return [f"{one.symbol} {one.side} {one.size} by {one.worker}" for one in slots]


def unsettled_in_words(unsettled: Iterable[ShownUnsettled]) -> list[str]:
    """Each symbol of a worker, and what it is about it."""
    return [f"{one.symbol} of {one.worker}: {one.kind}" for one in unsettled]


def tail_missing_text(view: PortfolioView) -> str:
    """Who saw what the log does not have any more; nothing where it lost nothing."""
    missing = view.tail_missing
    return f"{missing.worker} saw {missing.saw}, said so at {missing.since}" if missing else ""


def acknowledged_text(view: PortfolioView) -> str:
    """Who answered for the loss that was acknowledged last, if one was."""
    loss = view.acknowledged
    return f"by {loss.by} at {loss.at}: {loss.reason} | {loss.detail}" if loss else ""


def _position(one: ShownPosition) -> str:
    return f"{one.symbol} {one.side} {one.size} @ {one.price:f} by {one.worker} ({one.unrealized:+.2f})"


def _of_the_leader(view: PortfolioView) -> Iterable[tuple[str, str]]:
    return ("leader", view.leader), ("durability", view.durability), ("clock", view.clock)


def _open_symbols(view: PortfolioView) -> list[str]:
    return sorted({one.symbol for one in view.positions})


def _stats_text(stats: Stats) -> str:
    counts = " ".join(f"{name}={count}" for name, count in _counts(stats).items())
    return f"{counts} block_rate={block_rate(stats):.3f}"


def _counts(stats: Stats) -> dict[str, int | float]:
    return {name: getattr(stats, name) for name in _COUNTS}


def block_rate(stats: Stats) -> float:
    """The share of requests that were denied, as it is told: to a tenth of a percent."""
    asked = stats.total_entries_requested
    return round(stats.total_entries_blocked / asked, 3) if asked else 0.0
