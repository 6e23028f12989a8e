"""Questions to Tradovate: with a token that is renewed in time, and each refusal made a sentence and a pause.

Guarantees: at most one login and two requests for a question; while a pause lasts, none. A token that is not
accepted any more is replaced once. What the documentation says of each refusal: 401, the token is over;
429 too many requests, wait; under HTTP 200 `errorText`, or a penalty ticket (`p-ticket`), to be sent along
after `p-time` seconds.
"""

import time
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import msgspec

from portfold.clock import Clock
from portfold.log import Log
from portfold.workers.account.tradovate.answers import AccessToken, Penalty
from portfold.workers.account.tradovate.credentials import Blotter, Credentials
from portfold.workers.account.tradovate.http import Http, HttpAnswer, NoAnswer
from portfold.workers.account.tradovate.pauses import Pauses

_LOGIN, _RENEWAL = "auth/accesstokenrequest", "auth/renewaccesstoken"
_RENEWED_BEFORE_SECONDS = 15 * 60.0
_RENEWAL_AGAIN_SECONDS = 30.0
_LASTS_SECONDS = 60.0
"""A session that ends sooner is ended by somebody else who logs in, and is not fought over."""
_OK, _NOT_ACCEPTED, _TOO_MANY, _SERVER_FAILS = 200, 401, 429, 500

Answer = TypeVar("Answer")


class TradovateClient:
    """Asks as the person of the `credentials`. Used by one thread."""

    def __init__(self, http: Http, credentials: Credentials, pauses: Pauses, clock: Clock, log: Log) -> None:
        self._http = http
        self._credentials = credentials
        self._blotter = Blotter(credentials)
        self._pauses = pauses
        self._clock = clock
        self._log = log
        self._tickets: dict[str, str] = {}
        self._token = ""
        self._renewed_at = 0.0
        self._over_at = 0.0
        self._logged_in_at = 0.0

    def ask(self, path: str, kind: type[Answer], body: Mapping[str, object] | None = None) -> Answer:
        """Returns what is answered to a GET, or to a POST of `body`. Raises AccountUnreadable."""
        self._pauses.check()
        self._have_token()
        answer = self._send(path, body)
        if answer.status == _NOT_ACCEPTED:
            self._check_that_it_lasted()
            self._log.warning("Tradovate does not accept the token any more; a new one is asked for")
            self._log_in()
            answer = self._send(path, body)
        return self._read(path, answer, kind)

    def close(self) -> None:
        """Closes the connections. The token ends by itself."""
        self._http.close()

    # --- the token ---------------------------------------------------------------------------------------

    def _have_token(self) -> None:
        now = self._clock.monotonic()
        if not self._token or now >= self._over_at:
            self._log_in()
        elif now >= self._renewed_at:
            self._renew()

    def _log_in(self) -> None:
        self._token = ""
        answer = self._send(_LOGIN, self._credentials.request())
        if answer.status == _NOT_ACCEPTED:
            raise self._pauses.after_refusal("Tradovate refuses the login (401)")
        self._take_token(answer, self._read(_LOGIN, answer, AccessToken))
        self._logged_in_at = self._clock.monotonic()
        self._log.info("Logged in to Tradovate")

    def _check_that_it_lasted(self) -> None:
        """Raises AccountUnreadable where the session ended right after its login: a next would as well."""
        if self._clock.monotonic() - self._logged_in_at < _LASTS_SECONDS:
            self._token = ""
            raise self._pauses.after_refusal(
                "Tradovate ended the session right after its login (401): another program may use the login"
            )

    def _renew(self) -> None:
        """Renews the token; it goes on as long as it lasts where that cannot be done now."""
        self._renewed_at = self._clock.monotonic() + _RENEWAL_AGAIN_SECONDS
        try:
            answer = self._http.ask(_RENEWAL, self._token)
        except NoAnswer as missed:
            self._log.warning("The token of Tradovate could not be renewed yet", why=str(missed))
            return
        if answer.status >= _SERVER_FAILS:
            self._log.warning("The token of Tradovate could not be renewed yet", why=f"HTTP {answer.status}")
        elif answer.status == _NOT_ACCEPTED or _error_text(answer):
            self._log_in()
        else:
            self._take_token(answer, self._read(_RENEWAL, answer, AccessToken))

    def _take_token(self, answer: HttpAnswer, token: AccessToken) -> None:
        if not token.access_token:
            raise self._pauses.after_failure("Tradovate answered a login without a token")
        seconds = _lifetime(token.expiration_time, answer.date)
        if seconds is None:
            raise self._pauses.after_failure("Tradovate gave a token and no time at which it is over")
        now, seconds = self._clock.monotonic(), max(seconds, _LASTS_SECONDS)
        self._token = self._blotter.token = token.access_token
        self._over_at = now + seconds
        self._renewed_at = self._over_at - min(_RENEWED_BEFORE_SECONDS, seconds / 2)

    # --- asking ------------------------------------------------------------------------------------------

    def _send(self, path: str, body: Mapping[str, object] | None) -> HttpAnswer:
        ticket = self._tickets.get(path)
        if body is not None and ticket:
            body = {**body, "p-ticket": ticket}
        try:
            return self._http.ask(path, self._token, body)
        except NoAnswer as missed:
            raise self._pauses.after_failure(str(missed)) from None

    def _read(self, path: str, answer: HttpAnswer, kind: type[Answer]) -> Answer:
        """Returns what the answer says. Raises AccountUnreadable for a refusal, and for garbage."""
        self._check_status(path, answer.status)
        refusal = _decoded(answer.content, Penalty)
        if refusal is not None and refusal.ticket:
            self._tickets[path] = self._blotter.ticket = refusal.ticket
            raise self._pauses.for_penalty(refusal.seconds, captcha=refusal.captcha)
        self._tickets.pop(path, None)
        if refusal is not None and refusal.error_text:
            said = self._blotter.shown(refusal.error_text)
            raise self._pauses.after_refusal(f"Tradovate refuses {path}: {said}")
        found = _decoded(answer.content, kind)
        if found is None:
            raise self._pauses.after_failure(f"What Tradovate answered to {path} cannot be read")
        return found

    def _check_status(self, path: str, status: int) -> None:
        if status == _OK:
            return
        if status == _TOO_MANY:
            raise self._pauses.after_refusal("Tradovate was asked too much (429)")
        if status >= _SERVER_FAILS:
            raise self._pauses.after_failure(f"Tradovate fails: HTTP {status} to {path}")
        raise self._pauses.after_refusal(f"Tradovate refuses {path}: HTTP {status}")


def _decoded(content: bytes, kind: type[Answer]) -> Answer | None:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _error_text(answer: HttpAnswer) -> str | None:
    refusal = _decoded(answer.content, Penalty)
    return refusal.error_text if refusal else None


def _lifetime(ends: str, date: str) -> float | None:
    """Returns for how many seconds a token lasts, by the server's own clock where it says what time it is."""
    try:
        over = datetime.fromisoformat(ends)
    except ValueError:
        return None
    if over.tzinfo is None:
        return None
    try:
        now = parsedate_to_datetime(date).timestamp()
    except ValueError:
        now = time.time()
    return max(over.timestamp() - now, 0.0)
