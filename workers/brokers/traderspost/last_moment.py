"""The last moment before an order is written to the wire: whether it may be, and whether it was.

One attempt to send runs on a thread of its own, and whoever waits for it may stop waiting. Guarantees: the
request is written only after `may_send` said yes on this very attempt, and never once the wait is over; while
`written` is false after that, no byte of the order has left, nor will.
"""

import threading
from typing import Any, Generic, TypeVar

from requests.adapters import HTTPAdapter

from portfold.workers.brokers.protocol import MaySend

Result = TypeVar("Result")


class MayNotSend(Exception):
    """The order may not be sent any more, and was not."""


class SendAttempt(Generic[Result]):
    """Shared by the thread that sends and the one that waits for it."""

    def __init__(self, may_send: MaySend) -> None:
        self._may_send = may_send
        self._changed = threading.Condition()
        self._waited_for = True
        self._answer: Result | None = None
        self.written = False

    def begin_to_write(self) -> None:
        """Asks whether the order may be sent, right before the first byte. Raises MayNotSend."""
        if not self._may_send():
            raise MayNotSend
        with self._changed:
            if not self._waited_for:
                raise MayNotSend
            self.written = True

    def answer(self, answer: Result) -> bool:
        """Hands the answer to the waiting thread. Returns false when none waits any more."""
        with self._changed:
            self._answer = answer
            self._changed.notify()
            return self._waited_for

    def wait(self, seconds: float) -> Result | None:
        """Returns the answer, or None; after that nothing is written any more that was not begun."""
        with self._changed:
            self._changed.wait_for(lambda: self._answer is not None, seconds)
            self._waited_for = False
            return self._answer


def adapter(attempt: SendAttempt[Any]) -> HTTPAdapter:
    """Lets requests connect, and then asks the attempt before anything is written, by whatever way."""
    return _Adapter(attempt)


class _Adapter(HTTPAdapter):
    """Whatever connects for it comes from one of two managers of pools: the usual, or that of a proxy."""

    def __init__(self, attempt: SendAttempt[Any]) -> None:
        self._attempt = attempt
        super().__init__()

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more)
        self._ask_before_writing(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **more: Any) -> Any:
        manager: Any = super().proxy_manager_for(*args, **more)
        self._ask_before_writing(manager)
        return manager

    def _ask_before_writing(self, manager: Any) -> None:
        manager.pool_classes_by_scheme = {
            scheme: type("AskingPool", (pool,), {"ConnectionCls": _asking(pool.ConnectionCls, self._attempt)})
            for scheme, pool in manager.pool_classes_by_scheme.items()
        }


def _asking(kind: Any, attempt: SendAttempt[Any]) -> Any:
    """Returns the kind of connection, with the question between connecting and writing."""

    class Asking(kind):  # type: ignore[misc]  # either of the library's two kinds
        def request(self, *args: Any, **more: Any) -> Any:
            if self.sock is None:
                self.connect()
            attempt.begin_to_write()
            return super().request(*args, **more)

    return Asking
