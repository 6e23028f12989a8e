"""Serves the dashboard: the one place where its parts are put together, its port is taken and it is ended."""

import secrets
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import NamedTuple

import uvicorn

from portfold.cli.dashboard.access.sessions import LoginRate, Sessions
from portfold.cli.dashboard.access.users import Users
from portfold.cli.dashboard.application import application
from portfold.cli.dashboard.desk import open_desk
from portfold.cli.dashboard.drawing import Drawing
from portfold.cli.dashboard.patience import PatientProtocol
from portfold.cli.dashboard.site import Access, Site
from portfold.cli.exits import Unusable
from portfold.cli.target import ResolvedTarget

MOST_CONNECTIONS = 200
_GRACE_SECONDS = 2
_LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")


class Served(NamedTuple):
    """How it is served: on `host` and `port` (0: any free one), by `names` beside the machine's own.

    `users` is the file of users, None for the printed address alone. `certificate` and `key` are for TLS,
    both or none; `proxied`: a proxy that is named does that. `results` is the folder of research, `kept`
    that of reports. `metrics_token` is what a reader of metrics sends.
    """

    host: str
    port: int
    names: tuple[str, ...]
    users: Path | None
    certificate: Path | None
    key: Path | None
    proxied: bool
    operate: bool
    results: Path | None
    kept: Path
    metrics_token: str


def site_of(places: list[ResolvedTarget], served: Served) -> Site:
    """Puts the dashboard together. Raises UsersError, Unusable."""
    users = Users.read(served.users) if served.users is not None else None
    if served.operate and (users is None or not users.operators):
        raise Unusable(
            "--operate: expected --users with an operator in it, whose name goes on record: "
            "portfold dashboard user add NAME --role operator --users FILE"
        )
    drawing = Drawing()
    access = Access(
        Sessions(time.monotonic),
        LoginRate(time.monotonic),
        users,
        "" if users else secrets.token_urlsafe(24),
        served.certificate is not None or served.proxied,
        served.operate,
        served.metrics_token,
        served.proxied,
    )
    desks = [open_desk(place, drawing) for place in places]
    return Site(desks, access, drawing, results=served.results, kept=served.kept)


def serve(site: Site, served: Served, stop: threading.Event) -> None:
    """Serves until `stop` is set; prints its address. Raises Unusable where the port is taken."""
    listening = _listening(served)
    port = int(listening.getsockname()[1])
    config = uvicorn.Config(
        application(site, [*_LOCAL_NAMES, served.host, *served.names]),
        ssl_certfile=served.certificate,
        ssl_keyfile=served.key,
        http=PatientProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = uvicorn.Server(config)
    serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="serving")
    serving.start()
    try:
        print(_address(site, served, port), flush=True)
        while serving.is_alive() and not stop.wait(0.2):
            pass
    finally:
        server.should_exit = True
        for desk in site.desks.values():
            desk.watch.end()
        serving.join()
        listening.close()


def _listening(served: Served) -> socket.socket:
    try:
        return socket.create_server((served.host, served.port), backlog=128, reuse_port=False)
    except OSError as error:
        raise Unusable(
            f"--host, --port: {served.host}:{served.port} cannot be had: {error.strerror or error}."
        ) from error


def _address(site: Site, served: Served, port: int) -> str:
    name = served.names[0] if served.names else served.host
    base = f"{'https' if served.certificate else 'http'}://{name}:{port}"
    return f"{base}/sign-in?token={site.access.token}" if site.access.token else f"{base}/"


def check_certificate(served: Served) -> None:
    """Checks that certificate and key belong together. Raises Unusable."""
    if (served.certificate is None) != (served.key is None):
        raise Unusable("--certificate, --key: expected both or neither.")
    if served.certificate is None:
        return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(served.certificate, served.key)
    except (OSError, ssl.SSLError) as error:
        raise Unusable(f"--certificate, --key: {error}.") from error
