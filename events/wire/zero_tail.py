"""Zeros at the end of the server's append-only file, as a power loss leaves them.

The file system had written the new length of the file, but not yet its contents. A server that syncs before
it answers has acknowledged none of that. It does not start on such a file, and its advice names a tool that
is not installed. Guarantees: only zero bytes are ever cut, only at the end of the file that the server wrote
to last, and only when somebody asked for it.
"""

import os
from pathlib import Path

_MANIFEST = Path("appendonlydir", "appendonly.aof.manifest")
_BLOCK = 1 << 20


def zero_tail(folder: Path) -> tuple[Path, int] | None:
    """Finds the server's file in `folder` that ends in zeros, and counts them; None where none does.

    Raises OSError.
    """
    file = _written_last(folder)
    zeros = _zeros_at_the_end(file) if file is not None else 0
    return (file, zeros) if file is not None and zeros else None


def cut_zero_tail(folder: Path) -> tuple[Path, int] | None:
    """Cuts the zeros and syncs; returns what was cut. No server may run on the folder. Raises OSError."""
    found = zero_tail(folder)
    if found is not None:
        path, zeros = found
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size - zeros)
            os.fsync(file.fileno())
    return found


def _written_last(folder: Path) -> Path | None:
    """Returns the increment that the manifest names last; the lines are `file NAME seq NUMBER type i`."""
    try:
        lines = (folder / _MANIFEST).read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return None
    names = [words[1] for words in map(str.split, lines) if len(words) > 1 and words[-1] == "i"]
    path = folder / _MANIFEST.parent / names[-1] if names else None
    return path if path is not None and path.is_file() else None


def _zeros_at_the_end(path: Path) -> int:
    zeros, end = 0, path.stat().st_size
    with path.open("rb") as file:
        while end > 0:
            begin = max(0, end - _BLOCK)
            file.seek(begin)
            block = file.read(end - begin)
            kept = len(block.rstrip(b"\0"))
            zeros += len(block) - kept
            if kept:
                break
            end = begin
    return zeros
