"""A Discord that misbehaves at will, on a real socket: webhooks, rate limits, error pages, and worse.

It answers well unless told otherwise; `next` says how it treats the next posts, one after the other, `always`
all from then on, and `refuses` which texts it never takes. What it took is in `told`, every attempt in
`attempts`. It is of raw sockets, as no HTTP server can be made to hang, to break off in the middle or to talk
nonsense.
"""

import contextlib
import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Self, get_args

Manner = Literal[
    "ok",
    "no content",
    "ok, last for now",
    "limited",
    "limited by header",
    "limited everywhere",
    "limited by a page",
    "limited, nonsense",
    "error page",
    "error, not even text",
    "gone",
    "refused",
    "redirect",
    "hang",
    "hang after headers",
    "drip",
    "drip headers",
    "endless error",
    "reset",
    "taken, then reset",
    "taken, then hang",
    "nonsense",
    "leaking headers",
]
"""How a post may be treated."""

MANNERS: tuple[Manner, ...] = get_args(Manner)
TAKING: tuple[Manner, ...] = ("ok", "no content", "ok, last for now", "taken, then reset", "taken, then hang")
HIDDEN = "hunter2-s3cret"
"""What must be found nowhere: the secret part of every address."""
_PAGE = "<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1>cloudflare</body></html>"
_DRIP_SECONDS = 0.05


class Post(NamedTuple):
    """One attempt: how it was treated, on which path, with what payload, and when by a steady clock."""

    manner: Manner
    path: str
    payload: dict[str, Any]
    at: float

    @property
    def content(self) -> str:
        """A Discord message's text, or that of a generic webhook."""
        return str(self.payload.get("content", self.payload.get("text", "")))


class FakeDiscord:
    """Listens on a port of its own while within a `with` block."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._next: deque[Manner] = deque()
        self._usual: Manner = "ok"
        self.rest_seconds = 0.05
        self._open: set[socket.socket] = set()
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []
        self.refuses: Callable[[str], bool] = lambda _: False
        self.attempts: list[Post] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(self, *exception: object) -> None:
        self._closing.set()
        self.vanish()
        for thread in self._threads:
            thread.join(10)

    # --- what it is told ---------------------------------------------------------------------------------

    def url(self, webhook: str = "1") -> str:
        """The address of a webhook, with its secret."""
        return f"http://127.0.0.1:{self.port}/api/webhooks/{webhook}/{HIDDEN}"

    def next(self, *manners: Manner) -> None:
        """How the next posts are treated, in turn."""
        with self._lock:
            self._next.extend(manners)

    def always(self, manner: Manner, *, rest_seconds: float = 0.05) -> None:
        """How all posts are treated from now on; `rest_seconds` is what it asks for when it limits."""
        with self._lock:
            self._next.clear()
            self._usual, self.rest_seconds = manner, rest_seconds

    def vanish(self) -> None:
        """Nobody listens any more, and every connection breaks."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._cut()

    def come_back(self) -> None:
        """Listens again where it did."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listen()

    # --- what it has seen --------------------------------------------------------------------------------

    @property
    def told(self) -> list[Post]:
        """The posts it took, whether or not whoever sent them got to know."""
        with self._lock:
            return [post for post in self.attempts if post.manner in TAKING]

    @property
    def texts(self) -> list[str]:
        """Their texts."""
        return [post.content for post in self.told]

    # --- serving -----------------------------------------------------------------------------------------

    def _listen(self) -> None:
        thread = threading.Thread(target=self._accept, args=(self._listener,), name="discord")
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # closed
                return
            with self._lock:
                self._open.add(client)
            thread = threading.Thread(target=self._serve, args=(client,), name="webhook")
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        try:
            path, payload = _read_post(client)
            with self._lock:
                manner = self._next.popleft() if self._next else self._usual
                post = Post(manner, path, payload, time.monotonic())
                if self.refuses(post.content):
                    manner = "refused"
                self.attempts.append(post._replace(manner=manner))
            _TREATMENTS[manner](self, client)
        except (OSError, ValueError):  # whoever posts may go away at any moment
            pass
        finally:
            with self._lock:
                self._open.discard(client)
            client.close()

    def _cut(self) -> None:
        with self._lock:
            for client in self._open:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)

    # --- manners -----------------------------------------------------------------------------------------

    def hang(self, client: socket.socket) -> None:
        """Says nothing, until it is closed or the other side goes."""
        client.settimeout(0.1)
        while not self._closing.is_set():
            try:
                if not client.recv(1):
                    return
            except TimeoutError:
                continue

    def limit(self, client: socket.socket, how: Manner) -> None:
        """429, in one of its many forms."""
        rest = self.rest_seconds
        said: dict[str, object] = {"message": "You are being rate limited.", "global": False}
        headers = {"Content-Type": "application/json", "Via": "1.1 google"}
        if how == "limited":
            said["retry_after"] = rest
            headers |= {"X-RateLimit-Reset-After": f"{rest}", "Retry-After": "1"}
        elif how == "limited everywhere":
            said |= {"retry_after": rest, "global": True}
            headers["X-RateLimit-Global"] = "true"
        body = json.dumps(said).encode()
        if how in ("limited by a page", "limited by header"):
            headers = {"Content-Type": "text/html", "Retry-After": f"{rest}"}
            body = _PAGE.encode()
        if how == "limited, nonsense":
            headers = {"Content-Type": "application/json", "Retry-After": "soon"}
            body = b'{"retry_after": "NaN"'
        _answer(client, "429 Too Many Requests", body, headers)

    def half(self, client: socket.socket) -> None:
        """The beginning of a refusal, and then nothing."""
        client.sendall(b"HTTP/1.1 500 Oh\r\nContent-Length: 10\r\n\r\n")
        self.hang(client)

    def drip(self, client: socket.socket) -> None:
        """A refusal whose body comes byte by byte, and never ends."""
        client.sendall(b"HTTP/1.1 500 Oh\r\nContent-Type: text/html\r\nContent-Length: 1000000\r\n\r\n")
        while not self._closing.wait(_DRIP_SECONDS):
            client.sendall(b"x")

    def drip_headers(self, client: socket.socket) -> None:
        """Not even the headers come to an end."""
        client.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self._closing.wait(_DRIP_SECONDS):
            client.sendall(b"x")

    def flood(self, client: socket.socket) -> None:
        """A refusal whose body comes as fast as can be, and never ends."""
        client.sendall(b"HTTP/1.1 500 Oh\r\nContent-Type: text/html\r\n\r\n")
        while not self._closing.is_set():
            client.sendall(b"x" * 65_536)


def _read_post(client: socket.socket) -> tuple[str, dict[str, Any]]:
    """Path and payload."""
    client.settimeout(10)
    read = b""
    while b"\r\n\r\n" not in read:
        piece = client.recv(65_536)
        if not piece:
            raise ValueError("no request")
        read += piece
        if read.startswith(b"\x16"):
            client.sendall(b"HTTP/1.1 400 No TLS here\r\n\r\n")
            raise ValueError("TLS")
    head, _, body = read.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    while len(body) < int(headers.get("content-length", "0")):
        piece = client.recv(65_536)
        if not piece:
            raise ValueError("no body")
        body += piece
    payload = json.loads(body)
    assert isinstance(payload, dict)
    return lines[0].split(" ")[1], payload


def _answer(client: socket.socket, status: str, body: bytes, headers: dict[str, str]) -> None:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    client.sendall("\r\n".join([*lines, "", ""]).encode() + body)


def _reset(client: socket.socket) -> None:
    """Closes it such that the other side gets a reset."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def _json(client: socket.socket, status: str, said: dict[str, object], **headers: str) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    _answer(client, status, json.dumps(said).encode(), {"Content-Type": "application/json", **named})


