"""The kinds of field a message may carry, and the sentence that says what each expects.

A kind is a type together with its bounds and its expectation in words, so that the codec can check a
value and, when it refuses one, say what would have been right. Bounds are chosen so that the fold's
arithmetic is exact (see `coordinator.fold.fold`): nothing that passes here can overflow it.
"""

import re
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from portfold.bounds import (
    CLOCK_TIME,
    COUNT,
    DOLLARS_EACH,
    GROUP,
    LONGEST_NAME,
    LONGEST_TEXT,
    LOSS,
    MOST_CONFIRM_SECONDS,
    MOST_CONTRACTS,
    MOST_DAYS,
    MOST_GROUPS,
    MOST_NAMED,
    MOST_PERCENT,
    MOST_POSITIONS,
    MOST_SPECIFIED,
    MOST_STEPS,
    MOST_SYMBOLS,
    MOST_TIERS,
    NAME_LETTERS,
    POINTS,
    PRICE,
    STEP,
    SYMBOL,
    TIER,
    WEIGHED,
    WEIGHT,
)

# A field ends up on terminals and must neither steer one nor show other than it is: no control characters,
# none that turn the direction of writing or hide between others (the joiners of scripts and emoji may), no
# broken Unicode. Listed rather than asked of Python, whose idea of printable changes with its version: the
# same log must give the same decisions everywhere.
_DECEIVING = (
    r"\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    r"\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff"
)
DECEIVING = re.compile(f"[{_DECEIVING}]")
"""A character that no field may hold."""
_PRINTABLE = rf"^[^{_DECEIVING}]*\Z"
_NAME = rf"[{NAME_LETTERS}]{{1,{LONGEST_NAME}}}"
_SIZE = r"(?:[1-9][0-9]{0,3}|10000)"
STREAM_ID = r"(0|[1-9][0-9]{0,19})-(0|[1-9][0-9]{0,19})"
"""A stream ID as the server writes it: no zeros in front, so one ID has one text."""
HOLDING = rf"({SYMBOL}):(long|short):({_SIZE}):({PRICE})"
"""What a broker holds, as `events.legs` reads it."""
_LEAP_YEAR = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
DATE = (
    r"(?!0000)(?:[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    rf"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)|{_LEAP_YEAR}-02-29)"
)
"""A day that the calendar has."""
LEG = rf"({SYMBOL}):(long|short):([0-9]{{1,15}}):({_NAME})"
"""A position as `events.legs` reads it; its size may be the sum of many fills."""

Symbol = Annotated[
    str,
    Meta(pattern=rf"^{SYMBOL}\Z", description="a symbol of 1 to 12 capitals or digits, such as ES or 6A"),
]
Name = Annotated[
    str,
    Meta(
        pattern=rf"^{_NAME}\Z",
        description=f"a name of 1 to {LONGEST_NAME} letters, digits or . _ @ -, such as ibs-ES",
    ),
]
NameOrNone = Annotated[
    str, Meta(pattern=rf"^(?:{_NAME})?\Z", description="a name such as ibs-ES, or nothing")
]
Person = Annotated[
    str,
    Meta(min_length=1, max_length=64, pattern=_PRINTABLE, description="who, in 1 to 64 printable characters"),
]
PersonOrNone = Annotated[
    str,
    Meta(max_length=64, pattern=_PRINTABLE, description="who, in at most 64 printable characters"),
]
Text = Annotated[
    str,
    Meta(
        max_length=LONGEST_TEXT,
        pattern=_PRINTABLE,
        description=f"at most {LONGEST_TEXT} printable characters",
    ),
]
Code = Annotated[str, Meta(pattern=r"^[a-z_]{0,32}\Z", description="a code such as max_positions")]
EventId = Annotated[str, Meta(pattern=rf"^{STREAM_ID}\Z", description="a stream ID such as 1736950000000-0")]
# No more than 64 bits: the fold has to be able to read it.
EventSeen = Annotated[
    str,
    Meta(
        pattern=r"^(?:0|[1-9][0-9]{0,18})-(?:0|[1-9][0-9]{0,18})\Z",
        description="a stream ID such as 1736950000000-0",
    ),
]
EventIdOrNone = Annotated[str, Meta(pattern=rf"^(?:{STREAM_ID})?\Z", description="a stream ID, or nothing")]
EventSpanOrNone = Annotated[
    str, Meta(pattern=rf"^(?:{STREAM_ID} {STREAM_ID})?\Z", description="two stream IDs, or nothing")
]
PortfolioName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z", description="a portfolio's name")]
Digest = Annotated[
    str, Meta(pattern=r"^(?:[0-9a-f]{64})?\Z", description="a SHA-256 in 64 hexadecimal digits, or nothing")
]
Side = Annotated[Literal["long", "short"], Meta(description="long or short")]
StopBasis = Annotated[Literal["total", "realized"], Meta(description="total or realized")]
HoldOrFlatten = Annotated[Literal["hold", "flatten"], Meta(description="hold or flatten")]
Flag = Annotated[bool, Meta(description="true or false")]

