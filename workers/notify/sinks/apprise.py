"""Phones, chats and mail by Apprise: one line of an address each, such as ntfy, Telegram, Slack or Pushover.

Apprise says of a delivery only whether it worked; why not stands in its log, beside the address. So that log
goes nowhere, and of it nothing but the status is read, which tells a refusal of the message from the rest.
Attempts that hang are bounded where every sink's are, and are repeated there: Apprise repeats nothing itself.
"""

import logging
import re
import threading
from typing import TYPE_CHECKING, Any

from portfold.errors import PortfoldError
from portfold.installing import install_command
from portfold.workers.notify.alert import Message
from portfold.workers.notify.sinks.http import (
    CONNECT_SECONDS,
    READ_SECONDS,
    Address,
    Reply,
    shut_libraries,
)
from portfold.workers.notify.sinks.protocol import NotSent

if TYPE_CHECKING:
    from apprise import NotifyBase

_LOGGER = "apprise"
_REST_SECONDS = 1.0
_STATUS = re.compile(r"error=(\d{3})\d{0,2}\b")
"""How its plugins end the line about an answer that refuses; some services add two digits of their own."""


class NoAddress(PortfoldError):
    """Apprise is not installed, or knows no service of such an address; the address is not shown."""


class AppriseSink:
    """Sends messages by one of Apprise's services."""

    def __init__(self, address: Address) -> None:
        try:
            import apprise  # noqa: PLC0415 - an extra
        except ImportError:
            needed = f"Apprise is needed, which is not installed: {install_command('phone')}"
            raise NoAddress(needed) from None
        shut_libraries()
        library = logging.getLogger(_LOGGER)
        library.addHandler(logging.NullHandler())
        library.propagate = False
        library.setLevel(logging.WARNING)
        # All in the thread of the attempt: it is bounded itself, and Apprise would not end with the process.
        asset = apprise.AppriseAsset(
            async_mode=False, service_timeout=0, app_id="portfold", app_desc="alerts"
        )
        self._apprise = apprise.Apprise(asset=asset)
        found = apprise.Apprise.instantiate(address.reveal(), asset=asset)
        if found is None or not self._apprise.add(found):
            raise NoAddress("expected an address that Apprise knows, such as ntfys://… or tgram://…")
        self._service = _bounded(found)
        self._types: dict[str, Any] = {
            "info": apprise.NotifyType.INFO,
            "warning": apprise.NotifyType.WARNING,
            "critical": apprise.NotifyType.FAILURE,
        }
        self._text = apprise.NotifyFormat.TEXT

    def fits(self, text: str) -> bool:
        return len(text) <= int(self._service.body_maxlen)

    def send(self, message: Message) -> float:
        text = message.text[: int(self._service.body_maxlen)]
        with _Heard() as heard:
            taken = self._apprise.notify(
                body=text, notify_type=self._types[message.level], body_format=self._text
            )
        if not taken:
            raise self._not_sent(heard.status)
        return 0.0

    def _not_sent(self, status: int | None) -> NotSent:
        name = str(self._service.service_name)
        if status is None:
            return NotSent(f"{name} was not reached, or its answer did not come, by Apprise")
        return NotSent(f"{name} answered {status}", for_good=Reply(status, {}, b"").refuses_message)


class _Heard(logging.Handler):
    """The status that Apprise's log names in this thread, while it is within a `with` block."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.status: int | None = None
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread and (found := _STATUS.search(record.getMessage())):
            self.status = int(found[1])

    def __enter__(self) -> "_Heard":
        logging.getLogger(_LOGGER).addHandler(self)
        return self

    def __exit__(self, *exception: object) -> None:
        logging.getLogger(_LOGGER).removeHandler(self)


def _bounded(service: "NotifyBase") -> "NotifyBase":
    """Returns the service with our bounds, whatever its address asks for: it waits and repeats no longer.

    Between two messages Apprise rests up to 5.5 s, unasked; a second is enough here, as a service that wants
    more refuses, and then the pauses grow.
    """
    service.socket_connect_timeout = CONNECT_SECONDS
    service.socket_read_timeout = READ_SECONDS
    service.redirects = False
    service.retry = 0
    service.request_rate_per_sec = _REST_SECONDS
    return service
