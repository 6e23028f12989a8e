"""The secret of a TradersPost webhook, and the configuration that names it."""

import io
import logging
from pathlib import Path

import pytest

from portfold.config import ConfigError, load
from portfold.log import open_log
from portfold.workers.brokers.protocol import (
    BrokerError,
    BrokerSetup,
    sends_within,
)
from portfold.workers.brokers.registry import is_paper, open_broker
from tests.processes import config_folder
from tests.workers.brokers.desk import Desk
from tests.workers.brokers.traderspost.orders import PRICE
from tests.workers.brokers.traderspost.webhook_server import (
    HIDDEN,
    Behaviour,
    Receiver,
    answers,
    breaks_off,
    fails,
    refuses,
    resets,
)


@pytest.mark.parametrize(
    "behaviour",
    [resets, breaks_off, fails(500), refuses(), answers(302, b"")],
    ids=["resets", "breaks off", "500", "400", "302"],
)
def test_the_address_is_in_no_error_and_no_log(
    desk: Desk, behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    desk.server.behaves(*[behaviour] * 4)
    with caplog.at_level(logging.DEBUG), pytest.raises(BrokerError) as told:
        desk.broker().enter("CL", "long", 1, PRICE)
    error: BaseException | None = told.value
    while error is not None:
        assert HIDDEN not in str(error) + repr(error)
        error = error.__cause__ or error.__context__
    assert HIDDEN not in caplog.text  # that it is in no line of ours is looked at after every test


def setup_of(folder: Path, options: object, environ: dict[str, str], **fields: object) -> BrokerSetup:
    runtime = {"broker": {"kind": "traderspost", "options": options}, **fields}
    configuration = load(str(config_folder(folder / "config", runtime=runtime)), {}, folder)
    log, _ = open_log("worker", target=io.StringIO())
    return BrokerSetup(configuration, "ibs-CL", folder / "book.sqlite", log, environ)


def test_the_configuration_opens_it_with_the_address_from_the_environment(
    tmp_path: Path, receiver: Receiver
) -> None:
    options = {"webhook_url_env": "TRADERSPOST_URL", "contracts": {"CL": "CLH2030"}}
    setup = setup_of(tmp_path, options, {"TRADERSPOST_URL": receiver.url})
    assert not is_paper(setup.configuration)
    broker = open_broker(setup)
    broker.enter("CL", "long", 1, PRICE)
    broker.close()
    assert receiver.signals[0]["ticker"] == "CLH2030"


@pytest.mark.parametrize(
    ("options", "environ", "sentence"),
    [
        ({}, {}, "broker.options.webhook_url_env: expected the name of an environment variable"),
        ({"webhook_url_env": "T"}, {}, "expected the environment variable T to be set, got nothing"),
        ({"webhook_url_env": "T"}, {"T": ""}, "expected the environment variable T to be set, got nothing"),
        (
            {"webhook_url_env": "T"},
            {"T": f"http://example.com/{HIDDEN}"},
            "expected the environment variable T to hold an address that begins with https://, got something",
        ),
        ({"webhook_url_env": f"https://example.com/{HIDDEN}"}, {}, "the secret itself stays out of the file"),
        (
            {"webhook_url": "x"},
            {},
            "broker.options.webhook_url: expected a known key (the nearest is webhook",
        ),
        ({"webhook_url_env": "T", "timeout_seconds": 0}, {}, "broker.options.timeout_seconds: expected a "),
        ({"webhook_url_env": "T", "contracts": {"CL": "cl"}}, {}, "broker.options.contracts.CL: expected a "),
    ],
)
def test_what_is_wrong_with_the_configuration_is_told_without_the_secret(
    tmp_path: Path, options: object, environ: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        open_broker(setup_of(tmp_path, options, environ))
    assert sentence in str(refused.value)
    assert HIDDEN not in str(refused.value)


def test_it_says_how_long_an_entry_may_be_unanswered(desk: Desk) -> None:
    assert sends_within(desk.broker(timeout=7)) == 7


def test_sending_must_be_over_before_the_slot_expires(tmp_path: Path) -> None:
    options, environ = {"webhook_url_env": "T", "timeout_seconds": 9}, {"T": "https://example.com/"}
    with pytest.raises(ConfigError) as refused:
        open_broker(setup_of(tmp_path, options, environ))
    assert "broker.options.timeout_seconds: expected less, as an answer and sending" in str(refused.value)
    assert "31 s, or reservation_seconds to be more than that, which is 30, got 9" in str(refused.value)
    open_broker(setup_of(tmp_path, options, environ, reservation_seconds=31.5)).close()


def test_no_stop_can_rest_there_which_is_said_at_the_start(tmp_path: Path) -> None:
    options, environ = {"webhook_url_env": "T"}, {"T": "https://example.com/"}
    with pytest.raises(ConfigError) as refused:
        open_broker(setup_of(tmp_path, options, environ, protective_stop={"ticks": 8}))
    told = "protective_stop: expected null, as no stop can rest at a broker of kind traderspost"
    assert told in str(refused.value)


def test_a_symbol_without_a_roll_rule_needs_its_contract_named(desk: Desk) -> None:
    broker = desk.broker(names={"XX": "XXZ2025"})
    with pytest.raises(BrokerError, match="Expected a symbol with a contract"):
        broker.enter("XX", "long", 1, PRICE)
