"""What becomes of a message that a service refuses for good: it is made shorter, and at last passed over.

Without that one message that is too long for a service, or holds what it does not take, would keep back every
later one, the stop included. Each refusal halves the room, so that fewer alerts go together and then a single
one is cut; one that is refused even when it is short is tried a few times more, as services have bad moments.
"""

from msgspec.structs import replace

from portfold.workers.notify.alert import Message

_SHORTEST = 200
_TRIES = 3
_CUT = "…"


class Shortening:
    """How long the next message may be, in characters, by what was refused since one got through."""

    def __init__(self) -> None:
        self._room: int | None = None
        self._tries = 0

    def fits(self, text: str) -> bool:
        """Returns whether there is room for it."""
        return self._room is None or len(text) <= self._room

    def cut(self, message: Message) -> Message:
        """Returns the message, or as much of its beginning as there is room for."""
        if self._room is None or len(message.text) <= self._room:
            return message
        lines = f"{message.text[: self._room - len(_CUT)]}{_CUT}".split("\n")
        return replace(message, lines=tuple(lines))

    def refused(self, message: Message) -> bool:
        """Makes the room smaller; whether there is still something to try with this message."""
        length = len(message.text)
        if message.count > 1:
            self._room = length // 2
            return True
        if length > _SHORTEST:
            self._room = max(_SHORTEST, length // 2)
            return True
        self._tries += 1
        return self._tries < _TRIES

    def reset(self) -> None:
        """Forgets refusals, after a message got through or was passed over."""
        self._room, self._tries = None, 0
