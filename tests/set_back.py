"""A server whose data is put back to what it was: a backup restored, or the end of a file cut off."""

import shutil
from pathlib import Path

from tests.server import EmbeddedServer

_DATA = "appendonlydir"


class Backup:
    """What the server has on its disk now."""

    def __init__(self, server: EmbeddedServer) -> None:
        self._server = server
        self._copy = server.folder.with_name(f"{server.folder.name}-backup")
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(server.folder / _DATA, self._copy)

    def restore(self) -> None:
        """Kills the server and starts it again on this."""
        self._server.kill()
        shutil.rmtree(self._server.folder / _DATA)
        shutil.copytree(self._copy, self._server.folder / _DATA)
        self._server.restart()


def cut_off(server: EmbeddedServer, size: int) -> None:
    """Kills the server, cuts its append-only file down to so many bytes, and starts it again."""
    server.kill()
    file = append_only_file(server)
    with file.open("r+b") as whole:
        whole.truncate(size)
    server.restart()


def append_only_file(server: EmbeddedServer) -> Path:
    """The file that grows."""
    [file] = (server.folder / _DATA).glob("*.incr.aof")
    return file
