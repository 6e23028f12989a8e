"""The words for what is said of the account that is watched: a row a kind, as for every other message."""

from portfold.coordinator.views.words.message_words import AlertWords, MessageWords
from portfold.dollars import shown
from portfold.events.account import (
    EQUITY,
    AccountAgrees,
    AccountDiffers,
    AccountHeard,
    AccountReported,
    AccountSettled,
    AccountSilent,
    CashMoved,
    FlatUnconfirmed,
)
from portfold.exchange_time import span


def reported(event: AccountReported) -> MessageWords:
    """Returns the row of a report; routine, as one comes every few seconds."""
    held = event.positions or "flat"
    text = f"Account {event.account}: equity {shown(event.equity)} | {held} | by {event.source}"
    return MessageWords("debug", text, alert=None)


def settled(event: AccountSettled) -> MessageWords:
    """Returns the row of a settlement."""
    line = f"Account {event.account} settled by {event.by}: {event.reason}"
    return MessageWords("warning", line, alert=AlertWords("account_settled", "warning", (line,)))


def cash_moved(event: CashMoved) -> MessageWords:
    """Returns the row of cash that was paid in or out."""
    what = "paid in" if event.amount > 0 else "paid out"
    line = f"Cash {what} by {event.by}: {shown(abs(event.amount))} | {event.reason}"
    return MessageWords("warning", line, alert=AlertWords("cash_moved", "warning", (line,)))


def differs(decision: AccountDiffers) -> MessageWords:
    """Returns the row of a difference that outlasted its grace."""
    whole = decision.subject == EQUITY
    what = f"the log says {decision.log}, the account {decision.reported}"
    denied = "All entries are denied" if whole else f"Entries in {decision.subject} are denied"
    first = f"ACCOUNT DIFFERS in {decision.subject}: {what}, for {span(decision.lasting_ms)}"
    alert = AlertWords(
        "account_differs", "critical", (f"🚨 {first}", f"{denied}. See: portfold reconcile"), decision.subject
    )
    return MessageWords("error", f"{first} | {denied}", alert=alert)


def agrees(decision: AccountAgrees) -> MessageWords:
    """Returns the row of a difference that is over."""
    line = f"Account agrees again in {decision.subject}, after {span(decision.after_ms)}"
    return MessageWords("info", line, alert=AlertWords("account_agrees", "info", (line,), decision.subject))


def silent(decision: AccountSilent) -> MessageWords:
    """Returns the row of a watcher that reports nothing any more."""
    line = f"ACCOUNT NOT REPORTED: nothing of {decision.account} for {span(decision.age_ms)}"
    lines = (line, "Nobody compares it with the log. Start: portfold account")
    return MessageWords("error", line, alert=AlertWords("account_silent", "critical", lines))


def heard(decision: AccountHeard) -> MessageWords:
    """Returns the row of a watcher that reports again."""
    line = f"Account {decision.account} is reported again, after {span(decision.after_ms)}"
    return MessageWords("info", line, alert=AlertWords("account_heard", "info", (line,)))


def flat_unconfirmed(decision: FlatUnconfirmed) -> MessageWords:
    """Returns the row of a flatten that the account does not confirm."""
    line = f"NOT CONFIRMED FLAT: all is reported closed, but {decision.reason}"
    lines = (f"🚨 {line}", "Look at the broker. See: portfold reconcile")
    return MessageWords("critical", line, alert=AlertWords("flat_unconfirmed", "critical", lines))
