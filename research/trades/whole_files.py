"""Writes files whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path

from portfold.research.errors import ResearchError


def write_whole(path: Path, content: str) -> None:
    """Writes `content` to the file, and makes its folder if need be. Raises ResearchError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(content, encoding="utf-8", newline="")
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):  # the draft, or its folder, may not exist
            draft.unlink()
        raise ResearchError(f"{path}: cannot be written: {error.strerror}.") from error
