"""The doctor finds who is missing, and what is planted in the configuration."""

import re
from pathlib import Path
from typing import Any

import pytest

from portfold.cli.exits import FAILED
from portfold.events.incoming import FlattenRequested, TradingHalted
from tests.cli.command_line import called
from tests.cli.fit import FLATTENER, Fit, fit_for_the_open
from tests.cli.watch.doctor.asked import MINUTE_MS, asked
from tests.server import EmbeddedServer

# --- planted: who is there --------------------------------------------------------------------------------


def test_a_leader_that_died_is_missed(own_server: EmbeddedServer, portfolio: str, tmp_path: Path) -> None:
    with fit_for_the_open(own_server, portfolio, tmp_path / "mine") as fit:
        kept = fit
        assert "leader" not in kept.found()
    kept.bus.append(["type", "ClockTicked"])
    assert kept.found()["leader"] == "fail"
    assert "nobody leads: no entry is answered; undecided events: 1" in kept.text("leader")
    last = "9999999999999-184467440737095517"
    kept.client.execute_command("XADD", kept.bus.keys.events, last, "type", "ClockTicked")
    assert f"nobody can lead: the log's last ID, {last}, leaves no room for answers" in kept.text("leader")
    kept.bus.close()


def test_a_portfolio_that_nobody_ever_led_fails(fit: Fit, tmp_path: Path) -> None:
    ran = asked(fit, tmp_path, "--portfolio", "nobody")
    assert ran.code == FAILED
    assert "no coordinator has ever run for this portfolio" in " ".join(ran.out.split())


def test_a_leader_without_a_standby_is_warned_of(fit: Fit) -> None:
    fit.client.delete(fit.bus.keys.standby)
    assert fit.found() == {"standby": "warn"}


def test_a_symbol_that_nobody_trades_fails(fit: Fit) -> None:
    fit.live.stops("ibs-CL")
    assert fit.found() == {"workers": "fail"}
    assert fit.text("workers") == "ibs-CL, for CL, has stopped"


def test_a_heartbeat_that_lapsed_fails_and_says_what_the_worker_holds(fit: Fit) -> None:
    fit.live.asks("ES")
    fit.live.fills("ES", price="5000")
    fit.client.delete(fit.bus.keys.worker("ibs-ES"))
    assert fit.found() == {"workers": "fail", "trading": "fail"}
    assert fit.text("trading").startswith("unmanaged: nobody watches ES long 1 of ibs-ES (silent, ")
    assert fit.text("workers") in (
        "ibs-ES, for ES, gives no sign of life, and holds ES",
        "ibs-ES, for ES, is lost, and holds ES",
    )


def test_a_worker_that_never_was_fails_unless_somebody_does_not_say_what_he_trades(fit: Fit) -> None:
    fit.edit(limits={"symbols": ["ES", "CL", "6A"]})
    fit.live.change_limits(symbols="ES CL 6A", point_values="6A=100000 CL=1000 ES=50")
    assert fit.found()["workers"] == "fail"
    assert fit.text("workers") == "no worker ever announced 6A"
    fit.bus.beat("anything", "s1", MINUTE_MS)
    fit.live.starts("anything")
    assert fit.found()["workers"] == "warn"


def test_a_flattener_with_another_book_fails(fit: Fit) -> None:
    fit.bus.say_book_lacks("ES long of ibs-ES", MINUTE_MS)
    assert fit.found() == {"flattener": "fail"}
    assert "ES long of ibs-ES" in fit.text("flattener")


def test_what_its_book_holds_and_the_log_does_not_fails(fit: Fit) -> None:
    fit.bus.say_book_exceeds("ES long of ibs-ES", MINUTE_MS)
    assert fit.found() == {"flattener": "fail"}
    assert fit.text("flattener").startswith("its broker's book holds ES long of ibs-ES, and the log does not")


def test_a_position_without_its_protective_stop_fails(fit: Fit) -> None:
    fit.bus.say_without_stop("ES long of ibs-ES", MINUTE_MS)
    assert fit.found() == {"protective stops": "fail"}
    assert fit.text("protective stops") == "none rests at the broker beside ES long of ibs-ES"


def test_a_flattener_that_is_not_there_is_warned_of(fit: Fit) -> None:
    fit.client.delete(fit.bus.keys.worker(FLATTENER))
    assert fit.found() == {"flattener": "warn"}


