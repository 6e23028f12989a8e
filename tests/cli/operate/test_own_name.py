"""Where nobody says who orders it is the user of this machine, in letters that the log takes."""

import getpass

import pytest

from portfold.cli.operate.orders import halt
from portfold.cli.operate.own_name import USER, own_name


@pytest.mark.parametrize(
    ("user", "name"), [("jane", "jane"), ("DESK\\jane doe", "DESK-jane-doe"), ("x" * 70, "x" * 64)]
)
def test_the_users_name_is_a_name_on_the_log(monkeypatch: pytest.MonkeyPatch, user: str, name: str) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: user)
    assert own_name() == name


def test_a_user_without_a_name_orders_under_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert own_name() == ""


def test_an_order_is_the_users_where_nobody_is_named() -> None:
    assert halt.__kwdefaults__ is not None
    assert halt.__kwdefaults__["by"] == USER
