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
