"""What somebody may try who has no session, or has little patience, and what then happens: nothing."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from portfold.cli.dashboard.access import guard
from portfold.cli.dashboard.access.guard import Guard
from portfold.cli.dashboard.access.sessions import LoginRate, Sessions
from portfold.cli.dashboard.pages.metrics import Kept
from portfold.cli.dashboard.patience import PatientProtocol
from portfold.cli.dashboard.site import Access
from tests.cli.dashboard.visitor import Served, served, users_file
from tests.server import EmbeddedServer
from tests.waiting import until


def answer_to(dashboard_base: str, request: str) -> str:
    """What comes back for bytes that no library would send."""
    host, port = dashboard_base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request.encode())
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode(errors="replace")


def test_many_tries_at_once_are_no_more_than_a_few(desk: Served) -> None:
    def tries(_number: int) -> int:
        return desk.visitor().signs_in("jane", "wrong").status_code

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(tries, range(16)))
    assert sorted(answers) == [401] * LoginRate.MOST_FAILURES + [429] * (16 - LoginRate.MOST_FAILURES)


def test_who_signs_in_has_not_failed(desk: Served) -> None:
    for _ in range(LoginRate.MOST_FAILURES + 1):
        assert desk.visitor().signs_in("jane").status_code == 303


def test_behind_a_proxy_one_address_locks_out_no_other(
    server: EmbeddedServer, portfolio: str, tmp_path: Path
) -> None:
    file = users_file(tmp_path, [("jane", "operator"), ("joe", "viewer")])
    with served(server, portfolio, tmp_path, "--users", str(file), "--proxy", "localhost") as desk:

        def signs_in(name: str, password: str, told: str) -> int:
            visitor = desk.visitor()
            visitor.http.headers["X-Forwarded-For"] = told
            return visitor.signs_in(name, password).status_code

        for number in range(LoginRate.MOST_FAILURES):  # what the proxy was told by others stands before
            assert signs_in("joe", "wrong", f"10.0.0.{number}, 192.0.2.1") == 401
        assert signs_in("jane", "wrong", "192.0.2.1") == 429
        assert signs_in("jane", "wrong", "192.0.2.2") == 401


STRANGE: tuple[str, ...] = (
    "GET /static/../../../../../../etc/passwd HTTP/1.1",
    "GET /static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd HTTP/1.1",
    "GET /static/..%2f..%2f..%2fsite.py HTTP/1.1",
    "GET //etc/passwd HTTP/1.1",
    "GET /%0d%0aSet-Cookie:%20hacked=1 HTTP/1.1",
    "GET /login?%0d%0aSet-Cookie:hacked=1 HTTP/1.1\r\nX-Forwarded-Host: evil.example",
    "GET http://evil.example/ HTTP/1.1",
    "TRACE / HTTP/1.1",
    "PUT /main/ HTTP/1.1\r\nContent-Length: 0",
    "POST /login HTTP/1.1\r\nContent-Length: " + "9" * 30,
    "POST /login HTTP/1.1\r\nContent-Length: -1",
    "POST /login HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked",
    "GET /" + "x" * 100_000 + " HTTP/1.1",
    "GET / HTTP/1.1\r\nX: " + "y" * 100_000,
    "GET /main/live HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "GET /main/ HTTP/1.1\r\nCookie: portfold_session=; portfold_session=x",
)


def test_strange_requests_of_strangers_get_nothing(desk: Served) -> None:
    host = desk.base.removeprefix("http://")
    for line in STRANGE:
        answer = answer_to(desk.base, f"{line}\r\nHost: {host}\r\nConnection: close\r\n\r\n")
        head = answer.partition("\r\n\r\n")[0].lower()
        shown = f"{line[:80]!r} got {answer[:300]!r}"
        status = answer.split(" ")[1] if answer else "hung up"
        assert status in ("hung up", "303", "400", "401", "403", "404", "405", "413", "431") or (
            status == "200" and line.startswith("GET /login")
        ), shown
        assert "hacked" not in head.replace("%0d%0a", ""), shown
        assert "evil.example" not in answer, shown
        assert "root:" not in answer, shown
        assert "access-control-allow" not in head, shown
    assert desk.visitor().gets("/healthz").text == "ok\n"


def test_what_anybody_may_ask_is_read_once_a_second() -> None:
    now, read = [100.0], list[float]()

    def reads() -> list[bool]:
        read.append(now[0])
        return [True]

    kept = Kept(reads, lambda: now[0])
    for at in (100.0, 100.5, 100.99, 101.0, 101.5):
        now[0] = at
        assert kept.read() == [True]
    assert read == [100.0, 101.0]


async def reads_a_form(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads what is sent to it."""
    try:
        text = (await Request(scope, receive).body()).decode()
    except ClientDisconnect:
        text = "given up"
    await PlainTextResponse(text, 200)(scope, receive, send)


class Hasty(PatientProtocol):
    """Has as little patience as a test."""

    head_seconds = 0.2


@contextmanager
def listening(app: ASGIApp) -> Iterator[str]:
    """Yields the address of an application that is served as the dashboard is, with less patience."""
    sockets = [socket.create_server(("127.0.0.1", 0))]
    server = uvicorn.Server(uvicorn.Config(app, http=Hasty, ws="none", log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": sockets})
    thread.start()
    until(lambda: server.started, "a server that has started")
    try:
        yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.mark.parametrize("begun", ["", "GET / HTTP/1.1\r\nX-Slow: "])
def test_who_opens_a_connection_and_says_no_more_is_hung_up_on(begun: str) -> None:
    with listening(reads_a_form) as base:
        host, port = base.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(begun.encode())
            assert connection.recv(100) == b""


def test_a_form_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.2)
    access = Access(Sessions(monotonic), LoginRate(monotonic), None, "", secure=False, operate=False)
    with listening(Guard(reads_a_form, access)) as base:
        host, port = base.removeprefix("http://").split(":")
        head = f"POST /login HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: {base}\r\nContent-Length: 9\r\n"
        for sent, answer in (("name=", "given up"), ("name=jane", "name=jane")):
            with socket.create_connection((host, int(port)), timeout=30) as connection:
                connection.sendall(f"{head}Connection: close\r\n\r\n{sent}".encode())
                heard = b"".join(iter(lambda: connection.recv(4096), b""))
            assert heard.decode().endswith(answer)
