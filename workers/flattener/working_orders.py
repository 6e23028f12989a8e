"""Orders that are at work while everything is closed: cancelled before, and again after it.

A resting entry would open anew what was just closed. Guarantees: nothing is in the way of a close, as what is
asked of the broker is waited for no longer than `_SECONDS`; what is still at work afterwards is a failure of
the whole, so that it is tried again; and once entries are allowed again nothing is cancelled any more, since
it may have been ordered after that.
"""

from collections.abc import Callable

from portfold.log import Log
from portfold.workers.brokers.protocol import Broker, BrokerError, can_cancel
from portfold.workers.flattener.side_by_side import SideBySide

_SECONDS = 2.0
_CANCELLING = "cancelling what is at work"


class WorkingOrders:
    """Those at `broker`, whoever gave them; a broker whose orders never wait has none."""

    def __init__(self, broker: Broker, log: Log) -> None:
        self._cancel = can_cancel(broker)
        self._log = log
        self._beside = SideBySide(_SECONDS)

    def ended_around(
        self, close: Callable[[], list[Exception]], are_others: Callable[[], bool]
    ) -> list[Exception]:
        """Cancels, closes, and cancels again; what failed. `are_others`: whether those at work may be later
        ones, that nobody wants to be cancelled.
        """
        if self._cancel is None or are_others():
            return close()
        first = self._beside.do({_CANCELLING: self._end_all})
        if first:
            self._log.error("What is at work is not cancelled yet; closing all the same", why=repr(first[0]))
        return [*close(), *self._beside.do({_CANCELLING: self._end_all})]

    def _end_all(self) -> None:
        left = self._cancel() if self._cancel is not None else []
        if left:
            raise BrokerError(f"Still at work at the broker: {', '.join(left)}")
