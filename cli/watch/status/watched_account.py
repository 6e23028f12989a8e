"""The account that is watched, in few words: what was reported of it, how long ago, and what differs."""

from rich.text import Text

from portfold.coordinator.views.account_view import ShownAccount, ShownDifference, difference_in_words
from portfold.dollars import shown
from portfold.exchange_time import span


def account_parts(account: ShownAccount | None, now_ms: int) -> list[Text]:
    """Returns what stands behind the label of the account, part by part; nothing where none is watched.

    `now_ms` is on the clock of the log. What differs for longer than the grace has a headline of its own.
    """
    if account is None:
        return []
    if not account.as_of_ms:
        return [Text(account.account), Text("not reported yet", style="yellow")]
    age = f"{span(max(0, now_ms - account.as_of_ms))} ago"
    held = " ".join(f"{symbol} {size:+d}" for symbol, size in sorted(account.positions.items()))
    working = " ".join(f"{symbol} {count}" for symbol, count in sorted(account.working.items()))
    return [
        Text(account.equity_text),
        Text(f"day {shown(account.pnl)}"),
        Text(held or "flat"),
        *([Text(f"working: {working}")] if working else []),
        *(_difference(one) for one in account.differences),
        Text(f"{account.account} by {account.source}"),
        Text(age, style="bold red" if account.silent else ""),
    ]


def _difference(one: ShownDifference) -> Text:
    text = difference_in_words(one)
    return Text(text, style="bold red") if one.stands else Text(f"{text} (may be on its way)", style="yellow")
