"""docs/chain.md: its configuration is taken from the page, loaded, and traded over fakes of its services.

Real processes of ours, and the real clients of Databento, TradersPost and Tradovate, each at a fake.
"""

import json
import re
import shlex
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from portfold.cli.exits import OK
from portfold.config import load
from portfold.coordinator.views.view_field import view_in
from portfold.events.wire.bus import Bus
from portfold.workers.market.process import configured_market
from portfold.workers.market.source import MINUTE_MS
from tests.cli.command_line import Running, called, started
from tests.cli.filtered import train_es
from tests.fakes.databento_gateway import wire
from tests.fakes.databento_gateway.gateway import KEY, Gateway
from tests.fakes.databento_gateway.market import Market
from tests.fakes.tradovate.server import ENVIRON, SECRETS, Tradovate
from tests.live import Live
from tests.processes import ROOT
from tests.server import EmbeddedServer
from tests.waiting import until
from tests.workers.brokers.traderspost.webhook_server import HIDDEN, Receiver, receiving
from tests.workers.market.feeds import now_ms

PAGE = (ROOT / "docs" / "chain.md").read_text(encoding="utf-8")
ACCOUNT = "DEMO12345"
BY = ("--by", "jane", "--reason", "seen at Tradovate")
WARM_UP = 60
"""Minutes: the filter looks back fifty bars, which are of a minute here."""


def files() -> dict[str, Any]:
    """The files of the configuration on the page, by name."""
    found = re.findall(r"<!-- file: (\S+) -->\n```json\n(.*?)```", PAGE, re.DOTALL)
    return {name: json.loads(text) for name, text in found}


def commands() -> list[list[str]]:
    """The commands on the page that start it, in their order, without the program's name."""
    [block] = re.findall(r"<!-- commands -->\n```\n(.*?)```", PAGE, re.DOTALL)
    return [line.partition("#")[0].split()[1:] for line in str(block).splitlines()]


def written(folder: Path, trees: dict[str, Any]) -> Path:
    """The files in a folder."""
    folder.mkdir()
    for name, tree in trees.items():
        (folder / name).write_text(json.dumps(tree))
    return folder


def test_the_configuration_on_the_page_is_one_that_is_understood(tmp_path: Path) -> None:
    configuration = load(str(written(tmp_path / "config", files())), {}, tmp_path)
    runtime = configuration.runtime
    assert set(configured_market(configuration).symbols) == set(configuration.portfolio.symbols)
    assert (runtime.broker.kind, runtime.feed.kind) == ("traderspost", "bus")
    assert runtime.account is not None
    assert ["run", "--live", "--account", runtime.account.name, "--config", "/etc/portfold"] in commands()


class Chain:
    """All of it at work, for a minute at a time; the market is at rest until a minute says otherwise."""

    def __init__(
        self, live: Live, gateway: Gateway, tradovate: Tradovate, desk: Receiver, folder: Path
    ) -> None:
        self.live = live
        self.gateway = gateway
        self.account = tradovate.account
        self.desk = desk
        self._folder = folder
        self._minute = now_ms() // MINUTE_MS * MINUTE_MS
        self._numbers = {name: gateway.market.enlist(f"{name}.v.0", name) for name in ("CL", "ES")}

    def minute(self, es: str, at_ms: int | None = None) -> None:
        """A minute is over: in ES these prices, in CL always the same."""
        begun = self._minute if at_ms is None else at_ms
        self.gateway.publish(
            wire.bar(self._numbers["CL"], begun, "60 61 59 60"), wire.bar(self._numbers["ES"], begun, es)
        )
        if at_ms is None:
            self._minute += MINUTE_MS
            self.gateway.second_over(self._minute)

    def is_up_to_now(self) -> None:
        """All minutes of the past are over."""
        self.gateway.second_over(self._minute)

    def was_at_rest(self) -> None:
        """Whoever asks for the past sees bars that close in their middle, which are no signal."""
        for ago in range(WARM_UP, 0, -1):
            low = 5990 + ago % 5
            self.minute(f"{low} {low + 8} {low} {low + 4}", self._minute - ago * MINUTE_MS)

    def differing(self) -> set[str]:
        view = view_in(self.live.status())
        account = view.account if view else None
        return {one.subject for one in account.differing} if account else set()

    def command(self, *words: str) -> str:
        """A command of a person; what it printed."""
        ran = called(*words, cwd=self._folder, PORTFOLD_CONFIG=str(self._folder / "config"))
        assert ran.code == OK, ran
        return ran.out

    def printed(self, words: str) -> str:
        """The command with these words that would settle a difference, as far as it names no person yet."""
        found = re.search(rf"portfold ({words}.*) --by NAME", self.command("reconcile"))
        return found[1] if found else ""

    def agrees(self) -> None:
        until(lambda: not self.differing(), "log and account to agree")


