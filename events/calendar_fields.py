"""The kinds of field that the market's calendar has: many sessions, or many windows, as one text each."""

from typing import Annotated

from msgspec import Meta

from portfold.bounds import CLOCK_TIME, MOST_WINDOWS, SYMBOL, WINDOW
from portfold.events.fields import DATE

MOST_SESSIONS = 400
MOST_DATED = 64
_MOMENT = rf"{DATE}T{CLOCK_TIME}Z"
_SESSION = rf"{DATE}={_MOMENT}\.\.{_MOMENT}"
_DATED = (
    rf"{_MOMENT}\.\.{_MOMENT}=(?:deny|flatten)(?::{SYMBOL}(?:,{SYMBOL}){{0,15}})?"
    r"(?:#[A-Za-z0-9._-]{1,24})?"
)
Sessions = Annotated[
    str,
    Meta(
        pattern=rf"^(?:{_SESSION}(?: |\Z)){{1,{MOST_SESSIONS}}}(?<! )\Z",
        description=f"1 to {MOST_SESSIONS} sessions as 2026-11-27=2026-11-26T23:00Z..2026-11-27T18:15Z",
    ),
]
DatedWindows = Annotated[
    str,
    Meta(
        pattern=rf"^(?:{_DATED}(?: |\Z)){{0,{MOST_DATED}}}(?<! )\Z",
        description=f"up to {MOST_DATED} windows as 2026-12-10T13:25Z..2026-12-10T13:40Z=deny:ES,NQ#CPI",
    ),
]
Windows = Annotated[
    str,
    Meta(
        pattern=rf"^(?:{WINDOW}(?: |\Z)){{0,{MOST_WINDOWS}}}(?<! )\Z",
        description=(
            f"up to {MOST_WINDOWS} weekly windows such as "
            "mon-fri/close-10..close=flatten wed/09:30-2..09:30+5=deny:CL,ES fri/12:00..close=flatten:energy"
        ),
    ),
]
