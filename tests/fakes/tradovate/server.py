"""The fake's server: sessions, requests, and what goes wrong with them, one misbehaviour a request."""

import json
import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.fakes.tradovate.account import Account
from tests.workers.brokers.traderspost.webhook_server import Behaviour, answers

LOGIN = {
    "name": "jane",
    "password": "a-very-secret-password",
    "appId": "portfold",
    "appVersion": "1.0",
    "cid": 8123,
    "sec": "0f8fad5b-the-api-secret",
}
ENVIRON = {
    "T_NAME": "jane",
    "T_PASSWORD": str(LOGIN["password"]),
    "T_CID": "8123",
    "T_SECRET": str(LOGIN["sec"]),
}
"""The environment of a process that may log in."""
OPTIONS = {
    "host": "demo",
    "name_env": "T_NAME",
    "password_env": "T_PASSWORD",
    "client_id_env": "T_CID",
    "secret_env": "T_SECRET",
}
_SESSIONS = 2
SECRET_TOKEN = "token-that-nobody-may-see"  # noqa: S105 - the beginning of each token that is given


SECRETS = (ENVIRON["T_PASSWORD"], ENVIRON["T_SECRET"], SECRET_TOKEN, "ticket-of-")
"""What no log, error or repr may hold."""


class Tradovate:
    """Serves `accounts` until the `with` ends; over HTTPS where a `certificate` and its key are given.

    `asked` counts requests by path. `misbehaves` has the next request of a path answered so; `penalizes` has
    the path answer with a ticket until it is sent along, or (a GET) asked again. `lasts_seconds`: of tokens.
    """

    def __init__(self, *accounts: Account, certificate: tuple[Path, Path] | None = None) -> None:
        self.accounts = accounts or (Account(),)
        self.asked: dict[str, int] = defaultdict(int)
        self.lasts_seconds = 80 * 60.0
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.release = threading.Event()
        self._misbehaviours: dict[str, deque[Behaviour]] = defaultdict(deque)
        self._penalties: dict[str, dict[str, object]] = {}
        self._sessions: dict[str, datetime] = {}
        self._given = 0
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if certificate is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_of_an_error: object) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def account(self) -> Account:
        """The first account."""
        return self.accounts[0]

    # --- what a test does --------------------------------------------------------------------------------

    def misbehaves(self, path: str, *behaviours: Behaviour) -> None:
        """The next requests of the path are answered so."""
        self._misbehaviours[path].extend(behaviours)

    def penalizes(self, path: str, *, seconds: float, captcha: bool = False) -> None:
        """The next request of the path is answered with a ticket."""
        self._penalties[path] = {"p-ticket": f"ticket-of-{path}", "p-time": seconds, "p-captcha": captcha}

    def ends_sessions(self) -> None:
        """No token is accepted any more."""
        with self._lock:
            self._sessions.clear()

    def hangs(self, _request: BaseHTTPRequestHandler) -> None:
        """Answers nothing, until the end of the test."""
        self.release.wait(30)

    # --- inside ------------------------------------------------------------------------------------------

    def misbehaviour(self, path: str) -> Behaviour | None:
        """Counts the request; returns how it is answered where a test said so."""
        with self._lock:
            self.asked[path] += 1
            return self._misbehaviours[path].popleft() if self._misbehaviours[path] else None

    def answer(self, path: str, token: str, asked: Mapping[str, Any]) -> Behaviour:
        """Returns how a request is answered."""
        with self._lock:
            ticket = self._penalty(path, asked)
            if ticket is not None:
                return _json(ticket)
            if path == "auth/accesstokenrequest":
                return _json(self._log_in(asked))
            if not token or self._sessions.get(token, self.now()) <= self.now():
                return answers(401, b"")
            if path == "auth/renewaccesstoken":
                del self._sessions[token]
                return _json(self._begin_session())
            found = self._found(path, asked)
            return answers(404, b"") if found is None else _json(found)

    def _penalty(self, path: str, asked: Mapping[str, Any]) -> Mapping[str, object] | None:
        penalty = self._penalties.get(path)
        if penalty is None or asked.get("p-ticket") == penalty["p-ticket"]:
            self._penalties.pop(path, None)
            return None
        if "/list" in path or path.endswith("/item"):
            del self._penalties[path]
        return penalty

    def _log_in(self, asked: Mapping[str, Any]) -> Mapping[str, object]:
        if {name: asked.get(name) for name in LOGIN} != LOGIN:
            return {"errorText": f"Incorrect username or password for {asked.get('password')}."}
        return self._begin_session()

    def _begin_session(self) -> Mapping[str, object]:
        self._given += 1
        token = f"{SECRET_TOKEN}-{self._given}"
        over = self.now() + timedelta(seconds=self.lasts_seconds)
        self._sessions[token] = over
        while len(self._sessions) > _SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        return {
            "accessToken": token,
            "mdAccessToken": f"{token}-md",
            "expirationTime": over.isoformat().replace("+00:00", "Z"),
            "userStatus": "Active",
            "userId": 11,
            "name": LOGIN["name"],
            "hasLive": False,
        }

    def _found(self, path: str, asked: Mapping[str, Any]) -> object:
        match path:
            case "account/list":
                return [each.described() for each in self.accounts]
            case "position/list":
                return [held for each in self.accounts for held in each.positions()]
            case "order/list":
                return [order for each in self.accounts for order in each.orders]
            case "fill/list":
                return [fill for each in self.accounts for fill in each.fills]
            case "contract/item":
                names = {number: name for each in self.accounts for name, number in each.contracts.items()}
                number = int(asked["id"])
                return {
                    "id": number,
                    "name": names[number],
                    "contractMaturityId": 1,
                    "timestamp": "2025-01-01T00:00:00Z",
                }
            case "cashbalance/getcashbalancesnapshot":
                found = [each.cash_balance() for each in self.accounts if each.id == asked.get("accountId")]
                return found[0] if found else {"errorText": "Access is denied"}
        return None


def _json(tree: object) -> Behaviour:
    return answers(200, json.dumps(tree).encode())


def _handler(server: Tradovate) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            self._answer({name: values[0] for name, values in query.items()})

        def do_POST(self) -> None:
            self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, asked: Mapping[str, Any]) -> None:
            path = urlsplit(self.path).path.removeprefix("/v1/").lower()
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            misbehaviour = server.misbehaviour(path)
            if misbehaviour is not None:
                self.close_connection = True  # it may be broken by it
                misbehaviour(self)
                self.close_connection = True
            else:
                server.answer(path, token, asked)(self)

        def end_headers(self) -> None:
            if self.close_connection:
                self.send_header("Connection", "close")
            super().end_headers()

        def date_time_string(self, timestamp: float | None = None) -> str:  # noqa: ARG002 - its own
            return f"{server.now():%a, %d %b %Y %H:%M:%S} GMT"

        def log_message(self, *_: object) -> None:
            """Tells nobody."""

    return Handler
