"""Each page of docs/ is in the site's nav, each link leads to a page: as `make docs` wants it, unbuilt."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
HOUSES = ("cli", "config", "coordinator", "events", "portfold", "research", "workers", "benchmarks")
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
    site = {*pages(), *DOCS.glob("*.webp")}
    astray = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages()
        for target in links(page)
        if (page.parent / target).resolve() not in site
    ]
    assert astray == []


LONGEST_LINE = 125


def test_no_line_of_prose_is_too_long_to_compare() -> None:
    """In a table a row is a line, and what a program printed stays as it was."""
    too_long = []
    for page in pages():
        fenced = False
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
            fenced ^= line.startswith("```")
            if len(line) > LONGEST_LINE and not fenced and not line.startswith("|"):
                too_long.append(f"{page.relative_to(ROOT)}:{number}")
    assert too_long == []


def test_every_source_file_that_is_named_is_there() -> None:
    """In pages, docstrings and comments."""
    named = re.compile(
        r"(?<![\w/.<>{}])((?:cli|config|coordinator|events|research|workers|tests|docs)/[\w/]+\.(?:py|lua|md))\b"
    )
    texts = [*pages(), *(path for house in HOUSES for path in sorted((ROOT / house).rglob("*.py")))]
    gone = {
        f"{text.relative_to(ROOT)}: {file}"
        for text in texts
        for file in named.findall(text.read_text(encoding="utf-8"))
        if not (ROOT / file).is_file()
    }
    assert gone == set()
