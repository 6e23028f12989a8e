"""The demo's screen for terminals, drawn from the log eight times a second."""

from typing import Self
from zoneinfo import ZoneInfo

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from portfold.cli.demo.market import DemoMarket
from portfold.cli.demo.sight import SeenLine, View
from portfold.cli.demo.watch import Watch
from portfold.cli.watch.status.portfolio_lines import account_lines, leg_lines
from portfold.dollars import shown
from portfold.exchange_time import local_time

_FRAMES_A_SECOND = 8
_REST_SECONDS = 0.04
_FIRST_STOP_SECONDS = 2.0
_POSITION_ROWS = 6
_LEAST_LINES = 3
_STYLES = {"info": "", "warning": "yellow", "error": "bold red", "critical": "bold red"}


class Screen:
    """Shows the demo live on `console`, within a `with` block; its last picture stays."""

    def __init__(self, console: Console, watch: Watch, market: DemoMarket) -> None:
        self._console = console
        self._watch = watch
        self._market = market
        self._page = ""
        self._phase = ""
        self._steps = 0
        self._stop_shown = False
        self._live = Live(
            console=console,
            get_renderable=self._draw,
            refresh_per_second=_FRAMES_A_SECOND,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def offer(self, page: str) -> None:
        """Shows where the page in the browser is, or how to get it."""
        self._page = page

    def phase(self, text: str) -> None:
        """Shows the demo's phase, in a few words."""
        self._phase = text

    def stepped(self, steps: int, /) -> float:
        """Shows how many steps are done. Returns the seconds to rest, so that a person can follow."""
        self._steps = steps
        if self._stop_shown or not self._watch.view().stops:
            return _REST_SECONDS
        self._stop_shown = True
        return _FIRST_STOP_SECONDS

    def _draw(self) -> RenderableType:
        return picture(
            self._watch.view(),
            market=self._market,
            steps=self._steps,
            phase=self._phase,
            page=self._page,
            height=self._console.height - 1,
        )


def picture(
    view: View, *, market: DemoMarket, steps: int, phase: str, height: int, page: str = ""
) -> RenderableType:
    """Draws the whole screen, `height` lines high."""
    zone = ZoneInfo(market.trading_day.zone)
    top: list[RenderableType] = [
        _sides(Text("portfold demo", style="bold"), Text(market.title, style="dim")),
        _sides(_clock(view, zone), Text(f"{phase}  day {view.days} of {len(market.days)}")),
        _progress(steps, market.length),
        Text(page, style="dim", overflow="fold"),
        *_account(view),
        Text(),
        _entries(view),
        _denials(view),
        _stop(view, zone),
        Rule(style="dim"),
    ]
    room = max(_LEAST_LINES, height - len(top))
    return Group(*top, *(_line(line, zone) for line in view.lines[-room:]))


def _sides(left: Text, right: Text) -> Table:
    table = Table.grid(expand=True)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_row(left, right)
    return table


def _one_line(*parts: str | Text | tuple[str, str]) -> Text:
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _clock(view: View, zone: ZoneInfo) -> Text:
    if not view.portfolio.day.date:
        return Text("starting", style="dim")
    now = local_time(view.now_ms, zone)
    stopped = ("  STOPPED OUT", "bold red") if view.portfolio.stop else ""
    return Text.assemble((f"{now:%a %d %b %Y %H:%M} {zone.key.rpartition('/')[2]}", "bold cyan"), stopped)


def _progress(steps: int, length: int) -> Table:
    table = Table.grid(expand=True)
    table.add_column(ratio=1)
    table.add_row(ProgressBar(total=length, completed=steps, complete_style="cyan", finished_style="cyan"))
    return table


def _account(view: View) -> list[Text]:
    """Draws as many lines as there are slots, so that the screen does not jump."""
    portfolio = view.portfolio
    most = portfolio.limits.max_positions if portfolio.limits else 0
    rows = leg_lines(portfolio, view.now_ms)[:_POSITION_ROWS]
    empty = [Text("  ·", style="dim")] * (min(most, _POSITION_ROWS) - len(rows))
    return [_one_line(line) for line in (*account_lines(portfolio), *rows, *empty)]


def _entries(view: View) -> Text:
    stats = view.portfolio.stats
    return _one_line(
        ("Entries ", "bold"),
        f"{stats.total_entries_requested} asked   ",
        (f"{stats.total_entries_allowed} allowed", "green"),
        "   ",
        (f"{stats.total_entries_blocked} denied", "yellow"),
    )


def _denials(view: View) -> Text:
    reasons = "   ".join(f"{code} {count}" for code, count in view.denied)
    return Text(f"        {reasons}", style="dim", no_wrap=True, overflow="ellipsis")


def _stop(view: View, zone: ZoneInfo) -> Text:
    if not view.stops:
        return Text("Stops   none so far", style="dim")
    stop = view.stops[-1]
    at = local_time(stop.event.ms, zone)
    took = f"flat after {', '.join(_took(*each) for each in stop.took_ms)} ms"
    return _one_line(
        (f"Stop {len(view.stops)}  ", "bold red"),
        f"{at:%d %b %H:%M %Z} at {shown(stop.daily_pnl)}, ",
        (took if stop.legs else "nothing was open", "bold"),
    )


def _took(symbol: str, took_ms: float | None) -> str:
    return f"{symbol} {'…' if took_ms is None else f'{took_ms:.0f}'}"


def _line(seen: SeenLine, zone: ZoneInfo) -> Text:
    at = local_time(seen.at_ms, zone)
    return _one_line(
        (f"{at:%d %b %H:%M %Z} ", "dim"),
        (seen.line.text, _STYLES.get(seen.line.level, "")),
    )
