"""The scripts of the bus, brought along by who may do that, or kept by the server as functions.

A user of the server who has a role may call the functions that are there and bring no script of its own: see
`server_roles`. Whoever comes without a user's name brings the scripts, as ever. A function is called by its
script's content, so versions of portfold that differ find each its own beside the other's; the server keeps
functions as it keeps keys.
"""

from collections.abc import Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Any, NamedTuple

from redis import exceptions

_FOLDER = "portfold.events.wire"
_DIGITS = 12
_NOTHING_RAN = ("function not found", "'fcall'", "unknown command")
"""In what the server says where it has no such function, knows none, or lets this user call none."""


class BusScript(NamedTuple):
    """A script, and the name of the function that is made of it."""

    name: str
    lua: str

    @property
    def library(self) -> str:
        """Returns what `FUNCTION LOAD` takes."""
        head = f"#!lua name={self.name}\nredis.register_function('{self.name}', function(KEYS, ARGV)\n"
        return f"{head}{self.lua}end)\n"


class CallableScript:
    """A script to be called like a function: the server's own for who has a user's name, where it has it."""

    def __init__(self, client: Any, script: BusScript) -> None:
        self._client = client
        self._script = script
        self._brought = client.register_script(script.lua)
        at = client.connection_pool.connection_kwargs
        self._is_kept = bool(at.get("username") or at.get("credential_provider"))

    def __call__(self, keys: Sequence[str], args: Sequence[Any], *, client: Any = None) -> Any:
        """Runs it; on the one connection that `client` is of, where that is given."""
        if not self._is_kept:
            return self._brought(keys=keys, args=args, client=client)
        try:
            return (client or self._client).fcall(self._script.name, len(keys), *keys, *args)
        except exceptions.ResponseError as refused:
            if not any(words in str(refused).lower() for words in _NOTHING_RAN):
                raise
            return self._bring(keys, args, client)

    def _bring(self, keys: Sequence[str], args: Sequence[Any], client: Any) -> Any:
        try:
            answer = self._brought(keys=keys, args=args, client=client)
        except exceptions.NoPermissionError as refused:
            raise exceptions.NoPermissionError(
                f"{refused}. The server lacks a function of this version's; to give it those: "
                "portfold acl --apply"
            ) from refused
        self._is_kept = False  # a user of somebody's own making, who may bring scripts
        return answer


def script_in(file: str) -> BusScript:
    """Returns the script in that file of the bus."""
    lua = files(_FOLDER).joinpath(file).read_text(encoding="utf-8")
    digest = sha256(lua.encode()).hexdigest()[:_DIGITS]
    return BusScript(f"portfold_{file.removesuffix('.lua')}_{digest}", lua)


def all_scripts() -> list[BusScript]:
    """Returns all scripts of the bus, by name."""
    there = sorted(file.name for file in files(_FOLDER).iterdir() if file.name.endswith(".lua"))
    return [script_in(name) for name in there]
