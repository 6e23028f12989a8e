"""The status in words: what a trader runs the day by, flat in one hash, and the same as Python values.

Only this module words the status, from the view, and nothing reads the words back. `HGETALL` of the status
key shows them, and beside them the view itself, which programs read.
"""

from collections.abc import Callable, Iterable
from typing import Any

from portfold.coordinator.fold.limits import Limits, Loosening, limits_shown
from portfold.coordinator.fold.scopes import ClosedScope
from portfold.coordinator.fold.state import Acknowledged, Halt, Stats, TailMissing
from portfold.coordinator.fold.windows.locked_out import Lockout
from portfold.coordinator.views.account_view import account_in_words, difference_in_words
from portfold.coordinator.views.calendar_view import calendar_in_words
from portfold.coordinator.views.portfolio_view import (
    Announced,
    PortfolioView,
    ShownDay,
    ShownFlatten,
    ShownPosition,
    ShownStop,
    ShownUnsettled,
    Slot,
)
from portfold.coordinator.views.rule_view import locks_in_words, rules_in_words
from portfold.coordinator.views.view_field import view_text
from portfold.events.legs import legs_text
from portfold.events.wire.bus import VIEW
from portfold.exchange_time import utc_clock

_COUNTS = (
    "total_entries_requested",
    "total_entries_allowed",
    "total_entries_blocked",
    "total_exits",
    "stop_loss_triggers",
)
_FLAG = {True: "true", False: "false"}
_WHOLE_NUMBERS = frozenset({"epoch", "fold_version", "events_rejected", "keys"})
_TIMES_OF_MANY = frozenset({"opened_ms", "reserved_until_ms"})


def status_fields(view: PortfolioView) -> dict[str, str]:
    """Returns the status hash: the words, and the view."""
    return status_texts(view) | {VIEW: view_text(view)}


def status_texts(view: PortfolioView) -> dict[str, str]:
    """Returns the fields for people. Lists are separated by `, `, amounts are dollars.

    `opened_ms` goes with `positions`, `reserved_until_ms` with `reserved`: times in the clock of the log.
    """
    texts: dict[str, str] = {}
    for part in view.__struct_fields__:
        texts |= part_in_words(part, getattr(view, part))
    return texts


def part_in_words(part: str, value: object) -> dict[str, str]:
    """Returns the fields for people that word this part of a view: they say nothing of another part."""
    return _IN_WORDS[part](value)


def status_lists(view: PortfolioView) -> dict[str, list[str]]:
    """Returns the items of each list among the fields."""
    return {
        "reserved": slots_in_words(view.reserved),
        "kept": slots_in_words(slot for slot in view.reserved if slot.kept),
        "taken_back": slots_in_words(view.taken_back),
        "positions": [_position(position) for position in view.positions],
        "unsettled": unsettled_in_words(view.unsettled),
        "account_differs": [difference_in_words(one) for one in view.account.differing]
        if view.account
        else [],
        "scopes_closed": scopes_in_words(view.scopes),
        "workers": [_presence(seen) for seen in view.workers],
        "worker_symbols": [_symbols(seen) for seen in view.workers],
    }


def status_values(view: PortfolioView) -> dict[str, object]:
    """Returns the fields as values: counts, times, lists, dollars as float, flags; the rest is text."""
    limits, day, stats = view.limits, view.day, view.stats
    texts = status_texts(view)
    return {name: _value(name, text) for name, text in texts.items()} | {
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
        "locked_out": view.lockout is not None,
        "log_incomplete": view.tail_missing is not None,
        "open_positions": _open_symbols(view.positions),
        "stats": _counts(stats) | {"block_rate": block_rate(stats)},
    }


def _value(name: str, text: str) -> object:
    """Returns a field of numbers or flags as such: None for a number that there is not."""
    if name in _TIMES_OF_MANY:
        return [int(one) for one in text.split(", ") if one]
    if name in _WHOLE_NUMBERS or name.endswith("_ms"):
        return int(text) if text else None
    return text == _FLAG[True] if text in _FLAG.values() else text


