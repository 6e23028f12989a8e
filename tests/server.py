"""The embedded server as tests have it: processes come under their roles, and tests by hand may do anything.

Every process of ours finds its role's password by `PORTFOLD_CREDENTIALS`, which `ROLES` names for all: one
that lacks a permission fails its test. Whoever gives no name may do anything here, as tests write by hand
what nobody should; that elsewhere he may only look is tried in `tests/events/roles`, and by the servers of
the demo and of `run --embedded`.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from redis import Redis

from portfold.events.roles.credentials import ENVIRONMENT_VARIABLE, read_credentials, with_passwords
from portfold.events.roles.own_server import KEEPER
from portfold.events.roles.server_roles import ServerRole
from portfold.events.wire import embedded
from portfold.events.wire.connection import as_role, as_user, has_user

_VARIABLE = "USERS_OF_TESTS"


def _users_file() -> str:
    """The file that whoever started this process made, or a new one."""
    if _VARIABLE not in os.environ:
        folder = Path(tempfile.mkdtemp(prefix="portfold-users-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ[_VARIABLE] = str(with_passwords(folder / "users.json", [KEEPER]).file)
    return os.environ[_VARIABLE]


ROLES = {ENVIRONMENT_VARIABLE: _users_file()}
os.environ |= ROLES


class EmbeddedServer(embedded.EmbeddedServer):
    """One whose door stands open for the tests themselves."""

    def start(self) -> None:
        super().start()
        with Redis.from_url(self.users.keepers_url(self.url)) as keeper:
            keeper.execute_command("ACL SETUSER", "default", "on", "nopass", "~*", "&*", "+@all")


def under(role: ServerRole, url: str, portfolio: str) -> str:
    """The address by which one comes to a server of the tests under that role."""
    if has_user(url):
        return url
    return as_role(url, role.user(portfolio), ROLES)


def keeper(url: str) -> str:
    """The address by which one may do anything there."""
    known = read_credentials(Path(ROLES[ENVIRONMENT_VARIABLE]))
    return as_user(url, KEEPER, known.password(KEEPER))


def keepers_sha256() -> str:
    """The keeper's password as a server of the tests' own making takes it."""
    return read_credentials(Path(ROLES[ENVIRONMENT_VARIABLE])).password_sha256(KEEPER)
