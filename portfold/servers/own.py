"""The server of our own on this machine: where it lies, and whose passwords are for which address.

What must outlive a terminal lies in the user's state folder where a command names no other, and not in the
working folder: a server or a worker started from elsewhere must find the same log and the same book.
Guarantees: the password of a server of our own is found for its own address only, while it runs there.
"""

import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

CREDENTIALS_VARIABLE = "PORTFOLD_CREDENTIALS"
USERS_FILE = "users.json"
LOCK_FILE = "server.lock"
"""Its last line says the server's address and who has the folder: whom to end, or `STARTING`."""
STARTING = "?"
"""Who has it until the server at that address is known to be ours: nobody is sent a password before."""
_LONGEST_NOTES = 10_000
_HERE = ("127.0.0.1", "localhost")


def state_folder() -> Path:
    """Returns $XDG_STATE_HOME/portfold, else ~/.local/state/portfold. Does not make it."""
    named = os.environ.get("XDG_STATE_HOME", "")
    base = Path(named) if Path(named).is_absolute() else Path.home() / ".local" / "state"
    return base / "portfold"


def usual_server_folder() -> Path:
    """Returns where `portfold server` and `run --embedded` keep their data."""
    return state_folder() / "server"


def credentials_file(url: str, environ: Mapping[str, str]) -> Path | None:
    """Returns the file of passwords for the server at that address; None where none is known."""
    named = environ.get(CREDENTIALS_VARIABLE)
    if named is not None:
        return Path(named) if named else None
    file = usual_server_folder() / USERS_FILE
    return file if file.is_file() and _noted_at(url) not in ("", STARTING) else None


def starts_at(url: str, environ: Mapping[str, str]) -> bool:
    """Returns whether a server of our own starts there, whose file of passwords counts a moment later."""
    return CREDENTIALS_VARIABLE not in environ and _noted_at(url) == STARTING


def note(lock: int, url: str, who: str) -> None:
    """Adds a line to the lock, so that whoever reads it never finds none while the server answers."""
    os.write(lock, f"{url} {who}\n".encode())


def last_note(folder: Path) -> tuple[str, str]:
    """Returns the server's address and who has its folder, as its lock says last; empty where nothing."""
    try:
        with (folder / LOCK_FILE).open("rb") as file:
            lines = os.fsdecode(file.read(_LONGEST_NOTES)).splitlines()
    except OSError:
        return "", ""
    url, _, who = lines[-1].partition(" ") if lines else ("", "", "")
    return url, who


def _noted_at(url: str) -> str:
    """Returns who has the usual folder, if a server of ours that has noted this address holds its lock."""
    scheme, slashes, rest = url.replace(_HERE[1], _HERE[0]).rstrip("/").partition("://")
    address = f"{scheme}{slashes}{rest.rpartition('@')[2]}"
    noted, who = last_note(usual_server_folder())
    return who if noted in (address, f"{address}/0") and _is_locked(usual_server_folder() / LOCK_FILE) else ""


def _is_locked(lock: Path) -> bool:
    import fcntl  # noqa: PLC0415 - absent on Windows, where there is no embedded server

    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def is_here(url: str) -> bool:
    """Returns whether the address is this machine's own: loopback, or a socket among its files."""
    scheme = url.partition("://")[0]
    if scheme == "unix" or "+" in scheme:
        return scheme == "unix"
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
