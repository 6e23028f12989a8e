"""The file of the users' passwords: its owner's alone, and nothing of it is ever shown."""

import json
import os
from pathlib import Path

import pytest

from portfold.events.roles.credentials import Credentials, CredentialsError, read_credentials, with_passwords

HIDDEN = "do-not-show-this-one"


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "users.json"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_new_file_is_its_owners_alone_and_what_is_there_stays(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    first = with_passwords(file, ["a", "b"])
    assert file.stat().st_mode & 0o777 == 0o600
    more = with_passwords(file, ["b", "c"])
    assert more.users == ["a", "b", "c"]
    assert [more.password(user) for user in ("a", "b")] == [first.password(user) for user in ("a", "b")]
    assert len({more.password(user) for user in more.users}) == 3
    assert read_credentials(file).password("c") == more.password("c")
    before = file.stat().st_mtime_ns
    with_passwords(file, ["a"])
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602])
def test_a_file_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    file = written(tmp_path, json.dumps({"a": HIDDEN}), mode)
    with pytest.raises(CredentialsError, match=f"chmod 600 .*, got the permissions {mode:o}") as refused:
        read_credentials(file)
    assert HIDDEN not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        f'{{"a": "{HIDDEN}"',
        f'["{HIDDEN}"]',
        f'{{"a": "{HIDDEN}", "a": "{HIDDEN}"}}',
        f'{{"a": "{HIDDEN} "}}',
        f'{{"a": "{HIDDEN}\\u00fc"}}',
        f'{{"a": ["{HIDDEN}"]}}',
        '{"a": "fifteen-letters"}',
        '{"a": 12345678901234567890}',
        '{"a": ' + "[" * 100_000,
    ],
)
def test_what_is_no_password_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(CredentialsError) as refused:
        read_credentials(written(tmp_path, text))
    said = repr(refused.value) + str(refused.value)
    assert all(secret not in said for secret in (HIDDEN, "fifteen", "12345"))


def test_a_pipe_a_folder_and_nothing_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("pipe", "", "nothing"):
        with pytest.raises(CredentialsError):
            read_credentials(tmp_path / name)


def test_who_has_no_password_is_named_and_who_has_one_is_not_shown_with_it(tmp_path: Path) -> None:
    known = Credentials(tmp_path, {"a": HIDDEN})
    assert HIDDEN not in repr(known)
    with pytest.raises(CredentialsError, match="the password of the user b"):
        known.password("b")