def limits_in_words(view: PortfolioView) -> list[str]:
    """Words each limit in force, as `max_positions=4`."""
    return [f"{name}={text}" for name, text in limits_shown(view.limits).items()] if view.limits else []


def loosening_in_words(waits: Loosening | None) -> str:
    """Says what of the limits counts from a later trading day on, if anything does."""
    return f"from {waits.day}, ordered by {waits.limits.by}: {waits.changes}" if waits else ""


def slots_in_words(slots: Iterable[Slot]) -> list[str]:
    """Words each slot."""
    return [f"{slot.symbol} {slot.side} {slot.size} by {slot.worker}" for slot in slots]


def unsettled_in_words(unsettled: Iterable[ShownUnsettled]) -> list[str]:
    """Words each unsettled symbol with its worker and kind."""
    return [f"{found.symbol} of {found.worker}: {found.kind}" for found in unsettled]


def tail_missing_text(missing: TailMissing | None) -> str:
    """Says who saw an event that the log has lost; empty where it lost nothing."""
    return f"{missing.worker} saw {missing.saw}, said so at {missing.since}" if missing else ""


def acknowledged_text(loss: Acknowledged | None) -> str:
    """Says who answered for the loss acknowledged last, if one was."""
    return f"by {loss.by} at {loss.at}: {loss.reason} | {loss.detail}" if loss else ""


def scopes_in_words(scopes: Iterable[ClosedScope]) -> list[str]:
    """Words each scope that is closed, by whom and why."""
    return [f"{one.scope} by {one.by}: {one.reason}" for one in scopes]


def _position(one: ShownPosition) -> str:
    return f"{one.symbol} {one.side} {one.size} @ {one.price:f} by {one.worker} ({one.unrealized:+.2f})"


def _presence(seen: Announced) -> str:
    return f"{seen.worker} {seen.presence}"


def _symbols(seen: Announced) -> str:
    return " ".join((seen.worker, *seen.symbols))


def _open_symbols(positions: Iterable[ShownPosition]) -> list[str]:
    return sorted({position.symbol for position in positions})


def _stats_text(stats: Stats) -> str:
    counts = " ".join(f"{name}={count}" for name, count in _counts(stats).items())
    return f"{counts} block_rate={block_rate(stats):.3f}"


def _counts(stats: Stats) -> dict[str, int | float]:
    return {name: getattr(stats, name) for name in _COUNTS}


def block_rate(stats: Stats) -> float:
    """Returns the share of requests that were denied, to a tenth of a percent."""
    asked = stats.total_entries_requested
    return round(stats.total_entries_blocked / asked, 3) if asked else 0.0


# --- the words of each part -------------------------------------------------------------------------------


def _day(day: ShownDay) -> dict[str, str]:
    return {
        "daily_pnl": f"{day.pnl:f}",
        "current_day": day.date,
        "realized_pnl": f"{day.realized:f}",
        "stop_from": f"{day.stop_from:f}",
        "day_ends_ms": str(day.ends_ms),
    }


def _limits(limits: Limits | None) -> dict[str, str]:
    return {
        "max_positions": str(limits.max_positions) if limits else "",
        "daily_stop_loss": f"{limits.daily_stop_loss:f}" if limits else "",
        "limits": limits.text if limits else "",
        "limits_by": limits.by if limits else "",
    }


def _positions(positions: tuple[ShownPosition, ...]) -> dict[str, str]:
    return {
        "open_positions_count": str(len(positions)),
        "open_positions": ", ".join(_open_symbols(positions)),
        "positions": ", ".join(map(_position, positions)),
        "opened_ms": ", ".join(str(position.opened_ms) for position in positions),
        "unmarked": ", ".join(position.symbol for position in positions if position.unmarked),
        "stale_marks": ", ".join(position.symbol for position in positions if position.mark_stale),
    }


