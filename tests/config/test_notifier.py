"""The notifier's part of runtime.json: where alerts go, checked when it is read, and never an address."""

from pathlib import Path
from typing import Any

import pytest

from portfold.config import ConfigError, Destination, Notifier, Runtime, dead_mans_url, webhook_url
from tests.config.conftest import RUNTIME as FILE
from tests.config.conftest import Folder

ADDRESS = "https://discord.com/api/webhooks/1/hunter2"


def destination(folder: Folder, name: str = "desk", **fields: Any) -> None:
    folder.change(FILE, f"notifier.destinations.{name}", {"to": "discord", "url_env": "DESK"} | fields)


def test_by_default_alerts_go_to_the_log_alone() -> None:
    assert Runtime().destinations == {"log": Destination("log")}


def test_the_short_way_adds_a_destination(folder: Folder) -> None:
    folder.change(FILE, "discord_webhook_env", "MY_WEBHOOK")

    assert folder.load().runtime.destinations == {
        "log": Destination("log"),
        "discord": Destination("discord", url_env="MY_WEBHOOK"),
    }


def test_several_webhooks_with_levels_and_kinds(folder: Folder) -> None:
    destination(folder, level="critical", kinds={"day_summary": True, "flat": False})
    destination(folder, "all-of_it2", to="webhook", url_env="OTHER")

    notifier = folder.load().runtime.notifier

    assert notifier.destinations["desk"] == Destination(
        "discord", "DESK", "critical", {"day_summary": True, "flat": False}
    )
    assert notifier.destinations["all-of_it2"] == Destination("webhook", "OTHER")


def test_what_is_left_out_is_as_packaged(folder: Folder) -> None:
    folder.change(FILE, "notifier", {"merge_seconds": 2})

    assert folder.load().runtime.notifier == Notifier(merge_seconds=2.0)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"url_env": None},
            "url_env: expected the name of the environment variable that holds the address, got",
        ),
        ({"to": "log"}, "url_env: expected null, as the log has no address, got a name."),
        ({"to": "discrod"}, 'to: expected "log" or "discord" or "webhook" or "apprise", got "discrod".'),
        ({"level": "error"}, 'level: expected "info" or "warning" or "critical", got "error".'),
        ({"kinds": {"stops": False}}, "kinds.stops: expected a kind of alert (the nearest is stop), got"),
        ({"kinds": {"xyz": False}}, "kinds.xyz: expected a kind of alert (stop, stop_approaching, "),
        ({"kinds": {"stop": 1}}, "kinds.stop: expected true or false, got 1."),
        ({"kinds": {"stop": "true"}}, 'kinds.stop: expected true or false, got "true".'),
        ({"kind": {}}, "kind: expected a known key (the nearest is kinds), got an unknown key."),
    ],
)
def test_a_destination_that_makes_no_sense_is_refused_by_its_field(
    folder: Folder, fields: dict[str, Any], expected: str
) -> None:
    destination(folder, **fields)

    assert folder.refusal().startswith(f"{FILE}: notifier.destinations.desk.{expected}")


@pytest.mark.parametrize("value", [ADDRESS, "hunter2", ""])
def test_an_address_in_the_file_is_refused_and_not_repeated(folder: Folder, value: str) -> None:
    destination(folder, url_env=value)

    refusal = folder.refusal()

    assert "expected the name of an environment variable in capitals" in refusal
    assert "hunter2" not in refusal


@pytest.mark.parametrize("name", ["", "Desk", "a b", "x" * 33, "ü"])
def test_names_of_destinations(folder: Folder, name: str) -> None:
    folder.change(FILE, "notifier.destinations", {name: {"to": "log"}})

    assert "expected a name of 1 to 32 small letters" in folder.refusal()


@pytest.mark.parametrize("count", [0, 17])
def test_none_and_too_many_destinations(folder: Folder, count: int) -> None:
    folder.change(FILE, "notifier.destinations", {f"log{number}": {"to": "log"} for number in range(count)})

    assert folder.refusal() == f"{FILE}: notifier.destinations: expected 1 to 16 of them, got {count}."


def test_the_short_way_and_a_destination_of_its_name_are_one_too_many(folder: Folder) -> None:
    folder.change(FILE, "discord_webhook_env", "MY_WEBHOOK")
    destination(folder, "discord")

    assert folder.refusal() == (
        f"{FILE}: discord_webhook_env: expected null, where notifier has a destination called "
        '"discord", got a name.'
    )