Size = Annotated[
    int, Meta(ge=1, le=MOST_CONTRACTS, description=f"a whole number of contracts from 1 to {MOST_CONTRACTS}")
]
SizeOrFlat = Annotated[
    int,
    Meta(
        ge=0, le=MOST_CONTRACTS, description=f"a whole number of contracts from 0 (flat) to {MOST_CONTRACTS}"
    ),
]
Count = Annotated[int, Meta(ge=0, le=10**15, description="a whole number from 0")]
PositionLimit = Annotated[
    int, Meta(ge=1, le=MOST_POSITIONS, description=f"a whole number of positions from 1 to {MOST_POSITIONS}")
]
ContractLimit = Annotated[
    int, Meta(ge=1, le=MOST_CONTRACTS, description=f"a whole number of contracts from 1 to {MOST_CONTRACTS}")
]
Percent = Annotated[
    int, Meta(ge=1, le=MOST_PERCENT, description=f"a whole number of percent from 1 to {MOST_PERCENT}")
]
PercentOrNone = Annotated[
    int, Meta(ge=0, le=MOST_PERCENT, description=f"a whole number of percent from 0 (none) to {MOST_PERCENT}")
]
DaysOrNone = Annotated[
    int, Meta(ge=0, le=MOST_DAYS, description=f"a whole number of trading days from 0 to {MOST_DAYS}")
]
CountOrNone = Annotated[
    str,
    Meta(pattern=r"^(?:0|[1-9][0-9]{0,2})?\Z", description="a whole number from 0 to 999, or nothing"),
]
NumberOrNone = Annotated[
    str,
    Meta(pattern=r"^(?:0|[1-9][0-9]{0,15})?\Z", description="the number of a request, or nothing"),
]
SecondsOrNone = Annotated[
    int,
    Meta(
        ge=0,
        le=MOST_CONFIRM_SECONDS,
        description=f"a whole number of seconds from 0 to {MOST_CONFIRM_SECONDS}",
    ),
]
PointJumps = Annotated[
    str,
    Meta(
        pattern=rf"^(?:{SYMBOL}={POINTS}(?: |\Z)){{0,{MOST_SYMBOLS}}}(?<! )\Z",
        description=f"points a mark may jump, for up to {MOST_SYMBOLS} symbols, such as CL=1.5 ES=20",
    ),
]
DollarsEach = Annotated[
    str,
    Meta(
        pattern=rf"^(?:{SYMBOL}={DOLLARS_EACH}(?: |\Z)){{0,{MOST_SYMBOLS}}}(?<! )\Z",
        description=f"dollars a contract, for up to {MOST_SYMBOLS} symbols, such as CL=400 ES=500",
    ),
]
LossBudget = Annotated[
    Literal["", "default", "deny"],
    Meta(description="default or deny, what becomes of an entry that names no stop, or nothing"),
]
RequestLimit = Annotated[
    int,
    Meta(
        ge=0, le=MOST_CONTRACTS, description=f"a whole number of contracts from 0 (none) to {MOST_CONTRACTS}"
    ),
]
CountBySymbol = Annotated[
    str,
    Meta(
        pattern=rf"^(?:(?:{SYMBOL}=)?{COUNT}(?: |\Z)){{0,{MOST_NAMED}}}(?<! )\Z",
        description="contracts for each symbol, and for those with a number of their own, such as 2 ES=4",
    ),
]
CountByName = Annotated[
    str,
    Meta(
        pattern=rf"^(?:(?:{_NAME}=)?{COUNT}(?: |\Z)){{0,{MOST_NAMED}}}(?<! )\Z",
        description="a whole number for each, and for those with their own, such as 2 ibs-ES=4",
    ),
]
WeighedByName = Annotated[
    str,
    Meta(
        pattern=rf"^(?:(?:{_NAME}=)?{WEIGHED}(?: |\Z)){{0,{MOST_NAMED}}}(?<! )\Z",
        description="contracts by weight for each, and for those with their own, such as 2 ibs-ES=1.5",
    ),
]
DollarsByName = Annotated[
    str,
    Meta(
        pattern=rf"^(?:(?:{_NAME}=)?{LOSS}(?: |\Z)){{0,{MOST_NAMED}}}(?<! )\Z",
        description="dollars for each, and for those with their own, such as 500 ibs-ES=800",
    ),
]
Weights = Annotated[
    str,
    Meta(
        pattern=rf"^(?:{SYMBOL}={WEIGHT}(?: |\Z)){{0,{MOST_SYMBOLS}}}(?<! )\Z",
        description=f"how much a contract counts, for up to {MOST_SYMBOLS} symbols, such as MES=0.1 MNQ=0.1",
    ),
]
Groups = Annotated[
    str,
    Meta(
        pattern=rf"^(?:{GROUP}(?: |\Z)){{0,{MOST_GROUPS}}}(?<! )\Z",
        description=f"up to {MOST_GROUPS} groups of symbols, such as equities=ES,MES,NQ energy=CL,NG",
    ),
]
Ladder = Annotated[
    str,
    Meta(
        pattern=rf"^(?:{STEP}(?: |\Z)){{0,{MOST_STEPS}}}(?<! )\Z",
        description=f"up to {MOST_STEPS} steps of contracts by equity, such as 50000=2 55000=3",
    ),
]
LossTiers = Annotated[
    str,
    Meta(
        pattern=rf"^(?:{TIER}(?: |\Z)){{0,{MOST_TIERS}}}(?<! )\Z",
        description=(
            f"up to {MOST_TIERS} tiers of the day's loss, in percent of its limit or in dollars, such as "
            "50%=tell 1500=above:2 80%=deny 95%=flatten"
        ),
    ),
]
Milliseconds = Annotated[int, Meta(ge=0, le=10**12, description="a whole number of milliseconds")]
Moment = Annotated[int, Meta(ge=0, description="a time in milliseconds, as in a stream ID")]

