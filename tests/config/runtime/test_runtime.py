"""runtime.json: keys left out, every bound from both sides, choices, and what no key is called."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import pytest

from portfold.config import IbsParameters, Runtime, TradingDayRoll, read_runtime
from portfold.config.locate import PACKAGED
from tests.config.conftest import RUNTIME as FILE

if TYPE_CHECKING:
    from tests.config.conftest import Folder


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
    assert list(tree["trading_day"]) == [field.name for field in msgspec.structs.fields(TradingDayRoll)]


def test_a_key_left_out_has_its_default(folder: Folder) -> None:
    folder.write(FILE, '{"portfolio": "second", "trading_day": {"roll": "16:00"}}')

    runtime = folder.load().runtime

    assert runtime == Runtime(portfolio="second", trading_day=TradingDayRoll(roll="16:00"))
    assert runtime.trading_day.zone == "America/Chicago"


def test_bounds_belong_to_what_is_allowed(folder: Folder, subtests: pytest.Subtests) -> None:
    for key, least, most, _below, _above in BOUNDS:
        folder.restore(FILE)
        for neighbour, value in ROOM.get(key, {}).items():
            folder.change(FILE, neighbour, value)
        for allowed in (least, most):
            with subtests.test(f"{key}: {allowed}"):
                folder.change(FILE, key, allowed)

                folder.load()


def test_beyond_the_bounds_is_refused(folder: Folder, subtests: pytest.Subtests) -> None:
    for key, _least, _most, below, above in BOUNDS:
        folder.restore(FILE)
        for neighbour, value in ROOM.get(key, {}).items():
            folder.change(FILE, neighbour, value)
        for refused in (below, above):
            with subtests.test(f"{key}: {refused}"):
                folder.change(FILE, key, refused)

                assert folder.refusal().startswith(f"{FILE}: {key}: expected a ")


def test_a_number_in_quotes_or_a_flag_is_refused(folder: Folder, subtests: pytest.Subtests) -> None:
    for key, least, *_ in BOUNDS:
        folder.restore(FILE)
        for refused in (str(least), True):
            with subtests.test(f"{key}: {refused!r}"):
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
def test_a_kind_is_a_name_or_a_file_and_a_name_in_it(
    folder: Folder, section: str, example: str, subtests: pytest.Subtests
) -> None:
    for kind in ("paper", "my_broker.py:open_broker", "their_package.brokers:open_broker"):
        with subtests.test(kind):
            folder.change(FILE, f"{section}.kind", kind)
            assert getattr(folder.load().runtime, section).kind == kind
    for refused in ("my_broker.py", "Paper", "", None, 3):
        with subtests.test(repr(refused)):
            folder.change(FILE, f"{section}.kind", refused)
            assert folder.refusal().startswith(
                f'{FILE}: {section}.kind: expected a name such as "{example}", or "FILE.py:NAME" for one of '
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


@pytest.mark.parametrize("path", ["/var/lib/portfold/book.sqlite", None])
def test_the_brokers_book_is_named_from_the_root_on(folder: Folder, path: str | None) -> None:
    assert folder.load().runtime.book is None
    folder.change(FILE, "book", path)

    assert folder.load().runtime.book == path


@pytest.mark.parametrize("path", ["/var/lib/portfold/archive", "/", "/mnt/ärchiv mit blank", None])
def test_the_archives_folder_is_named_from_the_root_on(folder: Folder, path: str | None) -> None:
    assert folder.load().runtime.archive_folder is None
    folder.change(FILE, "archive_folder", path)

    assert folder.load().runtime.archive_folder == path
