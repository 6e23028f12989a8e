"""runtime.json: keys left out, every bound from both sides, rules across fields, secrets kept out."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfold.config import (
    ConfigError,
    IbsParameters,
    Runtime,
    TradingDay,
    milliseconds,
    read_runtime,
    secret,
)
from portfold.config.locate import PACKAGED

if TYPE_CHECKING:
    from tests.config.conftest import Folder

FILE = "runtime.json"

# Field, least and most allowed, and what lies just beyond. ROOM moves what another rule ties to it.
BOUNDS: list[tuple[str, object, object, object, object]] = [
    ("max_contracts", 1, 10_000, 0, 10_001),
    ("stop_approach_percent", 1, 99, 0, 100),
    ("commission_per_side", 0, 1000, -0.01, 1000.01),
    ("slippage_ticks", 0, 1000, -1, 1001),
    ("reservation_seconds", 0.02, 3600, 0.009, 3600.001),
    ("answer_seconds", 0.01, 60, 0.009, 60.001),
    ("flatten_seconds", 0.01, 3600, 0, 3600.001),
    ("lease_ms", 100, 60_000, 99, 60_001),
    ("heartbeat_seconds", 0.01, 600, 0, 600.001),
    ("worker_lost_seconds", 0.021, 3600, 0, 3600.001),
    ("bus_loss_seconds", 0.01, 86_400, 0, 86_400.001),
    ("mark_seconds", 0.01, 3600, 0, 3600.001),
    ("mark_stale_seconds", 0.02, 2_678_400, 0, 2_678_400.001),
    ("workers.default.entry_below", 0, 0.799, -0.001, 1.001),
    ("workers.default.exit_above", 0.201, 1, -0.001, 1.001),
    ("workers.default.stop_percent", 0.01, 100, 0, 100.01),
    ("workers.default.entry_from", 0, 0.2, -0.001, 1.001),
    ("workers.default.exit_to", 0.8, 1, -0.001, 1.001),
    ("workers.default.stop_atr", 0.01, 100, 0, 100.01),
    ("workers.default.take_profit_percent", 0.01, 100, 0, 100.01),
    ("workers.default.take_profit_atr", 0.01, 100, 0, 100.01),
    ("workers.default.atr_bars", 1, 1000, 0, 1001),
    ("workers.default.cooldown_bars", 0, 10_000, -1, 10_001),
    ("workers.default.min_probability", 0, 1, -0.001, 1.001),
    ("workers.default.max_bars", 1, 10_000, 0, 10_001),
    ("workers.default.size", 1, 4, 0, 10_001),
]
ROOM: dict[str, dict[str, float]] = {
    "reservation_seconds": {"answer_seconds": 0.01},
    "answer_seconds": {"reservation_seconds": 61},
    "heartbeat_seconds": {"worker_lost_seconds": 1201},
    "worker_lost_seconds": {"heartbeat_seconds": 0.01},
    "mark_seconds": {"mark_stale_seconds": 3601},
    "mark_stale_seconds": {"mark_seconds": 0.01},
}


def test_the_packaged_file_is_the_default() -> None:
    assert read_runtime(PACKAGED / FILE) == Runtime()


def test_the_packaged_file_shows_every_key() -> None:
    tree = json.loads((PACKAGED / FILE).read_text())

    assert list(tree) == [field.name for field in msgspec.structs.fields(Runtime)]
    assert list(tree["workers"]["default"]) == [field.name for field in msgspec.structs.fields(IbsParameters)]
    assert list(tree["trading_day"]) == [field.name for field in msgspec.structs.fields(TradingDay)]


def test_a_key_left_out_has_its_default(folder: Folder) -> None:
    folder.write(FILE, '{"portfolio": "second", "trading_day": {"roll": "16:00"}}')

    runtime = folder.load().runtime

    assert runtime == Runtime(portfolio="second", trading_day=TradingDay(roll="16:00"))
    assert runtime.trading_day.zone == "America/Chicago"


@pytest.mark.parametrize(("key", "least", "most", "_below", "_above"), BOUNDS)
def test_bounds_belong_to_what_is_allowed(
    folder: Folder, key: str, least: object, most: object, _below: object, _above: object
) -> None:
    for neighbour, value in ROOM.get(key, {}).items():
        folder.change(FILE, neighbour, value)
    for allowed in (least, most):
        folder.change(FILE, key, allowed)

        folder.load()


@pytest.mark.parametrize(("key", "_least", "_most", "below", "above"), BOUNDS)
def test_beyond_the_bounds_is_refused(
    folder: Folder, key: str, _least: object, _most: object, below: object, above: object
) -> None:
    for neighbour, value in ROOM.get(key, {}).items():
        folder.change(FILE, neighbour, value)
    for refused in (below, above):
        folder.change(FILE, key, refused)

        assert folder.refusal().startswith(f"{FILE}: {key}: expected a ")


@pytest.mark.parametrize(("key", "least", "_most", "_below", "_above"), BOUNDS)
def test_a_number_in_quotes_or_a_flag_is_refused(
    folder: Folder, key: str, least: object, _most: object, _below: object, _above: object
) -> None:
    for refused in (str(least), True):
        folder.change(FILE, key, refused)

        assert folder.refusal().startswith(f"{FILE}: {key}: expected a ")


@pytest.mark.parametrize(
    ("key", "allowed"),
    [
        ("stop_loss_on", ("total", "realized")),
        ("on_worker_lost", ("hold", "flatten")),
        ("on_bus_loss", ("hold", "flatten")),
        ("workers.default.sides", ("long", "short", "both")),
    ],
)
def test_choices_are_the_named_ones(folder: Folder, key: str, allowed: tuple[str, ...]) -> None:
    for choice in allowed:
        folder.change(FILE, key, choice)
        folder.load()
    for refused in (allowed[0].upper(), "", None, 1, ["hold"]):
        folder.change(FILE, key, refused)
        known = " or ".join(f'"{choice}"' for choice in allowed)
        assert folder.refusal().startswith(f"{FILE}: {key}: expected {known}, got ")


@pytest.mark.parametrize(("section", "example"), [("broker", "paper"), ("feed", "synthetic")])
@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        ("paper", True),
        ("my_broker.py:open_broker", True),
        ("their_package.brokers:open_broker", True),
        ("my_broker.py", False),
        ("Paper", False),
        ("", False),
        (None, False),
        (3, False),
    ],
)
def test_a_kind_is_a_name_or_a_file_and_a_name_in_it(
    folder: Folder, section: str, example: str, kind: object, allowed: bool
) -> None:
    folder.change(FILE, f"{section}.kind", kind)

    if allowed:
        assert getattr(folder.load().runtime, section).kind == kind
    else:
        assert folder.refusal().startswith(
            f'{FILE}: {section}.kind: expected a name such as "{example}", or "FILE.py:NAME" for one of your '
        )


@pytest.mark.parametrize("section", ["broker", "feed"])
def test_options_are_an_object_that_is_kept_as_it_is(folder: Folder, section: str) -> None:
    folder.change(FILE, f"{section}.options", {"speed": 2.5, "deep": {"list": [1, None]}})
    options = getattr(folder.load().runtime, section).options
    assert options == {"speed": Decimal("2.5"), "deep": {"list": [1, None]}}

    folder.change(FILE, f"{section}.options", [])
    assert folder.refusal() == f"{FILE}: {section}.options: expected an object, got a list."


def test_an_unknown_key_is_refused_with_the_nearest(folder: Folder) -> None:
    folder.change(FILE, "reservation_secs", 30)

    assert folder.refusal() == (
        f"{FILE}: reservation_secs: expected a known key (the nearest is reservation_seconds), "
        "got an unknown key."
    )


def test_an_unknown_key_inside_is_refused_too(folder: Folder) -> None:
    folder.change(FILE, "workers.ES", {"entry_bellow": 0.1})

    assert folder.refusal().startswith(
        f"{FILE}: workers.ES.entry_bellow: expected a known key (the nearest is entry_below)"
    )


def test_an_unknown_key_like_no_other_is_refused_with_all_that_are_known(folder: Folder) -> None:
    folder.change(FILE, "trading_day.xyzzy", 1)

    assert folder.refusal() == f"{FILE}: trading_day.xyzzy: expected one of zone, roll, got an unknown key."


def test_a_secret_under_an_unknown_key_is_not_repeated(folder: Folder) -> None:
    folder.change(FILE, "redis_password", "hunter2")

    refusal = folder.refusal()

    assert "redis_password_env" in refusal
    assert "hunter2" not in refusal


@pytest.mark.parametrize("path", ["/var/lib/portfold/archive", "/", "/mnt/ärchiv mit blank", None])
def test_the_archives_folder_is_named_from_the_root_on(folder: Folder, path: str | None) -> None:
    assert folder.load().runtime.archive_folder is None
    folder.change(FILE, "archive_folder", path)

    assert folder.load().runtime.archive_folder == path


@pytest.mark.parametrize(
    "path", ["", "archive", "./archive", "~/archive", "/a\nb", "/a\x00b", 7, False, ["/a"]]
)
def test_an_archives_folder_that_depends_on_where_we_run_is_refused(folder: Folder, path: object) -> None:
    folder.change(FILE, "archive_folder", path)

    assert folder.refusal().startswith(
        f"{FILE}: archive_folder: expected the whole path of a folder, such as /var/lib/portfold/archive"
    )


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1:6379/0",
        "redis://localhost",
        "redis://localhost/",
        "rediss://someone@redis.example:6380/15",
        "redis://[::1]:6379",
        "unix:///run/redis.sock",
        "unix:///run/redis.sock?db=2",
    ],
)
def test_addresses_of_a_server(folder: Folder, url: str) -> None:
    folder.change(FILE, "redis_url", url)

    assert folder.load().runtime.redis_url == url


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@localhost:6379/0",
        "redis://someone:hunter2@localhost",
        "redis://someone:@localhost?hunter2",
        "unix://:hunter2@/run/redis.sock",
        "redis://localhost?password=hunter2",
    ],
)
def test_a_password_in_the_address_is_refused_and_not_repeated(folder: Folder, url: str) -> None:
    folder.change(FILE, "redis_url", url)

    assert folder.refusal() == (
        f"{FILE}: redis_url: expected a URL without a password "
        "(redis_password_env names the variable that holds it), got one with a password."
    )


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hunter2",
        "localhost:6379",
        "http://hunter2/",
        "redis:///hunter2",
        "redis://localhost:0/0",
        "redis://localhost:65536/0",
        "redis://localhost:hunter2/0",
        "redis://localhost/0?socket_timeout=1",
        "redis://localhost/hunter2",
        "redis://localhost/0#hunter2",
        "redis://[hunter2/0",
        "redis://local host/hunter2",
        "redis://localhost/0\n",
        "redis://:hunt/er2@localhost",
        "unix://",
        "unix:///",
        "redis://" + "h" * 510,
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(folder: Folder, url: str) -> None:
    folder.change(FILE, "redis_url", url)

    refusal = folder.refusal()

    assert refusal.startswith(f"{FILE}: redis_url: expected ")
    assert "hunt" not in refusal


@pytest.mark.parametrize("key", ["redis_password_env", "discord_webhook_env"])
def test_a_secret_is_named_by_its_variable(folder: Folder, key: str) -> None:
    folder.change(FILE, key, "MY_SECRET_2")

    assert getattr(folder.load().runtime, key) == "MY_SECRET_2"


@pytest.mark.parametrize("key", ["redis_password_env", "discord_webhook_env"])
@pytest.mark.parametrize(
    "value", ["https://discord.com/api/webhooks/1/hunter2", "hunter2", "", "2X", "A" * 65]
)
def test_the_secret_itself_is_refused_and_not_repeated(folder: Folder, key: str, value: str) -> None:
    folder.change(FILE, key, value)

    refusal = folder.refusal()

    assert refusal.startswith(f"{FILE}: {key}: expected the name of an environment variable in capitals")
    assert "hunter2" not in refusal


def test_secrets_are_read_from_the_environment(folder: Folder) -> None:
    folder.change(FILE, "redis_password_env", "MY_SECRET")
    configuration = folder.load()

    assert secret(configuration, "redis_password_env", {"MY_SECRET": "hunter2"}) == "hunter2"
    assert secret(configuration, "discord_webhook_env", {}) is None
    for unset in ({}, {"MY_SECRET": ""}):
        with pytest.raises(
            ConfigError, match=r"expected the environment variable MY_SECRET to be set, got nothing\."
        ):
            secret(configuration, "redis_password_env", unset)


@pytest.mark.parametrize("name", ["main", "a", "A-b_9", "x" * 32])
def test_names_of_a_portfolio(folder: Folder, name: str) -> None:
    folder.change(FILE, "portfolio", name)

    assert folder.load().runtime.portfolio == name


@pytest.mark.parametrize("name", ["", "x" * 33, "a b", "a:b", "{a}", "a\n", "ä", None, 1])
def test_what_would_break_the_keys_is_no_name_of_a_portfolio(folder: Folder, name: object) -> None:
    folder.change(FILE, "portfolio", name)

    assert folder.refusal().startswith(f"{FILE}: portfolio: expected a name of 1 to 32 letters")


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Etc/GMT+6"])
def test_zones_that_exist(folder: Folder, zone: str) -> None:
    folder.change(FILE, "trading_day.zone", zone)

    assert folder.load().runtime.trading_day.zone == zone


@pytest.mark.parametrize(
    "zone", ["", "Chicago", "America", "../etc/passwd", "/etc/localtime", "a\0b", "X" * 65, 5, None]
)
def test_zones_that_do_not_exist(folder: Folder, zone: object) -> None:
    for key in ("trading_day.zone", "bar_zones.default"):
        folder.change(FILE, key, zone)

        assert folder.refusal().startswith(f"{FILE}: {key}: expected the name of a time zone")
        folder.change(FILE, key, "UTC")


@pytest.mark.parametrize("roll", ["00:00", "09:59", "23:59"])
def test_times_of_day(folder: Folder, roll: str) -> None:
    folder.change(FILE, "trading_day.roll", roll)

    assert folder.load().runtime.trading_day.roll == roll


@pytest.mark.parametrize("roll", ["24:00", "23:60", "9:00", "17:00:00", "17.00", "", 17, None, "17:00\n"])
def test_what_is_no_time_of_day(folder: Folder, roll: object) -> None:
    folder.change(FILE, "trading_day.roll", roll)

    assert folder.refusal().startswith(f"{FILE}: trading_day.roll: expected a time of day as HH:MM")


@pytest.mark.parametrize(
    ("key", "value", "refused"),
    [
        ("worker_lost_seconds", 2.001, 2),
        ("heartbeat_seconds", 2.499, 2.5),
        ("reservation_seconds", 2.001, 2),
        ("answer_seconds", 29.999, 30),
        ("mark_stale_seconds", 5.001, 5),
        ("workers.default.entry_below", 0.79, 0.8),
        ("workers.default.exit_above", 0.21, 0.2),
    ],
)
def test_rules_across_fields(folder: Folder, key: str, value: float, refused: float) -> None:
    folder.change(FILE, key, value)
    folder.load()

    folder.change(FILE, key, refused)
    assert " than " in folder.refusal()


def test_a_rule_across_fields_tells_both_values(folder: Folder) -> None:
    folder.change(FILE, "workers.ES", {"entry_below": 0.9})

    assert folder.refusal() == (
        f"{FILE}: workers.ES.entry_below: expected less than exit_above, which is 0.8, got 0.9."
    )


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"entry_from": 0.3}, "entry_from: expected at most entry_below, which is 0.2, got 0.3"),
        ({"exit_to": 0.7}, "exit_above: expected at most exit_to, which is 0.7, got 0.8"),
        ({"stop_percent": 1, "stop_atr": 2}, "stop_atr: expected null, where stop_percent is given, got 2"),
        (
            {"take_profit_percent": 1, "take_profit_atr": 2.5},
            "take_profit_atr: expected null, where take_profit_percent is given, got 2.5",
        ),
        ({"entry_hours": "09:00-09:00"}, "entry_hours: expected two different times, got 09:00-09:00"),
        (
            {"entry_hours": "9-15"},
            'entry_hours: expected two times of day as HH:MM-HH:MM, such as 08:30-15:00, got "9-15"',
        ),
        ({"exit_at": "24:00"}, 'exit_at: expected a time of day as HH:MM, such as 17:00, got "24:00"'),
        (
            {"model": "models/ES.pkl"},
            'model: expected the file of a model, such as models/ES.onnx, got "models/ES.pkl"',
        ),
    ],
)
def test_what_cannot_be_traded_by_is_refused(folder: Folder, changed: dict[str, object], told: str) -> None:
    folder.change(FILE, "workers.ES", changed)

    assert folder.refusal() == f"{FILE}: workers.ES.{told}."


def test_the_rules_hold_for_values_built_in_code_too() -> None:
    with pytest.raises(ValueError, match=r"worker_lost_seconds: expected more than twice heartbeat_seconds"):
        Runtime(heartbeat_seconds=2.5)


def test_commission_is_exact(folder: Folder) -> None:
    folder.replace(FILE, "2.50", "1.1850")

    assert folder.load().runtime.commission_per_side == Decimal("1.185")


@pytest.mark.parametrize("digits", ["1.18505", "1e-5"])
def test_commission_has_at_most_four_decimals(folder: Folder, digits: str) -> None:
    folder.replace(FILE, "2.50", digits)

    assert folder.refusal().startswith(
        f"{FILE}: commission_per_side: expected a number of dollars from 0 to 1000"
    )


def test_a_workers_entry_takes_the_rest_from_the_files_default(folder: Folder) -> None:
    folder.change(
        FILE, "workers", {"default": {"entry_below": 0.1, "size": 2}, "ES": {"size": 1, "sides": "both"}}
    )

    runtime = folder.load().runtime

    assert runtime.worker("ES") == IbsParameters(entry_below=0.1, size=1, sides="both")
    assert runtime.worker("CL") == IbsParameters(entry_below=0.1, size=2)


def test_without_entries_workers_and_zones_are_the_packaged_ones(folder: Folder) -> None:
    folder.change(FILE, "workers", {})
    folder.change(FILE, "bar_zones", {})

    runtime = folder.load().runtime

    assert runtime.worker("ES") == IbsParameters()
    assert runtime.bar_zone("ES") == "UTC"


def test_bar_zones_are_by_symbol_or_default(folder: Folder) -> None:
    folder.change(FILE, "bar_zones", {"default": "America/Chicago", "ES": "America/New_York"})

    runtime = folder.load().runtime

    assert (runtime.bar_zone("ES"), runtime.bar_zone("CL")) == ("America/New_York", "America/Chicago")


@pytest.mark.parametrize(("section", "value"), [("workers", {}), ("bar_zones", "UTC")])
def test_entries_for_symbols_that_have_no_contract_are_refused(
    folder: Folder, section: str, value: object
) -> None:
    folder.change(FILE, f"{section}.ESS", value)

    assert folder.refusal() == (
        f'{FILE}: {section}.ESS: expected a symbol that contracts.json describes, got "ESS".'
    )


@pytest.mark.parametrize("section", ["workers", "bar_zones", "trading_day", "broker"])
@pytest.mark.parametrize("value", [None, [], "UTC", 3])
def test_sections_are_objects(folder: Folder, section: str, value: object) -> None:
    folder.change(FILE, section, value)

    assert folder.refusal().startswith(f"{FILE}: {section}: expected an object, got ")


@pytest.mark.parametrize("entries", [{"default": 3}, {"ES": []}, {"default": None, "ES": {}}])
def test_workers_entries_are_objects(folder: Folder, entries: object) -> None:
    folder.change(FILE, "workers", entries)

    assert "expected an object, got " in folder.refusal()


@given(st.integers(10, 86_400_000))
def test_milliseconds_are_exact(expected: int) -> None:
    assert milliseconds(float(Decimal(expected) / 1000)) == expected
