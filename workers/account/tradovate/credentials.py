"""What Tradovate lets a program log in by; nothing here shows a secret, however it is printed.

Guarantees: no repr, log line or error of this folder holds the password, the API secret, a token or a ticket:
what comes back from Tradovate is shown only with each of them blotted out.
"""

from collections.abc import Mapping
from typing import NamedTuple

_SHOWN = 200
_BLOT = "(not shown)"
_SHORTEST_SECRET = 4  # blotting out less would blot out words


class Credentials(NamedTuple):
    """A login: `name` and `password` of the person, `app_id`, `client_id` and `secret` of the API key."""

    name: str
    password: str
    app_id: str
    client_id: str
    secret: str

    def __repr__(self) -> str:
        return "Credentials(not shown)"

    def request(self) -> Mapping[str, object]:
        """Returns the body of an access token request."""
        client_id = int(self.client_id) if self.client_id.isdecimal() else self.client_id
        return {
            "name": self.name,
            "password": self.password,
            "appId": self.app_id,
            "appVersion": "1.0",
            "cid": client_id,
            "sec": self.secret,
        }


class Blotter:
    """Blots secrets out of what others wrote."""

    def __init__(self, credentials: Credentials) -> None:
        self._fixed = (credentials.password, credentials.secret)
        self.token = ""
        self.ticket = ""

    def __repr__(self) -> str:
        return "Blotter(not shown)"

    def shown(self, text: str) -> str:
        """Returns the text on one line, short, without any secret."""
        for secret in (*self._fixed, self.token, self.ticket):
            if len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, _BLOT)
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_SHOWN]
