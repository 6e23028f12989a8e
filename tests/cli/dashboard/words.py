"""The words of a page."""

import re


def shown(html: str) -> str:
    """Returns what a page says, one blank between words."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())