@pytest.fixture
def begun(
    server: EmbeddedServer, portfolio: str, live: Live, bus: Bus, tmp_path: Path
) -> Iterator[tuple[Chain, Running]]:
    """The commands of the page in their order, once the workers have seen the past; and the run."""
    trees = files()
    runtime = trees["runtime.json"]
    with ExitStack() as ends:
        gateway = ends.enter_context(Gateway(Market(now_ms())))
        tradovate = ends.enter_context(Tradovate())
        desk = ends.enter_context(receiving())
        runtime |= {"redis_url": server.url, "portfolio": portfolio, "lease_ms": 3_000, "answer_seconds": 10}
        runtime["worker_lost_seconds"] = 60
        runtime["feed"]["options"]["minutes"] = 1
        runtime["market"]["warm_up_minutes"] = WARM_UP + 5
        here = {"gateway": "127.0.0.1", "gateway_port": gateway.port, "history": False}
        runtime["market"]["options"] |= here
        runtime["account"]["options"] |= {"url": tradovate.url, "seconds_between_reads": 0.1}
        runtime["account"] |= {"grace_seconds": 0.5, "report_seconds": 0.5}
        runtime["workers"]["ES"]["min_probability"] = 0.0
        del runtime["notifier"]["destinations"]["desk"]
        config = written(tmp_path / "config", trees)
        train_es(load(str(config), {}, tmp_path), config)
        chain = Chain(live, gateway, tradovate, desk, tmp_path)
        chain.was_at_rest()

        names = [value for key, value in runtime["account"]["options"].items() if key.endswith("_env")]
        secrets = dict(zip(names, ENVIRON.values(), strict=True))
        secrets |= {"DATABENTO_API_KEY": KEY, "TRADERSPOST_URL": desk.url}
        running = {}
        for name, *words in commands()[1:-1]:  # the server is there, and the doctor is asked later
            here_words = [str(config) if word == "/etc/portfold" else word for word in words]
            process = started(name, *here_words, cwd=tmp_path, **(secrets if name == "run" else {}))
            running[name] = ends.enter_context(process)
        until(
            lambda: {one["worker"] for one in live.said("WorkerStarted")} >= {"ibs-CL", "ibs-ES"}, "workers"
        )
        until(lambda: live.said("AccountReported"), "a report of the account")
        gateway.session()
        chain.is_up_to_now()
        until(lambda: bus.last_step()[1], "the past on the bus")
        yield chain, running["run"]
        said = running["run"].said.read_text()
        assert [one for one in (*SECRETS, KEY, HIDDEN) if one in said] == []


def test_the_chain_trades_what_was_believed_is_found_and_settled_and_it_ends_in_agreement(
    begun: tuple[Chain, Running],
) -> None:
    chain, run = begun
    chain.minute("5994 5995 5990 5990")  # closes at its low
    [opened] = until(lambda: chain.live.said("PositionOpened"), "the entry")
    assert [one["action"] for one in chain.desk.signals] == ["buy"]
    assert (opened["worker"], opened["price"]) == ("ibs-ES", "5990.25"), "believed, a tick worse"
    run.says("ES entry passed the filter")

    chain.account.fills_order("ESZ6", 1, "5990.75")  # it was filled at another price
    settles = until(lambda: chain.printed("settle ES ibs-ES --size 1 --price 5990.75 --in-book"), "a remedy")
    assert chain.differing() == {"ES"}
    chain.command(*shlex.split(settles), *BY)
    chain.agrees()

    chain.minute("5990 6010 5990 6010")  # closes at its high
    [closed] = until(lambda: chain.live.said("PositionClosed"), "the exit")
    assert [one["action"] for one in chain.desk.signals] == ["buy", "exit"]
    assert (closed["price"], Decimal(closed["pnl"])) == ("6009.75", Decimal(945)), "from the settled price"
    chain.account.fills_order("ESZ6", -1, "6009.75")
    chain.agrees()

    chain.account.is_charged("30")  # a fee that no fill accounts for
    until(lambda: chain.differing() == {"equity"}, "that to be found")
    chain.command("reconcile", "--account-is-right", *BY)
    chain.agrees()

    run.process.send_signal(signal.SIGTERM)
    assert run.ends() == OK
    chain.live.all_decided()
    assert "Reproduced" in chain.command("audit", "verify")
