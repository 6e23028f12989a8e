"""Orders from the page: the events of the commands, under the name that signed in, and never by accident."""

import re
from pathlib import Path
from typing import Any

import pytest

from portfold.events.wire.bus import Bus
from tests.cli.dashboard.browser import in_a_browser, opened_browser
from tests.cli.dashboard.visitor import PASSWORD, Served, Visitor, served, users_file
from tests.cli.dashboard.words import shown
from tests.live import Live, flat
from tests.server import EmbeddedServer


@pytest.fixture
def jane(desk: Served) -> Visitor:
    """Somebody who may give orders, signed in."""
    jane = desk.visitor()
    jane.signs_in("jane")
    return jane


def last_said(live: Live) -> dict[str, str]:
    """The last event on the log that a person is behind."""
    return next(fields for fields in map(flat, reversed(live.events())) if fields.get("by", "") == "jane")


SETTLED = {
    "symbol": "ES",
    "worker": "ibs-ES",
    "side": "long",
    "size": "0",
    "price": "0",
    "pnl": "-310",
    "reason": "by phone",
}
ORDERED: tuple[tuple[str, dict[str, str], dict[str, str]], ...] = (
    ("halt", {"reason": "news"}, {"type": "TradingHalted", "reason": "news"}),
    ("resume", {"reason": "over", "force": "no"}, {"type": "TradingResumed"}),
    ("flatten", {"reason": "outage"}, {"type": "FlattenRequested", "reason": "outage"}),
    ("settle", SETTLED, {"type": "PositionSettled", "symbol": "ES", "size": "0", "pnl": "-310"}),
)
NO_ORDERS: tuple[tuple[str, dict[str, str], str], ...] = (
    ("halt", {"reason": " "}, "Why; goes on record: expected something"),
    ("resume", {"reason": "x", "force": "perhaps"}, "Force: expected one of no, yes"),
    ("halt", {"reason": "x", "symbol": "CL", "worker": "ibs-CL"}, "expected one of them"),
    ("settle", SETTLED | {"size": "-1"}, "Contracts really held: expected a whole number"),
    ("settle", SETTLED | {"size": "1"}, "Entry price: expected that of the 1 held"),
    ("settle", SETTLED | {"pnl": "NaN"}, "Dollars made"),
    ("settle", SETTLED | {"symbol": "E S"}, "symbol"),
    ("acknowledge", {"reason": "x"}, "nothing to acknowledge"),
)


def test_an_order_is_the_event_that_its_command_writes(led: Live, jane: Visitor) -> None:
    for order, words, event in ORDERED:
        answer = jane.orders(order, **words)
        assert answer.status_code == 200, order
        assert "on record as" in shown(answer.text).lower(), order
        assert last_said(led).items() >= event.items(), order


def test_what_it_will_do_is_shown_first(led: Live, jane: Visitor) -> None:
    led.enters("ES", price="5000.25")
    prepared = jane.sends("orders/flatten", form=jane.form_of("flatten"), reason="outage")
    page = shown(prepared.text)
    assert "Closes now: ES long 1 of ibs-ES." in page
    assert "by jane" in page
    assert "Type flatten" in page
    assert led.said("FlattenRequested") == []


def test_a_flatten_pulls_the_kill_switch_too(led: Live, jane: Visitor) -> None:
    jane.orders("flatten", reason="outage")
    assert led.bus.last_pull() is not None


def test_an_order_of_a_scope_says_what_is_in_it_and_pulls_no_kill_switch(led: Live, jane: Visitor) -> None:
    led.enters("ES", "CL")
    prepared = jane.sends("orders/flatten", form=jane.form_of("flatten"), reason="outage", symbol="CL")
    page = shown(prepared.text)
    assert "Closes now, of symbol CL: CL long 1 of ibs-CL. Nothing else." in page
    refused = jane.orders("flatten", reason="outage", symbol="CL")
    assert "Nothing was ordered" in refused.text, "what is of a scope is confirmed by its name"
    typed = f"flatten {jane.portfolio} symbol CL"
    assert jane.orders("flatten", typed=typed, reason="outage", symbol="CL").status_code == 200
    assert last_said(led).items() >= {"type": "FlattenRequested", "symbol": "CL"}.items()
    assert led.bus.last_pull() is None


