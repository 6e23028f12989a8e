"""`portfold acl`: prints the users that a server needs, gives it them once, and shows no password."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portfold.cli.exits import OK, UNREACHABLE, UNUSABLE
from portfold.cli.target import Target
from portfold.events.roles.server_roles import AUDITOR, COORDINATOR, DASHBOARD, all_roles
from tests.cli.command_line import called
from tests.processes import config_folder
from tests.server import EmbeddedServer

FILE = "users.json"


@pytest.fixture
def here(tmp_path: Path, client: Any, portfolio: str) -> Iterator[tuple[str, ...]]:
    """What names the portfolio, of two symbols; its users are gone from the server afterwards."""
    config = config_folder(tmp_path / "mine", limits={"symbols": ["CL", "ES"]})
    yield "--portfolio", portfolio, "--config", str(config)
    client.execute_command("ACL DELUSER", f"portfold.{portfolio}.nobody", *users_of(client, portfolio))


def users_of(client: Any, portfolio: str) -> list[str]:
    return [user for user in client.acl_users() if user.startswith(f"portfold.{portfolio}.")]


def test_it_prints_what_a_shell_gives_the_server(
    tmp_path: Path, here: tuple[str, ...], portfolio: str, client: Any
) -> None:
    ran = called("acl", *here, "--worker", "drop-in", "--dashboard-of", "second", cwd=tmp_path)
    assert (ran.code, ran.err) == (OK, "")
    *commands, last = ran.out.splitlines()
    assert last.startswith("# ")
    printed = [shlex.split(line) for line in commands]
    roles = all_roles(["ibs-CL", "ibs-ES", "drop-in"])
    of_second = {DASHBOARD: ("second",)}
    assert [words[3:-1] for words in printed] == [
        role.words(portfolio, *of_second.get(role, ())) for role in roles
    ]
    for words in printed:
        assert (words[:3], words[-1]) == (["redis-cli", "ACL", "SETUSER"], ">PASSWORD")
        client.execute_command(*words[1:])
    assert len(users_of(client, portfolio)) == len(roles)


def test_applied_twice_it_changes_nothing_the_second_time_and_shows_no_password(
    server: EmbeddedServer, tmp_path: Path, here: tuple[str, ...], portfolio: str, client: Any
) -> None:
    apply = ("acl", "--apply", "--credentials", FILE, "--url", server.url, *here)
    first = called(*apply, cwd=tmp_path)
    assert (first.code, first.err) == (OK, "")
    users = [role.user(portfolio) for role in all_roles(["ibs-CL", "ibs-ES"])]
    assert [line for line in first.out.splitlines() if line.endswith(": set")] == [
        f"{one}: set" for one in users
    ]
    assert "Whoever gives no name may still do anything there" in first.out
    assert "a restart forgets" not in first.out
    passwords = json.loads((tmp_path / FILE).read_text())
    assert sorted(passwords) == sorted(users)

    client.execute_command("ACL SETUSER", users[0], "+flushall")  # somebody gave it more
    second = called(*apply, cwd=tmp_path)
    assert "Functions: all there already." in second.out
    changed = [line for line in second.out.splitlines() if line.endswith((": set", ": unchanged"))]
    assert changed == [f"{users[0]}: set", *(f"{one}: unchanged" for one in users[1:])]
    assert "flushall" not in str(client.acl_getuser(users[0]))
    assert json.loads((tmp_path / FILE).read_text()) == passwords

    printed = called("acl", "--credentials", FILE, *here, cwd=tmp_path)
    assert printed.out.count("'#") == len(users)
    said = first.out + second.out + printed.out
    assert not [one for one in passwords.values() if one in said]


def test_a_command_comes_as_the_user_of_its_role_and_says_so_where_it_has_none(
    server: EmbeddedServer, tmp_path: Path, here: tuple[str, ...], portfolio: str
) -> None:
    file = tmp_path / FILE
    secret = "p" * 20
    file.write_text(json.dumps({AUDITOR.user(portfolio): secret}))
    file.chmod(0o600)
    found = {"PORTFOLD_CREDENTIALS": str(file), "PORTFOLD_URL": server.url}
    ran = called("status", *here, cwd=tmp_path, **found)
    assert ran.code == UNREACHABLE  # the server knows no such user
    assert secret not in ran.err + ran.out
    ran = called("halt", "--by", "jane", "--reason", "x", *here, cwd=tmp_path, **found)
    assert ran.code == UNUSABLE
    assert f"expected the password of the user portfold.{portfolio}.operator" in ran.err
    file.chmod(0o644)
    ran = called("status", *here, cwd=tmp_path, **found)
    assert (ran.code, "chmod 600" in ran.err) == (UNUSABLE, True)


def test_no_password_is_in_what_a_place_is_shown_as(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = "a-secret-of-twenty-letters"  # noqa: S105 - of tests
    given = Target(url=f"redis://someone:{secret}@127.0.0.1:1/0", portfolio="main")
    resolved = given.resolve(COORDINATOR)
    assert secret in resolved.url  # as it was given, it counts
    file = tmp_path / FILE
    file.write_text(json.dumps({COORDINATOR.user("main"): secret}))
    file.chmod(0o600)
    monkeypatch.setenv("PORTFOLD_CREDENTIALS", str(file))
    named = Target(url="redis://127.0.0.1:1/0", portfolio="main").resolve(COORDINATOR)
    assert named.url == "redis://portfold.main.coordinator@127.0.0.1:1/0"  # the file counts as one connects
    bus = named.bus()
    shown = [repr(one) for one in (given, resolved, named, bus)] + [named.shown, resolved.shown]
    bus.close()
    assert not [text for text in shown if secret in text]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--apply",), "--apply: expected --credentials FILE with it"),
        (("--worker", "a*"), "--worker: expected a name of 1 to 64 letters"),
        (("--worker", "a b"), "--worker: expected a name of 1 to 64 letters"),
        (("--dashboard-of", "*"), "--dashboard-of: expected a name of 1 to 32"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(
    tmp_path: Path, here: tuple[str, ...], words: tuple[str, ...], expected: str
) -> None:
    ran = called("acl", *words, *here, cwd=tmp_path)
    assert (ran.code, ran.out) == (UNUSABLE, "")
    assert expected in ran.err
