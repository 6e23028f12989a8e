"""One request to Tradovate and its answer, bounded as a whole, whatever the other side does.

Guarantees: no request outlasts its seconds, not even where the answer comes in drops; no answer longer than
`_MOST_BYTES` is read; no redirect is followed; a `.netrc` of the user's adds no other login; the token goes
into the header and nowhere else. No error shows more than the path and the kind of the failure.
"""

import logging
import threading
import time
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from typing import NamedTuple

import msgspec
import requests
from requests.auth import AuthBase

from portfold.workers.account.source import AccountUnreadable

_MOST_BYTES = 16 * 1024 * 1024
_READ_AT_ONCE = 65_536


class NoAnswer(AccountUnreadable):
    """There was none; a sentence that says how."""


class HttpAnswer(NamedTuple):
    """What came back: the status, the content, and the server's clock where it says what time it is."""

    status: int
    content: bytes
    date: str

    def __repr__(self) -> str:
        return f"HttpAnswer({self.status}, not shown)"


class _Bearer(AuthBase):
    """The token, where there is one; and nothing of what `requests` would look up by itself."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Http:
    """Requests to `url`, one at a time, each over within `timeout_seconds`."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout_seconds
        self._session = requests.Session()
        logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)

    def ask(self, path: str, token: str, body: Mapping[str, object] | None = None) -> HttpAnswer:
        """Returns the answer to a GET, or to a POST of `body` as JSON. Raises NoAnswer."""
        came: SimpleQueue[HttpAnswer | Exception] = SimpleQueue()
        session, deadline = self._session, time.monotonic() + self._timeout

        def go() -> None:
            try:
                came.put(self._ask(session, path, token, body, deadline))
            except Exception as error:  # noqa: BLE001 - it is raised where the answer is waited for
                came.put(error)

        threading.Thread(target=go, name="tradovate", daemon=True).start()
        try:
            answer = came.get(timeout=self._timeout)
        except Empty:
            answer = requests.Timeout()
        else:
            if isinstance(answer, HttpAnswer):
                return answer
            session.close()
        self._session = requests.Session()  # the old one may be in use by a thread that hangs
        raise NoAnswer(f"Tradovate gave no answer to {path}: {self._why(answer)}")

    def close(self) -> None:
        """Closes the connections."""
        self._session.close()

    def _ask(
        self,
        session: requests.Session,
        path: str,
        token: str,
        body: Mapping[str, object] | None,
        deadline: float,
    ) -> HttpAnswer:
        with session.request(
            "GET" if body is None else "POST",
            f"{self._url}/{path}",
            data=None if body is None else msgspec.json.encode(body),
            headers={"Accept": "application/json", "Content-Type": "application/json"},
            auth=_Bearer(token),
            timeout=self._timeout,
            allow_redirects=False,
            stream=True,
        ) as response:
            content = bytearray()
            for piece in response.iter_content(_READ_AT_ONCE):
                content += piece
                if len(content) > _MOST_BYTES:
                    raise NoAnswer(f"more than {_MOST_BYTES} bytes")
                if time.monotonic() > deadline:
                    raise requests.Timeout
            return HttpAnswer(response.status_code, bytes(content), response.headers.get("Date", ""))

    def _why(self, error: Exception) -> str:
        match error:
            case NoAnswer():
                return str(error)
            case requests.exceptions.SSLError():
                return "its certificate is not accepted"
            case requests.Timeout():
                return f"none within {self._timeout:g} s"
            case requests.ConnectionError():
                return "no connection, or it broke"
            case _:
                return type(error).__name__
