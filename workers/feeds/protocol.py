"""What every feed of bars offers, whatever it reads them from."""

from collections.abc import Iterator
from typing import Protocol

from workers.bar import Bar


class Feed(Protocol):
    """Bars of several symbols, each symbol's strictly increasing in time.

    Feeds are read lazily and may be read again: every call of `bars` starts from the first bar.
    """

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols it has bars of, in the order they are to be listed."""
        ...

    def bars(self, symbol: str) -> Iterator[Bar]:
        """The bars of one symbol, oldest first; an error of the feed's own for a symbol it does not have."""
        ...
