"""Where a file stops to be the text that it is expected to be."""

import codecs
from pathlib import Path

_AS_READ = 65_536

UTF8 = "text in UTF-8, got other bytes; to make it that: iconv -f WINDOWS-1252 -t UTF-8"
"""What is expected where other bytes are; nearly always they are of a spreadsheet on Windows."""


def no_utf8_from(path: Path) -> int | None:
    """Returns the first line of a file that is no text in UTF-8; None where there is none, or no file any
    more.
    """
    decode = codecs.getincrementaldecoder("utf-8")().decode
    line = 1
    try:
        with path.open("rb") as file:
            while part := file.readline(_AS_READ):
                decode(part)
                line += part.endswith(b"\n")
            decode(b"", final=True)
    except UnicodeDecodeError:
        return line
    except OSError:
        return None
    return None
