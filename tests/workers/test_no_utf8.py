"""JSON with bytes that are no UTF-8 is refused like any other that is none, wherever we read some."""

from pathlib import Path

import pytest

from portfold.cli.dashboard.access.users import UsersError, remove_user
from portfold.workers.brokers.traderspost.webhook import read_answer

NO_UTF8 = b'{"success": true, "id": "\xff"}'


def test_an_answer_about_an_order_in_other_bytes_is_no_yes() -> None:
    assert read_answer(200, NO_UTF8, {}).outcome == "unknown"
    assert read_answer(400, NO_UTF8, {}).outcome == "refused"


def test_a_file_of_users_in_other_bytes_is_refused_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    file.write_bytes(b'[{"name": "\xff"}]')
    file.chmod(0o600)
    with pytest.raises(UsersError, match="expected a list of users"):
        remove_user(file, "ann")
