"""`portfold run`: which symbols are traded, money only when it is said, and models that match."""

import re
import signal

import pytest

from portfold.cli.exits import OK, UNREACHABLE, UNUSABLE
from tests.cli.command_line import called, portfold, started
from tests.cli.filtered import NAMED, train_es
from tests.cli.run.place import SLOWLY, Place, lines
from tests.live import Live
from tests.processes import coordinating
from tests.waiting import until
from tests.workers.brokers.traderspost.webhook_server import HIDDEN as HIDDEN_PATH
from tests.workers.brokers.traderspost.webhook_server import receiving

HIDDEN = "hunter2"
IN_A_FILE = {"name": "DU1", "source": "file", "options": {"path": "/nowhere/account.json"}}
LIVE = ("--live", "--account", "TP-1")


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
        words = (*command, *LIVE, "--bars", bars, *place.where)
        ran = called(*words, cwd=place.folder, MY_ORDERS="http://127.0.0.1:1/x")
        assert (ran.code, ran.out) == (UNUSABLE, ""), ran.err
        assert (
            "runtime.json: feed.kind: expected a feed of now, bus or FILE.py:NAME, as broker.kind traderspost"
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


def test_money_is_traded_in_an_account_that_is_typed_and_that_the_configuration_names(place: Place) -> None:
    traderspost = {"kind": "traderspost", "options": {"webhook_url_env": "MY_ORDERS"}}
    place.configure(broker=traderspost, account=IN_A_FILE)
    url, words = "http://127.0.0.1:1/x", ("--live", "--bars", of_now(place))
    assert "--live: expected --account NAME beside it" in place.refuses(*words, MY_ORDERS=url)
    told = place.refuses(*words, "--account", "DU2", MY_ORDERS=url)
    assert re.search(r"--account: expected DU1, as .*runtime\.json says \(account\.name\), got DU2\.", told)
    assert "--account: expected with --live alone" in place.refuses("--paper", "--account", "DU1")
    ran = called("worker", "ES", *words, *place.where, cwd=place.folder, MY_ORDERS=url)
    assert "--live: expected --account NAME beside it" in ran.err


def test_live_says_so_before_it_does_anything(place: Place) -> None:
    place.configure(broker={"kind": "traderspost", "options": {"webhook_url_env": "MY_ORDERS"}})
    words = (*LIVE, "--bars", of_now(place))
    with place.running(*words, MY_ORDERS=f"http://127.0.0.1:1/{HIDDEN}") as run:
        run.says("LIVE trading: orders go to the broker, with money")
        run.says("whether orders go to TP-1 is not known")
        run.says("Flattener ready")
    said = run.said.read_text()
    assert said.index("LIVE trading") < said.index('"Started"')
    assert HIDDEN not in said


def test_live_orders_reach_the_broker_and_what_it_took_is_on_the_log(place: Place, live: Live) -> None:
    place.configure(broker={"kind": "traderspost", "options": {"webhook_url_env": "MY_ORDERS"}})
    words = (*LIVE, "--bars", of_now(place), "--symbols", "ES", *place.where)
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