ServerTime = Annotated[
    int, Meta(ge=0, le=10**15, description="a time of the log's server in milliseconds, up to 10^15")
]

Price = Annotated[
    Decimal,
    Meta(description="a finite price: up to 9 digits and 10 decimals, negative allowed, such as -37.63"),
]
PriceOrNone = Annotated[
    str,
    Meta(
        pattern=rf"^(?:{PRICE})?\Z",
        description="a price of up to 9 digits and 10 decimals such as 4990.25, or nothing",
    ),
]
Amount = Annotated[Decimal, Meta(description="an amount in dollars")]
"""Dollars as the fold adds them up: as many digits as it takes."""
Dollars = Annotated[
    Decimal, Meta(description="a finite amount in dollars: up to 9 digits and 10 decimals, such as -2512.50")
]

SymbolList = Annotated[
    str,
    Meta(
        pattern=rf"^{SYMBOL}(?: {SYMBOL}){{0,{MOST_SYMBOLS - 1}}}\Z",
        description=f"1 to {MOST_SYMBOLS} symbols separated by single blanks, such as CL ES 6A",
    ),
]
SymbolListOrNone = Annotated[
    str,
    Meta(
        pattern=rf"^(?:{SYMBOL}(?: {SYMBOL}){{0,{MOST_SYMBOLS - 1}}})?\Z",
        description=f"up to {MOST_SYMBOLS} symbols separated by single blanks, such as CL ES 6A",
    ),
]
PointValues = Annotated[
    str,
    Meta(
        pattern=rf"^(?:{SYMBOL}=[0-9]{{1,9}}(?:\.[0-9]{{1,4}})?(?: |\Z)){{0,{MOST_SPECIFIED}}}(?<! )\Z",
        description=f"dollars a point for up to {MOST_SPECIFIED} symbols, such as CL=1000 ES=50",
    ),
]
Holdings = Annotated[
    str,
    Meta(
        pattern=rf"^(?:{HOLDING}(?: |\Z)){{0,32}}(?<! )\Z",
        description="what a broker holds as symbol:side:size:price, such as CL:long:1:71.25 ES:short:2:5000",
    ),
]
WorkingOrders = Annotated[
    str,
    Meta(
        pattern=rf"^(?:{SYMBOL}=[1-9][0-9]{{0,3}}(?: |\Z)){{0,32}}(?<! )\Z",
        description="how many orders are working by symbol, such as CL=1 ES=2",
    ),
]
# Written by the fold alone, bounded by what it holds.
Legs = Annotated[
    str,
    Meta(
        max_length=20_000,
        pattern=rf"^(?:{LEG}(?: |\Z))*(?<! )\Z",
        description="positions as symbol:side:size:worker, such as CL:long:1:ibs-CL",
    ),
]
ClockTime = Annotated[str, Meta(pattern=rf"^{CLOCK_TIME}\Z", description="a time of day such as 17:00")]
ClockTimeOrNone = Annotated[
    str, Meta(pattern=rf"^(?:{CLOCK_TIME})?\Z", description="a time of day such as 17:00, or nothing")
]
# Not the machine's local zone: elsewhere the same log would mean other days.
ZoneName = Annotated[
    str,
    Meta(
        max_length=64,
        pattern=r"^(?!localtime\Z|posixrules\Z)[A-Za-z0-9_+/-]+\Z",
        description="a time zone such as America/Chicago",
    ),
]
ZoneNameOrNone = Annotated[
    str,
    Meta(
        max_length=64,
        pattern=r"^(?!localtime\Z|posixrules\Z)[A-Za-z0-9_+/-]*\Z",
        description="a time zone such as America/Chicago, or nothing",
    ),
]
Date = Annotated[str, Meta(pattern=rf"^{DATE}\Z", description="a date such as 2025-01-15")]
DateOrNone = Annotated[
    str, Meta(pattern=rf"^(?:{DATE})?\Z", description="a date such as 2025-01-15, or nothing")
]


def readable(text: str) -> str:
    """Returns the text with whatever may not be shown escaped as in JSON."""
    return DECEIVING.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    pairs = found.group().encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{pairs[at]:02x}{pairs[at + 1]:02x}" for at in range(0, len(pairs), 2))
