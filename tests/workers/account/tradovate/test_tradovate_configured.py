"""Tradovate by the configuration: what runtime.json says, what the environment holds, what is refused."""

import io
from collections.abc import Mapping
from pathlib import Path

import pytest

from portfold.config import ConfigError, Configuration, load
from portfold.log import open_log
from portfold.workers.account.registry import open_source
from portfold.workers.account.source import AccountSetup, seconds_between_reads
from portfold.workers.account.tradovate.source import TradovateSource
from tests.fakes.tradovate.server import ENVIRON, OPTIONS, Tradovate
from tests.processes import config_folder


def setup(folder: Path, options: Mapping[str, object], environ: Mapping[str, str] = ENVIRON) -> AccountSetup:
    account = {"name": "DEMO12345", "source": "tradovate", "options": options}
    configuration: Configuration = load(
        str(config_folder(folder / "config", runtime={"account": account})), {}, folder
    )
    log, _lines = open_log("account", target=io.StringIO())
    assert configuration.runtime.account is not None
    return AccountSetup(configuration, configuration.runtime.account, folder / "book", log, environ)


def test_it_is_opened_by_its_name_and_reads(tradovate: Tradovate, tmp_path: Path) -> None:
    source = open_source(setup(tmp_path, OPTIONS | {"url": tradovate.url}))
    assert source.read().equity == 50_000
    source.close()


@pytest.mark.parametrize("host", ["demo", "live"])
def test_nothing_is_asked_before_it_is_read_and_the_pace_is_its_own(tmp_path: Path, host: str) -> None:
    source = open_source(setup(tmp_path, OPTIONS | {"host": host, "seconds_between_reads": 2.5}))
    assert isinstance(source, TradovateSource)
    assert seconds_between_reads(source, 5.0) == 2.5
    source.close()


@pytest.mark.parametrize("missing", list(ENVIRON))
def test_a_variable_that_is_not_set_is_named(tmp_path: Path, missing: str) -> None:
    environ = {name: value for name, value in ENVIRON.items() if name != missing}
    with pytest.raises(ConfigError, match=f"the environment variable {missing} to be set"):
        open_source(setup(tmp_path, OPTIONS, environ))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"host": "paper"}, "host"),
        ({"password_env": "my-password"}, "the name of an environment variable"),
        ({"seconds_between_reads": 2.4}, "at least 2.5, as Tradovate allows 5,000 requests an hour"),
        ({"seconds_between_reads": 6}, "no more than account.report_seconds, which is 5"),
        ({"url": "http://example.com/v1"}, "https://"),
        ({"password": "a"}, "password"),
    ],
)
def test_what_is_not_as_described_is_refused(tmp_path: Path, change: dict[str, object], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        open_source(setup(tmp_path, OPTIONS | change))
