"""What the portfolio made, holds and has reserved, drawn for a terminal, for `status` and the demo alike.

Guarantees: no line is longer than 80 columns, whatever the view holds.
"""

from decimal import Decimal

from rich.text import Text

from portfold.coordinator.views.portfolio_view import PortfolioView, ShownPosition, Slot
from portfold.dollars import ZERO, shown_price
from portfold.dollars import shown as dollars
from portfold.exchange_time import span
from portfold.quotes import NO_ENTRY_PRICE

WIDTH = 80
LABEL = 11
_BAR = 30
_PROFIT, _PROFIT_ENDS = 23, 73  # so many columns, ending there: behind it is room for a word
_NEAR = Decimal("0.8")


def account_lines(view: PortfolioView) -> list[Text]:
    """Returns the day's P&L on its way to the stop, its parts, and how many positions there are."""
    parts = Text(_parts_of_loss(view), style="dim")
    return [_labelled("Daily P&L", _loss(view)), _labelled("", parts), _labelled("Positions", _slots(view))]


def leg_lines(view: PortfolioView, now_ms: int) -> list[Text]:
    """Returns a line for each position and each slot; `now_ms` is on the clock of the log."""
    return [
        *(_held(one, now_ms) for one in view.positions),
        *(_reserved(one, now_ms) for one in view.reserved),
        *(_row(one, "taken back", Text(f"{'a fill may come':>23}")) for one in view.taken_back),
    ]


def _labelled(label: str, part: Text) -> Text:
    part.truncate(WIDTH - LABEL - 1, overflow="ellipsis")
    return Text.assemble((f"{label:<{LABEL}}", "bold"), part)


def _loss(view: PortfolioView) -> Text:
    pnl, used = view.day.pnl, view.stop_used
    full = int(used * _BAR)
    style = "bold red" if used >= _NEAR else "yellow" if full else "green"
    if not view.daily_limit:
        return Text(dollars(pnl))
    return Text.assemble(
        (f"{dollars(pnl):<13}", style),
        ("█" * full, style),
        ("░" * (_BAR - full), "dim"),
        (f"{int(used * 100):>4}% ", style),  # never 100 before it is there
        f"stop at {dollars(view.stop_at)}",
    )


def _parts_of_loss(view: PortfolioView) -> str:
    day, limits, held = view.day, view.limits, view.positions
    realized = f"realized {dollars(day.realized)}"
    if limits is not None and limits.stop_loss_on == "realized":
        return f"{realized}; open profit and loss do not count"
    unmarked = sum(one.unmarked for one in held)
    if unmarked and unmarked == len(held):
        return f"{realized}, open: no mark"
    without = f" ({unmarked} without a mark)" if unmarked else ""
    return f"{realized}, open {dollars(day.pnl - day.realized)}{without}"


def _slots(view: PortfolioView) -> Text:
    limit = view.limits.max_positions if view.limits else 0
    open_now = len(view.positions)
    reserved = max(0, view.slots_used - open_now)
    parts: list[str | tuple[str, str]] = [
        ("●" * open_now, "green"),
        ("◐" * reserved, "yellow"),
        ("○" * max(0, limit - open_now - reserved), "dim"),
        f"  {open_now} open of {limit}",
    ]
    if reserved:
        parts.append(f", {reserved} reserved")
    if open_now + reserved > limit:
        parts.append((f"  MORE THAN {limit}", "bold red"))
    return Text.assemble(*parts)


def _held(one: ShownPosition, now_ms: int) -> Text:
    age = span(max(0, now_ms - one.opened_ms))
    profit = (f"{dollars(one.unrealized):>13}", "green" if one.unrealized >= ZERO else "red")
    if one.unmarked:
        profit = (f"{'no mark':>13}", "yellow")
    doubted = ("  jumped", "bold red") if one.mark_doubted else ""
    stale = ("  stale", "yellow") if one.mark_stale else doubted
    return _row(
        one,
        f"{_entry(one)}{_stop(one)}",
        Text.assemble(f"{age:>10}", profit, stale),
    )


def _entry(one: ShownPosition) -> str:
    return f"@ {shown_price(one.price)}" if one.price else NO_ENTRY_PRICE


def _stop(one: ShownPosition) -> str:
    return f" stop {shown_price(one.stop_price)}" if one.stop_price is not None else ""


def _reserved(one: Slot, now_ms: int) -> Text:
    left = "kept: may be filled" if one.kept else f"expires in {span(max(0, one.expires_ms - now_ms))}"
    row = _row(one, "reserved", Text(f"{left:>23}"))
    row.stylize("yellow")
    return row


def _row(one: ShownPosition | Slot, how: str, right: Text) -> Text:
    """Lays out a leg or slot, its worker and, on the right, how it stands; a long worker name is cut."""
    what = Text.assemble((f"  {one.symbol:<5} ", "bold"), f"{one.side:<5} {one.size:>2} {how:<14} ")
    what.truncate(WIDTH - right.cell_len - 2, overflow="ellipsis")
    room = max(1, _PROFIT_ENDS - _PROFIT - what.cell_len)
    spare = WIDTH - what.cell_len - right.cell_len
    return what.append(f"{_cut(one.worker, min(room, spare)):<{min(room, spare)}}").append_text(right)


def _cut(text: str, columns: int) -> str:
    return text if len(text) <= columns else f"{text[: columns - 1]}…"
