"""Each page of docs/ is in the site's nav, each link leads to a page: as `make docs` wants it, unbuilt."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SITE = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
HOOK = (DOCS / "front_pages.py").read_text(encoding="utf-8")
# Pages of the site that lie above docs/, and what they are called there.
ABOVE: dict[str, str] = dict(re.findall(r'"(\w+\.md)": "(\w+\.md)"', HOOK))


def pages() -> list[Path]:
    return sorted([*DOCS.rglob("*.md"), *(ROOT / name for name in ABOVE)])


def in_nav() -> list[str]:
    nav = SITE.split("\nnav:\n", 1)[1].split("\n\n", 1)[0]
    return re.findall(r"([\w/-]+\.md)$", nav, re.MULTILINE)


def links(page: Path) -> Iterator[str]:
    """The files that a page links to, as written there; what is fenced or indented code has none."""
    text = re.sub(
        r"^```.*?^```$|^    .*?$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE
    )
    for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", text):
        if not target.startswith(("https://", "http://")):
            yield target


def test_each_page_is_in_the_nav_once_and_nothing_else_is() -> None:
    there = [page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")]
    assert len(ABOVE) == 3
    assert sorted(in_nav()) == sorted([*there, *ABOVE.values()])


def test_a_link_leads_to_a_page_of_the_site() -> None:
    site = set(pages())
    astray = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in sorted(site)
        for target in links(page)
        if (page.parent / target).resolve() not in site
    ]
    assert astray == []
