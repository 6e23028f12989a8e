"""The demo's alerts: the production notifier, which sends the days' alerts to one Discord webhook.

Guarantees: the webhook's address is in the environment of that process, and nowhere else.
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
    """Returns the notifier's section of runtime.json. Alerts merge briefly: a day takes a second."""
    destination = {"to": "discord", "url_env": _VARIABLE}
    return {
        "destinations": {_DESTINATION: destination},
        "merge_seconds": _MERGE_SECONDS,
        "stale_seconds": _STALE_SECONDS,
    }


class Alerts:
    """Runs the notifier among the demo's processes; `check` raises when one of those has ended."""

    def __init__(self, children: Children, bus: NotifierBus, url: str, check: Callable[[], None]) -> None:
        self._children = children
        self._bus = bus
        self._url = url
        self._check = check

    def start(self, target_options: Sequence[str]) -> None:
        """Starts the notifier; returns when it follows the log, so that it misses nothing. Raises Failure."""
        words = ["notifier", "--clock", "driven", *target_options]
        self._children.start(_NAME, words, {_VARIABLE: self._url})
        if not self._wait(lambda: self._bus.delivered(_DESTINATION) is not None, _START_SECONDS):
            raise Failure(f"The notifier did not start in time; its log is {self._children.log_of(_NAME)}")

    def finish(self) -> str:
        """Waits until all alerts are sent, ends the notifier, and returns a sentence on the result."""
        last = self._bus.last_event()

        def all_sent() -> bool:
            reached = self._bus.delivered(_DESTINATION)
            return reached is not None and reached.cursor >= last

        done = self._wait(all_sent, _FINISH_SECONDS)
        self._children.stop([_NAME])
        if done:
            return "All alerts were sent to Discord."
        return f"Some alerts could not be sent to Discord; see {self._children.log_of(_NAME)}"

    def _wait(self, look: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not look():
            if time.monotonic() > deadline:
                return False
            self._check()
            time.sleep(_LOOK_SECONDS)
        return True
