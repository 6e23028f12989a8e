"""Who is signed in: sessions in memory, each with a secret for its forms.

Guarantees: a session is known by 256 random bits in a cookie that scripts cannot read and other sites do not
send; it ends after half a day, or an hour in which nothing was asked; a form is good once, and for two
minutes, so a page that was left open gives no order. All ends with the process. Bounded: the oldest session
goes when there are too many.
"""

import hmac
import secrets
from collections.abc import Callable

from msgspec import Struct, field

from portfold.cli.dashboard.access.users import Role

COOKIE = "portfold_session"
LASTS_SECONDS = 12 * 3600.0
IDLE_SECONDS = 3600.0
FORM_SECONDS = 120.0
MOST_SESSIONS = 500
MOST_FORMS = 20


class Session(Struct, frozen=True):
    """Somebody who is signed in: `name` goes on record with every order."""

    name: str
    role: Role
    began: float

    @property
    def operates(self) -> bool:
        """Returns whether orders may be given."""
        return self.role == "operator"


class _Kept(Struct):
    session: Session
    seen: float
    forms: dict[str, float] = field(default_factory=dict)


class Sessions:
    """All sessions; `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    def begin(self, name: str, role: Role) -> str:
        """Begins a session and returns what the cookie holds."""
        now = self._clock()
        while len(self._kept) >= MOST_SESSIONS:
            del self._kept[min(self._kept, key=lambda each: self._kept[each].seen)]
        cookie = secrets.token_urlsafe(32)
        self._kept[cookie] = _Kept(Session(name, role, now), now)
        return cookie

    def of(self, cookie: str | None) -> Session | None:
        """Returns the session that the cookie is of, as long as it lasts."""
        kept = self._kept.get(cookie or "")
        if kept is None:
            return None
        now = self._clock()
        if now - kept.session.began > LASTS_SECONDS or now - kept.seen > IDLE_SECONDS:
            del self._kept[cookie or ""]
            return None
        kept.seen = now
        return kept.session

    def end(self, cookie: str | None) -> None:
        """Ends the session, if there is one."""
        self._kept.pop(cookie or "", None)

    def new_form(self, cookie: str) -> str:
        """Returns a secret that one form of this session may be sent with, once and soon."""
        forms = self._kept[cookie].forms
        while len(forms) >= MOST_FORMS:
            del forms[next(iter(forms))]
        form = secrets.token_urlsafe(24)
        forms[form] = self._clock() + FORM_SECONDS
        return form

    def use_form(self, cookie: str | None, form: str) -> bool:
        """Uses the form up; returns whether it was one of this session, unused and not too old."""
        kept = self._kept.get(cookie or "")
        known = next((one for one in kept.forms if hmac.compare_digest(one, form)), None) if kept else None
        return bool(kept and known and kept.forms.pop(known) >= self._clock())


class LoginRate:
    """How often somebody may try to sign in: so many failures in a while, by name and by address.

    A try counts as failed from its beginning on, so that of many at once no more are made; `succeeded` takes
    it back.
    """

    MOST_FAILURES = 5
    WINDOW_SECONDS = 300.0
    MOST_KEPT = 2000

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: dict[str, list[float]] = {}

    def may_try(self, *keys: str) -> bool:
        """Returns whether another try is allowed for all of these names and addresses."""
        since = self._clock() - self.WINDOW_SECONDS
        return all(sum(at > since for at in self._failures.get(key, ())) < self.MOST_FAILURES for key in keys)

    def failed(self, *keys: str) -> None:
        """Notes a failure. Of too many names the longest untried are forgotten."""
        for key in keys:
            recent = [*self._failures.pop(key, ())[-self.MOST_FAILURES :], self._clock()]
            self._failures[key] = recent
        while len(self._failures) > self.MOST_KEPT:
            del self._failures[next(iter(self._failures))]

    def succeeded(self, *keys: str) -> None:
        """Takes back the last try: it was none that failed."""
        for key in keys:
            if self._failures.get(key):
                self._failures[key].pop()
