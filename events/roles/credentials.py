"""The passwords of the server's users, in a file of their owner's: JSON, a user's name and its password each.

Whoever had one that was dropped stays in it with `null`: a key's number is never given again.

Guarantees: a file that others may read or write, or that somebody else owns, is refused, and what was checked
is what is read; no password stands in a repr or in an error; a new file is its owner's alone from the
beginning, and is replaced as a whole.
"""

import json
import os
import secrets
import stat
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

from portfold.errors import UNUSABLE, PortfoldError
from portfold.events.roles.own_server import KEEPER, password_of
from portfold.whole_files import part_of, put_in_place, to_disk

ENVIRONMENT_VARIABLE = "PORTFOLD_CREDENTIALS"
LEAST_PASSWORD = 16
_LONGEST_PASSWORD = 512
_LARGEST_FILE = 1_000_000
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_RANDOM_BYTES = 32
_WHOLE = "a JSON object of users and their passwords, each user once"


class CredentialsError(PortfoldError):
    """The file cannot be used; one sentence that says why, and shows no password."""

    exit_code = UNUSABLE
    variable: ClassVar[str] = ENVIRONMENT_VARIABLE
    """What of the environment names such a file."""

    def __init__(self, file: Path, expected: str, got: str) -> None:
        self.file, self.expected, self.got = file, expected, got
        super().__init__(f"{file}: expected {expected}, got {got}.")


class Credentials:
    """Users and their passwords, of one file; None is that of whoever had one that was dropped."""

    def __init__(self, file: Path, passwords: Mapping[str, str | None]) -> None:
        self.file = file
        self._passwords = {user: password for user, password in passwords.items() if password is not None}
        self.dropped = sorted(passwords.keys() - self._passwords.keys())

    def __repr__(self) -> str:
        return f"Credentials({str(self.file)!r}, users={self.users!r})"

    @property
    def users(self) -> list[str]:
        """Returns the users' names, sorted."""
        return sorted(self._passwords)

    @property
    def everybodys(self) -> dict[str, str | None]:
        """Returns what stands in the file."""
        return {**self._passwords, **dict.fromkeys(self.dropped)}

    def password(self, user: str) -> str:
        """Returns the user's password. Raises CredentialsError where the file has none.

        Where the file has the keeper of a server of our own, it has all of its users'.
        """
        if user not in self._passwords and KEEPER in self._passwords:
            return password_of(user, self._passwords[KEEPER])
        if user not in self._passwords:
            expected = f"the password of the user {user}, as portfold acl --credentials FILE puts it there"
            raise CredentialsError(self.file, expected, "none")
        return self._passwords[user]

    def password_sha256(self, user: str) -> str:
        """Returns the hash of the user's password, as the server takes it. Raises CredentialsError."""
        return sha256(self.password(user).encode()).hexdigest()


def read_credentials(file: Path) -> Credentials:
    """Reads the file. Raises CredentialsError."""
    try:
        tree = json.loads(_owners_own(file), object_pairs_hook=_each_once)
    except (ValueError, RecursionError):  # what is there may be a password, so nothing of it is told
        raise CredentialsError(file, _WHOLE, "something else") from None
    if not isinstance(tree, dict):
        raise CredentialsError(file, _WHOLE, "something else")
    for user, password in tree.items():
        if password is not None and not _is_password(password):
            expected = f"a password of {LEAST_PASSWORD} to {_LONGEST_PASSWORD} visible ASCII characters"
            raise CredentialsError(file, f"{expected} for {user[:80]!r}", "another, which is not shown")
    return Credentials(file, tree)


def with_passwords(file: Path, users: Iterable[str]) -> Credentials:
    """Returns the file's passwords, with a new one for each of these users that has none, and keeps them.

    The file is made where there is none. Raises CredentialsError.
    """
    known = _known_in(file)
    lacking = [user for user in users if user not in known.users]
    new = {user: secrets.token_urlsafe(_RANDOM_BYTES) for user in lacking}
    return _kept(known, new) if new else known


def with_password(file: Path, user: str, password: str) -> Credentials:
    """Returns the file's passwords with that one, in the place of another of that user, and keeps them.

    The file is made where there is none. Raises CredentialsError.
    """
    return _kept(_known_in(file), {user: password})


def without_password(file: Path, user: str) -> Credentials:
    """Returns the file's passwords without that user's, and keeps them. Raises CredentialsError."""
    return _kept(read_credentials(file), {user: None})


def _known_in(file: Path) -> Credentials:
    return read_credentials(file) if os.path.lexists(file) else Credentials(file, {})


def _kept(known: Credentials, changed: Mapping[str, str | None]) -> Credentials:
    file, passwords = known.file, {**known.everybodys, **changed}
    try:
        _write(file, json.dumps(passwords, indent=2).encode() + b"\n")
    except OSError as error:
        raise CredentialsError(file, "a file that can be written", f"an error: {error.strerror}") from error
    return Credentials(file, passwords)


def _owners_own(file: Path) -> bytes:
    """Returns what is in the file. Raises CredentialsError where it is not its owner's alone."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would be waited for
        with os.fdopen(descriptor, "rb") as opened:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise CredentialsError(file, "a regular file", "none")
            if found.st_uid != os.geteuid():
                raise CredentialsError(file, "a file of your own", f"one of user {found.st_uid}")
            if found.st_mode & _OTHERS:
                expected = f"a file that only its owner can read: chmod 600 {file}"
                raise CredentialsError(file, expected, f"the permissions {stat.S_IMODE(found.st_mode):o}")
            return opened.read(_LARGEST_FILE)
    except OSError as error:
        raise CredentialsError(file, "a readable file", f"an error: {error.strerror}") from error


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise ValueError
    return tree


def _is_password(found: object) -> bool:
    """Returns whether it is one: visible ASCII, which any address and any shell carries."""
    if not isinstance(found, str) or not LEAST_PASSWORD <= len(found) <= _LONGEST_PASSWORD:
        return False
    return found.isascii() and found.isprintable() and " " not in found


def _write(file: Path, content: bytes) -> None:
    part_of(file).unlink(missing_ok=True)
    how = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(part_of(file), how, 0o600), "wb") as part:
        part.write(content)
        to_disk(part)
    put_in_place(file)
