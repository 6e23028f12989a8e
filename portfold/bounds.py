"""Bounds that the wire, the configuration and what reads files hold to alike, so each is written once;
and the bounds above which something is a warning sign, whoever looks at it.

Guarantees: what the configuration lets pass in these, the log takes. Where the two differ on purpose, as in
the length of a portfolio's name, each has its own.
"""

from decimal import Decimal

SYMBOL = r"[A-Z0-9]{1,12}"
NAME_LETTERS = r"A-Za-z0-9._@-"
LONGEST_NAME = 64
LONGEST_TEXT = 500
PRICE = r"-?[0-9]{1,9}(?:\.[0-9]{1,10})?"
CLOCK_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"

MOST_SYMBOLS = 64
MOST_SPECIFIED = 128
"""How many contracts can be known: each is a point value in the limits."""
MOST_POSITIONS = 50
MOST_CONTRACTS = 10_000
MOST_PERCENT = 99
"""Of the daily stop, to warn at."""
MOST_DAYS = 30
"""Trading days that a rule may look back on, or deny entries for."""
MOST_CONFIRM_SECONDS = 600
"""How long a mark that jumps may wait for a second one."""
POINTS = r"[0-9]{1,9}(?:\.[0-9]{1,10})?"
"""As fine as any tick: of 6J it is 0.0000005."""
DOLLARS_EACH = r"[0-9]{1,9}(?:\.[0-9]{1,2})?"
"""Dollars a contract."""
MOST_TIERS = 8
TIER = r"[0-9]{1,9}(?:\.[0-9]{1,2})?%?=(?:tell|deny|above:[1-9][0-9]{0,3}|flatten)"
"""A tier of the day's loss: how much of its limit, or how many dollars, and what follows."""
MOST_WINDOWS = 16
"""Windows of a week that limits may hold."""
_WEEKDAY = "(?:mon|tue|wed|thu|fri|sat|sun)"
_EDGE = rf"(?:{CLOCK_TIME}|open|close)(?:[+-][1-9][0-9]{{0,2}})?"
WINDOW = (
    rf"{_WEEKDAY}(?:-{_WEEKDAY})?/{_EDGE}\.\.{_EDGE}"
    rf"=(?:deny|flatten)(?::(?:{SYMBOL}(?:,{SYMBOL}){{0,15}}|[{NAME_LETTERS}]{{1,{LONGEST_NAME}}}))?"
)
"""A window of the week: on which days, from when to when, each with minutes before or after, what follows,
and in what: symbols, or a group.
"""

LONGEST_LOCKOUT_DAYS = 31
"""Nobody ends a lockout early, so a wrong number of it has to be one that a portfolio survives."""

MOST_LOSSES_WITHIN = 20
"""Losing trades that are counted by their times."""

MOST_GROUPS = 16
MOST_STEPS = 8
MOST_NAMED = 64
"""How many names may have a number of their own in one limit."""
MOST_COUNT = 9_999
COUNT = r"(?:0|[1-9][0-9]{0,3})"
"""Positions, contracts or entries; 0 is no limit."""
WEIGHED = r"(?:0|[1-9][0-9]{0,3})(?:\.[0-9]{1,2})?"
"""Contracts by their weight."""
WEIGHT = r"(?:0\.(?:0[1-9]|[1-9][0-9]?)|[1-9][0-9]{0,2}(?:\.[0-9]{1,2})?)"
"""How much a contract counts, above 0."""
LOSS = r"[0-9]{1,9}(?:\.[0-9]{1,2})?"
"""Dollars that may be lost; 0 is no limit."""
GROUP = rf"[{NAME_LETTERS}]{{1,{LONGEST_NAME}}}={SYMBOL}(?:,{SYMBOL}){{0,{MOST_SYMBOLS - 1}}}"
STEP = r"[0-9]{1,9}(?:\.[0-9]{1,2})?=[1-9][0-9]{0,3}"
"""A step of a ladder: from how many dollars of equity on how many contracts."""

MOST_BLOCKED = Decimal("0.5")
"""The share of entries that are denied, above which that is a warning sign."""
MOST_STOPS_A_WEEK = 3
"""More of them are a warning sign."""


def too_many_blocked(blocked: int, asked: int) -> bool:
    """Returns whether so many entries denied, of those asked for, are a warning sign."""
    return asked > 0 and blocked > MOST_BLOCKED * asked


def too_many_stops(stops: int) -> bool:
    """Returns whether so many stops in a week are a warning sign."""
    return stops > MOST_STOPS_A_WEEK
