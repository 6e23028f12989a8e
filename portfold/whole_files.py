"""Files that are whole or not there, whenever the machine dies.

What is written goes into `<name>.part`, from there to the disk, and only then gets its name; the folder,
which holds the name, goes to the disk after it.
"""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

_CHUNK = 1 << 20


def part_of(path: Path) -> Path:
    """Returns where the file is while it is written."""
    return path.with_name(f"{path.name}.part")


def to_disk(file: BinaryIO) -> None:
    """Returns when all that was written has reached the disk."""
    file.flush()
    os.fsync(file.fileno())
    if hasattr(os, "posix_fadvise"):  # whoever reads it back should get it from there, and not from memory
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def put_in_place(path: Path) -> None:
    """Gives the finished part its name, for good."""
    part_of(path).replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_durably(path: Path, content: bytes) -> None:
    """Replaces the file by one with this content."""
    with part_of(path).open("wb") as file:
        file.write(content)
        to_disk(file)
    put_in_place(path)


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of the file's bytes. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
