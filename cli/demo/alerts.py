"""The demo's alerts: the production notifier, that tells one Discord webhook what the demo's days are worth.

The webhook's address is in the environment of that process, and nowhere else.
"""

import time
from collections.abc import Callable, Sequence

from portfold.cli.demo.children import Children
from portfold.cli.exits import Failure
from portfold.events.wire.notifier_bus import NotifierBus

_NAME = "notifier"
_DESTINATION = "discord"
_VARIABLE = "PORTFOLD_DEMO_WEBHOOK"
_MERGE_SECONDS = 0.5
_STALE_SECONDS = 300
_START_SECONDS = 20.0
_FINISH_SECONDS = 30.0
_LOOK_SECONDS = 0.05


def notifier_section() -> dict[str, object]:
    """What runtime.json says of it. Alerts go together for a moment of real time only: days take a second."""
    destination = {"to": "discord", "url_env": _VARIABLE}
    return {
        "destinations": {_DESTINATION: destination},
        "merge_seconds": _MERGE_SECONDS,
        "stale_seconds": _STALE_SECONDS,
    }


class Alerts:
    """The notifier among the demo's processes; `check` raises when one of those has ended."""

    def __init__(self, children: Children, bus: NotifierBus, url: str, check: Callable[[], None]) -> None:
        self._children = children
        self._bus = bus
        self._url = url
        self._check = check

    def start(self, place: Sequence[str]) -> None:
        """Starts it; returns when it follows the log, so that nothing comes before it. Raises Failure."""
        words = ["notifier", "--clock", "driven", *place]
        self._children.start(_NAME, words, {_VARIABLE: self._url})
        if not self._wait(lambda: self._bus.told(_DESTINATION) is not None, _START_SECONDS):
            raise Failure(f"The notifier did not start in time; its log is {self._children.log_of(_NAME)}")

    def finish(self) -> str:
        """Waits until all is told, and ends it; says what became of it."""
        last = self._bus.last_event()

        def all_told() -> bool:
            told = self._bus.told(_DESTINATION)
            return told is not None and told.cursor >= last

        done = self._wait(all_told, _FINISH_SECONDS)
        self._children.stop([_NAME])
        if done:
            return "All alerts were told on Discord."
        return f"Some alerts could not be told on Discord; see {self._children.log_of(_NAME)}"

    def _wait(self, look: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not look():
            if time.monotonic() > deadline:
                return False
            self._check()
            time.sleep(_LOOK_SECONDS)
        return True
