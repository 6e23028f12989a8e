"""`portfold run` as a person runs it: real processes, one a symbol, looked after, and gone when it is."""

import os
import signal
from decimal import Decimal

import msgspec
import pytest

from portfold.cli.exits import FAILED, INTERRUPTED, OK, UNUSABLE
from portfold.config import Configuration
from portfold.events.incoming import WorkerLost
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.workers.feeds.synthetic import SyntheticMarket
from portfold.workers.strategies.intent import Enter, Exit, OwnPosition
from portfold.workers.strategies.opened import open_strategy
from tests.cli.command_line import Ran, portfold, started
from tests.cli.run.place import SLOWLY, Place, lines, pid_of
from tests.live import Live, flat
from tests.processes import coordinating, is_gone
from tests.seen import seen_on
from tests.server import EmbeddedServer
from tests.waiting import until


def with_its_own_server(place: Place, *words: str) -> Ran:
    where = ("--portfolio", "main", "--config", str(place.config))
    return portfold("run", *words, "--embedded", *where, cwd=place.folder)


def test_it_says_what_it_will_do_trades_to_the_end_of_the_bars_and_the_audit_reproduces_it(
    place: Place, live: Live
) -> None:
    with coordinating(*place.where[1:4:2], config=place.config):
        words = ("--paper", "--bars", "synthetic", "--pace", "0", "--days", "2")
        with started("run", *words, *place.where, cwd=place.folder) as run:
            assert run.ends() == OK
        live.all_decided()
    said = {line["event"]: line for line in lines(run) if line["process"] == "run"}
    assert "PAPER trading: no order leaves this machine" in said
    limits = said["Limits"]
    assert (limits["max_positions"], limits["max_contracts"]) == (4, 4)
    assert limits["daily_stop_loss"] == "$1,000,000.00"
    assert "Trading CL, ES" in said
    assert "ES: no model: every signal goes to the gate" in said
    assert "given_up" not in said["All bars are traded"]
    ended, held = said["All bars are traded"], seen_on(live.bus).positions
    assert ended["level"] == ("warning" if held else "info")
    assert all(f"{one.symbol} {one.side} {one.size} @ " in ended["still_open"] for one in held)
    assert {event["worker"] for event in live.said("PositionOpened")} == {"ibs-CL", "ibs-ES"}
    verified = portfold("audit", "verify", *place.where, cwd=place.folder)
    assert (verified.code, verified.out.split(":")[0]) == (OK, "Reproduced")


def test_the_account_is_watched_beside_the_workers_and_agrees_with_what_they_say(
    place: Place, live: Live
) -> None:
    place.configure(account={"name": "PAPER", "source": "paper", "report_seconds": 0.2, "tolerance": 100})
    with coordinating(*place.where[1:4:2], config=place.config), place.running(*SLOWLY) as run:
        run.says("Account watched")
        until(lambda: live.said("PositionOpened"), "a position")
        until(lambda: any("positions" in report for report in live.said("AccountReported")), "a report of it")
        account = seen_on(live.bus).account
        assert account is not None
        assert account.differing == ()


FED = {
    "market": {"source": "synthetic", "symbols": {"CL": "CL", "ES": "ES"}, "options": {"pace_seconds": 0.05}},
    "feed": {"kind": "bus"},
}


def test_the_market_is_fed_beside_the_workers_and_the_feed_is_started_again(place: Place, live: Live) -> None:
    place.configure(**FED)
    with coordinating(*place.where[1:4:2], config=place.config), place.running("--paper") as run:
        run.says("Feeding the market's data of CL, ES")
        until(lambda: live.said("PositionOpened"), "a position, on bars that came by the bus")
        os.kill(pid_of(run, "feed"), signal.SIGKILL)
        run.says("feed was killed by SIGKILL; starting it again")
        pid_of(run, "feed", start=2)


def test_a_feed_elsewhere_goes_on_and_that_of_the_run_stands_by(place: Place) -> None:
    place.configure(**FED)
    with started("feed", *place.where, cwd=place.folder) as feed:
        feed.says("Feeding")
        with place.running("--paper") as run:
            run.says("Standing by: the feed is")


def test_beside_bars_of_the_past_no_market_is_fed(place: Place) -> None:
    place.configure(**FED)
    with place.running(*SLOWLY) as run:
        run.says("Flattener ready")
        assert not any(line.get("child") == "feed" for line in lines(run))


