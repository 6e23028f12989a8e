"""The embedded server: nothing acknowledged is lost, no stranger is taken for it, none is orphaned."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from portfold.events.wire.embedded import HOST, ServerError, server_binary
from tests.server import EmbeddedServer


@contextmanager
def client_of(server: EmbeddedServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(server.url, decode_responses=True, socket_timeout=5) as client:
        yield client


def write(server: EmbeddedServer, value: str) -> None:
    with client_of(server) as client:
        client.set("written", value)


def read(server: EmbeddedServer) -> object:
    with client_of(server) as client:
        return client.get("written")


# Starts a server in the folder of its first argument, says its port and pid, then does what a test appends.
STARTER = """
import sys
from pathlib import Path
from tests.server import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]), keep=sys.argv[2] == "keep")
server.start()
print(server.port, server.pid, flush=True)
"""


@contextmanager
def starter(folder: Path, keep: str, then: str) -> Iterator[tuple[subprocess.Popen[str], int, int]]:
    """Another process that started a server; with the server's port and pid."""
    command = [sys.executable, "-c", STARTER + then, str(folder), keep]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            port, pid = map(int, process.stdout.readline().split())
            yield process, port, pid
        finally:
            process.kill()


def test_what_was_acknowledged_survives_kill_9_and_a_restart_on_the_same_port(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        port, pid = server.port, server.pid
        write(server, "acknowledged")
        server.kill()
        with pytest.raises(redis.ConnectionError):
            read(server)
        server.restart()
        assert read(server) == "acknowledged"
        assert server.port == port
        assert server.pid != pid


def test_what_was_written_survives_a_stop_and_a_new_server_in_the_same_folder(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as first:
        write(first, "kept")
    with EmbeddedServer(tmp_path) as second:
        assert read(second) == "kept"


def test_two_servers_run_side_by_side_and_share_nothing(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "a") as a, EmbeddedServer(tmp_path / "b") as b:
        write(a, "a")
        write(b, "b")
        assert (read(a), read(b)) == ("a", "b")


def test_in_a_range_of_ports_a_taken_one_is_passed_over(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "first") as first:
        write(first, "first")
        ports = range(first.port, first.port + 30)
        with EmbeddedServer(tmp_path / "second", port=ports) as second:
            assert second.port in ports[1:]
            assert read(second) is None
        assert read(first) == "first"


def test_the_one_port_asked_for_is_an_error_when_taken_and_used_when_free(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "first") as first:
        port = first.port
        with pytest.raises(ServerError, match=f"port {port} is taken"):
            EmbeddedServer(tmp_path / "second", port=port).start()
    with EmbeddedServer(tmp_path / "second", port=port) as second:
        assert second.url == f"redis://{HOST}:{port}/0"


@pytest.mark.parametrize("port", [0, -1, 65536, range(0), range(65530, 65540)])
def test_a_port_that_cannot_be_is_named_in_the_error(tmp_path: Path, port: int | range) -> None:
    with pytest.raises(ServerError, match=r"port: expected 1 to 65535, got "):
        EmbeddedServer(tmp_path, port=port)


def test_a_folder_in_use_is_refused_and_its_server_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portfold.events.wire.embedded.LOCK_SECONDS", 0.1)
    with starter(tmp_path, "end", "sys.stdin.read()") as (_, port, pid):
        with pytest.raises(ServerError, match=f"already runs on {tmp_path}"):
            EmbeddedServer(tmp_path).start()
        with redis.Redis(HOST, port) as client:
            assert client.info("server")["process_id"] == pid


def test_the_server_is_durable_never_evicts_and_listens_on_loopback_only(server: EmbeddedServer) -> None:
    with client_of(server) as client:
        assert client.config_get(
            "appendonly", "appendfsync", "save", "maxmemory", "maxmemory-policy", "bind", "dir"
        ) == {
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory": "0",
            "maxmemory-policy": "noeviction",
            "bind": "127.0.0.1",
            "dir": str(server.folder),
        }


def test_fsync_can_be_relaxed_on_request(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path, appendfsync="everysec") as server, client_of(server) as client:
        assert client.config_get("appendfsync") == {"appendfsync": "everysec"}


def test_a_data_folder_with_spaces_and_quotes_in_its_name_works(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path / "my 'best' \"data\"") as server:
        write(server, "here")
        assert server.log.exists()


def test_a_folder_that_is_a_file_is_named_in_the_error(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    with pytest.raises(ServerError, match=f"Cannot keep the server's data in {file}"):
        EmbeddedServer(file).start()


def test_a_damaged_log_stops_the_start_and_the_error_says_where_to_look(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        write(server, "whole")
    (log_file,) = tmp_path.glob("appendonlydir/*.incr.aof")
    log_file.write_bytes(b"*3\r\n$3\r\nSET\r\nrubbish" + log_file.read_bytes())
    with pytest.raises(ServerError, match=r"(?s)see .*server\.log.*Bad file format") as told:
        EmbeddedServer(tmp_path).start()
    assert "check-aof" not in str(told.value), "a tool that is not there"


def with_zeros(folder: Path, zeros: int) -> Path:
    """The file of a server that has ended, as a power loss leaves it."""
    with EmbeddedServer(folder) as server:
        write(server, "acknowledged")
    (file,) = folder.glob("appendonlydir/*.incr.aof")
    with file.open("ab") as log:
        log.write(bytes(zeros))
    return file


@pytest.mark.parametrize("zeros", [1, 4096, 3_000_000])
def test_zeros_of_a_power_loss_are_recognised_and_cut_when_asked_for(tmp_path: Path, zeros: int) -> None:
    folder = tmp_path / "a folder"
    file = with_zeros(folder, zeros)
    with pytest.raises(ServerError) as refused:
        EmbeddedServer(folder).start()
    said = str(refused.value)
    assert f"{file} ends in {zeros:,} zero bytes" in said
    assert f"portfold server --dir '{folder}' --cut-zero-tail" in said
    assert "check-aof" not in said
    size = file.stat().st_size
    with EmbeddedServer(folder, cut=True) as server:
        assert server.was_cut == (file, zeros)
        assert file.stat().st_size == size - zeros
        assert read(server) == "acknowledged"
    with EmbeddedServer(folder) as server:
        assert read(server) == "acknowledged"


def test_a_write_that_was_half_on_the_disk_goes_with_the_zeros_and_nothing_before_it(tmp_path: Path) -> None:
    file = with_zeros(tmp_path, 0)
    with file.open("ab") as log:
        log.write(b"*3\r\n$3\r\nSET\r\n$7\r\nwritten\r\n$12\r\nhalf" + bytes(500))
    with pytest.raises(ServerError, match="500 zero bytes"):
        EmbeddedServer(tmp_path).start()
    with EmbeddedServer(tmp_path, cut=True) as server:
        assert read(server) == "acknowledged"


def test_without_zeros_there_is_nothing_to_cut(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path, cut=True) as server:
        assert server.was_cut is None
    file = with_zeros(tmp_path, 0)
    before = file.read_bytes()
    with EmbeddedServer(tmp_path, cut=True) as server:
        assert (server.was_cut, read(server)) == (None, "acknowledged")
        assert file.read_bytes().startswith(before)


@pytest.mark.parametrize("package", ["no-such-package", "msgspec"])
def test_without_a_server_program_the_error_advises_to_give_a_url(package: str) -> None:
    with pytest.raises(ServerError, match="--url"):
        server_binary(package)


def test_a_stopped_server_has_no_pid_and_can_be_stopped_again(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    with pytest.raises(ServerError, match="not been started"):
        _ = server.url
    server.start()
    with pytest.raises(ServerError, match="already runs"):
        server.start()
    server.stop()
    server.stop()
    with pytest.raises(ServerError, match="not running"):
        _ = server.pid


def test_no_server_is_orphaned_when_its_starter_is_killed(tmp_path: Path) -> None:
    with starter(tmp_path, "end", "sys.stdin.read()") as (process, port, _):
        with redis.Redis(HOST, port) as client:
            client.set("written", "before the kill")
        process.kill()
    # The folder is free again only when the first server is gone.
    with EmbeddedServer(tmp_path) as successor:
        assert read(successor) == "before the kill"


def test_no_server_is_orphaned_when_its_starter_forgets_to_stop_it(tmp_path: Path) -> None:
    with starter(tmp_path, "end", "") as (process, _, _):
        assert process.wait(10) == 0
    with EmbeddedServer(tmp_path) as successor:
        assert read(successor) is None


def test_a_server_told_to_stay_outlives_its_starter(tmp_path: Path) -> None:
    with starter(tmp_path, "keep", "server.__exit__()") as (process, port, pid):
        try:
            assert process.wait(10) == 0
            with redis.Redis(HOST, port) as client:
                assert client.info("server")["process_id"] == pid
        finally:
            os.kill(pid, signal.SIGKILL)


def test_ctrl_c_interrupts_the_starter_and_leaves_the_server_to_it(tmp_path: Path) -> None:
    then = """
import redis, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
try:
    print("ready", flush=True)
    sys.stdin.read()
except KeyboardInterrupt:
    print(redis.Redis.from_url(server.url).ping(), flush=True)
    server.stop()
"""
    with starter(tmp_path, "end", then) as (process, _, _):
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate(timeout=10)[0] == "True\n"
        assert process.returncode == 0
    said = (tmp_path / "server.log").read_text()
    assert "SIGTERM" in said
    assert "SIGINT" not in said


def test_the_server_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path)
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    try:
        write(server, "from another thread")
        assert read(server) == "from another thread"
    finally:
        server.stop()
