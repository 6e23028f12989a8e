"""The command blocks of README and docs: where they stand, what they say, and what a mark above says of them.

A mark is a comment of the page, right above its block: `<!-- run -->`, in order and in the page's own folder,
`on the record` of two days of January 2025, with `exit code 0 or 1` where that is no failure, and `after: …`
what a page has said before; `<!-- run by tests/… -->`, where a test of its own does; `<!-- not run: why -->`.
"""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

from tests.processes import ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
_COMMAND = re.compile(
    r"(portfold|make|git|redis-cli|(\.venv/bin/)?pip|eval|HGETALL|XADD|XREVRANGE) |export \w+=|portfold$"
)
_MARK = re.compile(r"<!-- ((?:run|not run|output)\b.*?) -->")
_MERGE = re.compile(r"<!-- merge into: (\S+) -->")


class Block(NamedTuple):
    """A block of code: its page and line, its lines, and the mark above it, empty for none."""

    page: Path
    line: int
    lines: tuple[str, ...]
    mark: str
    merged_into: str

    @property
    def name(self) -> str:
        """Returns where it stands."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_of_commands(self) -> bool:
        """Returns whether it is for typing: whether a line of it begins with a command."""
        return self.mark != "output" and any(_COMMAND.match(line) for line in self.lines)

    @property
    def is_run(self) -> bool:
        """Returns whether the walk runs it."""
        return re.match(r"run\b(?! by)", self.mark) is not None

    @property
    def prepared(self) -> list[str]:
        """Returns what is run before it."""
        return self.mark.partition("after: ")[2].split("; ") if "after: " in self.mark else []


def blocks_of(page: Path) -> list[Block]:
    """Returns the blocks of a page, fenced without a language or as JSON, or indented, in order."""
    found: list[Block] = []
    lines, at = page.read_text(encoding="utf-8").splitlines(), 0
    while at < len(lines):
        begun = at
        if lines[at].startswith("```"):
            at = next(number for number in range(at + 1, len(lines)) if lines[number].startswith("```"))
            body = lines[begun + 1 : at]
        elif lines[at].startswith("    ") and not lines[at - 1].strip():
            while at + 1 < len(lines) and lines[at + 1].startswith("    "):
                at += 1
            body = [line.strip() for line in lines[begun : at + 1]]
        else:
            at += 1
            continue
        at += 1
        if not lines[begun].startswith("```") or lines[begun] in ("```", "```json"):
            above = "\n".join(_comments_above(lines, begun))
            mark, merge = _MARK.search(above), _MERGE.search(above)
            merged = merge[1] if merge else ""
            found.append(Block(page, begun + 1, tuple(body), mark[1] if mark else "", merged))
    return found


def _comments_above(lines: list[str], at: int) -> list[str]:
    found: list[str] = []
    for line in reversed(lines[:at]):
        if line.startswith("<!--"):
            found.append(line)
        elif line.strip():
            break
    return found


class Typed(NamedTuple):
    """A command as it is typed: its words, the file that takes what it prints, whether it is left running."""

    words: tuple[str, ...]
    into: str
    behind: bool


def typed(lines: tuple[str, ...] | list[str]) -> list[Typed]:
    """Reads the commands of a block: comments, `&&`, `&`, `>> FILE`, and `| jq …`, which only shows."""
    found: list[Typed] = []
    for line in " ".join(lines).replace("\\ ", "").split("\0") if "\\" in "".join(lines) else lines:
        words = shlex.split(line, comments=True)
        while words:
            end = words.index("&&") if "&&" in words else len(words)
            one, words = words[:end], words[end + 1 :]
            one = one[: one.index("|")] if "|" in one else one
            behind = one[-1:] == ["&"]
            one = one[:-1] if behind else one
            into = ""
            for number, word in enumerate(one):
                if word.startswith(">>"):
                    into = word[2:] or one[number + 1]
                    one = one[:number]
                    break
            if one:
                found.append(Typed(tuple(one), into, behind))
    return found
