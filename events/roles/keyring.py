"""The keys by which events are proved, in a file of their owner's: JSON, a key's name and its secret each.

A key is called by whose it is and a number, `ibs-ES.2`; the newest of a name signs, all that are there are
taken for proof. `PORTFOLD_KEYS` names the file: of the coordinator one that has everybody's, of each other
process one with its own. Guarantees: a file that others may read is refused, no secret is in a repr or an
error, and a file that changes is read again, so that keys are exchanged while all goes on.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path

from portfold.events.proof import COORDINATOR, Proof, apart, proved, proves, refused, whose
from portfold.events.roles.credentials import CredentialsError, read_credentials, with_passwords
from portfold.events.stream_id import StreamId

VARIABLE = "PORTFOLD_KEYS"
NO_KEYS = "none"
"""What the variable says where a log that asked for proofs is to be led without, on purpose."""
_LOOK_SECONDS = 1.0


class UnfitKeys(CredentialsError):
    """The file of keys cannot be used."""

    variable = VARIABLE


class Keyring:
    """The keys of one file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._looked = self._stamp = 0.0
        self._secrets: dict[str, str] = {}
        self._dropped: list[str] = []
        self.read()

    def __repr__(self) -> str:
        return f"Keyring({str(self.file)!r}, keys={self.keys!r})"

    @property
    def keys(self) -> list[str]:
        """Returns what the keys are called, sorted."""
        return sorted(self._secrets)

    @property
    def ever(self) -> list[str]:
        """Returns what the keys are called, and those that were dropped, sorted."""
        return sorted([*self._secrets, *self._dropped])

    @property
    def names(self) -> list[str]:
        """Returns who has a key, sorted."""
        return sorted({_of(key)[0] for key in self._secrets})

    def newest(self, name: str) -> str | None:
        """Returns the key by which that name signs; None where it has none."""
        self._look()
        return max((key for key in self._secrets if _of(key)[0] == name), key=_of, default=None)

    def secret(self, key: str) -> str:
        """Returns a key's secret. Raises CredentialsError."""
        if key not in self._secrets:
            raise CredentialsError(self.file, f"the key {key[:80]}", "none")
        return self._secrets[key]

    def signed(self, fields: list[str], *, log: str, at: StreamId, otherwise: str = "") -> list[str]:
        """Returns an event with the proof of whose it is; as it is where no key of theirs is here.

        Nor one of the name `otherwise`, which then speaks for them.
        """
        key = self.newest(whose(fields)) or self.newest(otherwise)
        return fields if key is None else proved(fields, key=key, secret=self._secrets[key], log=log, at=at)

    def refusal(self, fields: list[str], *, log: str) -> str:
        """Says why the event is not proved; nothing where it is."""
        self._look()  # a key that was dropped proves nothing a second later
        own, proof = apart(fields)
        name = whose(own)
        if proof is None:
            return refused(f"expected one by a key of {name[:80] or 'whoever says it'}, got none")
        if not self._speaks_for(proof.name, name) or self._secret_of(proof) is None:
            return refused(f"expected one by a key of {name[:80] or 'whoever says it'}, got another")
        if not proves(fields, self._secrets[proof.key], log):
            return refused(f"expected what {proof.key} makes of this event on this log, got another")
        return ""

    def _speaks_for(self, name: str, another: str) -> bool:
        """Returns whether the first may prove what the other says: the coordinator, where that has no key."""
        return name == another or (name == COORDINATOR and another not in self.names)

    def read(self) -> None:
        """Reads the file. Raises CredentialsError."""
        self._looked, self._stamp = time.monotonic(), _stamp_of(self.file)
        known = read_credentials(self.file)
        strange = next((key for key in known.everybodys if not _is_key(key)), None)
        if strange is not None:
            raise CredentialsError(self.file, "keys such as ibs-ES.1 and their secrets", repr(strange[:80]))
        self._secrets = {key: known.password(key) for key in known.users}
        self._dropped = known.dropped

    def _secret_of(self, proof: Proof) -> str | None:
        if proof.key not in self._secrets:
            self._look(at_once=True)
        return self._secrets.get(proof.key)

    def _look(self, *, at_once: bool = False) -> None:
        """Reads the file again where it has changed; one that cannot be used meanwhile changes nothing."""
        if not at_once and time.monotonic() < self._looked + _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        if _stamp_of(self.file) != self._stamp:
            try:
                self.read()
            except CredentialsError:
                self._stamp = 0.0


def keyring_of(environ: Mapping[str, str] = os.environ) -> Keyring | None:
    """Returns the keys that the environment names; None where it names none. Raises UnfitKeys."""
    named = environ.get(VARIABLE)
    try:
        return Keyring(Path(named)) if named and named != NO_KEYS else None
    except CredentialsError as unfit:
        raise UnfitKeys(unfit.file, unfit.expected, unfit.got) from unfit


def with_new_key(file: Path, name: str) -> str:
    """Adds a new key of that name to the file, and returns what it is called: as no key of it ever was.

    Raises CredentialsError.
    """
    there = Keyring(file).ever if os.path.lexists(file) else []
    number = max((_of(key)[1] for key in there if _of(key)[0] == name), default=0) + 1
    with_passwords(file, [f"{name}.{number}"])
    return f"{name}.{number}"


def _of(key: str) -> tuple[str, int]:
    name, _, number = key.rpartition(".")
    return name, int(number)


def _is_key(text: str) -> bool:
    name, _, number = text.rpartition(".")
    return bool(name) and number.isascii() and number.isdecimal() and 0 < len(number) < 10


def _stamp_of(file: Path) -> float:
    try:
        found = file.stat()
    except OSError:
        return 0.0
    return found.st_mtime + found.st_ino
