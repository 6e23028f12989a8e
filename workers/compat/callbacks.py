"""Calls the callbacks of code written for one process, with as many arguments as they take.

The daily summary runs on a thread of its own: it must never hold up an order to flatten. Of many processes
one calls its own, for each would send the same figures, those of the whole portfolio.
"""

import inspect
import queue
import threading
from collections.abc import Callable

from portfold.events.codec import decode_decided
from portfold.events.decisions import TradingDayStarted
from portfold.events.wire.bus import Entry
from portfold.log import Log

Callback = Callable[..., object]
_DAYS_WAITING = 16
_CLOSE_SECONDS = 2.0


class Callbacks:
    """`daily_summary` gives the callback for the day's end, if there is one; `is_chosen` says whether
    this process is the one to notify people of a subject.
    """

    def __init__(
        self, daily_summary: Callable[[], Callback | None], *, is_chosen: Callable[[str], bool], log: Log
    ) -> None:
        self._daily_summary = daily_summary
        self._is_chosen = is_chosen
        self._log = log
        self._days: queue.Queue[TradingDayStarted | None] = queue.Queue(_DAYS_WAITING)
        self._now = threading.local()
        self._thread = threading.Thread(target=self._summarize, name="daily summary", daemon=True)
        self._thread.start()

    def look(self, decision: Entry) -> None:
        """Notes when a decision ends a trading day. Raises ValueError for one that cannot be read."""
        if decision.fields[1:2] != [TradingDayStarted.__name__]:
            return
        started, _ = decode_decided(decision.fields)
        if isinstance(started, TradingDayStarted) and started.previous_day:
            try:
                self._days.put_nowait(started)
            except queue.Full:
                self._log.error("A daily summary is lost: those before it take too long", day=started.day)

    def old_day(self) -> dict[str, object]:
        """Returns the status as the day ended, within the daily summary's callback; otherwise nothing."""
        return getattr(self._now, "old_day", {})

    def close(self) -> None:
        """Waits a moment for a summary that is under way."""
        try:
            self._days.put(None, timeout=_CLOSE_SECONDS)
        except queue.Full:
            return
        if threading.current_thread() is not self._thread:
            self._thread.join(_CLOSE_SECONDS)

    def _summarize(self) -> None:
        while (started := self._days.get()) is not None:
            callback = self._daily_summary()
            if callback is None or not self._is_chosen(f"the end of {started.previous_day}"):
                continue
            self._now.old_day = {
                "daily_pnl": float(started.daily_pnl),
                "current_day": started.previous_day,
                "stopped_out": started.stopped_out,
            }
            try:
                call(callback, summary_of(started))
            except Exception as error:  # noqa: BLE001 - the author's code: said, and the next day is another
                self._log.error("The daily summary's callback failed", why=repr(error))
            finally:
                self._now.old_day = {}


def summary_of(started: TradingDayStarted) -> dict[str, object]:
    """Returns what the day that has ended came to, in dollars and counts."""
    return {
        "trading_day": started.previous_day,
        "daily_pnl": float(started.daily_pnl),
        "entries_requested": started.entries_requested,
        "entries_allowed": started.entries_allowed,
        "entries_blocked": started.entries_blocked,
        "exits": started.exits,
        "stop_loss_triggers": started.stops,
        "stopped_out": started.stopped_out,
        "halted": started.halted,
    }


def call(callback: Callback, *arguments: object) -> object:
    """Calls with all arguments, or with the first few where it takes no more."""
    try:
        signature = inspect.signature(callback)
    except (TypeError, ValueError):  # some builtins have no signature
        return callback(*arguments)
    for count in range(len(arguments), -1, -1):
        try:
            signature.bind(*arguments[:count])
        except TypeError:
            continue
        return callback(*arguments[:count])
    return callback(*arguments)
