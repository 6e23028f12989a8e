"""The dashboard's users: a file of names, roles and password hashes, which `portfold dashboard user` writes.

Guarantees: a password is kept as an argon2id hash alone; the file is its owner's, and one that others may
read is refused; a name that is not there costs as long to refuse as a wrong password.
"""

import os
import stat
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from msgspec import Meta, Struct

from portfold.errors import UNUSABLE, PortfoldError
from portfold.whole_files import part_of, put_in_place, to_disk

Role = Literal["viewer", "operator"]
LEAST_PASSWORD = 12  # characters

_Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class UsersError(PortfoldError):
    """The file of users cannot be used, or a user cannot be added; a sentence that says why."""

    exit_code = UNUSABLE


class User(Struct, frozen=True, forbid_unknown_fields=True):
    """A user: `hash` is argon2's own text, salt and costs in it."""

    name: _Name
    role: Role
    hash: str


class Users:
    """The users in one file."""

    def __init__(self, users: tuple[User, ...]) -> None:
        self._users = {user.name: user for user in users}
        self._hasher = PasswordHasher()
        self._nobodys = self._hasher.hash(os.urandom(16).hex())

    @classmethod
    def read(cls, file: Path) -> "Users":
        """Reads the file. Raises UsersError."""
        return cls(_read(file))

    @property
    def names(self) -> list[str]:
        """Returns the names, sorted."""
        return sorted(self._users)

    @property
    def operators(self) -> list[str]:
        """Returns the names of those who may give orders."""
        return sorted(name for name, user in self._users.items() if user.role == "operator")

    def signed_in(self, name: str, password: str) -> User | None:
        """Returns the user whose name and password these are; takes a while, on purpose."""
        user = self._users.get(name)
        try:
            self._hasher.verify(user.hash if user else self._nobodys, password)
        except (Argon2Error, InvalidHashError):
            return None
        return user


def add_user(file: Path, name: str, role: Role, password: str) -> None:
    """Adds a user to the file, or replaces one of that name. Raises UsersError."""
    if len(password) < LEAST_PASSWORD:
        raise UsersError(f"password: expected at least {LEAST_PASSWORD} characters, got {len(password)}.")
    try:
        user = msgspec.convert({"name": name, "role": role, "hash": PasswordHasher().hash(password)}, User)
    except msgspec.ValidationError:
        raise UsersError(
            f"NAME: expected 1 to 32 letters, digits, dots, - or _, got {name[:60]!r}."
        ) from None
    _write(file, [*(other for other in _read_if_there(file) if other.name != name), user])


def remove_user(file: Path, name: str) -> None:
    """Removes a user from the file. Raises UsersError."""
    users = _read(file)
    if all(user.name != name for user in users):
        raise UsersError(f"{file}: there is no user {name[:60]!r}.")
    _write(file, [user for user in users if user.name != name])


def _read_if_there(file: Path) -> tuple[User, ...]:
    return _read(file) if file.exists() else ()


def _read(file: Path) -> tuple[User, ...]:
    try:
        if file.stat().st_mode & _OTHERS:
            raise UsersError(f"{file}: others on this machine may read or write it: chmod 600 {file}")
        users = msgspec.json.decode(file.read_bytes(), type=tuple[User, ...])
    except OSError as error:
        raise UsersError(
            f"{file}: {error.strerror}. Add a user: portfold dashboard user add NAME --users {file}"
        ) from error
    except (UnicodeDecodeError, msgspec.MsgspecError) as error:
        raise UsersError(f"{file}: expected a list of users, {error}.") from error
    if len({user.name for user in users}) != len(users):
        raise UsersError(f"{file}: expected each name once.")
    return users


def _write(file: Path, users: list[User]) -> None:
    text = msgspec.json.format(msgspec.json.encode(users), indent=2) + b"\n"
    try:
        part_of(file).unlink(missing_ok=True)
        with os.fdopen(os.open(part_of(file), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as part:
            part.write(text)
            to_disk(part)
        put_in_place(file)
    except OSError as error:
        raise UsersError(f"{file}: {error.strerror}.") from error
