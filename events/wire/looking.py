"""Looking: the portfolio's status, and the server's reports about itself. Nothing here writes."""

from portfold.events.fields import readable
from portfold.events.wire.answers import Standing, cursor_in, milliseconds_in
from portfold.events.wire.connection import Connected, answers_to
from portfold.events.wire.errors import BusRefused

VIEW = "view"
"""The field of the status that programs read: the portfolio as JSON, see `coordinator.views`."""


class Looking(Connected):
    """The part of a bus that reads the status, the clock and the server's reports."""

    def status(self) -> dict[str, str]:
        """Returns the status hash, empty when there is none yet."""
        with self._errors_while("reading the status"):
            found = self._client.hgetall(self.keys.status)
        return {readable(name): readable(text) for name, text in found.items()}

    def standing(self, worker: str) -> Standing:
        """Returns what decides whether a yes to the worker still holds."""
        looking = "asking whether a yes still holds"
        with self._errors_while(looking), self._client.pipeline(transaction=True) as commands:
            commands.time()
            commands.hget(self.keys.status, VIEW)
            commands.get(self.keys.worker(worker))
            commands.hget(self.keys.head, "cursor")
            time, view, session, cursor = answers_to(commands)
        now_ms = max(milliseconds_in(time), cursor_in(cursor or "").ms)
        return Standing(now_ms, readable(view or ""), readable(cursor or ""), session)

    def now_ms(self) -> int:
        """Returns the server's clock."""
        with self._errors_while("asking for the time"):
            return milliseconds_in(self._client.time())

    def server(self) -> dict[str, str]:
        """Returns the server's INFO (server, persistence, memory and replication), as text."""
        with self._errors_while("asking the server about itself"):
            facts = self._client.info("server", "persistence", "memory", "replication")
        return {name: str(value) for name, value in facts.items()}

    def settings(self) -> dict[str, str]:
        """Returns how the server keeps data (`appendfsync`, `save`), and where (`dir`); empty if refused."""
        try:
            with self._errors_while("asking the server for its settings"):
                return dict(self._client.config_get("appendfsync", "save", "dir"))
        except BusRefused:  # hosted servers often forbid CONFIG
            return {}
