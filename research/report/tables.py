"""The tables of a report: days, symbols, strategies, trades, open positions."""

from collections.abc import Sequence
from decimal import Decimal

from portfold.bounds import too_many_blocked
from portfold.coordinator.audit.report.day_account import DayAccount, EndOfDayPosition, Trade, rate
from portfold.coordinator.audit.report.tallies import Tally, all_together, by_symbol, by_worker
from portfold.dollars import ZERO
from portfold.exchange_time import span
from portfold.quotes import is_made_up
from portfold.research.report.table import Cell, figure, money, share, table, tone_of, words
from portfold.research.report.wording import clock, counted, dollars, percent, prices, short_date, text

TRADES_SHOWN = 2000
_CENT = Decimal("0.01")


# --- by symbol, by strategy -----------------------------------------------------------------------------


def tallies_tables(accounts: Sequence[DayAccount]) -> str:
    """Writes the tables by symbol and by strategy, side by side where there is room."""
    total = all_together(accounts)
    note = _of_other_days(accounts)
    symbols = _tally_table("By symbol", "Symbol", by_symbol(accounts), total, note)
    workers = _tally_table("By strategy", "Strategy", by_worker(accounts), total, note)
    return f'<div class="pair">{symbols}{workers}</div>' if symbols else ""


def _tally_table(caption: str, name: str, tallies: Sequence[Tally], total: Tally, note: str) -> str:
    heads = [words(name), *map(figure, ("P&L", "Trades", "Won", "Best", "Worst", "Denied", "Blocked"))]
    largest = max((abs(tally.pnl) for tally in tallies), default=ZERO)
    rows = [[_tally_name(tally), *_tally_cells(tally, largest)] for tally in tallies]
    return table(caption, heads, rows, total=[words("Total"), *_tally_cells(total, ZERO)], note=note)


def _tally_name(tally: Tally) -> Cell:
    strategy = f"<small>{text(tally.strategy)}</small>" if tally.strategy else ""
    return Cell(f"{text(tally.name)}{strategy}", tone="name")


def _tally_cells(tally: Tally, largest: Decimal) -> list[Cell]:
    return [
        _bar(tally.pnl, largest),
        figure(f"{tally.trades:,}"),
        figure(percent(tally.win_rate, 0)),
        money(tally.best),
        money(tally.worst),
        figure(f"{tally.denied:,} of {tally.asked:,}"),
        share(tally.block_rate),
    ]


def _bar(amount: Decimal, largest: Decimal) -> Cell:
    """Writes an amount, and under it a bar from the middle: to the right for a gain, to the left for a
    loss."""
    if not largest or not amount:
        return money(amount)
    width = float(abs(amount) / largest) * 50
    left = 50.0 if amount > 0 else 50 - width
    bar = f'<span class="bar" style="left:{left:.1f}%;width:{width:.1f}%"></span>'
    return Cell(f"{text(dollars(amount))}{bar}", figure=True, tone=f"barred {tone_of(amount)}")


def _of_other_days(accounts: Sequence[DayAccount]) -> str:
    """Writes a note where the P&L is not that of the trades alone."""
    overnight = any(account.held for account in accounts) or any(
        abs(trade.pnl - trade.booked) > _CENT for account in accounts for trade in account.trades
    )
    if not overnight:
        return ""
    return (
        "P&L is what counted on the day: of a position held over its end, what changed on each day. "
        "Best, worst and won are of whole trades."
    )


# --- days -----------------------------------------------------------------------------------------------


