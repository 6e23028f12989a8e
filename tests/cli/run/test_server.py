"""`portfold server` as a person meets it after a power loss."""

import signal
from pathlib import Path

from portfold.cli.exits import FAILED
from tests.cli.command_line import portfold, started


def test_zeros_of_a_power_loss_are_told_in_a_sentence_and_cut_by_the_command_it_names(tmp_path: Path) -> None:
    words = ("server", "--dir", "log")
    with started(*words, cwd=tmp_path) as server:
        server.says("Ctrl-C stops it.")
        server.process.send_signal(signal.SIGTERM)
        server.ends()
    (file,) = tmp_path.glob("log/appendonlydir/*.incr.aof")
    before = file.read_bytes()
    file.write_bytes(before + bytes(4096))
    refused = portfold(*words, cwd=tmp_path)
    assert refused.code == FAILED
    assert "ends in 4,096 zero bytes, as a power loss leaves them." in refused.err
    assert ("check-aof" in refused.err, "Traceback" in refused.err) == (False, False)
    command = refused.err.strip().partition("start: portfold ")[2].split()
    with started(*command, cwd=tmp_path) as server:
        said = server.says("Ctrl-C stops it.")
        assert f"Cut 4,096 zero bytes off the end of {file}" in said
        assert file.read_bytes() == before
