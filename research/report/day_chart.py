"""The chart of a trading day: three panels over one axis of time.

P&L against the stop line with entries, exits and stops; denials by their reason, those close together as one
mark; positions against the limit, with the slots reserved besides.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from portfold.coordinator.audit.report.curves import Curve, Run
from portfold.coordinator.audit.report.day_account import ClosedTrade, DayAccount, EntryFill, OperatorOrder
from portfold.coordinator.views.words.of_trades import closed_line, opened_line
from portfold.dollars import shown, shown_limit
from portfold.research.report.drawing import (
    Chart,
    Part,
    Trace,
    dollar_axis,
    frame,
    marks,
    note,
    steps,
    still_axis,
    time_axis,
)
from portfold.research.report.wording import clock, dollars, label, wall

_PNL_PX = 290
_CODE_PX = 22
_POSITIONS_PX = 96
_GAP_PX = 40
_TOP_PX = 52
_BOTTOM_PX = 44
_LEFT_PX = 64
_LETTER_PX = 6.6
_MARK_PX, _SMALL_MARK_PX, _FEW_TRADES = 9, 6, 120
_NOTE_PX, _NOTE_ROWS = 13, 4
_ROOM = 0.03
_LATE = 0.6
_CODES_SHOWN = 8
_SYMBOLS_SHOWN = 8


def day_chart(account: DayAccount) -> Chart | None:
    """Draws the day; None where nothing was requested, held or booked."""
    if account.active_ms is None or account.limits is None:
        return None
    return _Day(account, account.active_ms, account.limits.zone).chart()


class _Day:
    """The day on the exchange's clock, in a window a little wider than its activity."""

    def __init__(self, account: DayAccount, active_ms: tuple[int, int], zone: str) -> None:
        first_ms, last_ms = active_ms
        room_ms = max(1000, int((last_ms - first_ms) * _ROOM))
        self._account = account
        self._zone = zone
        self._from_ms, self._until_ms = first_ms - room_ms, last_ms + room_ms
        self._mark_px = _MARK_PX if len(account.trades) <= _FEW_TRADES else _SMALL_MARK_PX
        self._codes = [code for code, _ in account.denied.most_common(_CODES_SHOWN)]

    def chart(self) -> Chart:
        return {
            "data": [*self._pnl(), *(self._denied(code) for code in self._codes), *self._positions()],
            "layout": self._layout(),
        }

    def _at(self, ms: int) -> str:
        return wall(ms, self._zone)

    def _clock(self, ms: int) -> str:
        return clock(ms, self._zone, self._account.day)

    def _is_late(self, ms: int) -> bool:
        """Returns whether a note at this moment has more room on its left."""
        return ms - self._from_ms > _LATE * (self._until_ms - self._from_ms)

    def _line(self, curve: Curve) -> Iterable[tuple[str, Decimal]]:
        return ((self._at(ms), value) for ms, value in curve.until(self._until_ms))

    # --- P&L ----------------------------------------------------------------------------------------------

    def _pnl(self) -> list[Trace]:
        account = self._account
        total, realized, stop = account.total_curve, account.realized_curve, account.stop_curve
        lines = [
            steps(self._line(total), "Daily P&L", hover=dollars, line={"color": "@ink", "width": 2.2}),
            steps(self._line(stop), "Stop line", hover=dollars, line=_limit_line()),
        ]
        if total.points != realized.points:
            dotted = {"color": "@muted", "width": 1.2, "dash": "dot"}
            lines.append(steps(self._line(realized), "Realized", hover=dollars, line=dotted))
        won = [trade for trade in account.trades if trade.pnl > 0]
        lost = [trade for trade in account.trades if trade.pnl <= 0]
        return [
            *lines,
            self._entries(),
            self._exits(won, "Exit, won", symbol="circle", color="@gain"),
            self._exits(lost, "Exit, lost", symbol="x", color="@loss"),
            self._stops(),
        ]

    def _entries(self) -> Trace:
        entries = self._account.entries
        marker: Part = {"symbol": "triangle-right-open", "color": "@ink", "line": {"width": 1.2}}
        marker["size"] = self._mark_px
        at = [(self._at(entry.ms), float(entry.daily_pnl)) for entry in entries]
        return marks("Entry", at, [self._entry_label(entry) for entry in entries], marker=marker)

    def _entry_label(self, entry: EntryFill) -> str:
        return label(f"{self._clock(entry.ms)} {opened_line(entry)}")

    def _exits(self, trades: Sequence[ClosedTrade], name: str, *, symbol: str, color: str) -> Trace:
        line = {"width": 1, "color": "@paper"}
        marker: Part = {"symbol": symbol, "size": self._mark_px, "color": color, "line": line}
        at = [(self._at(trade.ms), float(trade.daily_pnl)) for trade in trades]
        return marks(name, at, [self._exit_label(trade) for trade in trades], marker=marker)

    def _exit_label(self, trade: ClosedTrade) -> str:
        return label(f"{self._clock(trade.ms)} {closed_line(trade)}")

    def _stops(self) -> Trace:
        stops = [flattening.triggered for flattening in self._account.stopped if flattening.triggered]
        texts = [f"stopped out at {shown(stop.daily_pnl)} of {shown_limit(-stop.limit)}" for stop in stops]
        line = {"width": 2, "color": "@paper"}
        return marks(
            "Stop",
            [(self._at(stop.ms), float(stop.daily_pnl)) for stop in stops],
            [label(f"{self._clock(stop.ms)} {text}") for stop, text in zip(stops, texts, strict=True)],
            marker={"symbol": "octagon", "size": 15, "color": "@loss", "line": line},
        )

    def _stop_notes(self) -> list[Part]:
        """Writes a note beside each stop: above to its right, or, late in the day, below to its left."""
        notes = []
        for one in (flattening.triggered for flattening in self._account.stopped if flattening.triggered):
            late = self._is_late(one.ms)
            notes.append(
                note(
                    label(f"Stop {self._clock(one.ms)}"),
                    self._at(one.ms),
                    float(one.daily_pnl),
                    showarrow=True,
                    arrowhead=0,
                    arrowwidth=1,
                    arrowcolor="@loss",
                    ax=-16 if late else 16,
                    ay=22 if late else -34,
                    xanchor="right" if late else "left",
                    font={"color": "@loss", "size": 12},
                )
            )
        return notes

    # --- denials and positions ----------------------------------------------------------------------------

    def _denied(self, code: str) -> Trace:
        runs = self._account.denials.runs[code]
        widths = [min(9.0, 1.5 + run.count**0.5) for run in runs]
        return marks(
            code,
            [(self._at((run.first_ms + run.last_ms) // 2), code) for run in runs],
            [self._run_label(run) for run in runs],
            marker={
                "symbol": "line-ns",
                "size": [min(18, 8 + run.count) for run in runs],
                "line": {"width": widths, "color": "@denied"},
            },
            axis="y2",
            showlegend=False,
        )

    def _run_label(self, run: Run) -> str:
        first, last = self._clock(run.first_ms), self._clock(run.last_ms)
        when = first if first == last else f"{first} to {last}"
        most = sorted(run.symbols.items(), key=lambda pair: (-pair[1], pair[0]))
        named = ", ".join(f"{symbol} {count}" for symbol, count in most[:_SYMBOLS_SHOWN])
        more = ", …" if len(most) > _SYMBOLS_SHOWN else ""
        return label(f"{when} {run.code} {run.count}: {named}{more}")

    def _positions(self) -> list[Trace]:
        account = self._account
        lines: list[tuple[Curve, str, Part, Part]] = [
            (account.slots_curve, "With reserved", {"color": "@held", "width": 1, "dash": "dot"}, {}),
            (
                account.open_curve,
                "Open positions",
                {"color": "@held", "width": 1.6},
                {"fill": "tozeroy", "fillcolor": "@heldfill"},
            ),
            (account.limit_curve, "Position limit", _limit_line(), {}),
        ]
        return [
            steps(self._line(curve), name, hover=str, line=line, axis="y3", showlegend=False, **more)
            for curve, name, line, more in lines
        ]

    # --- the layout ---------------------------------------------------------------------------------------

    def _layout(self) -> Part:
        """Lays out the panels from the bottom up, in pixels: positions, denials, P&L."""
        codes_px = len(self._codes) * _CODE_PX
        codes_from = _POSITIONS_PX + _GAP_PX
        pnl_from = codes_from + codes_px + (_GAP_PX if codes_px else 0)
        plot_px = pnl_from + _PNL_PX
        names = max((len(code) for code in self._codes), default=0)
        titles = [(_POSITIONS_PX, "Open positions; dotted: with reserved")]
        if codes_px:
            titles.append((codes_from + codes_px, "Denied"))

        def domain(low_px: int, high_px: int) -> Part:
            return {"domain": [round(low_px / plot_px, 4), round(high_px / plot_px, 4)]}

        across = [-0.5, len(self._codes) - 0.5]
        denied: Part = {"type": "category", "categoryarray": self._codes[::-1], "range": across}
        denied |= still_axis() | domain(codes_from, codes_from + codes_px)
        return (
            frame(
                plot_px + _TOP_PX + _BOTTOM_PX,
                left_px=max(_LEFT_PX, 12 + int(names * _LETTER_PX)),
                top_px=_TOP_PX,
                bottom_px=_BOTTOM_PX,
            )
            | {"xaxis": time_axis((self._at(self._from_ms), self._at(self._until_ms)), "y3")}
            | {"yaxis": dollar_axis() | domain(pnl_from, plot_px)}
            | ({"yaxis2": denied} if codes_px else {})
            | {"yaxis3": still_axis() | self._position_range() | domain(0, _POSITIONS_PX)}
            | {
                "shapes": [self._order_line(ms) for ms, _ in self._ordered()],
                "annotations": [
                    *(_title(text, top_px / plot_px) for top_px, text in titles),
                    *self._stop_notes(),
                    *(self._order_note(*order, row) for row, order in enumerate(self._ordered())),
                ],
            }
        )

    def _position_range(self) -> Part:
        curves = (self._account.limit_curve, self._account.slots_curve)
        top = max((int(value) for curve in curves for _, value in curve.points), default=1)
        return {"range": [0, top + 0.6], "dtick": max(1, top // 4)}

    # --- orders -------------------------------------------------------------------------------------------

    def _ordered(self) -> list[tuple[int, str]]:
        """Lists the orders and changes of limits that matter for the rest of the chart, by time."""
        orders = [(order.ms, _order_word(order)) for order in self._account.orders if order.kind != "settle"]
        return sorted([*orders, *((change.ms, "limits") for change in self._account.changes)])

    def _order_line(self, ms: int) -> Part:
        x, line = self._at(ms), {"color": "@muted", "width": 1, "dash": "dot"}
        return {"type": "line", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1, "line": line}

    def _order_note(self, ms: int, what: str, row: int) -> Part:
        """Writes a note beside the order's line, each a little lower than the one before, as several may
        coincide."""
        lower_px = -_NOTE_PX * (row % _NOTE_ROWS)
        anchor = "right" if self._is_late(ms) else "left"
        return note(
            label(what), self._at(ms), 1, yref="paper", yanchor="top", xanchor=anchor, yshift=lower_px
        )


def _order_word(order: OperatorOrder) -> str:
    return f"{order.kind} refused" if order.refused else order.kind


def _limit_line() -> Part:
    return {"color": "@loss", "width": 2, "dash": "dash"}


def _title(text: str, y: float) -> Part:
    """Writes a title above a panel, at its left."""
    return note(text, 0, y, xref="paper", yref="paper", xanchor="left", yanchor="bottom")
