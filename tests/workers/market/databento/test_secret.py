"""The key goes to Databento and nowhere else."""

import logging
import threading
from pathlib import Path

import pytest
import structlog

from portfold.config import ConfigError
from portfold.workers.market.source import MarketRefused, MarketSetup
from portfold.workers.market.sources.databento.secret import Key, read_key
from portfold.workers.market.sources.databento.source import open_databento
from tests.fakes.databento_gateway.gateway import KEY, Gateway
from tests.fakes.databento_gateway.historical import Historical
from tests.workers.market.databento.desk import desk
from tests.workers.market.traded import TEN


@pytest.mark.parametrize("value", [None, "", "  ", "\n"])
def test_no_key_is_said_with_where_it_belongs(value: str | None) -> None:
    environ = {} if value is None else {"MY_KEY": value}
    told = r"^market\.options\.key_env: expected the environment variable MY_KEY to hold a key of Databento"
    with pytest.raises(MarketRefused, match=told):
        read_key(environ, "MY_KEY")


@pytest.mark.parametrize("value", ["hunter2-secret", "db-with a blank", "db-with\x07bell", "db-schlüssel"])
def test_what_is_no_key_is_never_shown(value: str) -> None:
    with pytest.raises(MarketRefused) as refused:
        read_key({"MY_KEY": value}, "MY_KEY")
    assert value not in str(refused.value)


def test_whatever_is_quoted_has_no_key_in_it_and_is_one_short_line() -> None:
    key = Key("db-secret")
    assert key.quoted("bad key db-secret\nfor  you") == "bad key … for you"
    assert len(key.quoted("x" * 10_000)) == 301
    assert "secret" not in repr(key)


def test_neither_notices_nor_lines_nor_errors_hold_the_key(
    gateway: Gateway,
    history: Historical,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    gateway.market.enlist("ES.v.0", "ESH6")
    history.refuses_with = (401, f"the key {KEY} is not known")
    gateway.script.fails_with = ("INTERNAL_ERROR", f"oops {KEY}")
    long_ago = TEN - 3 * 86_400_000
    with desk(gateway, {"ES": "ES.v.0"}, since_ms=long_ago, history_gateway=history.url) as feed:
        assert "is not known" in feed.notice("gap").sentence
        assert "oops …" in feed.notice("disconnected").sentence
        gateway.script.refuses_key_with = f"no such key: {KEY}"
        with pytest.raises(MarketRefused) as refused:
            feed.run()
        shown = [str(refused.value), repr(feed.given), repr(feed.lines), caplog.text, *capfd.readouterr()]
        shown += [repr(vars(feed.source)), str(refused.value.__context__), str(refused.value.__cause__)]
    assert [each for each in shown if KEY in each] == []


def test_options_are_read_strictly() -> None:
    def setup(**options: object) -> MarketSetup:
        log = structlog.wrap_logger(structlog.PrintLogger(), processors=[structlog.testing.LogCapture()])
        symbols, environ = {"ES": "ES.v.0"}, {"DATABENTO_API_KEY": KEY}
        return MarketSetup(symbols, {}, options, environ, log, threading.Event(), Path("runtime.json"))

    open_databento(setup()).close()
    for wrong in ({"schema": "mbo"}, {"heartbeat_seconds": 4}, {"api_key": "db-1"}, {"dataset": "globex"}):
        with pytest.raises(ConfigError, match=r"market\.options"):
            open_databento(setup(**wrong))
