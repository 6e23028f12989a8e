"""A post over HTTP that always ends: in a reply, or in a NotSent that shows nothing of the address.

The libraries' own errors and log lines name the whole address, and with it the secret. So no error of theirs
is passed on or kept as a cause, and their loggers are shut. No redirect is followed. Of a refusal no more is
read than a bounded part, for a bounded time, however slowly it comes.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import requests
import urllib3

from portfold.workers.notify.sinks.protocol import NotSent

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
LONGEST_REST_SECONDS = 3600.0
_BODY_BYTES = 16 * 1024
# Of the answers that blame the request, these blame something else than the message: the address and who may
# use it, which whoever runs the notifier can mend, and the moment.
_NOT_THE_MESSAGE = frozenset({401, 403, 404, 405, 407, 408, 410, 421, 423, 425, 426, 429, 451})
_LOUD = ("discord_webhook", "requests", "urllib3")


class Address:
    """A webhook's address. Whoever has it may write there, so it is shown to nobody by mistake."""

    __slots__ = ("_url",)

    def __init__(self, url: str) -> None:
        self._url = url

    def __repr__(self) -> str:
        return "Address(…)"

    def reveal(self) -> str:
        """Returns the address itself, to connect with."""
        return self._url


class Reply(NamedTuple):
    """What came back: the status, headers by their names in small letters, the first part of a refusal."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_done(self) -> bool:
        """Returns whether the other side has taken the message."""
        return 200 <= self.status < 300

    @property
    def refuses_message(self) -> bool:
        """Returns whether the same message would be refused again, but another one perhaps not."""
        return 400 <= self.status < 500 and self.status not in _NOT_THE_MESSAGE


def shut_libraries() -> None:
    """Keeps the libraries underneath from logging anything: some of their lines hold the address."""
    for name in _LOUD:
        library = logging.getLogger(name)
        library.addHandler(logging.NullHandler())
        library.propagate = False
        library.setLevel(logging.CRITICAL + 1)


def replied(post: Callable[[], requests.Response]) -> Reply:
    """Runs `post`, which streams its response, and reads the reply. Raises NotSent."""
    try:
        with post() as response:
            return Reply(
                response.status_code,
                {name.lower(): value for name, value in response.headers.items()},
                b"" if response.ok else _beginning(response),
            )
    except requests.exceptions.SSLError:
        why = "TLS could not be agreed on, or the certificate is not trusted"
    except requests.exceptions.ProxyError:
        why = "the proxy cannot be reached"
    except requests.exceptions.ConnectTimeout:
        why = f"no connection within {CONNECT_SECONDS:g} s"
    except requests.exceptions.ReadTimeout:
        why = f"no answer within {READ_SECONDS:g} s"
    except requests.exceptions.ConnectionError:
        why = "no connection, or it broke"
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        why = f"the request failed ({type(error).__name__})"
    raise NotSent(why)


def rest_asked(value: object) -> float | None:
    """Returns how many seconds of rest a header or a field asks for, at most an hour; None for what is no
    number.

    Seconds is what `Retry-After` and Discord's `retry_after` are, however many. A date, which a header may
    also be, is not obeyed.
    """
    try:
        seconds = float(value) if isinstance(value, str | int | float) else -1.0
    except (ValueError, OverflowError):
        return None
    if not 0 <= seconds < float("inf"):
        return None
    return min(seconds, LONGEST_REST_SECONDS)


def _beginning(response: requests.Response) -> bytes:
    """Returns the body as far as it comes, is of interest, and is not too slow: the status has said what
    counts.
    """
    body, deadline = bytearray(), time.monotonic() + READ_SECONDS
    try:
        for byte in response.iter_content(1):  # more at once would be waited for, however slowly they come
            body += byte
            if len(body) >= _BODY_BYTES or time.monotonic() > deadline:
                break
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError):
        return bytes(body)
    return bytes(body)
