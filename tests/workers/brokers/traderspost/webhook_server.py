"""A real HTTP server that takes webhooks, and behaves as it is told: one behaviour a request, in order.

When none is left it takes what comes, as TradersPost does.
"""

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HIDDEN = "very-secret-word"
PATH = f"/trading/webhook/0f8fad5b-d9cb-469f-a165-70867728950e/{HIDDEN}"

Behaviour = Callable[[BaseHTTPRequestHandler], None]


class Receiver:
    """What came in: `signals`, each the JSON of a request."""

    def __init__(self) -> None:
        self.signals: list[dict[str, Any]] = []
        self.came = threading.Semaphore(0)
        self.release = threading.Event()
        self._behaviours: deque[Behaviour] = deque()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert HIDDEN in self.path
                assert self.headers["Content-Type"] == "application/json"
                receiver.signals.append(json.loads(body, parse_float=str))
                receiver.came.release()
                behave = receiver._behaviours.popleft() if receiver._behaviours else takes
                behave(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.01))
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    def behaves(self, *behaviours: Behaviour) -> None:
        """How the next requests are answered."""
        self._behaviours.extend(behaviours)

    def hangs(self, _request: BaseHTTPRequestHandler) -> None:
        """Answers nothing, until the end of the test."""
        self.release.wait(30)

    def close(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()


def answers(status: int, content: bytes, kind: str = "application/json", **headers: str) -> Behaviour:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    return answer


def fails(status: int) -> Behaviour:
    """A server error, as a page for people."""
    return answers(status, b"<html><body><h1>Server Error</h1></body></html>", "text/html")


def refuses(
    status: int = 400, code: str = "invalid-payload", words: str = "The payload is invalid."
) -> Behaviour:
    tree = {"success": False, "messageCode": code, "message": words}
    return answers(status, json.dumps(tree).encode())


def too_soon(retry_after: str = "0") -> Behaviour:
    """Too many requests in too short a time."""
    return answers(429, b'{"success": false, "message": "Too many requests"}', Retry_After=retry_after)


def resets(request: BaseHTTPRequestHandler) -> None:
    """Breaks the connection without an answer."""
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()


def breaks_off(request: BaseHTTPRequestHandler) -> None:
    """Promises more than it sends."""
    request.send_response(200)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b'{"success": tr')
    request.wfile.flush()
    resets(request)


def dribbles(seconds: float) -> Behaviour:
    """A byte of the answer's head now and then: never silent for long, and never done."""
    waiting = threading.Event()

    def dribble(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        try:
            for _ in range(20):
                request.wfile.write(b"z")
                request.wfile.flush()
                if waiting.wait(seconds):
                    return
        except OSError:
            pass  # it has hung up

    return dribble


def slowly(seconds: float) -> Behaviour:
    waiting = threading.Event()

    def answer(request: BaseHTTPRequestHandler) -> None:
        waiting.wait(seconds)
        takes(request)

    return answer


class Late:
    """Answers only when it is told to `go`."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.go = threading.Event()
        self._behaviour = behaviour

    def __call__(self, request: BaseHTTPRequestHandler) -> None:
        self.go.wait(30)
        self._behaviour(request)


takes = answers(200, b'{"success": true, "id": "cd481b19", "logId": "f00d", "payload": {}}')