def test_where_the_log_refuses_it_is_still_said_that_the_switch_is_pulled(
    bus: Bus, client: Any, jane: Visitor
) -> None:
    client.set(bus.keys.events, "no stream any more")
    answer = jane.orders("flatten", reason="outage")
    assert answer.status_code == 400
    page = shown(answer.text)
    assert "The kill switch is pulled" in page
    assert "The log did not take the order" in page
    assert bus.last_pull() is not None


def test_what_is_not_typed_is_not_ordered(led: Live, jane: Visitor) -> None:
    for typed in ("", "halt", f"flatten {jane.portfolio}"):
        answer = jane.orders("halt", typed=typed, reason="news")
        assert (answer.status_code, "Nothing was ordered" in answer.text) == (400, True)
    assert led.said("TradingHalted") == []


def test_a_form_sent_again_orders_nothing_again(led: Live, jane: Visitor) -> None:
    prepared = jane.sends("orders/halt", form=jane.form_of("halt"), reason="news")
    form = re.findall(r'name="form" value="([^"]+)"', prepared.text)[-1]
    for expected in (200, 409):
        given = jane.sends("orders/halt/give", form=form, typed=f"halt {jane.portfolio}", reason="news")
        assert given.status_code == expected
    assert len(led.said("TradingHalted")) == 1


def test_the_name_on_record_is_that_of_the_session(led: Live, jane: Visitor) -> None:
    jane.orders("halt", reason="news", by="the boss")
    assert led.said("TradingHalted")[0]["by"] == "jane"


def test_a_viewer_orders_nothing(led: Live, desk: Served, jane: Visitor) -> None:
    joe = desk.visitor()
    joe.signs_in("joe")
    assert joe.gets("orders").status_code == 403
    assert joe.sends("orders/halt", form=jane.form_of("halt"), reason="x").status_code == 403
    assert joe.sends("orders/halt/give", form=jane.form_of("halt"), reason="x").status_code == 403
    assert led.said("TradingHalted") == []


def test_without_operate_an_operator_orders_nothing(
    server: EmbeddedServer, portfolio: str, led: Live, tmp_path: Path
) -> None:
    file = users_file(tmp_path, [("jane", "operator")])
    with served(server, portfolio, tmp_path, "--users", str(file)) as looking:
        jane = looking.visitor()
        jane.signs_in("jane")
        assert jane.gets("orders").status_code == 403
        assert jane.sends("orders/halt", form="x", reason="x").status_code == 403
    assert led.said("TradingHalted") == []


def test_what_cannot_be_an_order_gets_a_sentence_and_is_none(led: Live, jane: Visitor) -> None:
    before = len(led.events())
    for order, words, said in NO_ORDERS:
        answer = jane.sends(f"orders/{order}", form=jane.form_of(order), **words)
        if answer.status_code == 200:
            answer = jane.orders(order, **words)
        assert answer.status_code == 400, said
        assert said in shown(answer.text)
    assert [flat(entry).get("by") for entry in led.events()[before:]].count("jane") == 0


FIELD = "document.querySelector('main form[action$=\"{}\"] [name={}]').value = '{}'"
SENT = "document.querySelector('main form[action$=\"{}\"]').requestSubmit()"


@in_a_browser
def test_in_a_browser_one_signs_in_and_an_order_asks_once_more(led: Live, desk: Served) -> None:
    def fills(form: str, **words: str) -> None:
        steps = [FIELD.format(form, name, text) for name, text in words.items()]
        browser.js(f"({', '.join([*steps, SENT.format(form)])}, 0)")

    with opened_browser() as browser:
        browser.go(f"{desk.base}/login")
        fills("/login", name="jane", password=PASSWORD)
        browser.until("location.pathname.length > 2 && document.querySelector('#verdict') !== null")
        browser.go(f"{desk.base}/{desk.portfolio}/orders")
        fills("/orders/halt", reason="news")
        browser.until("document.body.innerText.includes('to confirm')")
        assert "No entry is allowed after it." in browser.text("main")
        assert led.said("TradingHalted") == []
        fills("/orders/halt/give", typed=f"halt {desk.portfolio}")
        browser.until("document.body.innerText.includes('On record as')")
        assert last_said(led)["reason"] == "news"
