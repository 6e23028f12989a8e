"""The account of the trading days as rows: one for each close of a position, one for each trading day.

Guarantees: the figures are those of `portfold audit day`; a price that was never reported is left out.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

from portfold.coordinator.audit.record.columns import Cells, Columns, utc_text
from portfold.coordinator.audit.record.moment import exchange_of
from portfold.coordinator.audit.report.accounting import NO_DAY, Accounting
from portfold.coordinator.audit.report.day_account import ClosedTrade, DayAccount
from portfold.coordinator.audit.report.days import begins_ms
from portfold.coordinator.store.recorded import Recorded
from portfold.events.fields import readable
from portfold.events.stream_id import StreamId
from portfold.quotes import is_made_up

TRADES: Columns = {
    "event": "text",
    "day": "text",
    "opened": "time",
    "closed": "time",
    "worker": "text",
    "strategy": "text",
    "symbol": "text",
    "side": "text",
    "size": "whole",
    "entry_price": "amount",
    "exit_price": "amount",
    "commission": "amount",
    "pnl": "amount",
    "booked": "amount",
    "daily_pnl": "amount",
    "closed_by": "text",
    "reason": "text",
}
DAYS: Columns = {
    "day": "text",
    "zone": "text",
    "begins": "time",
    "ends": "time",
    "pnl": "amount",
    "realized": "amount",
    "worst_pnl": "amount",
    "best_pnl": "amount",
    "daily_stop_loss": "amount",
    "limit_used": "amount",
    "stops": "whole",
    "stopped": "time",
    "stop_pnl": "amount",
    "trades": "whole",
    "won": "whole",
    "asked": "whole",
    "allowed": "whole",
    "denied": "whole",
    "denied_by_code": "text",
    "most_open": "whole",
    "max_positions": "whole",
}
AccountTable = Literal["trades", "days"]
ACCOUNT_COLUMNS: dict[AccountTable, Columns] = {"trades": TRADES, "days": DAYS}

_SHARE = Decimal("0.0001")


class AccountRows:
    """Makes the rows while a record goes by, event by event. Memory holds the trades of one trading day."""

    def __init__(self) -> None:
        self._accounting = Accounting()
        self._strategies: dict[str, str] = {}

    @property
    def difference(self) -> str:
        """Returns the sentence for the first decision on record that is not the one made here."""
        return self._accounting.unlike

    def take(self, recorded: Recorded) -> Iterator[tuple[AccountTable, Cells]]:
        """Takes the next event; yields the day that it ended, and what it closed."""
        before = self._accounting.account
        closed = len(before.trades) if before is not None else 0
        self._accounting.take(recorded)
        account = self._accounting.account
        if account is not before:
            yield from _day_ended(before)
            closed = 0
        if account is not None:
            account.lines.clear()  # no row has them
            account.entries.clear()
            self._strategies |= account.strategies
            for trade in account.trades[closed:]:
                yield "trades", self._trade(trade, account.day, recorded.event.id)

    def end(self, cursor: StreamId, chain: str) -> Iterator[tuple[AccountTable, Cells]]:
        """Takes the end of the record, whose head is said to be there; yields the day under way."""
        self._accounting.end(cursor, chain)
        yield from _day_ended(self._accounting.account)

    def _trade(self, trade: ClosedTrade, day: str, event: StreamId) -> Cells:
        return _filled(
            event=str(event),
            day=day,
            opened=utc_text(trade.opened_ms),
            closed=utc_text(trade.ms),
            worker=trade.worker,
            strategy=self._strategies.get(trade.worker, ""),
            symbol=trade.symbol,
            side=trade.side,
            size=trade.size,
            entry_price=trade.entry or None,
            exit_price=None if is_made_up(trade.reason) else trade.price,
            commission=trade.commission,
            pnl=trade.pnl,
            booked=trade.booked,
            daily_pnl=trade.daily_pnl,
            closed_by=trade.closed_by,
            reason=trade.reason,
        )


def _day_ended(account: DayAccount | None) -> Iterator[tuple[AccountTable, Cells]]:
    """Yields the row of the day; none before the first, when no limits had said what a day is."""
    if account is not None and account.day != NO_DAY:
        yield "days", _day(account)


def _day(account: DayAccount) -> Cells:
    limits = account.limits
    stop = next((one.triggered for one in account.stopped), None)
    return _filled(
        day=account.day,
        zone=exchange_of(limits).zone,
        begins=utc_text(begins_ms(account)),
        ends=utc_text(account.ends_ms),
        pnl=account.pnl,
        realized=account.realized,
        worst_pnl=account.worst,
        best_pnl=account.best,
        daily_stop_loss=limits.daily_stop_loss if limits else None,
        limit_used=account.used.quantize(_SHARE),
        stops=account.stops,
        stopped=utc_text(stop.ms) if stop else "",
        stop_pnl=stop.daily_pnl if stop else None,
        trades=len(account.trades),
        won=sum(trade.pnl > 0 for trade in account.trades),
        asked=account.asked,
        allowed=account.asked - account.blocked,
        denied=account.blocked,
        denied_by_code=", ".join(f"{code} {count}" for code, count in account.denied.most_common()),
        most_open=account.most_open,
        max_positions=limits.max_positions if limits else None,
    )


def _filled(**cells: str | int | Decimal | None) -> Cells:
    """Returns the cells in which something stands; numbers as JSON has them."""
    texts = {
        name: f"{cell:f}" if isinstance(cell, Decimal) else readable(str(cell))
        for name, cell in cells.items()
        if cell is not None
    }
    return {name: text for name, text in texts.items() if text}
