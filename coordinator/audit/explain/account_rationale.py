"""Why something was decided about the account: its sentences of `rationale`."""

from portfold.coordinator.fold.state import State, account_pnl, reported_pnl
from portfold.dollars import shown
from portfold.events.account import EQUITY, AccountDiffers, FlatUnconfirmed
from portfold.exchange_time import span


def differs(met: State, after: State, decision: AccountDiffers) -> list[str]:
    """Says how long it lasted and, of the equity, which figures are compared."""
    limits, there = met.limits, after.account
    if limits is None or there is None:
        return []
    lasted = span(decision.lasting_ms)
    sentences = [f"It lasted {lasted}; a fill on its way has {span(limits.account_grace_ms)}."]
    if decision.subject == EQUITY:
        by_log, by_account = shown(reported_pnl(after)), shown(account_pnl(after, there))
        sentences.append(
            f"Equity may differ by {shown(limits.account_tolerance)}. From here the worse counts for the "
            f"stop: {by_log} by the log, {by_account} by the account."
        )
    return sentences


def silent(met: State) -> list[str]:
    """Says how often a report is due, and what its absence denies."""
    limits = met.limits
    if limits is None:
        return []
    denies = "denies entries" if limits.account_silence_denies else "denies no entries"
    return [f"A report is due every {span(limits.account_silent_ms)} at the latest. Its silence {denies}."]


def unconfirmed(decision: FlatUnconfirmed, following: str) -> list[str]:
    """Says what the flatten waits for; `following`: when the next reminder comes."""
    return [
        "A flatten is over once a report of the account from after the last close shows nothing open and no "
        f"order working. Reminder {decision.reminder}; the next at {following}."
    ]
