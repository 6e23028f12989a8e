"""What a trader's process is told to do, a line each: the words that its player and it share."""

from typing import Literal

from msgspec import Struct

Word = Literal["start", "ask", "mark", "leave", "close"]
DONE, NOT_DONE = "done", "not done"


class Order(Struct, frozen=True):
    """At the moment `now_ms` of the log: ask for, mark or leave this trade, at a price as text.

    `close`: what a stop has ordered to be closed, now that it is this trader's turn.
    """

    word: Word
    now_ms: int
    trade: int = -1
    side: Literal["long", "short"] = "long"
    size: int = 1
    price: str = "0"
