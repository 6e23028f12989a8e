"""`portfold acl`: the users of a server, one a role, each with what its work needs."""

import os
import re
import shlex
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from portfold.bounds import LONGEST_NAME, NAME_LETTERS
from portfold.cli.exits import Unusable
from portfold.cli.target import ResolvedTarget, Target
from portfold.events.roles.server_roles import DASHBOARD, all_roles

if TYPE_CHECKING:
    from portfold.config import Configuration
    from portfold.events.roles.credentials import Credentials

Named = Annotated[tuple[str, ...] | None, Parameter(negative="")]
_TARGET = Target()


def register(app: App) -> None:
    """Adds the command."""
    app.command(acl)


def acl(
    *,
    apply: bool = False,
    credentials: Path | None = None,
    functions: bool = False,
    password: str | None = None,
    worker: Named = None,
    dashboard_of: Named = None,
    target: Target = _TARGET,
) -> None:
    """Print the users that a server of your own needs, one a role, each with what its work needs.

    There is one each for coordinator, flattener, feed, account, operator,
    notifier, archiver, auditor and dashboard, and one for each worker. With
    --apply the server is given them, and the functions that they call; given
    again, that changes nothing. Passwords are made at random, and kept in the
    file of --credentials, which its owner alone may read. All commands find
    theirs there when PORTFOLD_CREDENTIALS names that file.

    For example:

        portfold acl
        portfold acl --apply --credentials users.json

    Parameters
    ----------
    apply
        Give the server these users. Whoever --url names has to be allowed that.
    credentials
        The file of the users' passwords; it is made if need be, and what it lacks is added.
    functions
        Print the functions alone, each as FUNCTION LOAD takes it.
    password
        Print how to come by hand as the user of a role, such as operator, and on standard output nothing but
        its password; where the server is an embedded one, it is given the user.
    worker
        A further worker by its name, such as one with the drop-in; may be given several times.
    dashboard_of
        Another portfolio on the same server that the dashboard shows too; may be given several times.
    """
    place = target.resolve(None)
    if functions:
        _print_functions()
        return
    if password is not None:
        _print_password(place, password, credentials)
        return
    workers = dict.fromkeys([*workers_of(place.configuration), *map(checked_worker, worker or ())])
    roles, others = all_roles(list(workers)), tuple(map(_checked_portfolio, dashboard_of or ()))
    words = [role.words(place.portfolio, *(others if role is DASHBOARD else ())) for role in roles]
    if not apply:
        _print(words, credentials)
    elif credentials is None:
        raise Unusable("--apply: expected --credentials FILE with it, where the users' passwords are kept.")
    else:
        from portfold.events.roles.credentials import with_passwords

        _apply(place, words, with_passwords(credentials, [user for user, *_ in words]))


def _print_password(place: ResolvedTarget, role: str, credentials: Path | None) -> None:
    """Prints a password, and how a person uses it. Raises Unusable, CredentialsError, BusError."""
    from portfold.cli.typed import print_note
    from portfold.events.roles.credentials import read_credentials
    from portfold.events.roles.own_server import KEEPER
    from portfold.events.roles.server_roles import role_of
    from portfold.events.wire.bus import Bus
    from portfold.events.wire.connection import as_user, connect, without_secrets
    from portfold.servers.own import credentials_file, is_here

    user, file = f"portfold.{place.portfolio}.{role}", credentials or credentials_file(place.url, os.environ)
    if role_of(user) is None:
        raise Unusable(f"--password: expected a role, such as operator or worker.ibs-ES, got {role[:80]!r}.")
    if file is None:
        raise Unusable("--password: expected --credentials FILE with it, or PORTFOLD_CREDENTIALS.")
    known = read_credentials(file)
    if KEEPER in known.users and not is_here(place.url):
        raise Unusable(
            f"--password: {file} is of an embedded server on this machine, and the address of another."
        )
    secret = known.password(user)
    with closing(Bus(connect(as_user(place.url, user, secret), credentials=file), place.portfolio)) as bus:
        bus.now_ms()
    print_note(
        f'to come by hand: REDISCLI_AUTH="$(portfold acl --password {role})" redis-cli --user {user} '
        f"-u {without_secrets(place.url)}"
    )
    print(secret)


