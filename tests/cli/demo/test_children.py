"""The demo's children: started, watched, and none left behind."""

from pathlib import Path

import pytest

from portfold.cli.demo.children import ChildDied, Children
from tests.server import ROLES
from tests.waiting import until

USERS = Path(ROLES["PORTFOLD_CREDENTIALS"])


def test_a_child_that_ended_in_good_order_is_waited_for_and_forgotten(tmp_path: Path) -> None:
    with Children(tmp_path, USERS) as children:
        children.start("asked", ["--version"])
        children.wait(["asked"])
        children.check()
    assert children.log_of("asked").read_text().strip().count(".") == 2


def test_a_child_that_failed_is_told_by_name_code_and_log(tmp_path: Path) -> None:
    with Children(tmp_path, USERS) as children:
        pid = children.start("wrong", ["frobnicate"])
        told = rf"The process wrong \(pid {pid}\) ended with exit code 2; its log is {tmp_path}/wrong\.log"
        with pytest.raises(ChildDied, match=told):
            children.wait(["wrong"])


def test_a_child_that_ended_by_itself_is_found_by_the_next_check(tmp_path: Path) -> None:
    def found(children: Children) -> str:
        try:
            children.check()
        except ChildDied as died:
            return str(died)
        return ""

    with Children(tmp_path, USERS) as children:
        children.start("short", ["--version"])
        assert "ended with exit code 0" in until(lambda: found(children), "the child to end")


def test_a_child_still_running_at_the_end_of_the_block_is_ended(tmp_path: Path) -> None:
    with Children(tmp_path, USERS) as children:
        children.start("server", ["server", "--dir", str(tmp_path / "log")])
        log = children.log_of("server")
        until(lambda: "Ctrl-C stops it." in log.read_text(), "the server to run")
    with Children(tmp_path, USERS) as children:  # the folder is free again, so the first one is gone
        children.start("again", ["server", "--dir", str(tmp_path / "log")])
        log = children.log_of("again")
        until(lambda: "Ctrl-C stops it." in log.read_text(), "the server to run again")
