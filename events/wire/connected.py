"""What every part of the bus stands on: the portfolio's keys, the client, and the scripts it runs.

Each part of `Bus` is a class of its own over this one, with the scripts that only it uses.
"""

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from portfold.events.wire.keys import Keys

if TYPE_CHECKING:
    from redis import Redis


class Connected:
    """The portfolio `name` on one server, and what all parts of its bus share."""

    def __init__(self, client: "Redis", name: str) -> None:
        self.keys = Keys(name)
        self._client: Any = client  # the library's own types are too loose to check against
        self._renew = self._script("renew.lua")

    def close(self) -> None:
        """Lets the connections go."""
        self._client.close()

    def _script(self, name: str) -> Any:
        """The script of that file, to be called like a function."""
        source = files("portfold.events.wire").joinpath(name).read_text(encoding="utf-8")
        return self._client.register_script(source)


def answers_to(commands: Any) -> list[Any]:
    """The answers to a pipeline's commands; the first error among them as the server words it."""
    found: list[Any] = commands.execute(raise_on_error=False)  # its own words for an error name the command
    for error in (answer for answer in found if isinstance(answer, Exception)):
        raise error
    return found