def _reserved(slots: tuple[Slot, ...]) -> dict[str, str]:
    return {
        "reserved": ", ".join(slots_in_words(slots)),
        "kept": ", ".join(slots_in_words(slot for slot in slots if slot.kept)),
        "reserved_until_ms": ", ".join(str(slot.expires_ms) for slot in slots),
    }


def _workers(workers: tuple[Announced, ...]) -> dict[str, str]:
    return {
        "workers": ", ".join(map(_presence, workers)),
        "worker_symbols": ", ".join(map(_symbols, workers)),
    }


def _stop(stop: ShownStop | None) -> dict[str, str]:
    return {"stopped_out": _FLAG[stop is not None], "stopped_at": stop.since if stop else ""}


def _halt(halt: Halt | None) -> dict[str, str]:
    return {
        "halted": _FLAG[halt is not None],
        "halted_by": halt.by if halt else "",
        "halt_reason": halt.reason if halt else "",
    }


def _lockout(lockout: Lockout | None) -> dict[str, str]:
    return {
        "locked_out": _FLAG[lockout is not None],
        "locked_out_until": utc_clock(lockout.until_ms) if lockout else "",
        "locked_out_by": lockout.by if lockout else "",
        "lockout_reason": lockout.reason if lockout else "",
    }


def _flatten(flatten: ShownFlatten | None) -> dict[str, str]:
    return {
        "flattening": legs_text(flatten.left) if flatten else "",
        "flatten_cause": flatten.cause if flatten else "",
        "flatten_started_ms": str(flatten.started_ms) if flatten else "",
        "flatten_deadline_ms": str(flatten.deadline_ms) if flatten else "",
    }


def _tail_missing(missing: TailMissing | None) -> dict[str, str]:
    return {"log_incomplete": _FLAG[missing is not None], "tail_missing": tail_missing_text(missing)}


def _stats(stats: Stats) -> dict[str, str]:
    return {
        "stats": _stats_text(stats),
        "most_positions": str(stats.most_positions),
        "limit_breaches": str(stats.limit_breaches),
        "events_rejected": str(stats.events_rejected),
    }


_IN_WORDS: dict[str, Callable[[Any], dict[str, str]]] = {
    "last_event": lambda event: {"last_event": event},
    "epoch": lambda epoch: {"epoch": str(epoch)},
    "fold_version": lambda version: {"fold_version": str(version)},
    "keys": lambda keys: {"keys": str(keys)},
    "leader": lambda leader: {"leader": leader} if leader else {},
    "durability": lambda durability: {"durability": durability} if durability else {},
    "clock": lambda clock: {"clock": clock} if clock else {},
    "day": _day,
    "limits": _limits,
    "positions": _positions,
    "reserved": _reserved,
    "taken_back": lambda slots: {"taken_back": ", ".join(slots_in_words(slots))},
    "slots_used": lambda used: {"slots_used": str(used)},
    "unsettled": lambda unsettled: {"unsettled": ", ".join(unsettled_in_words(unsettled))},
    "workers": _workers,
    "stop": _stop,
    "halt": _halt,
    "flatten": _flatten,
    "fills_closed_at_once": lambda closed: {"fills_closed_at_once": _FLAG[closed]},
    "tail_missing": _tail_missing,
    "acknowledged": lambda loss: {"loss_acknowledged": acknowledged_text(loss)},
    "stats": _stats,
    "account": account_in_words,
    "rules": rules_in_words,
    "locks": locks_in_words,
    "scopes": lambda scopes: {"scopes_closed": ", ".join(scopes_in_words(scopes))},
    "loosening": lambda waits: {"limits_waiting": loosening_in_words(waits)},
    "calendar": calendar_in_words,
    "lockout": _lockout,
}
"""Each part of the view by its name. A part is worded from nothing but itself: see `status_hash`."""
