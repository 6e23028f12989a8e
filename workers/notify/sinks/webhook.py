"""Any service that takes JSON: a post with the message's text, and what a program would want of it."""

import requests

from portfold.exchange_time import utc
from portfold.workers.notify.alert import Message
from portfold.workers.notify.sinks.http import (
    CONNECT_SECONDS,
    READ_SECONDS,
    Address,
    replied,
    rest_asked,
    shut_libraries,
)
from portfold.workers.notify.sinks.protocol import NotSent

LONGEST_TEXT = 16_000
"""Characters; whoever takes more is asked for less all the same."""


class WebhookSink:
    """Posts messages of `portfolio` to one address; every 2xx means that it was taken."""

    def __init__(self, address: Address, portfolio: str) -> None:
        self._address = address
        self._portfolio = portfolio
        shut_libraries()

    def fits(self, text: str) -> bool:
        return len(text) <= LONGEST_TEXT

    def send(self, message: Message) -> float:
        payload = {
            "portfolio": self._portfolio,
            "level": message.level,
            "kinds": list(message.kinds),
            "text": message.text[:LONGEST_TEXT],
            "alerts": message.count,
            "from": _iso(message.first_ms),
            "to": _iso(message.last_ms),
        }
        reply = replied(
            lambda: requests.post(
                self._address.reveal(),
                json=payload,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                stream=True,
                allow_redirects=False,
            )
        )
        if not reply.is_done:
            rest = rest_asked(reply.headers.get("retry-after"))
            why = f"the webhook answered {reply.status}"
            raise NotSent(why, rest, for_good=reply.refuses_message)
        return 0.0


def _iso(ms: int) -> str:
    """Returns the moment in UTC, as the log's clock had it."""
    return utc(ms).isoformat(timespec="milliseconds")
