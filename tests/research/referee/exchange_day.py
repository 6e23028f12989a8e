"""The referee's trading days: a second implementation, from the words of docs/research.md alone.

A day ends at the roll on the exchange's clock, and what happens at the roll belongs to the next. Saturday and
Sunday are Monday's.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo


def day_at(ms: int, zone: str = "America/Chicago", roll_hour: int = 17) -> date:
    """Returns the trading day in which the millisecond lies; for a roll in the afternoon."""
    local = datetime.fromtimestamp(ms // 1000, UTC).astimezone(ZoneInfo(zone))
    day = local.date() + timedelta(days=1 if local.hour >= roll_hour else 0)
    while day.isoweekday() > 5:
        day += timedelta(days=1)
    return day


def weekdays(first: date, last: date) -> list[date]:
    """Lists Monday to Friday from the first to the last, both included."""
    found, day = [], first
    while day <= last:
        if day.isoweekday() <= 5:
            found.append(day)
        day += timedelta(days=1)
    return found
