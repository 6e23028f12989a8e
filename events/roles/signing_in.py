"""Comes to a server as one of its users, as soon as his password is known; to one of our own as a new one.

A process connects under its role. Who that is, is decided as each connection is made: the server may have
been started after the process, or anew and with other passwords. Where the file of passwords holds the keeper
of the server, each new connection first has the keeper set the user as this version describes it, and
functions, so nothing needs to be done beforehand. Elsewhere a user is there or is not: `portfold acl`.
"""

import os
from collections.abc import Callable, Mapping
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
from portfold.events.roles.own_server import ACL_FILE, KEEPER, write_users
from portfold.events.roles.scripts import all_scripts
from portfold.events.roles.server_roles import DASHBOARD, ServerRole, role_of
from portfold.servers.own import USERS_FILE, credentials_file, is_here, starts_at

_SETTINGS = "+config|get"
Connecting = Callable[[str, str], Any]
"""Makes a client that comes as a user by its password."""


class ComesAs(CredentialProvider):
    """Says, as each connection to the server at `url` is made, who comes: `user`, or nobody.

    It is the user where a file of passwords is known then: `file`, or what the environment names, or that of
    the server of our own which runs there.
    """

    def __init__(
        self, user: str, url: str, connecting: Connecting, file: Path | None, environ: Mapping[str, str]
    ) -> None:
        self._user, self._url = user, url
        self._connecting = connecting
        self._file, self._environ = file, environ
        self.came_as_nobody = False
        found = role_of(user)
        self._words = _words(*found) if found else []

    def __repr__(self) -> str:
        return f"ComesAs({self._user!r})"

    def get_credentials(  # type: ignore[override] # the library takes nothing for nobody, without saying so
        self,
    ) -> tuple[()] | tuple[str, str]:
        """Returns name and password, or nothing. Raises the library's errors where that cannot be said."""
        if starts_at(self._url, self._environ):
            raise exceptions.ConnectionError("it is starting")
        try:
            known = passwords_for(self._url, self._environ, self._file)
            self.came_as_nobody = known is None
            return () if known is None else self._known_by(known)
        except CredentialsError as unfit:
            raise exceptions.AuthenticationError(str(unfit)) from unfit

    def _known_by(self, known: Credentials) -> tuple[str, str]:
        if self._words and KEEPER in known.users:
            keeper = self._connecting(KEEPER, known.password(KEEPER))
            try:
                self._set_user(keeper, known.password_sha256(self._user))
            except exceptions.AuthenticationError:
                whose = f"{KEEPER} with the password in {known.file}"
                raise exceptions.AuthenticationError(f"it does not know {whose}") from None
            finally:
                keeper.close()
        return self._user, known.password(self._user)

    def _set_user(self, keeper: Any, password_sha256: str) -> None:
        with keeper.pipeline(transaction=False) as asked:
            asked.execute_command("ACL SETUSER", *self._words, f"#{password_sha256}")
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


def passwords_for(url: str, environ: Mapping[str, str], file: Path | None = None) -> Credentials | None:
    """Returns the passwords for the server at that address: in `file`, or in the one that is known now.

    None where there is none. The keeper of a server of our own is nobody but on his own machine: elsewhere no
    password that follows from his is sent. Raises CredentialsError.
    """
    found = file or credentials_file(url, environ)
    known = read_credentials(found) if found else None
    return known if known and (KEEPER not in known.users or is_here(url)) else None


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
