"""Strategies of a user's own in a run of real processes: one that fails ends its own worker, and no other."""

import json

from portfold.cli.exits import FAILED, OK
from tests.cli.command_line import portfold, started
from tests.cli.run.place import Place
from tests.live import Live
from tests.processes import config_folder, coordinating

STRATEGIES = """
from portfold.workers.strategies.intent import Enter, Exit

class Steady:
    def __init__(self, parameters, trading_day):
        self.bars = 0

    def decide(self, bar, held):
        self.bars += 1
        if held is not None:
            return Exit("enough") if held.bars >= 2 else None
        return self.enters(bar) if self.bars > 30 else None

    def enters(self, bar):
        return Enter("long", 1) if self.bars % 10 == 0 else None

class Raises(Steady):
    def enters(self, bar):
        return Enter("long", bar.close / 0)

class Nonsense(Steady):
    def enters(self, bar):
        return "buy"

class Hangs(Steady):
    returns_within_seconds = 0.2

    def enters(self, bar):
        while True:
            try:
                bar = bar
            except Exception:
                pass
"""
FAILS = {
    "CL": ("Raises", "raised DivisionByZero: "),
    "RTY": ("Nonsense", "returned 'buy', expected an Enter or None while it holds nothing"),
    "SI": ("Hangs", "did not return within 0.2 seconds"),
}


def test_a_strategy_that_fails_ends_its_own_worker_and_the_others_trade_on(place: Place, live: Live) -> None:
    own = {symbol: {"strategy": f"mine.py:{name}"} for symbol, (name, _) in FAILS.items()}
    several = {"ES:first": {"strategy": "mine.py:Steady"}, "ES:second": {"strategy": "ibs"}}
    limits = {"symbols": ["ES", *FAILS], "daily_stop_loss": 1_000_000}
    config_folder(place.config, limits=limits, runtime={"workers": {**own, **several}})
    (place.config / "mine.py").write_text(STRATEGIES)
    with coordinating(*place.where[1:4:2], config=place.config):
        words = ("--paper", "--bars", "synthetic", "--pace", "0", "--days", "4")
        with started("run", *words, *place.where, cwd=place.folder) as run:
            assert run.ends() == FAILED
        live.all_decided()
    # A child that ends with a sentence says it beside the lines of the log.
    said = [json.loads(line) for line in run.said.read_text().splitlines() if line.startswith("{")]
    ended = live.said("WorkerStopped")
    for symbol, (name, why) in FAILS.items():
        (failed,) = [
            line for line in said if line["event"].startswith(f"STRATEGY FAILED: {name}-{symbol} ends")
        ]
        assert failed["level"] == "critical"
        assert failed["why"].startswith(f"mine.py:{name} {why}")
        (goodbye,) = [event for event in ended if event["worker"] == f"{name}-{symbol}"]
        assert goodbye["reason"].startswith(f"strategy failed: mine.py:{name} {why}")
        (given_up,) = [line for line in said if line["event"].startswith(f"GIVEN UP: {symbol} ")]
        assert "which another start would not change" in given_up["event"]
    goodbyes = {event["worker"]: event.get("reason") for event in ended}
    assert {name: goodbyes[name] for name in ("first-ES", "second-ES")} == {
        "first-ES": "no more bars",
        "second-ES": "no more bars",
    }
    both = {"first-ES", "second-ES"}  # who of them is in, the other waits for: they trade one symbol
    assert both <= {event["worker"] for event in live.said("EntryRequested")}
    assert both & {event["worker"] for event in live.said("PositionOpened")}
    verified = portfold("audit", "verify", *place.where, cwd=place.folder)
    assert (verified.code, verified.out.split(":")[0]) == (OK, "Reproduced")
