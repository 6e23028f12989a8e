"""Prices that nobody told: made up so that they fit what was told, they are shown to nobody as if paid."""

from decimal import Decimal

import pytest

from portfold.coordinator.audit.explain.explanation import explain
from portfold.coordinator.audit.explain.lookup import Found
from portfold.events.decisions import EntryAllowed
from portfold.events.incoming import NO_EXIT_PRICE, PositionClosed
from portfold.quotes import entry_price, exit_price
from portfold.research.report.page import report_html
from portfold.research.report.wording import NOTHING, prices
from tests.audit.pages import Elements, texts_of
from tests.audit.told import Told

AVERAGE = Decimal("100.3333333333")


def old_code() -> Told:
    """The drop-in's: ES without an entry price, CL at an average; a stop, and CL closed after it."""
    story = Told(max_contracts=6)
    for symbol, price in (("ES", "0"), ("CL", str(AVERAGE))):
        story.starts(f"ibs-{symbol}")
        assert isinstance(story.asks(symbol, 3), EntryAllowed)
        story.fills(symbol, 3, price)
    for symbol, price, pnl in (("ES", "-17.3333333333", "-2600"), ("CL", "100.2999999999", "-100")):
        story.ms += 40
        story.hears(
            story.next_of(
                PositionClosed,
                f"ibs-{symbol}",
                symbol=symbol,
                side="long",
                size=3,
                price=Decimal(price),
                pnl=Decimal(pnl),
                commission=Decimal(0),
                reason=NO_EXIT_PRICE,
            )
        )
    return story


def test_the_day_page_its_charts_and_its_tables() -> None:
    found = old_code().gathered()
    page = Elements(report_html(found, portfolio="main", read_from="memory", week=False, version="0.1.0"))
    assert f"Closed: CL long 3 | P&L: $-100.00 | {NO_EXIT_PRICE} | ibs-CL" in page.said
    assert f"ES ibs-ES long 3 {NOTHING} {NOTHING} " in page.said
    assert f"CL ibs-CL long 3 ≈100.3333333 {NOTHING} " in page.said
    charts = " ".join(text for chart in page.charts for text in texts_of(chart))
    assert "Opened: ES long 3 (no entry price told) | ibs-ES" in charts
    assert "Opened: CL long 3 @ ≈100.3333333 | ibs-CL" in charts
    assert f"Closed: ES long 3 | P&amp;L: $-2,600.00 | {NO_EXIT_PRICE} | ibs-ES" in charts
    for made_up in ("17.33", "100.29", "100.33333333"):
        assert made_up not in page.said + charts


def test_why() -> None:
    story = old_code()
    record = story.record
    asked = [
        Found(one.event.id, decision.id)
        for one in record.all
        for decision in one.decisions
        if decision.fields[1] == "EntryAllowed"
    ]
    told = [one.text for found in asked for one in explain(record, found, lambda _: None).next]
    assert "Opened: ES long 3 (no entry price told) | ibs-ES | Daily P&L: $0.00" in told
    assert f"Closed: ES long 3 | P&L: $-2,600.00 | {NO_EXIT_PRICE} | ibs-ES | Daily P&L: $-2,600.00" in told


@pytest.mark.parametrize(
    ("price", "told"),
    [
        ("71.25", " @ 71.25"),
        ("-37.63", " @ -37.63"),
        ("0", " (no entry price told)"),
        (str(AVERAGE), " @ ≈100.3333333"),
    ],
)
def test_an_entry_price(price: str, told: str) -> None:
    assert entry_price(Decimal(price)) == told


def test_an_exit_price() -> None:
    assert exit_price(Decimal("5000.25"), "", " at ", grouped=True) == " at 5,000.25"
    assert exit_price(Decimal(0), "target") == " @ 0", "a price that was told"
    assert exit_price(Decimal("5000.25"), f"{NO_EXIT_PRICE}, at 2025-01-15T14:00:00") == ""


def test_prices_side_by_side() -> None:
    assert prices(Decimal("5000"), Decimal("5000.25")) == ["5,000.00", "5,000.25"]
    assert prices(AVERAGE, None) == ["≈100.3333333", NOTHING]
    assert prices(None) == [NOTHING]
