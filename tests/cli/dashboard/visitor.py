"""Somebody who visits a dashboard by HTTP, as a browser would, and the process that serves it."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import requests
from requests import Response

from portfold.cli.dashboard.access.users import add_user
from tests.cli.command_line import Running, started
from tests.server import EmbeddedServer

PASSWORD = "correct horse battery"  # noqa: S105 - of tests
_ADDRESS = re.compile(r"(https?://\S+?)/(\S*)\n")
_FORM = re.compile(r'name="form" value="([^"]+)"')
_SECONDS = 30.0


class Visitor:
    """A browser without a screen: keeps cookies, sends forms as a page of that address would."""

    def __init__(self, base: str, portfolio: str) -> None:
        self.base = base
        self.portfolio = portfolio
        self.http = requests.Session()
        self.http.trust_env = False

    def gets(self, path: str = "", **headers: str) -> Response:
        """Asks for a page of the portfolio, or of any path that begins with a slash."""
        whole = path if path.startswith("/") else f"/{self.portfolio}/{path}"
        sent = {"Accept": "text/html", **headers}
        return self.http.get(self.base + whole, headers=sent, timeout=_SECONDS, allow_redirects=False)

    def sends(self, path: str, origin: str | None = None, **form: str) -> Response:
        """Sends a form from a page of this dashboard, or of another `origin`."""
        whole = path if path.startswith("/") else f"/{self.portfolio}/{path}"
        headers = {"Accept": "text/html", "Origin": self.base if origin is None else origin}
        return self.http.post(
            self.base + whole, data=form, headers=headers, timeout=_SECONDS, allow_redirects=False
        )

    def signs_in(self, name: str, password: str = PASSWORD) -> Response:
        """Signs in by name and password."""
        return self.sends("/login", name=name, password=password)

    def orders(self, order: str, *, typed: str | None = None, **words: str) -> Response:
        """Gives an order in its two steps; `typed` is what is typed to confirm."""
        prepared = self.sends(f"orders/{order}", form=self.form_of(order), **words)
        confirmed = f"{order} {self.portfolio}" if typed is None else typed
        form = _FORM.findall(prepared.text)[-1]
        return self.sends(f"orders/{order}/give", form=form, typed=confirmed, **words)

    def form_of(self, order: str) -> str:
        """Returns the secret of that order's form, from a page of orders fetched now."""
        page = self.gets("orders").text
        return str(_FORM.findall(page.partition(f'action="/{self.portfolio}/orders/{order}"')[2])[0])


class Served(NamedTuple):
    """A dashboard under way: its address without what follows, and the whole of it as printed."""

    running: Running
    base: str
    address: str
    portfolio: str

    def visitor(self) -> Visitor:
        """Returns somebody who has not signed in."""
        return Visitor(self.base, self.portfolio)

    def local(self) -> Visitor:
        """Returns somebody who came by the printed address."""
        visitor = self.visitor()
        visitor.gets(self.address.removeprefix(self.base))
        return visitor


@contextmanager
def served(
    server: EmbeddedServer | str, portfolio: str, folder: Path, *options: str, **variables: str
) -> Iterator[Served]:
    """Yields a dashboard of that portfolio, on a port of its own; the server may be an address."""
    url = server if isinstance(server, str) else server.url
    place = ("--url", url, "--portfolio", portfolio, "--port", "0")
    with started("dashboard", *place, *options, cwd=folder, **variables) as running:
        said = running.says("\n")
        found = _ADDRESS.search(said)
        assert found, said
        yield Served(running, found[1], found.group().strip(), portfolio)


def users_file(folder: Path, people: Sequence[tuple[str, str]]) -> Path:
    """Writes a file of users, each a name and a role, all of one password."""
    file = folder / "users.json"
    file.touch(mode=0o600)
    file.write_bytes(_users(tuple(people)))
    return file


@cache
def _users(people: tuple[tuple[str, str], ...]) -> bytes:
    """What such a file holds, made once: to hash a password is meant to take long."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "users.json"
        for name, role in people:
            add_user(file, name, "operator" if role == "operator" else "viewer", PASSWORD)
        return file.read_bytes()
