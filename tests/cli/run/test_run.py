"""`portfold run` as a person runs it: real processes, one a symbol, looked after, and gone when it is."""

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from portfold.cli.exits import FAILED, INTERRUPTED, OK, UNREACHABLE, UNUSABLE
from portfold.config import Configuration, load
from portfold.coordinator.views.status_values import held_in
from portfold.events.incoming import WorkerLost
from portfold.events.wire.bus import Bus
from portfold.events.wire.connection import connect
from portfold.events.wire.embedded import EmbeddedServer
from portfold.workers.feeds.synthetic import SyntheticMarket
from portfold.workers.strategies.ibs import IbsStrategy
from portfold.workers.strategies.intent import Enter, Exit, OwnPosition
from tests.cli.command_line import Ran, Running, called, portfold, started
from tests.cli.filtered import NAMED, train_es
from tests.live import Live, flat
from tests.processes import config_folder, coordinating, is_gone
from tests.waiting import until
from tests.workers.webhook_server import HIDDEN as HIDDEN_PATH
from tests.workers.webhook_server import receiving

HIDDEN = "hunter2"


class Place:
    """A portfolio of two symbols, with its configuration's folder."""

    def __init__(self, url: str, portfolio: str, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "mine"
        self.where = ("--url", url, "--portfolio", portfolio, "--config", str(self.config))
        self.configure()

    def configure(self, **runtime: object) -> Configuration:
        limits = {"symbols": ["CL", "ES"], "daily_stop_loss": 1_000_000}
        config_folder(
            self.config, limits=limits, runtime={"worker_lost_seconds": 60, "lease_ms": 3_000, **runtime}
        )
        return load(str(self.config), {}, self.folder)

    @contextmanager
    def running(self, *words: str, **variables: str) -> Iterator[Running]:
        with started("run", *words, *self.where, cwd=self.folder, **variables) as run:
            try:
                yield run
            finally:
                run.process.send_signal(signal.SIGTERM)
                run.ends()

    def refuses(self, *words: str, code: int = UNUSABLE, **variables: str) -> str:
        ran = portfold("run", *words, *self.where, cwd=self.folder, seconds=50, **variables)
        assert (ran.code, ran.out) == (code, ""), ran.err
        return ran.err


@pytest.fixture
def place(server: EmbeddedServer, portfolio: str, tmp_path: Path) -> Place:
    return Place(server.url, portfolio, tmp_path)


def lines(run: Running) -> list[dict[str, Any]]:
    """What supervisor and children have logged so far, line by line."""
    return [json.loads(line) for line in run.said.read_text().rpartition("\n")[0].splitlines()]


def pid_of(run: Running, child: str, start: int = 1) -> int:
    """The process that a child was started as, the first time or later."""

    def starts() -> list[int]:
        own = [line for line in lines(run) if line["event"] == "Started" and line.get("child") == child]
        return [line["pid"] for line in own]

    until(lambda: len(starts()) >= start, f"start {start} of {child}")
    return starts()[start - 1]


SLOWLY = ("--paper", "--bars", "synthetic", "--pace", "0.05", "--days", "400")


def with_its_own_server(place: Place, *words: str) -> Ran:
    where = ("--portfolio", "main", "--config", str(place.config))
    return portfold("run", *words, "--embedded", *where, cwd=place.folder)


# --- what it does -----------------------------------------------------------------------------------------


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
    ended, held = said["All bars are traded"], held_in(live.status())
    assert ended["level"] == ("warning" if held else "info")
    assert all(f"{one.symbol} {one.side} {one.size} @ " in ended["still_open"] for one in held)
    assert {event["worker"] for event in live.said("PositionOpened")} == {"ibs-CL", "ibs-ES"}
    verified = portfold("audit", "verify", *place.where, cwd=place.folder)
    assert (verified.code, verified.out.split(":")[0]) == (OK, "Reproduced")


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
    strategy, held, found = IbsStrategy(configuration.runtime.worker("ES")), None, list[Decimal]()
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
    assert "--embedded brings its own server" in place.refuses("--paper", "--embedded")


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


def test_told_to_stop_it_ends_and_warns_of_what_stays_open(place: Place, live: Live) -> None:
    with coordinating(*place.where[1:4:2], config=place.config):
        live.starts("ibs-CL", symbols="CL")
        live.enters("CL")
        with started(*one_bar(place), cwd=place.folder) as run:
            run.says("No worker is left")
            run.process.send_signal(signal.SIGTERM)
            assert run.ends() == OK
    [ended] = [line for line in lines(run) if line["event"] == "Stopped"]
    assert ended["level"] == "warning"
    assert ended["still_open"] == "CL long 1 @ 100 by ibs-CL (no mark)"


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


def test_without_a_coordinator_it_says_that_nothing_will_be_allowed(place: Place) -> None:
    with place.running(*SLOWLY) as run:
        run.says("No coordinator leads this portfolio")


def test_limits_that_are_not_those_in_force_are_told_loudly(place: Place) -> None:
    with coordinating(*place.where[1:4:2]), place.running(*SLOWLY) as run:
        run.says("LIMITS DIFFER: daily_stop_loss is 1000000 here and 2500 in force; the coordinator's hold")


# --- which symbols ----------------------------------------------------------------------------------------


def test_only_optimized_symbols_with_bars_are_traded_and_the_others_are_told(place: Place) -> None:
    folder = place.folder / "bars"
    folder.mkdir()
    for symbol in ("ES", "GC"):
        (folder / f"{symbol}.csv").write_text("date,open,high,low,close\n2025-01-06,10,12,9,11\n")
    place.configure(workers={"NQ": {"size": 1}})
    with place.running("--paper", "--bars", str(folder)) as run:
        run.says("Trading ES")
        run.says("CL is filtered out: the feed has no bars of it")
        for symbol in ("NQ", "GC"):
            run.says(f"{symbol} is filtered out: not among the optimized symbols")
        assert run.ends() == OK
    assert {line.get("child") for line in lines(run)} == {None, "ES", "flattener"}


def test_a_wrong_symbol_is_a_sentence(place: Place) -> None:
    assert "--symbols: expected symbols with a contract (6A, " in place.refuses("--symbols", "ES,EX")


def test_nothing_left_to_trade_is_a_sentence_that_says_why(place: Place) -> None:
    told = place.refuses("--paper", "--symbols", "GC")
    assert "There is nothing to trade. GC: not among the optimized symbols." in told


def test_without_a_server_it_does_not_start(place: Place) -> None:
    ran = portfold("run", "--paper", "--url", "redis://127.0.0.1:1/0", cwd=place.folder)
    assert ran.code == UNREACHABLE
    assert '"Started"' not in ran.err


# --- paper or live ----------------------------------------------------------------------------------------


def with_money(place: Place) -> None:
    place.configure(
        broker={"kind": "traderspost", "options": {"webhook_url_env": "MY_ORDERS"}},
        redis_password_env="MY_REDIS",  # noqa: S106 - the name of a variable
    )


def test_money_is_traded_only_when_it_is_said(place: Place) -> None:
    with_money(place)
    told = place.refuses(MY_ORDERS=f"https://127.0.0.1/{HIDDEN}", MY_REDIS=HIDDEN)
    assert "The broker traderspost trades with money: say --live, or --paper" in told


def test_each_missing_credential_is_named_and_none_is_shown(place: Place) -> None:
    with_money(place)
    told = place.refuses("--live")
    assert "MY_REDIS (redis_password_env), MY_ORDERS (broker.options.webhook_url_env)." in told
    told = place.refuses("--live", MY_REDIS=HIDDEN)
    assert "MY_REDIS" not in told
    assert "MY_ORDERS (broker.options.webhook_url_env)" in told
    assert HIDDEN not in told


def test_live_with_the_paper_broker_is_refused(place: Place) -> None:
    assert "broker.kind: expected a real broker, got paper" in place.refuses("--live")


def test_both_at_once_are_refused(place: Place) -> None:
    assert "Expected --paper or --live, got both." in place.refuses("--paper", "--live")


def test_on_paper_nothing_is_asked_of_the_real_brokers_credentials(place: Place) -> None:
    place.configure(broker={"kind": "traderspost", "options": {"webhook_url_env": "MY_ORDERS"}})
    with place.running(*SLOWLY) as run:
        run.says("PAPER trading")
        run.says("Flattener ready")
        until(lambda: any(line["process"] == "ibs-ES" for line in lines(run)), "a worker")
    assert {line["broker"] for line in lines(run) if "broker" in line} == {"paper"}


OF_NOW = """
import datetime
from msgspec.structs import replace
from portfold.workers.feeds.synthetic import SyntheticMarket


class OfNow:
    def __init__(self, setup):
        self._market = SyntheticMarket(setup.configuration.contracts, days=1, seed=1)

    def bars(self, symbol):
        for bar in self._market.bars(symbol):
            yield replace(bar, time=datetime.datetime.now(datetime.UTC))
"""


def of_now(place: Place) -> str:
    """A user's own feed, whose bars end now."""
    (place.config / "of_now.py").write_text(OF_NOW)
    return "of_now.py:OfNow"


@pytest.mark.parametrize("bars", ["synthetic", "bars", "driven"])
def test_money_is_never_traded_on_bars_of_the_past(place: Place, bars: str) -> None:
    place.configure(broker={"kind": "traderspost", "options": {"webhook_url_env": "MY_ORDERS"}})
    (place.folder / "bars").mkdir()
    (place.folder / "bars" / "ES.csv").write_text("date,open,high,low,close\n2025-01-06,10,12,9,11\n")
    kind = "csv" if bars == "bars" else bars
    for command in (("run",), ("worker", "ES")):
        words = (*command, "--live", "--bars", bars, *place.where)
        ran = called(*words, cwd=place.folder, MY_ORDERS="http://127.0.0.1:1/x")
        assert (ran.code, ran.out) == (UNUSABLE, ""), ran.err
        assert (
            "runtime.json: feed.kind: expected a feed of now, FILE.py:NAME, as broker.kind traderspost"
            in ran.err
        )
        assert f"got {kind}." in ran.err


def test_a_worker_trades_with_money_only_when_it_is_said(place: Place) -> None:
    place.configure(broker={"kind": "traderspost", "options": {"webhook_url_env": "MY_ORDERS"}})
    words = ("worker", "ES", "--bars", of_now(place), *place.where)
    ran = called(*words, cwd=place.folder, MY_ORDERS="http://127.0.0.1:1/x")
    assert ran.code == UNUSABLE
    assert "The broker traderspost trades with money: say --live, or --paper" in ran.err
    assert "(broker.options.webhook_url_env)" in called(*words, "--live", cwd=place.folder).err


def test_live_says_so_before_it_does_anything(place: Place) -> None:
    place.configure(broker={"kind": "traderspost", "options": {"webhook_url_env": "MY_ORDERS"}})
    words = ("--live", "--bars", of_now(place))
    with place.running(*words, MY_ORDERS=f"http://127.0.0.1:1/{HIDDEN}") as run:
        run.says("LIVE trading: orders go to the broker, with money")
        run.says("Flattener ready")
    said = run.said.read_text()
    assert said.index("LIVE trading") < said.index('"Started"')
    assert HIDDEN not in said


def test_live_orders_reach_the_broker_and_what_it_took_is_on_the_log(place: Place, live: Live) -> None:
    place.configure(broker={"kind": "traderspost", "options": {"webhook_url_env": "MY_ORDERS"}})
    words = ("--live", "--bars", of_now(place), "--symbols", "ES", *place.where)
    with receiving() as broker, coordinating(*place.where[1:4:2], config=place.config):
        with started("run", *words, cwd=place.folder, MY_ORDERS=broker.url) as run:
            run.says("No worker is left, and not all is closed")  # its bars end in the middle of a trade
            run.process.send_signal(signal.SIGTERM)
            assert run.ends() == OK
        live.all_decided()
    [ended] = [line for line in lines(run) if line["event"] == "Stopped"]
    assert (ended["level"], ended["still_open"].split(" @ ")[0]) == ("warning", "ES long 1")
    actions = [sent["action"] for sent in broker.signals]
    assert actions.count("buy") == len(live.said("PositionOpened")) > 0
    assert actions.count("exit") == len(live.said("PositionClosed")) > 0
    assert all(re.fullmatch(r"ES[HMUZ]20\d\d", sent["ticker"]) for sent in broker.signals)
    assert HIDDEN_PATH not in run.said.read_text()
    assert portfold("audit", "verify", *place.where, cwd=place.folder).out.startswith("Reproduced: ")


# --- models -----------------------------------------------------------------------------------------------


def trained(place: Place, **workers: object) -> None:
    """A model for ES in the configuration."""
    train_es(place.configure(), place.config)
    place.configure(answer_seconds=10, workers={"ES": {**NAMED["ES"], **workers}})


def test_the_whole_chain_of_an_entry_runs_across_processes(place: Place, live: Live) -> None:
    """Filter included; and what the filter dropped was never asked for."""
    trained(place, min_probability=0.5)
    with coordinating(*place.where[1:4:2], config=place.config):
        words = ("--paper", "--bars", "synthetic", "--pace", "0", "--days", "12", "--symbols", "ES")
        with started("run", *words, *place.where, cwd=place.folder) as run:
            assert run.ends() == OK
        live.all_decided()
    said = [line["event"] for line in lines(run)]
    assert any(event.startswith("ES: filtered by a logistic model, SHA-256 ") for event in said)
    passed, dropped = said.count("ES entry passed the filter"), said.count("ES entry filtered out")
    assert passed > 0
    assert dropped > 0
    assert len(live.said("EntryRequested")) == passed
    assert len(live.said("PositionOpened")) == passed
    missing = [line["why"] for line in lines(run) if line.get("why", "").startswith("no features: ")]
    assert missing
    assert all("look back 50 bars" in why for why in missing)
    assert portfold("audit", "verify", *place.where, cwd=place.folder).out.startswith("Reproduced: ")


def test_a_model_that_does_not_match_stops_the_run_before_it_starts(place: Place) -> None:
    trained(place)
    model = place.config / "models" / "ES.onnx"
    model.write_bytes(model.read_bytes() + b"?")
    told = place.refuses("--paper")
    assert "ES.onnx.json: sha256: expected " in told
    assert '"Started"' not in told
