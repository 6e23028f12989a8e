"""The words of alerts about the market's data: what the feed says of it, and that there is no feed.

They follow from no event: they are made from what stands on the bus beside the prices.
"""

from portfold.coordinator.views.words.message_words import AlertWords
from portfold.events.market import GAP, ROLL, SLOW
from portfold.events.wire.market import MarketSeen
from portfold.exchange_time import span


def no_feed(seen: MarketSeen) -> AlertWords:
    """Words that nobody feeds the market's data."""
    ages = [f"The last price is {span(max(0, seen.now_ms - last.at_ms))} old" for last in seen.newest_price]
    lines = (
        "🚨 NO FEED: no bar comes, and no position is marked between bars",
        *ages,
        "Start: portfold feed",
    )
    return AlertWords("feed_missing", "critical", lines)


def said_by_the_feed(subject: str, sentence: str) -> AlertWords:
    """Words what the feed says under a subject."""
    if subject == GAP:
        return AlertWords("market_gap", "warning", (f"Gap in the market data: {sentence}",))
    if subject.startswith(ROLL):
        symbol = subject.removeprefix(ROLL)
        return AlertWords("contract_rolled", "info", (f"Rolled: {sentence}",), "all", symbol)
    if subject == SLOW:
        return AlertWords("feed_troubled", "warning", (f"Market data, {subject}: {sentence}",))
    lines = (f"🚨 MARKET DATA, {subject}: {sentence}", "See: portfold doctor, and the feed's log")
    return AlertWords("feed_troubled", "critical", lines)


def fed_again() -> AlertWords:
    """Words that there is a feed again."""
    return AlertWords("feed_recovered", "info", ("✅ The market is fed again",))


def said_no_longer(subject: str) -> AlertWords:
    """Words that the feed does not say any more what it said under a subject."""
    return AlertWords("feed_recovered", "info", (f"✅ The feed says no longer: {subject}",))
