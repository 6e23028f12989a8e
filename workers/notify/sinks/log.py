"""Alerts in the notifier's own log: what is always there, and where a person greps."""

from portfold.log import Log
from portfold.workers.notify.alert import Message

_LEVELS = {"info": 20, "warning": 30, "critical": 50}


class LogSink:
    """Writes a line for each message with one alert, and for others those that they have."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def fits(self, text: str) -> bool:  # noqa: ARG002 - a line may be as long as it has to be
        return True

    def send(self, message: Message) -> float:
        lines = [" | ".join(message.lines)] if message.count == 1 else message.lines
        for line in lines:
            self._log.log(_LEVELS[message.level], line, alert=" ".join(message.kinds))
        return 0.0
