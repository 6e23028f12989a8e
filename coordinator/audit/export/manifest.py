"""export.json: what an export is of, and each of its files with its hash. Not a blank in it may differ.

It is written last: a folder without it is no export, or one that was interrupted.
"""

import hashlib
from pathlib import Path
from typing import Literal, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from portfold.coordinator.audit.record.columns import Table
from portfold.coordinator.audit.record.record import RecordError
from portfold.coordinator.store.follower import LogDiffers
from portfold.events.fields import Digest, PortfolioName
from portfold.events.stream_id import StreamId

LISTING = "export.json"
VERSION = 1

Format = Literal["jsonl", "csv", "parquet"]
FORMATS: tuple[Format, ...] = get_args(Format)


class ExportDamaged(LogDiffers):
    """An export that is not as it was written. The text names the file and, where it can, the line."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")


class File(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the export, and how many rows of which table it holds."""

    file: str
    table: Table
    rows: int
    bytes: int
    sha256: str


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """What export.json says.

    `cursor` and `chain` are where the record was said to end; `epoch` and `rules` are those that the last
    CoordinatorStarted on it names, 0 without one; `sha256` is the hash of this with nothing in its place.
    """

    version: int
    format: Format
    portfolio: PortfolioName
    cursor: str
    chain: Digest
    events: int
    decisions: int
    epoch: int
    rules: int
    files: tuple[File, ...]
    sha256: str = ""


class _Version(Struct):
    version: int


def manifest_text(manifest: Manifest) -> bytes:
    """The file's content, with its own hash in it."""
    bare = msgspec.json.encode(replace(manifest, sha256=""))
    sealed = replace(manifest, sha256=hashlib.sha256(bare).hexdigest())
    return msgspec.json.format(msgspec.json.encode(sealed), indent=1) + b"\n"


def read_manifest(folder: Path) -> Manifest:
    """What is in `folder`. Raises RecordError where there is no export, ExportDamaged."""
    path = folder / LISTING
    try:
        text = path.read_bytes()
    except FileNotFoundError as error:
        raise RecordError(
            f"{path}: there is no such file, so no export to read; or it was interrupted: remove the folder, "
            "and export again."
        ) from error
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}.") from error
    try:
        version = msgspec.json.decode(text, type=_Version).version
        if version != VERSION:
            raise RecordError(f"{path}: its version is {version}; this portfold reads {VERSION}.")
        manifest = msgspec.json.decode(text, type=Manifest)
        StreamId.parse(manifest.cursor)
    except (msgspec.MsgspecError, ValueError) as error:
        raise _altered(path) from error
    if manifest_text(manifest) != text:
        raise _altered(path)
    return manifest


def _altered(path: Path) -> ExportDamaged:
    return ExportDamaged(path, "this file is not as it was written. Restore it, or export again.")
