"""The file of users: hashes alone, its owner's alone, and a sentence for whatever is wrong with it."""

from pathlib import Path

import pytest

from portfold.cli.dashboard.access.users import LEAST_PASSWORD, Users, UsersError, add_user, remove_user
from portfold.cli.exits import OK, UNUSABLE
from tests.cli.command_line import called, portfold
from tests.cli.dashboard.visitor import PASSWORD


def test_who_was_added_signs_in_with_that_password_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    add_user(file, "jane", "operator", PASSWORD)
    users = Users.read(file)
    found = users.signed_in("jane", PASSWORD)
    assert found is not None
    assert found.role == "operator"
    assert users.signed_in("jane", PASSWORD + " ") is None
    assert users.signed_in("joe", PASSWORD) is None


def test_the_file_holds_no_password_and_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    add_user(file, "jane", "viewer", PASSWORD)
    assert PASSWORD not in file.read_text()
    assert "$argon2id$" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o640)
    with pytest.raises(UsersError, match="chmod 600"):
        Users.read(file)


def test_a_password_is_as_long_as_it_has_to_be(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    with pytest.raises(UsersError, match="expected at least 12 characters, got 11"):
        add_user(file, "jane", "viewer", "x" * (LEAST_PASSWORD - 1))
    add_user(file, "jane", "viewer", "x" * LEAST_PASSWORD)


def test_somebody_is_replaced_and_removed(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    add_user(file, "jane", "viewer", PASSWORD)
    add_user(file, "joe", "viewer", PASSWORD)
    add_user(file, "jane", "operator", PASSWORD + "2")
    users = Users.read(file)
    assert users.names == ["jane", "joe"]
    assert users.operators == ["jane"]
    assert users.signed_in("jane", PASSWORD) is None
    remove_user(file, "jane")
    assert Users.read(file).names == ["joe"]
    with pytest.raises(UsersError, match="there is no user 'jane'"):
        remove_user(file, "jane")


@pytest.mark.parametrize(
    "content",
    [b"", b"[]x", b"{}", b'[{"name":"jane"}]', b'[{"name":"<b>","role":"viewer","hash":"x"}]', b"\xff"],
)
def test_a_file_that_is_none_gets_a_sentence(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    file.touch(0o600)
    file.write_bytes(content)
    with pytest.raises(UsersError, match=r"users\.json: expected"):
        Users.read(file)


def test_the_command_keeps_the_file(tmp_path: Path) -> None:
    user = ("dashboard", "user")
    file = ("--users", "users.json")
    # Nobody types: what is read is empty, and too short.
    short = portfold(*user, "add", "jane", *file, cwd=tmp_path)
    assert (short.code, "at least 12 characters, got 0" in short.err) == (UNUSABLE, True)
    missing = called("dashboard", *file, "--port", "0", cwd=tmp_path)
    assert missing.code == UNUSABLE
    assert "portfold dashboard user add NAME --users users.json" in missing.err
    add_user(tmp_path / "users.json", "jane", "viewer", PASSWORD)
    removed = called(*user, "remove", "jane", *file, cwd=tmp_path)
    assert (removed.code, "jane may not sign in any more" in removed.out) == (OK, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--host", "0.0.0.0"), "expected --users as well"),  # noqa: S104 - it is refused
        (("--operate",), "--operate: expected --users with an operator"),
        (("--certificate", "a.pem"), "expected both or neither"),
        (("--certificate", "a.pem", "--key", "b.pem"), "--certificate, --key:"),
        (("--results", "nowhere"), "--results: expected a folder"),
        (("--also", "a b"), "--also: expected a name"),
    ],
)
def test_a_dashboard_that_would_not_be_safe_is_not_started(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    ran = called("dashboard", "--port", "0", *words, cwd=tmp_path)
    assert ran.code == UNUSABLE
    assert said in " ".join(ran.err.split())


def test_others_reach_it_with_users_only_by_tls_and_by_a_name(tmp_path: Path) -> None:
    add_user(tmp_path / "users.json", "jane", "viewer", PASSWORD)
    anywhere = ("--host", "0.0.0.0")  # noqa: S104 - it is refused
    asked = ("dashboard", "--port", "0", *anywhere, "--users", "users.json")
    ran = called(*asked, cwd=tmp_path)
    assert ran.code == UNUSABLE
    assert "expected --certificate and --key, or --proxy" in " ".join(ran.err.split())
    nameless = called(*asked, "--certificate", "a.pem", "--key", "b.pem", cwd=tmp_path)
    assert (nameless.code, "expected --called NAME" in " ".join(nameless.err.split())) == (UNUSABLE, True)
