"""The users of a server of our own: one keeps it, anybody else may only look, and each role comes as itself.

One password is kept, in a file of its owner's alone: that of the user who keeps the server. Those of all
roles follow from it (HMAC-SHA-256 of the user's name), so whoever may read that file is given any role when
he connects, by `SignsIn`, and no other file has to be written. Guarantees: whoever gives no name reads what
the server holds, and writes nothing; a user that somebody added stays through a restart, once he was saved.
"""

import hmac
import os
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

KEEPER = "portfold.keeper"
"""Who may do everything on a server of our own: give it users, above all."""

ACL_FILE = "users.acl"
_LOOKS = (
    "on nopass sanitize-payload resetchannels %R~* -@all +@read +auth +hello +ping +echo +select +quit +reset"
    " +command +client|setinfo +client|setname +client|getname +client|id +client|info +client|list"
    " +multi +exec +discard +info +time +acl|whoami +memory|usage"
)
"""Whoever gives no name: all that only reads, as a person with `redis-cli` wants it."""


def password_of(user: str, keepers: str) -> str:
    """Returns the password of that user of a server whose keeper has the password `keepers`."""
    digest = hmac.digest(keepers.encode(), user.encode(), sha256)
    return urlsafe_b64encode(digest).decode().rstrip("=")


def write_users(folder: Path, keeper_sha256: str) -> Path:
    """Writes the users that the server in this folder begins with; returns their file. Raises OSError."""
    file = folder / ACL_FILE
    own = {"default": _LOOKS, KEEPER: f"on sanitize-payload #{keeper_sha256} ~* &* +@all"}
    saved = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    others = [line for line in saved if line.split(maxsplit=2)[1:2] and line.split()[1] not in own]
    lines = [*(f"user {user} {rules}" for user, rules in own.items()), *others]
    part = file.with_name(f"{file.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write("".join(f"{line}\n" for line in lines))
    part.replace(file)
    return file
