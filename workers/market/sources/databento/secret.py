"""The key of Databento: out of the environment, into its client, and nowhere else.

Guarantees: no text that leaves this package holds it, whatever the client, the gateway or a library says;
and the loggers of the client are shut, whose lines nobody of ours has read.
"""

import logging
from collections.abc import Mapping

from portfold.workers.market.source import MarketRefused

_LONGEST_QUOTE = 300
_FIELD = "market.options.key_env"
_LOUD = ("databento",)


class Key:
    """Whoever has it reads market data at our cost, so it is shown to nobody by mistake."""

    __slots__ = ("_key",)

    def __init__(self, key: str) -> None:
        self._key = key

    def __repr__(self) -> str:
        return "Key(…)"

    def reveal(self) -> str:
        """Returns the key itself, to authenticate with."""
        return self._key

    def quoted(self, text: object) -> str:
        """Returns what others said, in one line, cut where it is long, without the key."""
        line = " ".join(str(text).replace(self._key, "…").split())
        return line if len(line) <= _LONGEST_QUOTE else f"{line[:_LONGEST_QUOTE]}…"


def read_key(environ: Mapping[str, str], variable: str) -> Key:
    """Returns the key in the environment variable. Raises MarketRefused, which never shows what is there."""
    value = environ.get(variable, "").strip()
    if not value:
        raise MarketRefused(
            f"{_FIELD}: expected the environment variable {variable} to hold a key of Databento, got nothing."
        )
    if not (value.isascii() and value.isprintable()) or " " in value or not value.startswith("db-"):
        raise MarketRefused(
            f"{_FIELD}: expected the environment variable {variable} to hold a key of Databento, which "
            "begins with db-, got something else, which is not shown."
        )
    return Key(value)


def shut_client_logs() -> None:
    """From now on the client logs nothing of its own: what happens is told by us, once, in a sentence."""
    for name in _LOUD:
        library = logging.getLogger(name)
        library.addHandler(logging.NullHandler())
        library.propagate = False
        library.setLevel(logging.CRITICAL + 1)
