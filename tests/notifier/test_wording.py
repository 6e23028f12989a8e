"""What each kind of alert says, to the letter: trades, the stop, and how something ends."""

from decimal import Decimal

import pytest

from portfold.events.incoming import PositionClosed
from tests.coordinator.story import SECOND
from tests.notifier.telling import AFTERNOON, Telling


def test_the_stop_line_by_line() -> None:
    telling = Telling(AFTERNOON, mark_stale_ms=0)
    telling.enters("CL", "SI")
    telling.fills("ES", worker="ibs-ES")
    telling.told()
    telling.closes("ES", pnl="-2512.50")
    assert telling.told()[1] == (
        "🚨 PORTFOLIO STOP LOSS HIT\n"
        "Daily P&L: $-2,512.50\n"
        "Limit: $-2,500.00\n"
        "Open positions: CL, SI\n"
        "Time: 2025-01-15T14:23:45 CST"
    )


def test_a_stop_with_nothing_open_says_so_and_is_flat_at_once() -> None:
    telling = Telling(AFTERNOON)
    telling.enters("CL")
    telling.told()
    telling.closes("CL", pnl="-2500")
    closed, stop, flat = telling.told()
    assert closed == "Closed: CL long 1 @ 100 | P&L: $-2,500.00 | ibs-CL | 14:23:45 CST"
    assert "Open positions: none" in stop
    assert flat == (
        "✅ FLAT: every position is confirmed closed\nAfter 0 ms | daily stop loss\n"
        "Time: 2025-01-15T14:23:45 CST"
    )


def test_a_trade_opened_and_closed() -> None:
    telling = Telling(AFTERNOON)
    telling.starts("ibs-CL", symbols="CL")
    telling.asks("CL")
    telling.fills("CL", price="-37.63", side="long")
    telling.closes("CL", pnl="1250.5", price="-36.38")
    assert telling.told() == [
        "Worker started: ibs-CL | Symbols: CL | 14:23:45 CST",
        "Opened: CL long 1 @ -37.63 | ibs-CL | 14:23:45 CST",
        "Closed: CL long 1 @ -36.38 | P&L: $1,250.50 | ibs-CL | 14:23:45 CST",
    ]


def test_a_fill_whose_price_nobody_told() -> None:
    telling = Telling(AFTERNOON)
    telling.enters("CL", price="0")
    assert "Opened: CL long 1 (no entry price told) | ibs-CL | 14:23:45 CST" in telling.told()


@pytest.mark.parametrize("reason", ["no exit price told", "no exit price told, at 2025-01-15T14:00:00"])
def test_a_price_that_nobody_told_is_shown_to_nobody(reason: str) -> None:
    """The drop-in's: its interface has no exit price, and the one on the log only follows from the P&L."""
    telling = Telling(AFTERNOON)
    telling.enters("CL")
    telling.told()
    telling.hears(
        telling.next_of(
            PositionClosed,
            "ibs-CL",
            symbol="CL",
            side="long",
            size=1,
            price=Decimal("69.1234567891"),
            commission=Decimal(0),
            pnl=Decimal("-876.5432109"),
            reason=reason,
        )
    )
    assert telling.told() == [f"Closed: CL long 1 | P&L: $-876.54 | {reason} | ibs-CL | 14:23:45 CST"]


def test_a_denied_entry_says_why() -> None:
    telling = Telling(AFTERNOON)
    telling.enters("CL")
    telling.told()
    telling.asks("CL", worker="other")
    assert telling.told() == [
        "Entry denied: CL long 1 | symbol_in_position | CL is already in a position: long 1 by ibs-CL | "
        "other | 14:23:45 CST"
    ]


def test_the_daily_loss_approaching() -> None:
    telling = Telling(AFTERNOON)
    telling.enters("CL")
    telling.told()
    telling.marks("CL", "-2010")
    assert telling.told() == [
        "⚠️ Daily loss at 80 % of the limit | Daily P&L: $-2,010.00 | Limit: $-2,500.00 | 14:23:45 CST"
    ]


def test_an_ordered_flatten_says_who_and_why_once() -> None:
    telling = Telling(AFTERNOON)
    telling.enters("CL", "ES")
    telling.told()
    telling.flatten()
    assert telling.told() == [
        "🚨 FLATTEN ORDERED by ann: going home\n"
        "To close: CL long 1 (ibs-CL), ES long 1 (ibs-ES)\n"
        "Time: 2025-01-15T14:23:45 CST"
    ]


def test_an_overdue_flatten_is_told_as_often_as_it_is_decided() -> None:
    telling = Telling(AFTERNOON)
    telling.enters("CL")
    telling.flatten()
    telling.told()
    telling.after(10 * SECOND)
    telling.after(5 * SECOND)
    telling.after(5 * SECOND)
    first, second = telling.told()
    assert first == (
        "🚨 FLATTEN OVERDUE by 0 ms, reminder 1\n"
        "Still open: CL long 1 (ibs-CL)\n"
        "Look at the broker; close it there; then: portfold settle SYMBOL WORKER --size 0 --by NAME "
        "--reason TEXT\n"
        "Time: 2025-01-15T14:23:55 CST"
    )
    assert "OVERDUE by 10 s, reminder 2" in second


def test_a_lost_worker_and_what_becomes_of_its_position() -> None:
    telling = Telling(AFTERNOON, on_worker_lost="flatten")
    telling.enters("CL")
    telling.told()
    telling.loses_worker("ibs-CL")
    lost, ordered, handed_over = telling.told()
    assert lost == (
        "🚨 WORKER LOST: ibs-CL\n"
        "Silent for 5.0 s; its symbols get no entries until it is back, or: portfold retire\n"
        "Time: 2025-01-15T14:23:45 CST"
    )
    assert ordered.startswith("🚨 FLATTEN ORDERED | worker ibs-CL was lost\nTo close: CL long 1 (ibs-CL)\n")
    assert handed_over == "Flatten handed over to the flattener: CL long 1 (ibs-CL) | 14:23:45 CST"


def test_a_breached_limit() -> None:
    telling = Telling(AFTERNOON)
    telling.starts("ibs-CL")
    telling.told()
    telling.fills("CL", size=5)
    opened, ungranted, contracts = telling.told()
    assert opened.startswith("Opened: CL long 5 @ 100")
    assert ungranted == (
        "🚨 LIMIT BREACHED (ungranted): CL by ibs-CL\n"
        "Why: 5 filled where 0 were granted\n"
        "Time: 2025-01-15T14:23:45 CST"
    )
    assert "(max_contracts)" in contracts
