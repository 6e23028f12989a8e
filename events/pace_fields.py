"""The kinds of field that the rules of pace have: entries, losses or minutes, and how many a minute."""

from typing import Annotated

from msgspec import Meta

from portfold.bounds import COUNT, LONGEST_NAME, MOST_COUNT, MOST_NAMED, NAME_LETTERS, SYMBOL, WEIGHED

_NAME = rf"[{NAME_LETTERS}]{{1,{LONGEST_NAME}}}"
CountOfPace = Annotated[
    int, Meta(ge=0, le=MOST_COUNT, description=f"a whole number from 0 (none) to {MOST_COUNT}")
]
NumberBySymbol = Annotated[
    str,
    Meta(
        pattern=rf"^(?:(?:{SYMBOL}=)?{COUNT}(?: |\Z)){{0,{MOST_NAMED}}}(?<! )\Z",
        description="a whole number for each symbol, and for those with their own, such as 2 ES=4",
    ),
]
RateByName = Annotated[
    str,
    Meta(
        pattern=rf"^(?:(?:{_NAME}=)?{WEIGHED}(?: |\Z)){{0,{MOST_NAMED}}}(?<! )\Z",
        description="entries a minute for each, and for those with their own, such as 2 ibs-ES=0.5",
    ),
]