@pytest.mark.parametrize(("merge", "stale", "fits"), [(5, 5.001, True), (5, 5, False)])
def test_what_waits_for_others_must_not_be_stale_by_then(
    folder: Folder, merge: float, stale: float, *, fits: bool
) -> None:
    folder.change(FILE, "notifier.merge_seconds", merge)
    folder.change(FILE, "notifier.stale_seconds", stale)

    if fits:
        folder.load()
    else:
        assert folder.refusal().startswith(
            f"{FILE}: notifier.stale_seconds: expected more than merge_seconds"
        )


# --- the address ----------------------------------------------------------------------------------------


def test_an_address_comes_from_the_environment(folder: Folder) -> None:
    destination(folder)
    folder.change(FILE, "discord_webhook_env", "MY_WEBHOOK")
    configuration = folder.load()
    environ = {"DESK": ADDRESS, "MY_WEBHOOK": "http://127.0.0.1:1/x"}

    assert webhook_url(configuration, "desk", environ) == ADDRESS
    assert webhook_url(configuration, "discord", environ) == "http://127.0.0.1:1/x"
    assert webhook_url(configuration, "log", {}) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", "expected the environment variable DESK to be set, got nothing."),
        ("hunter2", "expected the environment variable DESK to hold an address such as"),
        (
            "https://discord.com/hunter2 x",
            "expected the environment variable DESK to hold an address such as",
        ),
        ("https://", "expected the environment variable DESK to hold an address such as"),
    ],
)
def test_one_that_is_none_is_refused_and_not_shown(folder: Folder, value: str, expected: str) -> None:
    destination(folder)

    with pytest.raises(ConfigError) as caught:
        webhook_url(folder.load(), "desk", {"DESK": value})

    assert f"{FILE}: notifier.destinations.desk.url_env: {expected}" in str(caught.value)
    assert "hunter2" not in str(caught.value)


# --- a file with the address, and the dead man's switch ---------------------------------------------------


def in_a_file(folder: Folder, tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    file = tmp_path / "phone.url"
    file.write_text(text)
    file.chmod(mode)
    destination(folder, "phone", to="apprise", url_env=None, url_file=str(file))
    return file


def test_an_address_comes_from_the_first_line_of_a_file(folder: Folder, tmp_path: Path) -> None:
    in_a_file(folder, tmp_path, "ntfy://127.0.0.1/hunter2\nmore\n")
    assert webhook_url(folder.load(), "phone", {}) == "ntfy://127.0.0.1/hunter2"


@pytest.mark.parametrize(
    ("text", "mode", "expected"),
    [
        ("ntfy://x/hunter2", 0o640, "to be readable by its owner alone (chmod 600), got a file that others"),
        ("hunter2", 0o600, "to hold an address such as ntfys://ntfy.sh/"),
        ("", 0o600, "to hold an address such as"),
    ],
)
def test_a_file_that_others_read_or_without_an_address_is_refused_and_not_shown(
    folder: Folder, tmp_path: Path, text: str, mode: int, expected: str
) -> None:
    in_a_file(folder, tmp_path, text, mode)
    with pytest.raises(ConfigError) as caught:
        webhook_url(folder.load(), "phone", {})
    assert f"{FILE}: notifier.destinations.phone.url_file: expected" in str(caught.value)
    assert expected in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_not_there_is_said(folder: Folder, tmp_path: Path) -> None:
    in_a_file(folder, tmp_path, "x").unlink()
    with pytest.raises(ConfigError, match="to be a file that can be read, got No such file"):
        webhook_url(folder.load(), "phone", {})


def test_an_address_is_named_once(folder: Folder) -> None:
    destination(folder, url_file="/etc/portfold/x")
    assert "url_file: expected null, where url_env names the address already" in folder.refusal()


def test_a_dead_mans_switch_has_an_address_of_its_own(folder: Folder) -> None:
    assert dead_mans_url(folder.load(), {}) is None
    folder.change(FILE, "notifier.dead_mans_switch", {"url_env": "PING", "every_seconds": 30})
    configuration = folder.load()
    assert dead_mans_url(configuration, {"PING": ADDRESS}) == ADDRESS
    for value in ("", "tgram://hunter2"):
        with pytest.raises(ConfigError) as caught:
            dead_mans_url(configuration, {"PING": value})
        assert f"{FILE}: notifier.dead_mans_switch.url_env: expected" in str(caught.value)
        assert "hunter2" not in str(caught.value)
    folder.change(FILE, "notifier.dead_mans_switch", {"every_seconds": 0.5, "url_env": "PING"})
    assert "every_seconds: expected a number of seconds from 1 to 86400" in folder.refusal()