def test_a_notifier_that_is_not_there_is_warned_of(fit: Fit) -> None:
    fit.client.delete(fit.bus.keys.notifier_lease("discord"))
    assert fit.found() == {"notifier": "warn"}
    assert fit.text("notifier") == "nobody sends alerts to discord"
    fit.client.delete(fit.bus.keys.notifier_lease("log"))
    assert fit.text("notifier") == "none is alive: nobody is alerted of a stop"


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (TradingHalted(by="jane", reason="news"), "halted: by jane: news"),
        (FlattenRequested(by="jane", reason="drill"), "halted: by jane: drill"),
    ],
)
def test_a_halt_is_warned_of(fit: Fit, order: Any, said: str) -> None:
    fit.live.hears(order)
    assert fit.found() == {"trading": "warn"}
    assert said in fit.text("trading")


def test_a_flatten_that_is_not_over_fails(fit: Fit) -> None:
    fit.live.asks("ES")
    fit.live.fills("ES", price="5000")
    fit.live.flatten()
    assert fit.found() == {"trading": "fail"}
    assert "still to close: ES long 1 (ibs-ES)" in fit.text("trading")


# --- planted: the configuration ---------------------------------------------------------------------------


def test_a_file_that_was_edited_since_fails(fit: Fit) -> None:
    fit.edit(limits={"max_positions": 3})
    assert fit.found() == {"limits": "fail"}
    assert "max_positions is 4, not 3" in fit.text("limits")


def test_limits_that_somebody_ordered_are_warned_of(fit: Fit) -> None:
    own = fit.live.bus.status()["limits"]
    ordered = {name: value for name, _, value in (pair.partition("=") for pair in own.split("; "))}
    fit.live.by_hand(
        *("type", "LimitsChanged", "by", "jane", "reason", "holiday"),
        *(word for pair in (ordered | {"max_positions": "2"}).items() for word in pair),
    )
    fit.live.all_decided()
    assert fit.found() == {"limits": "warn"}
    assert "in force by jane" in fit.text("limits")


def test_limits_of_the_file_that_wait_for_the_next_day_are_warned_of(fit: Fit) -> None:
    own = fit.live.bus.status()["limits"]
    ordered = {name: value for name, _, value in (pair.partition("=") for pair in own.split("; "))}
    more = {"max_positions": "5", "max_contracts": "5"}
    fit.live.by_hand(
        *("type", "LimitsChanged", "by", "jane", "reason", "as in the file"),
        *(word for pair in (ordered | more).items() for word in pair),
    )
    fit.live.all_decided()
    fit.edit(limits={"max_positions": 5})
    assert fit.found() == {"limits": "warn"}
    assert "those of the file wait from" in fit.text("limits")


def test_a_symbol_without_a_contract_fails(fit: Fit) -> None:
    own = fit.live.bus.status()["limits"]
    ordered = {name: value for name, _, value in (pair.partition("=") for pair in own.split("; "))}
    fit.live.by_hand(
        *("type", "LimitsChanged", "by", "jane", "second", "joe", "reason", "more"),
        *(word for pair in (ordered | {"symbols": "ES CL XX"}).items() for word in pair),
    )
    fit.live.all_decided()
    assert fit.found() == {"contracts": "fail", "limits": "warn", "workers": "fail"}
    assert fit.text("contracts").startswith("none for XX")


def test_a_configuration_that_cannot_be_read_is_a_finding(fit: Fit, tmp_path: Path) -> None:
    fit.edit(limits={"symbols": ["ES", "XX"]})
    ran = asked(fit, tmp_path)
    assert ran.code == FAILED
    assert ran.out.startswith("FAIL config")
    assert '"XX"' in ran.out
    assert ran.err == ""


def test_a_webhook_whose_variable_is_not_set_fails(fit: Fit) -> None:
    fit.environ.clear()
    assert fit.found() == {"webhook": "fail"}
    assert "HOOK" in fit.text("webhook")


def test_an_address_that_is_none_fails_and_is_not_shown(fit: Fit) -> None:
    fit.environ["HOOK"] = "hush hush"
    assert fit.found() == {"webhook": "fail"}
    assert "hush" not in fit.text("webhook")


def test_no_webhook_at_all_is_warned_of(fit: Fit) -> None:
    fit.edit(runtime={"discord_webhook_env": None})
    assert fit.found() == {"webhook": "warn"}


def test_a_limit_that_nobody_reads_is_warned_of(fit: Fit) -> None:
    fit.edit(limits={"max_postions": 3})
    assert fit.found() == {"config": "warn"}
    assert "max_postions is no known key" in fit.text("config")


def test_the_packaged_configuration_is_warned_of(fit: Fit, tmp_path: Path) -> None:
    where = ("--url", fit.server.url, "--portfolio", fit.bus.keys.name)
    ran = called("doctor", *where, cwd=tmp_path)
    assert re.search(r"^warn config +the packaged default", ran.out, re.MULTILINE)
    assert "warn limits" in ran.out
