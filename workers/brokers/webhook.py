"""Posts an order to a webhook, at most once as far as anybody can tell.

What may be tried again is only what certainly did nothing: a connection that was refused, and a server that
says itself that it failed (5xx). A timeout, a broken connection or a gateway's timeout (504, 524) says
nothing of what became of the order, so it is never tried again; nor is what was refused for good (3xx, 4xx).
Every attempt has its bound, whatever the other side does, name servers included.

The address holds a password: no text that leaves this module shows it, nor an exception that could.
"""

import logging
import ssl
import threading
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec
import requests
import stamina
from urllib3.exceptions import NewConnectionError

from coordinator.log import Log

_JSON = msgspec.json.Encoder(decimal_format="number")
_MOST_BYTES = 65_536
_ATTEMPTS = 4
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.0
_GATEWAY_TIMEOUTS = (504, 524)
_SHOWN = 200

Outcome = Literal["accepted", "refused", "given_up", "unknown"]


class Answer(NamedTuple):
    """What became of an order, and what was `said`, in words fit for a log.

    `accepted`: it was taken. `refused`: it was not, for good. `given_up`: nothing was taken, however often it
    was tried. `unknown`: nobody can tell. `reference` is the other side's name for it.
    """

    outcome: Outcome
    said: str
    reference: str = ""


class _TryAgain(Exception):
    """This attempt certainly did nothing."""


class Webhook:
    """Posts to `url`; an attempt takes at most `timeout_seconds`, all that are made in vain some 5 s more."""

    def __init__(self, url: str, *, timeout_seconds: float, log: Log) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._log = log
        stamina.instrumentation.set_on_retry_hooks(())  # retries are told here, in our own log
        logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)  # it would write down the address

    def post(self, payload: Mapping[str, object]) -> Answer:
        """Posts the JSON of `payload` and says what became of it; raises nothing for what the others do."""
        body = _JSON.encode(payload)
        try:
            for attempt in stamina.retry_context(
                on=_TryAgain,
                attempts=_ATTEMPTS,
                timeout=2 * self._timeout_seconds,
                wait_initial=_FIRST_PAUSE_SECONDS,
                wait_max=_LONGEST_PAUSE_SECONDS,
                wait_jitter=_FIRST_PAUSE_SECONDS,
            ):
                with attempt:
                    answer = self._attempt(body)
                    if answer.outcome != "given_up":
                        return answer
                    self._log.warning("An order was not taken", why=answer.said, attempt=attempt.num)
                    raise _TryAgain(answer.said)
        except _TryAgain as failed:
            return Answer("given_up", str(failed))
        return Answer("given_up", "Nothing was tried")  # stamina tries at least once

    def _attempt(self, body: bytes) -> Answer:
        """One attempt, on a thread of its own: only so is it bounded as a whole."""
        answers: list[Answer] = []
        thread = threading.Thread(
            target=lambda: answers.append(self._post(body)), name="webhook", daemon=True
        )
        thread.start()
        thread.join(self._timeout_seconds)
        return answers[0] if answers else self._no_answer()

    def _no_answer(self) -> Answer:
        return Answer("unknown", f"No answer within {self._timeout_seconds:g} s")

    def _post(self, body: bytes) -> Answer:
        try:
            with requests.post(
                self._url,
                data=body,
                headers={"Content-Type": "application/json", "Connection": "close"},
                timeout=self._timeout_seconds,
                allow_redirects=False,
                stream=True,
            ) as response:
                content = response.raw.read(_MOST_BYTES, decode_content=True)
                return read_answer(response.status_code, content)
        except requests.Timeout:
            return self._no_answer()
        except requests.ConnectionError as error:
            if _never_connected(error):
                return Answer("given_up", "No connection came about")
            return Answer("unknown", "The connection broke before there was an answer")
        except Exception as error:  # noqa: BLE001 - whatever it is, the order may have arrived
            return Answer("unknown", f"No answer could be read: {type(error).__name__}")


def read_answer(status: int, content: bytes) -> Answer:
    """What an answer with this HTTP status and content says of the order."""
    told = _message(content)
    said = f"HTTP {status}" + (f": {told[:_SHOWN]}" if told else "")
    if status in _GATEWAY_TIMEOUTS:
        return Answer("unknown", said)
    if status >= 500:
        return Answer("given_up", said)
    if not 200 <= status < 300:
        return Answer("refused", said)
    tree = _tree(content)
    if tree is None:  # somebody else answered in its place
        return Answer("unknown", f"{said}, but no JSON object")
    if tree.get("success") is False:
        return Answer("refused", said)
    return Answer("accepted", said, str(tree.get("id", ""))[:64])


def _never_connected(error: requests.ConnectionError) -> bool:
    """Whether not even a connection came about, so that nothing can have been sent."""
    cause: Any = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    first = reason.args[0] if isinstance(reason, Exception) and reason.args else None
    return isinstance(reason, NewConnectionError) or isinstance(first, ssl.SSLCertVerificationError)


def _message(content: bytes) -> str:
    """What the answer says in words, on one line; nothing where it is no JSON of the expected kind."""
    tree = _tree(content) or {}
    words = [str(tree[name]) for name in ("messageCode", "message") if tree.get(name)]
    return " ".join("".join(c if c.isprintable() else " " for c in ": ".join(words)).split())


def _tree(content: bytes) -> dict[str, object] | None:
    try:
        tree = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return None
    return tree if isinstance(tree, dict) else None
