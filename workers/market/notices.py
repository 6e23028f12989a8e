"""What people have to know of the market's data, by subject, as it stands on the bus beside the prices.

Pure. A trouble stands until it is over; the last gap and the last roll of a symbol stand until the next.
"""

from collections.abc import Iterator, Mapping

from portfold.bounds import LONGEST_TEXT
from portfold.events.market import (
    DISCONNECTED,
    GAP,
    REFUSED,
    ROLL,
    SILENT,
    SLOW,
    WRONG,
    is_trouble,
)
from portfold.exchange_time import utc_clock
from portfold.workers.market.source import Notice, Roll

STEP_AHEAD = (
    "Somebody else has put a minute on the bus that is dated more than a day ahead: it is passed over, and "
    "no bar that it fell into is given. See docs/live.md, Minutes."
)


def left_out(time_ms: int) -> str:
    """Returns the sentence of a minute that is not added to those on the bus, as their last is later."""
    return (
        f"The minute up to {utc_clock(time_ms)} is no later than the last on the bus, and is left out, as is "
        "what follows until then: somebody else may have put that one there. See docs/live.md, Minutes."
    )


def of_a_new_term(standing: Mapping[str, str]) -> dict[str, str]:
    """Returns what takes back the troubles that another term of a feed has left: this one finds its own."""
    return {subject: "" for subject in standing if is_trouble(subject)}


def changed_by(news: Notice | Roll) -> dict[str, str]:
    """Returns the sentences that stand from now on, by subject; an empty one ends what stood."""
    return dict(_changed_by(news))


def roll_in_words(roll: Roll) -> str:
    """Returns the sentence of a roll."""
    return f"{roll.symbol} is {roll.after} from {utc_clock(roll.at_ms)} on, and was {roll.before}."


def _changed_by(news: Notice | Roll) -> Iterator[tuple[str, str]]:
    if isinstance(news, Roll):
        yield f"{ROLL}{news.symbol}", roll_in_words(news)
        return
    sentence = news.sentence[:LONGEST_TEXT]
    match news.kind:
        case "disconnected":
            yield DISCONNECTED, sentence
        case "reconnected":
            yield DISCONNECTED, ""
            yield SLOW, ""
        case "gap":
            yield GAP, sentence
        case "slow_reader":
            yield SLOW, sentence
        case "refused":
            yield REFUSED, sentence
        case "silent_symbol":
            yield from ((f"{SILENT}{symbol}", sentence) for symbol in news.symbols)
        case "recovered":
            yield from ((f"{SILENT}{symbol}", "") for symbol in news.symbols)
        case "wrong_price":
            yield from ((f"{WRONG}{symbol}", sentence) for symbol in news.symbols)
        case "right_price":
            yield from ((f"{WRONG}{symbol}", "") for symbol in news.symbols)