def test_a_worker_killed_is_started_again_and_trades_on_as_if_nothing_had_been(
    place: Place, live: Live
) -> None:
    configuration = place.configure(answer_seconds=10)

    def bought() -> list[Decimal]:
        return [Decimal(event["price"]) for event in live.said("PositionOpened") if event["symbol"] == "ES"]

    with coordinating(*place.where[1:4:2], config=place.config), place.running(*SLOWLY) as run:
        until(lambda: len(bought()) >= 2, "entries in ES")
        worker = pid_of(run, "ES")
        until(lambda: is_stopped_while_it_holds(worker, live), "a position in ES")
        os.kill(worker, signal.SIGKILL)
        run.says("ES was killed by SIGKILL; starting it again")
        assert not is_gone(pid_of(run, "ES", start=2))
        until(lambda: len(bought()) >= 5, "it to trade on")
        found = bought()
    assert found == entries_of(configuration, len(found))


def is_stopped_while_it_holds(worker: int, live: Live) -> bool:
    """Stops ibs-ES in its tracks, and lets it go on where that is in the middle of an entry or an exit."""
    os.kill(worker, signal.SIGSTOP)
    live.all_decided()
    own = [event for event in map(flat, live.events()) if event.get("worker") == "ibs-ES"]
    if own[-1]["type"] in {"PositionOpened", "PositionMarked"}:
        return True
    os.kill(worker, signal.SIGCONT)
    return False


def entries_of(configuration: Configuration, count: int) -> list[Decimal]:
    """The prices of that many entries that a worker of ES makes in the synthetic market, if left alone."""
    strategy, held, found = open_strategy(configuration, "ES").strategy(), None, list[Decimal]()
    tick = configuration.contracts["ES"].tick_size * configuration.runtime.slippage_ticks
    for bar in SyntheticMarket(configuration.contracts, days=400, seed=1).bars("ES"):
        held = msgspec.structs.replace(held, bars=held.bars + 1) if held else None
        intent = strategy.decide(bar, held)
        if isinstance(intent, Enter):
            held = OwnPosition(intent.side, bar.close + tick, 0)
            found.append(held.entry_price)
        elif isinstance(intent, Exit):
            held = None
        if len(found) == count:
            break
    return found


def test_embedded_it_brings_server_and_coordinator_along_and_leaves_a_log_that_the_audit_reproduces(
    place: Place,
) -> None:
    ran = with_its_own_server(place, "--paper", "--bars", "synthetic", "--pace", "0", "--days", "1")
    assert ran.code == OK, ran.err
    assert "No coordinator leads" not in ran.err
    with EmbeddedServer(place.folder / "state" / "portfold" / "server") as left:
        client = connect(left.url)
        past = Live(Bus(client, "main"), client)
        assert past.bus.leader() is None
        assert past.said("PositionClosed")
        past.bus.close()
        where = ("--url", left.url, "--config", str(place.config))
        verified = portfold("audit", "verify", *where, cwd=place.folder)
    assert (verified.code, verified.out.split(":")[0]) == (OK, "Reproduced")


def test_embedded_a_server_that_another_has_started_is_not_shared(place: Place) -> None:
    with EmbeddedServer(place.folder / "state" / "portfold" / "server"):
        ran = with_its_own_server(place, "--paper", "--bars", "synthetic")
    assert (ran.code, "A server already runs on" in ran.err) == (FAILED, True), ran.err


def test_embedded_and_another_server_are_refused(place: Place) -> None:
    assert "--embedded starts its own server" in place.refuses("--paper", "--embedded")


def test_embedded_and_a_servers_password_are_refused(place: Place) -> None:
    place.configure(redis_password_env="MY_REDIS")  # noqa: S106 - the name of a variable
    ran = with_its_own_server(place, "--paper", "--bars", "synthetic")
    assert (ran.code, "redis_password_env: expected null" in ran.err) == (UNUSABLE, True), ran.err


def one_bar(place: Place) -> tuple[str, ...]:
    """A market that is over at once."""
    (place.folder / "bars").mkdir()
    (place.folder / "bars" / "ES.csv").write_text("date,open,high,low,close\n2025-01-06,10,12,9,11\n")
    return ("run", "--paper", "--bars", str(place.folder / "bars"), *place.where)


