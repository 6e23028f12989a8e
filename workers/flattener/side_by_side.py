"""Does things side by side: one that hangs or fails delays no other.

Guarantees: each is done on a thread of its own, the same one never twice at once, and whoever asked for it
waits a bounded time. What takes longer goes on by itself, and is not begun again until it has ended.
"""

import threading
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from portfold.errors import PortfoldError

_AT_ONCE = 64
Named = TypeVar("Named", bound=Hashable)


class NotDone(PortfoldError):
    """It is still being done, or could not be begun yet; a sentence that says which."""


class SideBySide:
    """Waits at most `seconds` for what is begun together."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, threading.Thread] = {}

    def is_under_way(self, name: Hashable) -> bool:
        """Returns whether that is still being done."""
        with self._lock:
            return name in self._under_way

    @property
    def is_busy(self) -> bool:
        """Returns whether anything is still being done."""
        with self._lock:
            return bool(self._under_way)

    def do(self, acts: Mapping[Named, Callable[[], None]]) -> list[Exception]:
        """Does all of it, by name; what failed with what, and NotDone for what has not ended in time."""
        failed: list[Exception] = []
        begun = {name: self._begin(name, act, failed) for name, act in acts.items()}
        deadline = time.monotonic() + self._seconds
        for name, thread in begun.items():
            if thread is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
            if thread is None or thread.is_alive():
                failed.append(NotDone(f"{name}: not done within {self._seconds:g} s, or begun before"))
        return list(failed)  # what ends later must not be added to what the caller holds

    def _begin(
        self, name: Hashable, act: Callable[[], None], failed: list[Exception]
    ) -> threading.Thread | None:
        """Returns the thread; None where it is under way already, or too much else is."""

        def work() -> None:
            try:
                act()
            except Exception as error:  # noqa: BLE001 - handed to whoever waits for it
                failed.append(error)
            finally:
                with self._lock:
                    del self._under_way[name]

        with self._lock:
            if name in self._under_way or len(self._under_way) >= _AT_ONCE:
                return None
            thread = threading.Thread(target=work, name=f"{name}", daemon=True)
            self._under_way[name] = thread
            try:
                thread.start()
            except RuntimeError:  # the machine has no room for another thread now
                del self._under_way[name]
                return None
        return thread