_Treat = Callable[[FakeDiscord, socket.socket], None]
_TREATMENTS: dict[Manner, _Treat] = {
    "ok": lambda _, client: _json(client, "200 OK", {"id": "1", "content": "…"}),
    "no content": lambda _, client: _answer(client, "204 No Content", b"", {}),
    "ok, last for now": lambda fake, client: _json(
        client,
        "200 OK",
        {"id": "1"},
        X_RateLimit_Remaining="0",
        X_RateLimit_Reset_After=f"{fake.rest_seconds}",
    ),
    "error page": lambda _, client: _answer(
        client, "502 Bad Gateway", _PAGE.encode(), {"Content-Type": "text/html"}
    ),
    "error, not even text": lambda _, client: _answer(client, "500 Oh", b"\xff\xfe\x00{", {}),
    "gone": lambda _, client: _json(client, "404 Not Found", {"message": "Unknown Webhook", "code": 10015}),
    "refused": lambda _, client: _json(client, "400 Bad Request", {"content": ["Must be 2000 or fewer."]}),
    "redirect": lambda fake, client: _answer(
        client, "302 Found", b"", {"Location": f"http://127.0.0.1:{fake.port}/login"}
    ),
    "hang": FakeDiscord.hang,
    "hang after headers": FakeDiscord.half,
    "drip": FakeDiscord.drip,
    "drip headers": FakeDiscord.drip_headers,
    "endless error": FakeDiscord.flood,
    "reset": lambda _, client: _reset(client),
    "taken, then reset": lambda _, client: _reset(client),
    "taken, then hang": FakeDiscord.hang,
    "nonsense": lambda _, client: client.sendall(b"\x15\x03\x01\x00\x02\x02\x16 who are you?\r\n\r\n"),
    "leaking headers": lambda _, client: client.sendall(
        b"HTTP/1.1 500 Oh\r\n no header at all\r\n\x00\x01: \xff\r\n\r\n"
    ),
    "limited": lambda fake, client: fake.limit(client, "limited"),
    "limited by header": lambda fake, client: fake.limit(client, "limited by header"),
    "limited everywhere": lambda fake, client: fake.limit(client, "limited everywhere"),
    "limited by a page": lambda fake, client: fake.limit(client, "limited by a page"),
    "limited, nonsense": lambda fake, client: fake.limit(client, "limited, nonsense"),
}
