"""A page of HTML taken apart: its elements, what can be read of it, its charts; and words it must survive."""

import json
from html.parser import HTMLParser
from typing import Any

HOSTILE = "</script><img src=x onerror=alert(1)><script>alert(2)</script>\"'&<b>"
"""A stranger's words: as HTML they would load something, and run something."""


class Elements(HTMLParser):
    """The elements of a page by name, its attributes, and its text outside of scripts and style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.charts: list[dict[str, Any]] = []
        self._inside: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs
        self._inside = [tag, *(value or "" for _, value in attrs)]

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the parser's method
        self._inside = []

    def handle_data(self, data: str) -> None:
        if "application/json" in self._inside:
            self.charts.append(json.loads(data))
        elif self._inside[:1] not in (["script"], ["style"]):
            self.text.append(data)

    @property
    def said(self) -> str:
        return " ".join(" ".join(self.text).split())


def texts_of(part: object) -> list[str]:
    """Every text in a chart."""
    if isinstance(part, dict):
        return [text for one in part.values() for text in texts_of(one)]
    if isinstance(part, list):
        return [text for one in part for text in texts_of(one)]
    return [part] if isinstance(part, str) else []
