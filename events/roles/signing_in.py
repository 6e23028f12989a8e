"""Comes to a server of our own as one of its users, which is given that user and the functions first.

A process connects under its role. Where the file of passwords holds the keeper of the server, each new
connection first has the keeper set the user as this version describes it, so a server that was started anew,
or by another version, needs nothing done beforehand. Elsewhere a user is there or is not: `portfold acl`.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis import CredentialProvider, exceptions

from portfold.events.roles.credentials import (
    ENVIRONMENT_VARIABLE,
    Credentials,
    CredentialsError,
    read_credentials,
    with_passwords,
)
from portfold.events.roles.own_server import ACL_FILE, KEEPER, USERS_FILE, write_users
from portfold.events.roles.scripts import all_scripts
from portfold.events.roles.server_roles import DASHBOARD, ServerRole, role_of

_SETTINGS = "+config|get"
Connecting = Callable[[str, str], Any]
"""Makes a client that comes as a user by its password."""


class SignsIn(CredentialProvider):
    """The name and password of a user of a server of our own, whom its keeper sets before each use."""

    def __init__(self, user: str, known: Credentials, connecting: Connecting) -> None:
        self._user = user
        self._known = known
        self._connecting = connecting
        found = role_of(user)
        self._words = _words(*found) if found else []

    def __repr__(self) -> str:
        return f"SignsIn({self._user!r})"

    def get_credentials(self) -> tuple[str, str]:
        """Returns name and password. Raises the library's errors where the server does not answer."""
        if self._words:
            keeper = self._connecting(KEEPER, self._known.password(KEEPER))
            try:
                self._set_user(keeper)
            except exceptions.AuthenticationError:
                whose = f"{KEEPER} with the password in {self._known.file}"
                raise exceptions.AuthenticationError(f"it does not know {whose}") from None
            finally:
                keeper.close()
        return self._user, self._known.password(self._user)

    def _set_user(self, keeper: Any) -> None:
        with keeper.pipeline(transaction=False) as asked:
            password = f"#{self._known.password_sha256(self._user)}"
            asked.execute_command("ACL SETUSER", *self._words, password)
            asked.execute_command("FUNCTION LIST", "LIBRARYNAME", "portfold_*")
            *_, listed = asked.execute(raise_on_error=False)
        if isinstance(listed, Exception):  # a server in trouble: the user may be there from before
            return
        there = {library[library.index("library_name") + 1] for library in listed}
        with keeper.pipeline(transaction=False) as given:
            for script in all_scripts():
                if script.name not in there:
                    given.function_load(script.library, replace=True)
            given.execute(raise_on_error=False)


class OwnUsers:
    """The users that a server of our own in `folder` begins with, and the file of its keeper's password."""

    def __init__(self, folder: Path) -> None:
        known = keepers_file(None)
        self.file = known.file.absolute() if known else folder / USERS_FILE
        self._folder = folder

    @property
    def acl_file(self) -> Path:
        """Returns the file that the server reads its users from."""
        return self._folder / ACL_FILE

    def keepers_url(self, url: str) -> str:
        """Returns the address by which one may do everything there. Raises CredentialsError."""
        scheme, slashes, place = url.partition("://")
        return f"{scheme}{slashes}{KEEPER}:{with_passwords(self.file, [KEEPER]).password(KEEPER)}@{place}"

    def write(self) -> None:
        """Writes the users for the server to begin with. Raises CredentialsError."""
        known = with_passwords(self.file, [KEEPER])
        try:
            write_users(self._folder, known.password_sha256(KEEPER))
        except OSError as error:
            expected = "a folder in which the server's users can be kept"
            raise CredentialsError(self._folder, expected, f"an error: {error.strerror}") from error


def keepers_file(file: Path | None) -> Credentials | None:
    """Returns what is in the file, or in the one that the environment names, if the keeper is in it."""
    named = file or os.environ.get(ENVIRONMENT_VARIABLE)
    if not named:
        return None
    known = read_credentials(Path(named))
    return known if KEEPER in known.users else None


def _words(role: ServerRole, portfolio: str) -> list[str]:
    """Returns the role, with what is no danger on a server of our own: its settings hold no password."""
    return [*role.words(portfolio, *("*" if role == DASHBOARD else "")), _SETTINGS]
