"""Posts an order to a webhook, at most once as far as anybody can know.

What is tried again is only what certainly did nothing: an attempt whose connection never came about, so that
no byte of the order was written, and, where the caller insists (an exit), a server that says "too many" (429)
and so has refused it. Once the first byte may have been written, everything but a plain yes or no is unknown
and never tried again: a timeout, a broken connection, a server's error (5xx), from whomever it comes.

Right before that first byte, on every attempt, the caller is asked whether the order may still be sent; and
an attempt that nobody waits for any more can no longer send. An answer that comes after "unknown" was said is
listened for, some time, and passed on.

The address holds a password: no text that leaves this module shows it, nor an exception that could.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import msgspec
import requests

from portfold.log import Log
from portfold.workers.brokers.protocol import MaySend, always
from portfold.workers.brokers.traderspost.last_moment import MayNotSend, SendAttempt, adapter

_JSON = msgspec.json.Encoder(decimal_format="number")
_MOST_BYTES = 65_536
_PAUSES_SECONDS = (0.1, 0.3, 1.0)  # between the attempts
_TOO_MANY = 429
_LONGEST_RETRY_AFTER_SECONDS = 2.0
_LATE_ANSWER_SECONDS = 120.0
_SHOWN = 200

Outcome = Literal["accepted", "refused", "given_up", "withheld", "unknown"]


class WebhookAnswer(NamedTuple):
    """What became of an order, with a `message` fit for a log.

    `accepted`: it was taken. `refused`: it was not, for good. `given_up`: nothing was sent, however often it
    was tried. `withheld`: nothing was sent, as it may not be any more. `unknown`: nobody knows.
    `reference` is the other side's name for it. `again_seconds`: after a 429, when to try again.
    """

    outcome: Outcome
    message: str
    reference: str = ""
    again_seconds: float | None = None


Late = Callable[[WebhookAnswer], object]


def longest_seconds(timeout_seconds: float) -> float:
    """Returns how long `post` can take: what its attempts may begin within, and the last one's own
    timeout.
    """
    return _begins_within(timeout_seconds) + timeout_seconds


def _begins_within(timeout_seconds: float) -> float:
    return 2 * timeout_seconds + _LONGEST_RETRY_AFTER_SECONDS


class Webhook:
    """Posts to `url`; an attempt takes at most `timeout_seconds`, all of them `longest_seconds`."""

    def __init__(self, url: str, *, timeout_seconds: float, log: Log) -> None:
        self._url = url
        self.timeout_seconds = timeout_seconds
        self._log = log
        logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)  # it would write down the address

    def post(
        self,
        payload: Mapping[str, object],
        *,
        may_send: MaySend = always,
        insists: bool = False,
        late: Late = lambda _answer: None,
    ) -> WebhookAnswer:
        """Posts the JSON of `payload` and says what became of it; raises nothing for what the others do.

        `may_send` is asked right before each attempt writes. `insists`: a 429 is tried again. `late` is
        called, on another thread, with an answer that comes after "unknown" was said.
        """
        body = _JSON.encode(payload)
        last_start = time.monotonic() + _begins_within(self.timeout_seconds)
        answer = self.attempt(body, may_send, late)
        for pause in _PAUSES_SECONDS:
            wait = pause if answer.outcome == "given_up" else answer.again_seconds if insists else None
            if wait is None or time.monotonic() + wait > last_start:
                break
            self._log.warning("An order was not taken; it is tried again", why=answer.message)
            time.sleep(wait)
            answer = self.attempt(body, may_send, late)
        return answer

    def attempt(self, body: bytes, may_send: MaySend, late: Late) -> WebhookAnswer:
        """Makes one attempt, on a thread of its own: only so is it bounded as a whole."""
        attempt: SendAttempt[WebhookAnswer] = SendAttempt(may_send)

        def go() -> None:
            answer = self._post(body, attempt)
            if not attempt.answer(answer):  # nobody waits for it any more
                self._pass_on_late(answer, late)

        threading.Thread(target=go, name="webhook", daemon=True).start()
        answer = attempt.wait(self.timeout_seconds)
        if answer is not None:
            return answer
        if not attempt.written:
            return WebhookAnswer("given_up", f"No connection within {self.timeout_seconds:g} s")
        return self._no_answer()

    def _pass_on_late(self, answer: WebhookAnswer, late: Late) -> None:
        if answer.outcome not in ("accepted", "refused"):
            return
        try:
            late(answer)
        except Exception as error:  # noqa: BLE001 - the order stays unknown, and that was said
            self._log.critical("A late answer could not be noted", said=answer.message, why=repr(error))

    def _no_answer(self) -> WebhookAnswer:
        return WebhookAnswer("unknown", f"No answer within {self.timeout_seconds:g} s")

    def _post(self, body: bytes, attempt: SendAttempt[WebhookAnswer]) -> WebhookAnswer:
        try:
            with requests.Session() as session:
                for scheme in ("https://", "http://"):  # not the address: requests rewrites some
                    session.mount(scheme, adapter(attempt))
                with session.post(
                    self._url,
                    data=body,
                    headers={"Content-Type": "application/json", "Connection": "close"},
                    timeout=(self.timeout_seconds, _LATE_ANSWER_SECONDS),
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    content = response.raw.read(_MOST_BYTES, decode_content=True)
                    return read_answer(response.status_code, content, response.headers)
        except MayNotSend:
            return WebhookAnswer("withheld", "It may not be sent any more")
        except Exception as error:  # noqa: BLE001 - whatever it is: what was written may have arrived
            if not attempt.written:
                return WebhookAnswer("given_up", "No connection came about")
            if isinstance(error, requests.Timeout):
                return self._no_answer()
            if isinstance(error, requests.ConnectionError):
                return WebhookAnswer("unknown", "The connection broke before there was an answer")
            return WebhookAnswer("unknown", f"No answer could be read: {type(error).__name__}")


def read_answer(status: int, content: bytes, headers: Mapping[str, str]) -> WebhookAnswer:
    """Returns what an answer with this HTTP status and content says of the order."""
    message = _message(content)
    text = f"HTTP {status}" + (f": {message[:_SHOWN]}" if message else "")
    if status >= 500:  # whoever failed, or only stands in between: the order may have been taken
        return WebhookAnswer("unknown", text)
    if status == _TOO_MANY:
        return WebhookAnswer("refused", text, again_seconds=_retry_after(headers.get("Retry-After", "")))
    if not 200 <= status < 300:
        return WebhookAnswer("refused", text)
    tree = _tree(content)
    if tree is None:  # somebody else answered in its place
        return WebhookAnswer("unknown", f"{text}, but no JSON object")
    if tree.get("success") is False:
        return WebhookAnswer("refused", text)
    if tree.get("success") is not True:
        return WebhookAnswer("unknown", f"{text}, which is neither a yes nor a no")
    return WebhookAnswer("accepted", text, str(tree.get("id", ""))[:64])


def _retry_after(text: str) -> float:
    """Returns the seconds that a 429 asks for, within our bound; a second where it names none, or a date."""
    seconds = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 1
    return min(max(seconds, _PAUSES_SECONDS[0]), _LONGEST_RETRY_AFTER_SECONDS)


def _message(content: bytes) -> str:
    """Returns what the answer says in words, on one line; nothing where it is no JSON of the
    expected kind.
    """
    tree = _tree(content) or {}
    words = [str(tree[name]) for name in ("messageCode", "message") if tree.get(name)]
    return " ".join("".join(c if c.isprintable() else " " for c in ": ".join(words)).split())


def _tree(content: bytes) -> dict[str, object] | None:
    try:
        tree = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):  # the latter for bytes in a text that are no UTF-8
        return None
    return tree if isinstance(tree, dict) else None