def test_its_flattener_stays_for_what_is_open_or_unsettled_although_all_workers_have_done(
    place: Place, live: Live
) -> None:
    """A slot whose worker died between fill and report; then a position."""
    with coordinating(*place.where[1:4:2], config=place.config):
        live.starts("ibs-CL", symbols="CL")
        live.asks("CL")
        live.hears(WorkerLost("ibs-CL", "s1", 5_000))
        with started(*one_bar(place), cwd=place.folder) as run:
            run.says("No worker is left, and not all is closed: what stands by stays")
            flattener = pid_of(run, "flattener")
            live.fills("CL")
            assert not is_gone(flattener)
            live.closes("CL")
            assert run.ends() == OK
        live.all_decided()
    [stays] = [line for line in lines(run) if "stands by stays" in line["event"]]
    assert "slots: CL long 1 by ibs-CL; unsettled: CL of ibs-CL: maybe_filled" in stays["left"]
    [ended] = [line for line in lines(run) if line["event"] == "All bars are traded"]
    assert (ended["level"], ended["still_open"]) == ("info", "nothing")
    assert (ended["trades"], ended["day_pnl"].startswith("$")) == (1, True)


@pytest.mark.parametrize(("price", "told"), [("100", " @ 100"), ("0", " (no entry price told)")])
def test_told_to_stop_it_ends_and_warns_of_what_stays_open(
    place: Place, live: Live, price: str, told: str
) -> None:
    with coordinating(*place.where[1:4:2], config=place.config):
        live.starts("ibs-CL", symbols="CL")
        live.enters("CL", price=price)
        with started(*one_bar(place), cwd=place.folder) as run:
            run.says("No worker is left")
            run.process.send_signal(signal.SIGTERM)
            assert run.ends() == OK
    [ended] = [line for line in lines(run) if line["event"] == "Stopped"]
    assert ended["level"] == "warning"
    assert ended["still_open"] == f"CL long 1{told} by ibs-CL (no mark)"
    assert ended["what_to_do"].startswith("start the run again; or, to stand by for it: portfold flattener")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, OK), (signal.SIGINT, INTERRUPTED)])
def test_it_stops_cleanly_with_all_its_processes(place: Place, number: signal.Signals, code: int) -> None:
    with started("run", *SLOWLY, *place.where, cwd=place.folder) as run:
        children = [pid_of(run, child) for child in ("flattener", "CL", "ES")]
        run.says("Flattener ready")
        run.process.send_signal(number)
        assert run.ends() == code
    assert all(map(is_gone, children))
    assert "Traceback" not in run.said.read_text()


def test_its_processes_end_when_it_is_killed(place: Place) -> None:
    with started("run", *SLOWLY, *place.where, cwd=place.folder) as run:
        children = [pid_of(run, child) for child in ("flattener", "CL", "ES")]
        run.process.kill()
        run.ends()
        until(lambda: all(map(is_gone, children)), "the children to go")


def test_who_trades_and_who_closes_have_the_book_that_the_configuration_names(place: Place) -> None:
    book = place.folder / "ours.sqlite"
    place.configure(book=str(book))
    with place.running(*SLOWLY) as run:
        run.says("Flattener ready")
        until(lambda: any(line["process"] == "ibs-ES" for line in lines(run)), "a worker")
    assert {line["book"] for line in lines(run) if "book" in line} == {str(book)}


def test_on_paper_the_book_of_a_broker_with_money_is_left_alone(place: Place) -> None:
    book = place.folder / "theirs.sqlite"
    orders = {"kind": "traderspost", "options": {"webhook_url_env": "MY_ORDERS"}}
    place.configure(book=str(book), broker=orders)
    with place.running(*SLOWLY) as run:
        run.says("Flattener ready")
    assert not book.exists()


def test_without_a_coordinator_it_says_that_nothing_will_be_allowed(place: Place) -> None:
    with place.running(*SLOWLY) as run:
        run.says("No coordinator leads this portfolio")


def test_limits_that_are_not_those_in_force_are_told_loudly(place: Place) -> None:
    with coordinating(*place.where[1:4:2]), place.running(*SLOWLY) as run:
        run.says("LIMITS DIFFER: daily_stop_loss is 1000000 here and 2500 in force; the coordinator's hold")
