"""The bus of whoever puts a record back into a server to look at it: into a portfolio that is not there yet.

Nothing is decided on the way. Until `finish` the portfolio has no head, and so counts as not there.
"""

from collections.abc import Mapping, Sequence

from portfold.events.stream_id import StreamId
from portfold.events.wire.bus import Bus, Entry


class ImporterBus(Bus):
    """The portfolio `name` on one server, for an import."""

    def is_there(self) -> bool:
        """Returns whether the server has anything under the portfolio's names."""
        with self._errors_while("looking for the portfolio"):
            return next(self._client.scan_iter(match=f"{_literally(self.keys.prefix)}:*"), None) is not None

    def put(self, events: Sequence[Entry], decisions: Sequence[Entry]) -> None:
        """Adds the entries under the IDs they had. ValueError for words that no stream ever held."""
        found = [
            (key, str(at), *(word.encode("utf-8", "surrogateescape") for word in fields))
            for key, entries in ((self.keys.events, events), (self.keys.decisions, decisions))
            for at, fields in entries
        ]
        with self._errors_while("putting entries back"), self._client.pipeline(transaction=False) as commands:
            for words in found:
                commands.execute_command("XADD", *words)
            commands.execute()

    def finish(
        self, *, epoch: int, cursor: StreamId, chain: str, folded: int, status: Mapping[str, str]
    ) -> None:
        """Writes head and status, in one step."""
        head = {"epoch": str(epoch), "cursor": str(cursor), "chain": chain, "folded": str(folded)}
        with self._errors_while("putting the head back"), self._client.pipeline(transaction=True) as commands:
            commands.hset(self.keys.head, mapping=head)
            commands.hset(self.keys.status, mapping=dict(status))
            commands.execute()


def _literally(text: str) -> str:
    """Returns the text as a pattern that matches nothing else."""
    return "".join(f"\\{char}" if char in "*?[]\\^" else char for char in text)