def workers_of(configuration: "Configuration") -> list[str]:
    """Returns the names of the workers that the configuration has."""
    runtime = configuration.runtime
    return [
        runtime.worker_name(key) for one in configuration.portfolio.symbols for key in runtime.keys_of(one)
    ]


def _apply(place: ResolvedTarget, users: Sequence[Sequence[str]], known: "Credentials") -> None:
    """Gives the server functions and users, and prints what changed."""
    from portfold.events.wire.connection import each_server, without_secrets

    servers = each_server(keepers(place.url) or place.url, password=place.password)
    for url in servers:
        if len(servers) > 1:
            print(f"At {without_secrets(url)}, as users do not go from one server to another by themselves:")
        _apply_at(url, place, users, known)
    print(f"Their passwords are in {known.file}: export PORTFOLD_CREDENTIALS={shlex.quote(str(known.file))}")


def _apply_at(url: str, place: ResolvedTarget, users: Sequence[Sequence[str]], known: "Credentials") -> None:
    """Gives one server functions, where it is no replica that gets them by itself, and users."""
    from portfold.events.roles.granting import Granting
    from portfold.events.wire.connection import connect
    from portfold.events.wire.errors import BusReadOnly

    with closing(Granting(connect(url, password=place.password), place.portfolio)) as server:
        try:
            given = server.keep_functions()
            print(
                f"Functions: {len(given)} given to the server." if given else "Functions: all there already."
            )
        except BusReadOnly:
            print("Functions: this replica gets those of its primary.")
        for words in users:
            changed = server.grant(words, known.password_sha256(words[0]))
            print(f"{words[0]}: {'set' if changed else 'unchanged'}")
        if not server.keep_users():
            print(
                "The server has no file for its users (aclfile in its configuration), so a restart forgets "
                "them: give it one, or apply this again after each."
            )
        if server.anybody_may_do_anything():
            print(
                "Whoever gives no name may still do anything there, without a password. Give that user one "
                "(ACL SETUSER default '>PASSWORD'), which then is yours alone, or none of this protects."
            )


def keepers(url: str) -> str | None:
    """Returns the address by which one keeps a server of our own; None for another, or where one is named."""
    from portfold.events.roles.own_server import KEEPER
    from portfold.events.roles.signing_in import keepers_file
    from portfold.events.wire.connection import as_user, has_user
    from portfold.servers.own import credentials_file, is_here

    file = credentials_file(url, os.environ) if is_here(url) and not has_user(url) else None
    known = keepers_file(file) if file is not None else None
    return as_user(url, KEEPER, known.password(KEEPER)) if known else None


def _print(users: Sequence[Sequence[str]], file: Path | None) -> None:
    """Prints the commands; a password as its hash where the file has one."""
    from portfold.events.roles.credentials import read_credentials

    known = read_credentials(file) if file is not None else None
    for user, *words in users:
        is_known = known is not None and user in known.users
        password = f"#{known.password_sha256(user)}" if known is not None and is_known else ">PASSWORD"
        print("redis-cli ACL SETUSER", " ".join(map(shlex.quote, [user, *words, password])))
    print("# What they call: portfold acl --functions, each given by FUNCTION LOAD; or all by --apply.")


def _print_functions() -> None:
    from portfold.events.roles.scripts import all_scripts

    for script in all_scripts():
        print(script.library)


def checked_worker(name: str, option: str = "--worker") -> str:
    """Returns the name. Raises Unusable for what is none, and could widen a pattern of keys."""
    if not re.fullmatch(rf"[{NAME_LETTERS}]{{1,{LONGEST_NAME}}}", name):
        raise Unusable(
            f"{option}: expected a name of 1 to {LONGEST_NAME} letters, digits and ._@-, got {name[:80]!r}."
        )
    return name


def _checked_portfolio(name: str) -> str:
    from portfold.config.errors import UnfitError
    from portfold.config.runtime import PORTFOLIO_NAME

    try:
        return str(PORTFOLIO_NAME.read(name))
    except UnfitError as error:
        raise Unusable(f"--dashboard-of: {error}.") from error
