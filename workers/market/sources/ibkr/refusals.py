"""Puts what went wrong at Interactive Brokers into a sentence with a remedy, and says what waiting can mend.

Codes are those of its TWS API, "Message Codes". Final are, for a feed that begins, prices that the user has
not subscribed to, or would get late: delayed data is no data, as a mark at it would be of another time. One
that ran already waits: data may come back, as after another session of the same user.
"""

from typing import NamedTuple

from portfold.workers.market.sources.items import Problem

CLIENT_ID_TAKEN = 326
TOO_MANY = 101
NO_DATA = frozenset((354, 420, 10089, 10090, 10091, 10167, 10168, 10186, 10189))
DELAYED = 3
"""The type of data that comes late; everything from here on does."""
LATE = 10167
COMPETING = 10197
NO_HISTORY = 162
SERVERS_LOST = frozenset((1100, 2110))
SERVERS_BACK = frozenset((1101, 1102))
FARM_LOST = frozenset((2103, 2105))
FARM_BACK = frozenset((2104, 2106))
UNKNOWN = 200
QUIET = range(2100, 2200)
"""What it says of connections of its own that are as they should be, or come when they are needed (2108)."""
TOO_SLOW, BACK, NEW_DAY = -1, -2, -3
"""Our own: why a session was ended from here."""

_SAID = " It said: {text} ({code})"
_SENTENCES = {
    "client": "Client id {client_id} is in use at Interactive Brokers by another program: end that, or name "
    "another id, market.options.client_id.",
    "lines": "Interactive Brokers gives prices of no more symbols at once than the user has lines of market "
    "data for: subscribe to fewer symbols, or to more lines.",
    "no data": "Interactive Brokers gives this user no live prices: subscribe to the exchange's data in the "
    "client portal, and share it with the paper user. Delayed data is no data.",
    "competing": "The live prices go to another session of the same user: end that, or use another user.",
    "slow": "The data of Interactive Brokers is read too slowly: give the feed more of the machine. What was "
    "not read is asked for again.",
    "servers": "TWS, or the gateway, has lost its servers.",
    "farm": "Interactive Brokers has lost the servers that prices come from.",
}


class Refusal(NamedTuple):
    """What to tell people, and whether to give up."""

    sentence: str
    is_final: bool


def judge(problem: Problem, *, has_run: bool, client_id: int) -> Refusal:
    """Returns what a problem means; `has_run`: whether the subscription worked before."""
    kind = _kind(problem)
    if kind is None:
        what = "No connection to" if problem.stage == "connecting" else "The connection is lost to"
        return Refusal(f"{what} Interactive Brokers: {problem.text}", is_final=False)
    said = _SAID.format(text=problem.text, code=problem.code) if problem.text else ""
    sentence = _SENTENCES[kind].format(client_id=client_id) + said
    return Refusal(sentence, is_final=kind in ("no data", "lines") and not has_run)


def is_no_data(code: int, text: str) -> bool:
    """Returns whether what was asked for is not given to this user."""
    if "pacing" in text.lower():
        return False
    return code in NO_DATA or (code == NO_HISTORY and "permission" in text.lower())


def ends_a_subscription(code: int) -> bool:
    """Returns whether nothing more comes of a subscription after that error."""
    return code in NO_DATA or code in (TOO_MANY, COMPETING, NO_HISTORY, UNKNOWN)


def _kind(problem: Problem) -> str | None:
    code = problem.code
    if code is not None and is_no_data(code, problem.text):
        return "no data"
    if code in SERVERS_LOST:
        return "servers"
    if code in FARM_LOST:
        return "farm"
    kinds = {CLIENT_ID_TAKEN: "client", TOO_MANY: "lines", COMPETING: "competing", TOO_SLOW: "slow"}
    return kinds.get(code) if code is not None else None
