"""The trading days of a record that are over, to be held against those expected."""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from portfold.config import ExpectedDays
from portfold.coordinator.audit.report.accounting import NO_DAY, Accounting
from portfold.coordinator.audit.report.day_account import DayAccount
from portfold.coordinator.audit.report.warning_signs import Sign
from portfold.coordinator.expected.comparison import compare
from portfold.coordinator.expected.lived import DayLived, Expectation, Lived
from portfold.coordinator.expected.words import figure_text, rarity
from portfold.coordinator.store.recorded import Recorded
from portfold.events.stream_id import StreamId


class DaysLived:
    """Yields the days from `since` on while a record goes by. Memory holds the trades of one trading day."""

    def __init__(self, since: str) -> None:
        self._accounting = Accounting(lambda day: day >= since)

    @property
    def difference(self) -> str:
        """Returns the sentence for the first decision on record that is not the one made here."""
        return self._accounting.unlike

    def take(self, recorded: Recorded) -> Iterator[DayLived]:
        """Takes the next event; yields the day that it ended."""
        before = self._accounting.account
        self._accounting.take(recorded)
        account = self._accounting.account
        if before is not None and before is not account and before.day != NO_DAY:
            yield day_lived(before)
        if account is not None:
            account.lines.clear()
            account.entries.clear()

    def end(self, cursor: StreamId, chain: str) -> None:
        """Takes the end of the record: the day under way is not over, and counts for nothing yet."""
        self._accounting.end(cursor, chain)


def beside_expected(accounts: Sequence[DayAccount], days: ExpectedDays | None) -> Sign | None:
    """Holds the days shown against as many expected: a sign where a figure lies outside of its band.

    None where no days are expected of the portfolio, or none of those shown is over.
    """
    over = [account for account in accounts if account.over]
    if days is None or not over:
        return None
    expectation = Expectation.of(replace(days, since=over[0].day))
    lived = Lived()
    for account in over:
        lived = lived.after(day_lived(account), expectation)
    found = compare(lived, expectation)
    if found is None:
        return None
    text = f"{rarity(found)}; {', '.join(map(figure_text, found.figures))}"
    seen = any(beside.outside for beside in found.figures)
    return Sign("beside_expected", "Against what was expected", seen, text)


def day_lived(account: DayAccount) -> DayLived:
    """Returns what a trading day came to."""
    trades = account.trades
    won = sum(trade.pnl > 0 for trade in trades)
    return DayLived(account.day, account.pnl, len(trades), won, account.asked, account.blocked, account.stops)
