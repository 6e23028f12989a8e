"""Gives the server the users that have roles, and the functions that they may call.

Guarantees: applied twice, the second time changes nothing; a user that is changed is changed in one step; no
other user, and no function, is touched. A password comes as its SHA-256 alone.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from portfold.events.roles.scripts import all_scripts
from portfold.events.wire.connection import Connected
from portfold.events.wire.errors import BusRefused

if TYPE_CHECKING:
    from redis import Redis


class Granting(Connected):
    """One server, as whoever may change its users sees it."""

    def __init__(self, client: "Redis", portfolio: str) -> None:
        super().__init__(client, portfolio)

    def keep_functions(self) -> list[str]:
        """Gives the server the functions of this version that it lacks; returns their names."""
        with self._errors_while("asking for its functions"):
            listed = self._client.execute_command("FUNCTION LIST", "LIBRARYNAME", "portfold_*")
        there = {library[library.index("library_name") + 1] for library in listed}
        lacking = [script for script in all_scripts() if script.name not in there]
        for script in lacking:
            with self._errors_while("giving it a function"):
                self._client.function_load(script.library)
        return [script.name for script in lacking]

    def grant(self, words: Sequence[str], password_sha256: str) -> bool:
        """Sets the user that these words describe; returns whether anything changed."""
        before = self._as_listed(words[0])
        with self._errors_while("setting a user"):
            self._client.execute_command("ACL SETUSER", *words, f"#{password_sha256}")
        return self._as_listed(words[0]) != before

    def keep_users(self) -> bool:
        """Has the server write its users to its own file; returns whether it has one for them."""
        try:
            with self._errors_while("keeping its users"):
                self._client.execute_command("ACL SAVE")
        except BusRefused:
            return False
        return True

    def anybody_may_do_anything(self) -> bool:
        """Returns whether whoever connects without a name is a user without a password."""
        rules = self._as_listed("default").split()
        return "on" in rules and "nopass" in rules

    def _as_listed(self, user: str) -> str:
        with self._errors_while("asking for its users"):
            users: list[str] = self._client.execute_command("ACL LIST")
        return next((line for line in users if line.split(maxsplit=2)[1] == user), "")
