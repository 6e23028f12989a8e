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
    folder = usual_server_folder()
    file = folder / "users.json"
    return file if file.is_file() and _runs_at(url, folder / "server.lock") else None


def _runs_at(url: str, lock: Path) -> bool:
    """Returns whether a server of ours that has noted this address runs, and so holds the lock."""
    import fcntl  # noqa: PLC0415 - absent on Windows, where there is no embedded server

    addresses = {url.replace(_HERE[1], _HERE[0]).rstrip("/"), f"{url.replace(_HERE[1], _HERE[0])}/0"}
    try:
        with lock.open("rb") as file:
            if not addresses & set(os.fsdecode(file.read(200)).split()):
                return False
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
