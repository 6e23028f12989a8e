"""`portfold keys`: the keys by which workers, people and processes prove what they say."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from portfold.cli.exits import Unusable
from portfold.cli.target import Target

if TYPE_CHECKING:
    from portfold.events.roles.keyring import Keyring

_FILE = Annotated[Path | None, Parameter(env_var="PORTFOLD_KEYS")]
_TARGET = Target()


def register(app: App) -> None:
    """Adds the commands."""
    keys = App(
        name="keys",
        help="Keys by which workers, people and processes prove whose an event is.",
    )
    keys.command(new)
    keys.command(show)
    keys.command(give)
    keys.command(drop)
    app.command(keys)


def new(
    *names: str,
    file: _FILE = None,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    target: Target = _TARGET,
) -> None:
    """Make a new key for each name: a worker's, a person's, or that of a process.

    With --all each worker of the configuration, coordinator, flattener and
    account get one that have none. A second key of a name is for exchange: the
    newest signs, and all that are there are taken, until one is dropped.

    For example:

        portfold keys new --all jane --file keys.json

    Parameters
    ----------
    names
        Whose keys, as the log names them: ibs-ES, jane.
    file
        The file of keys, which its owner alone may read; made if need be. By default PORTFOLD_KEYS.
    all_
        Keys for all that the configuration has, where they have none.
    """
    from portfold.events.roles.keyring import Keyring, with_new_key

    kept = _named(file)
    known = Keyring(kept).names if os.path.lexists(kept) else []
    wanted = [*map(_checked, names), *(name for name in _everybody(target) if all_ and name not in known)]
    if not wanted:
        raise Unusable("Expected the name of a worker or a person, or --all, which has nothing left to make.")
    for name in dict.fromkeys(wanted):
        print(f"{with_new_key(kept, name)}: made")
    print(f"They are in {kept}. For who has to have all: export PORTFOLD_KEYS={shlex.quote(str(kept))}")


def show(*, file: _FILE = None) -> None:
    """List the keys by their names; no secret is shown.

    For example:

        portfold keys show --file keys.json

    Parameters
    ----------
    file
        The file of keys. By default PORTFOLD_KEYS.
    """
    ring = _ring(file)
    for name in ring.names:
        keys = [key for key in ring.keys if key.rpartition(".")[0] == name]
        print(f"{name}: {ring.newest(name)} signs" + (f"; taken: {' '.join(keys)}" if len(keys) > 1 else ""))


def give(name: str, to: Path, *, file: _FILE = None) -> None:
    """Write the newest key of one name into a file of its own, for a process that is to have no other.

    For example:

        portfold keys give ibs-ES ibs-ES.json --file keys.json

    Parameters
    ----------
    name
        Whose key.
    to
        The file; it is made, or the key is added to it, in the place of another of its whole name.
    file
        The file of keys. By default PORTFOLD_KEYS.
    """
    from portfold.events.roles.credentials import with_password
    from portfold.events.roles.keyring import Keyring

    ring = _ring(file)
    key = ring.newest(_checked(name))
    if key is None:
        raise Unusable(f"{ring.file}: expected a key of {name}, got none: portfold keys new {name}")
    there = Keyring(to).newest(name) if os.path.lexists(to) else None
    if there is not None and _number(there) > _number(key):
        raise Unusable(f"{to}: expected no key of {name} that is newer than {key}, got {there}, which signs.")
    with_password(to, key, ring.secret(key))
    print(f"{key} is in {to}.")


def drop(key: str, *, file: _FILE = None) -> None:
    """Remove a key: what it proves is refused from now on, and what it proved before stays decided.

    Its number stays in the file, without its secret, and is not given again.

    For example:

        portfold keys drop ibs-ES.1 --file keys.json

    Parameters
    ----------
    key
        Its whole name, as portfold keys show has it: ibs-ES.1.
    file
        The file of keys. By default PORTFOLD_KEYS.
    """
    from portfold.events.roles.credentials import without_password

    ring = _ring(file)
    if key not in ring.keys:
        raise Unusable(f"{ring.file}: expected one of {' '.join(ring.keys)}, got {key[:80]!r}.")
    without_password(ring.file, key)
    print(f"{key}: dropped")


def _number(key: str) -> int:
    return int(key.rpartition(".")[2])


def _named(file: Path | None) -> Path:
    if file is None:
        raise Unusable("Expected --file FILE, or PORTFOLD_KEYS: the file of the keys.")
    return file


def _ring(file: Path | None) -> "Keyring":
    from portfold.events.roles.keyring import Keyring

    return Keyring(_named(file))


def _everybody(target: Target) -> list[str]:
    """Returns who writes events by the configuration."""
    from portfold.cli.setup.acl import workers_of
    from portfold.events.proof import ACCOUNT, COORDINATOR

    return [COORDINATOR, "flattener", ACCOUNT, *workers_of(target.resolve(None).configuration)]


def _checked(name: str) -> str:
    from portfold.cli.setup.acl import checked_worker

    return checked_worker(name, "NAME")
