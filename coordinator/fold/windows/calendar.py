"""What the market's calendar says and which windows are open: a part of the state.

There is one only where limits name windows or something was published.
"""

from msgspec import Struct, field

from portfold.events.calendar import DatedWindow, Session
from portfold.weekly_windows import WindowAction


class OpenWindow(Struct):
    """A window that is open since `since_ms`, with no `symbols` of all; of a group they are what it had then.

    It is over at `until_ms`; one that flattens only once the book is flat in them as well.
    """

    window: str
    action: WindowAction
    symbols: tuple[str, ...]
    since_ms: int
    until_ms: int


class NextWindow(Struct, frozen=True):
    """The window that begins next, and when."""

    window: str
    begins_ms: int


class Calendar(Struct):
    """The days from `first` to `last` with their sessions, as far as they are ahead or lately over.

    `dated` are windows that were published, `open` those that are open, by what they are called. All that
    began by `looked_ms` is open or over; nothing begins or ends before `turns_ms`. `ahead` begins next.
    """

    first: str = ""
    last: str = ""
    source: str = ""
    sessions: tuple[Session, ...] = ()
    dated: tuple[DatedWindow, ...] = ()
    open: dict[str, OpenWindow] = field(default_factory=dict)
    looked_ms: int = 0
    turns_ms: int = 0
    ahead: NextWindow | None = None
