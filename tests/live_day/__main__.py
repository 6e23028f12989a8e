"""`python -m tests.live_day`: a day of trouble, a table of it, and exit code 1 if anything does not hold."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.live_day import evening
from tests.live_day.day import Day
from tests.live_day.market import SYMBOLS, TICKS_A_MINUTE
from tests.live_day.office import Office
from tests.live_day.report import Report, Row
from tests.live_day.script import SHORT_DAY, WHOLE_DAY, Moment

_SHORT_SYMBOLS = 4
_SECONDS = 100.0
_OF_PROCESSES = 60.0
_MINUTES = 13
"""About: what all that is waited for takes, in seconds, and how many minutes of market a whole day has."""


def main() -> int:
    """Plays a day, and prints it."""
    options = argparse.ArgumentParser(prog="python -m tests.live_day", description=__doc__)
    options.add_argument("--seed", type=int, default=1, help="of the market (1)")
    options.add_argument(
        "--seconds",
        type=float,
        default=_SECONDS,
        help=f"of market, about; processes take their own ({_SECONDS})",
    )
    options.add_argument("--short", action="store_true", help="four workers and the first troubles")
    options.add_argument("--keep", type=Path, help="a folder for logs and books, which then stay")
    chosen = options.parse_args()
    symbols = SYMBOLS[:_SHORT_SYMBOLS] if chosen.short else SYMBOLS
    script = SHORT_DAY if chosen.short else WHOLE_DAY
    report = Report(chosen.seed, symbols)
    pace = max(0.0, chosen.seconds - _OF_PROCESSES) / (_MINUTES * TICKS_A_MINUTE)
    with TemporaryDirectory(prefix="portfold-day-") as temporary:
        folder = chosen.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        play(report, script, folder.absolute(), pace, _say)
    for line in report.lines()[len(report.rows) :]:
        _say(line)
    return int(bool(report.wrong))


def play(
    report: Report, script: Sequence[Moment], folder: Path, pace: float, say: Callable[[str], None]
) -> None:
    """Plays a day by its script; what came of it is in the report."""
    begun = time.monotonic()
    try:
        with Office(folder, report.symbols, report.seed) as office:
            day = Day(office, pace)
            day.open()
            _make_trouble(day, script, report, say)
            report.minutes = day.minutes
            report.wrong += evening.at_rest(day)
            report.wrong += office.close()
            report.counted = evening.counted(day)
            report.wrong += evening.does_not_hold(day)
    except AssertionError as wrong:
        report.wrong.append(str(wrong) or repr(wrong))
    report.seconds = time.monotonic() - begun


def _make_trouble(day: Day, script: Sequence[Moment], report: Report, say: Callable[[str], None]) -> None:
    for moment in script:
        while day.minutes < moment.minute:
            day.minute()
        begun, minute = time.monotonic(), day.minutes
        try:
            seen = moment.trouble(day)
        except AssertionError as wrong:
            raise AssertionError(f"{moment.name}, after minute {minute}: {wrong}") from wrong
        row = Row(minute, moment.name, seen, time.monotonic() - begun)
        report.rows.append(row)
        say(f"{row.minute:>3}  {row.name:<40}  {row.seconds:>5.1f} s  {row.seen}")


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
