"""Discord, by `discord-webhook`: its payload and its post, and none of what it does with the answer.

The library waits for ever, follows its own 429 loop without an end, and raises on an answer that is no JSON
(204, an error page). So only its post is used, with limits of ours; what came back is read here. Nothing from
the log can mention anybody or change how a message looks.
"""

import json
import re
import time
from collections.abc import Callable

import requests
from discord_webhook import DiscordWebhook  # type: ignore[import-untyped]  # it has no types

from portfold.workers.notify.alert import Message
from portfold.workers.notify.sinks.http import (
    CONNECT_SECONDS,
    READ_SECONDS,
    Address,
    Reply,
    replied,
    rest_asked,
    shut_libraries,
)
from portfold.workers.notify.sinks.protocol import NotSent

LONGEST_TEXT = 2000
"""In UTF-16 units, so that it is within the limit however Discord counts."""

_NO_PREVIEWS = 1 << 2
_NOBODY = {"parse": list[str]()}
_TOO_MANY = 429
_CUT = "…"

# An underscore between letters or digits is none of Discord's signs, and codes such as max_positions have
# them; a single bar is not either. A mention begins with an @ and what is behind it.
_SIGNS = re.compile(
    r"[\\*~`<>\[\]#]"
    r"|_(?![A-Za-z0-9])|(?<![A-Za-z0-9])_"
    r"|\|(?=\|)|(?<=\|)\|"
    r"|(?m:^)[-+](?=\s)"
)
_MENTION = re.compile(r"@(?=\S)")
_NOT_A_MENTION = "@\u200b"


class GlobalRest:
    """When Discord has asked for rest everywhere: shared by all its webhooks in this process."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._until = 0.0

    def begin(self, seconds: float) -> None:
        """Begins a rest in which nothing is sent."""
        self._until = max(self._until, self._monotonic() + seconds)

    def left(self) -> float:
        """Returns how many seconds of it are left."""
        return max(0.0, self._until - self._monotonic())


class DiscordSink:
    """Sends messages to one webhook."""

    def __init__(self, address: Address, rest: GlobalRest) -> None:
        self._address = address
        self._rest = rest
        shut_libraries()

    def fits(self, text: str) -> bool:
        return _units(escaped(text)) <= LONGEST_TEXT

    def send(self, message: Message) -> float:
        if left := self._rest.left():
            raise NotSent("Discord asked for rest on all webhooks", left)
        webhook = _Webhook(
            self._address.reveal(),
            content=cut(escaped(message.text)),
            allowed_mentions=_NOBODY,
            flags=_NO_PREVIEWS,
            rate_limit_retry=False,
        )
        reply = replied(webhook.api_post_request)
        if reply.is_done:
            return _rest_after(reply)
        if reply.status == _TOO_MANY:
            raise self._limited(reply)
        why = f"Discord answered {reply.status}{_MEANS.get(reply.status, '')}"
        raise NotSent(why, for_good=reply.refuses_message)

    def _limited(self, reply: Reply) -> NotSent:
        fields = _read_json(reply.body)
        seconds = _asked_rest(reply, fields)
        everywhere = fields.get("global") is True or reply.headers.get("x-ratelimit-global") == "true"
        if everywhere and seconds:
            self._rest.begin(seconds)
        where = "on all webhooks" if everywhere else "on this webhook"
        return NotSent(f"Discord limits the rate {where} (429)", seconds)


class _Webhook(DiscordWebhook):  # type: ignore[misc]  # it has no types
    """The library's message, posted within bounds."""

    def api_post_request(self) -> requests.Response:
        return requests.post(
            self.url,
            json=self.json,
            params=self._query_params,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            stream=True,
            allow_redirects=False,
        )


_MEANS = {
    400: ": it refuses the message",
    401: ": the address is not valid",
    403: ": the address is not valid",
    404: ": there is no such webhook; was it deleted?",
}


def escaped(text: str) -> str:
    """Returns the text such that Discord shows it as it is, and nobody is called by it."""
    return _MENTION.sub(_NOT_A_MENTION, _SIGNS.sub(lambda sign: f"\\{sign[0]}", text))


def cut(text: str) -> str:
    """Returns the text, or as much of its beginning as may be sent, never ending within an escape."""
    if _units(text) <= LONGEST_TEXT:
        return text
    room = LONGEST_TEXT - _units(_CUT)
    beginning = text.encode("utf-16-le")[: 2 * room].decode("utf-16-le", "ignore")
    backslashes = len(beginning) - len(beginning.rstrip("\\"))
    return f"{beginning[:-1] if backslashes % 2 else beginning}{_CUT}"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _rest_after(reply: Reply) -> float:
    """Returns the seconds until another message is allowed, where this was the last for now; else 0."""
    if reply.headers.get("x-ratelimit-remaining") != "0":
        return 0.0
    return rest_asked(reply.headers.get("x-ratelimit-reset-after")) or 0.0


def _asked_rest(reply: Reply, fields: dict[str, object]) -> float | None:
    """Returns for how many seconds to rest, where it says so."""
    for value in (
        reply.headers.get("x-ratelimit-reset-after"),
        fields.get("retry_after"),
        reply.headers.get("retry-after"),
    ):
        seconds = rest_asked(value)
        if seconds is not None:
            return seconds
    return None


def _read_json(body: bytes) -> dict[str, object]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):  # an error page
        return {}
    return fields if isinstance(fields, dict) else {}