def days_table(accounts: Sequence[DayAccount]) -> str:
    """Writes a row for each day."""
    heads = [
        words("Trading day"),
        *map(figure, ("P&L", "Lowest", "Of limit", "Stops", "Trades", "Won", "Denied", "Blocked")),
        figure("Most open"),
    ]
    total = all_together(accounts)
    asked, blocked = sum(account.asked for account in accounts), sum(account.blocked for account in accounts)
    foot = [
        words("Total"),
        money(sum((account.pnl for account in accounts), ZERO)),
        *(figure(""), figure("")),
        figure(sum(account.stops for account in accounts)),
        figure(f"{total.trades:,}"),
        figure(percent(total.win_rate, 0)),
        *(figure(f"{blocked:,} of {asked:,}"), _blocked_share(blocked, asked)),
        figure(""),
    ]
    return table("Day by day", heads, [_day_row(account) for account in accounts], total=foot)


def _blocked_share(blocked: int, asked: int) -> Cell:
    return share(rate(blocked, asked), marked=too_many_blocked(blocked, asked))


def _day_row(account: DayAccount) -> list[Cell]:
    tally = all_together([account])
    limit = f"/{account.most_allowed}" if account.most_allowed else ""
    near = "alarm" if account.near else ""
    return [
        Cell(f'<a href="#day-{text(account.day)}">{text(short_date(account.day))}</a>', tone="name"),
        money(account.pnl),
        money(account.worst),
        figure(f"▲ {percent(account.used, 0)}" if account.near else percent(account.used, 0), near),
        figure(f"▲ {account.stops}" if account.stops else "0", "alarm" if account.stops else ""),
        figure(f"{tally.trades:,}"),
        figure(percent(tally.win_rate, 0)),
        figure(f"{account.blocked:,} of {account.asked:,}"),
        _blocked_share(account.blocked, account.asked),
        figure(f"▲ {account.most_open}{limit}" if account.above else f"{account.most_open}{limit}"),
    ]


# --- trades ---------------------------------------------------------------------------------------------


def trades_table(account: DayAccount, zone: str) -> str:
    """Writes every close of the day, in order."""
    heads = [
        *map(words, ("Closed", "Symbol", "Strategy", "Side")),
        *map(figure, ("Size", "Entry", "Exit", "Held", "Commission", "P&L")),
        words("Why"),
    ]
    trades = account.trades[:TRADES_SHOWN]
    rows = [_trade_row(trade, account, zone) for trade in trades]
    left_out = len(account.trades) - len(trades)
    note = f"And {counted(left_out, 'trade')} more, which are counted as well." if left_out else ""
    return table("Trades", heads, rows, note=note)


def _trade_row(trade: Trade, account: DayAccount, zone: str) -> list[Cell]:
    booked, made_up = "", is_made_up(trade.reason)
    if abs(trade.pnl - trade.booked) > _CENT:
        booked = f"<small>{text(dollars(trade.booked))} of it today</small>"
    why = ", ".join(
        part for part in (trade.reason, f"by {trade.closed_by}" if trade.closed_by else "") if part
    )
    return [
        words(clock(trade.ms, zone, account.day), "when"),
        words(trade.symbol, "name"),
        words(trade.worker),
        words(trade.side),
        figure(f"{trade.size:,}"),
        *(figure(quote) for quote in prices(trade.entry or None, None if made_up else trade.price)),
        figure(span(trade.ms - trade.opened_ms)),
        figure(dollars(trade.commission)),
        Cell(f"{text(dollars(trade.pnl))}{booked}", figure=True, tone=tone_of(trade.pnl)),
        words(why),
    ]


def held_table(account: DayAccount) -> str:
    """Writes the positions open at the end of the day."""
    heads = [
        *map(words, ("Symbol", "Strategy", "Side")),
        *map(figure, ("Size", "Entry", "Open P&L")),
    ]
    caption = "Open over the end of the day" if account.over else "Open now"
    return table(caption, heads, [_held_row(position) for position in account.held])


def _held_row(position: EndOfDayPosition) -> list[Cell]:
    return [
        words(position.symbol, "name"),
        words(position.worker),
        words(position.side),
        figure(f"{position.size:,}"),
        *(figure(quote) for quote in prices(position.price or None)),
        figure("no mark") if position.unrealized is None else money(position.unrealized),
    ]
