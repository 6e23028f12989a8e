"""`portfold dashboard`: serves the page that is always open, and keeps the file of who may see it."""

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number

from portfold.cli.exits import Unusable
from portfold.cli.target import Target
from portfold.events.roles.server_roles import DASHBOARD, OPERATOR
from portfold.installing import install_command

if TYPE_CHECKING:
    from portfold.cli.dashboard.serving import Served
    from portfold.cli.target import ResolvedTarget

PORT = 8077
METRICS_TOKEN = "PORTFOLD_METRICS_TOKEN"  # noqa: S105 - the variable's name
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - what is refused without more
_NEEDED = (
    "starlette",
    "uvicorn",
    "jinja2",
    "sse_starlette",
    "prometheus_client",
    "argon2",
    "python_multipart",
)

Flag = Annotated[bool, Parameter(negative="", show_default=False)]
Named = Annotated[list[str] | None, Parameter(negative="")]


@Parameter(name="*", group="Who may see it, and from where")
@dataclass(frozen=True)
class Reached:
    """The options of address and access."""

    host: str = "127.0.0.1"
    """The address to serve on; another than this machine's own only with --users, and TLS or --proxy."""

    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = PORT
    """The port; 0 takes a free one."""

    users: Path | None = None
    """The file of users, which `portfold dashboard user` writes; without it the printed address signs in."""

    operate: Flag = False
    """Let operators give orders: halt, resume, flatten, settle, acknowledge."""

    certificate: Path | None = None
    """The certificate for TLS, in PEM."""

    key: Path | None = None
    """Its private key."""

    proxy: str | None = None
    """The name by which a proxy that does TLS is called, such as desk.example.com."""

    called: Named = None
    """Another name or address by which people call it; may be given several times."""


_TARGET = Target()
_REACHED = Reached()


def register(app: App) -> None:
    """Adds the command and those below it."""
    group = App(name="dashboard", help="Serve a live page of the portfolio, and metrics.")
    group.default(dashboard)
    user = App(name="user", help="Keep the file of who may see the dashboard.")
    user.command(add)
    user.command(remove)
    group.command(user)
    app.command(group)


def dashboard(
    *,
    also: Named = None,
    results: Path | None = None,
    reached: Reached = _REACHED,
    target: Target = _TARGET,
) -> int:
    """Serve a page that is always open: whether it may trade, the day, limits, decisions as they come.

    Prints its address. Metrics for Prometheus are at /metrics; a reader sends
    the token that the variable PORTFOLD_METRICS_TOKEN holds. Health is at
    /healthz and /readyz.

    For example:

        portfold dashboard
        portfold dashboard --users users.json --operate

    Parameters
    ----------
    also
        Another portfolio on the same server; may be given several times.
    results
        The folder in which research has left its pages.
    """
    check_installed()
    from portfold.cli.dashboard.serving import check_certificate, serve, site_of
    from portfold.cli.stopping import stopped_by_signals

    served = _served(reached, results)
    check_certificate(served)
    place, role = target.resolve(None), OPERATOR if served.operate else DASHBOARD
    places = [place, *(_also(place, name) for name in also or ())]
    site = site_of([one.under(role) for one in places], served)
    with stopped_by_signals() as stop:
        serve(site, served, stop.event)
    return stop.exit_code


def _served(reached: Reached, results: Path | None) -> "Served":
    """Checks how it is to be served. Raises Unusable."""
    from portfold.cli.dashboard.serving import Served
    from portfold.cli.folders import state_folder

    if reached.host not in _LOOPBACK:
        if reached.users is None:
            raise Unusable(f"--host {reached.host}: expected --users as well, as others can reach it.")
        if reached.certificate is None and reached.proxy is None:
            raise Unusable(f"--host {reached.host}: expected --certificate and --key, or --proxy, as well.")
        if reached.host in _ANYWHERE and not (reached.proxy or reached.called):
            raise Unusable(
                f"--host {reached.host}: expected --called NAME, by which people call it, as well."
            )
    if results is not None and not results.is_dir():
        raise Unusable(f"--results: expected a folder, {results} is none.")
    return Served(
        host=reached.host,
        port=reached.port,
        names=tuple(filter(None, (reached.proxy, *(reached.called or ())))),
        users=reached.users,
        certificate=reached.certificate,
        key=reached.key,
        proxied=reached.proxy is not None,
        operate=reached.operate,
        results=results,
        kept=state_folder() / "dashboard",
        metrics_token=os.environ.get(METRICS_TOKEN, ""),
    )


def _also(place: "ResolvedTarget", name: str) -> "ResolvedTarget":
    """Returns where another portfolio lies: on the same server."""
    from portfold.config.errors import UnfitError
    from portfold.config.runtime import PORTFOLIO_NAME

    try:
        return replace(place, portfolio=str(PORTFOLIO_NAME.read(name)))
    except UnfitError as error:
        raise Unusable(f"--also: {error}.") from error


def add(
    name: str, /, *, role: Literal["viewer", "operator"] = "viewer", users: Path, replace_user: Flag = False
) -> None:
    """Add somebody who may see the dashboard; asks for the password.

    Where nobody types, the password is the first line of the input.

    For example:

        portfold dashboard user add jane --role operator --users users.json

    Parameters
    ----------
    name
        The name, which goes on record with every order.
    role
        `viewer` may look, `operator` may give orders where the dashboard was started with --operate.
    users
        The file; it is made where there is none.
    replace_user
        Replace somebody of that name.
    """
    check_installed()
    from portfold.cli.dashboard.access.users import Users, add_user

    if not replace_user and users.exists() and name in Users.read(users).names:
        raise Unusable(f"NAME: {name} is there already; --replace-user gives a new password and role.")
    add_user(users, name, role, _password(name))
    print(f"{name} may sign in as {role}. Written to {users}")


def remove(name: str, /, *, users: Path) -> None:
    """Remove somebody; who is signed in stays so until the dashboard is started anew.

    For example:

        portfold dashboard user remove jane --users users.json

    Parameters
    ----------
    name
        The name.
    users
        The file.
    """
    check_installed()
    from portfold.cli.dashboard.access.users import remove_user

    remove_user(users, name)
    print(f"{name} may not sign in any more. Written to {users}")


def _password(name: str) -> str:
    from getpass import getpass

    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass(f"Password of {name}: ")
    if getpass("Once more: ") != password:
        raise Unusable("The two passwords differ.")
    return password


def check_installed() -> None:
    """Raises Unusable where the extra `web` is not installed."""
    missing = missing_package()
    if missing:
        raise Unusable(f"The dashboard needs {missing}, which is not installed: {install_command('web')}")


def missing_package() -> str | None:
    """Returns the first package of the extra `web` that is not installed, None where all are."""
    from importlib.util import find_spec

    return next((name for name in _NEEDED if find_spec(name) is None), None)
