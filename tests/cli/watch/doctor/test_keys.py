"""What the doctor says of keys: by themselves, and as a person is told."""

from pathlib import Path

import pytest

from portfold.config import load
from portfold.coordinator.doctor.key_checks import keys
from portfold.events.roles.keyring import Keyring, with_new_key
from tests.cli.command_line import called
from tests.cli.fit import Fit
from tests.cli.watch.doctor.asked import by_check

CONFIGURATION = load(None, {}, Path("/"))
WORKERS = [f"ibs-{symbol}" for symbol in CONFIGURATION.portfolio.symbols]


def ring(folder: Path, *names: str) -> Keyring:
    for name in names:
        with_new_key(folder / "keys.json", name)
    return Keyring(folder / "keys.json")


def level(asked_for: int, keyring: Keyring | None) -> list[str]:
    return [finding.level for finding in keys(asked_for, keyring, CONFIGURATION)]


def test_where_nobody_has_keys_nothing_is_said() -> None:
    assert level(0, None) == []


def test_who_orders_without_a_key_where_proofs_are_asked_for_is_warned() -> None:
    assert level(4, None) == ["warn"]


@pytest.mark.parametrize(("asked_for", "found"), [(4, "ok"), (0, "warn")])
def test_ones_own_key_will_do(tmp_path: Path, asked_for: int, found: str) -> None:
    assert level(asked_for, ring(tmp_path, "jane")) == [found]


def test_in_the_file_of_all_a_worker_that_lacks_one_is_named(tmp_path: Path) -> None:
    kept = ring(tmp_path, "coordinator", "flattener", *WORKERS[1:])
    [finding] = keys(4, kept, CONFIGURATION)
    assert (finding.level, f"none of {WORKERS[0]} in" in finding.text) == ("fail", True)
    assert level(4, ring(tmp_path, WORKERS[0])) == ["ok"]
    assert level(0, ring(tmp_path, WORKERS[0])) == ["warn"]


def test_the_doctor_says_it_and_refuses_a_file_that_others_may_read(fit: Fit, tmp_path: Path) -> None:
    ring(tmp_path, "coordinator")
    file = tmp_path / "keys.json"
    where = ("--config", str(fit.folder), "--url", fit.server.url, "--portfolio", fit.bus.keys.name)

    def doctor() -> tuple[str, str]:
        environ = {"HOOK": fit.environ["HOOK"], "PORTFOLD_KEYS": str(file)}
        ran = called("doctor", *where, "--json", cwd=tmp_path, **environ)
        return (by_check(ran)["keys"]["text"], ran.err) if ran.out else ("", ran.err)

    assert "none of " in doctor()[0]
    file.chmod(0o644)
    assert "chmod 600" in doctor()[1]
