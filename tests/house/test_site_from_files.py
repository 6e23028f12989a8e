"""The site of `make docs` is read from files, without a server, and fetches nothing; without building it."""

import re
from pathlib import Path
from shutil import copy

from tests.audit.browser import in_a_browser, opened

ROOT = Path(__file__).resolve().parents[2]
SITE = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")

PAGE = """<!doctype html><title>searches</title><script src="iframe-worker.js"></script>
<body><p class="plot">waits</p><script>
  const worker = new Worker(new URL("search.js", location));
  worker.addEventListener("message", ({ data }) => {
    document.querySelector("p").textContent = data;
    document.documentElement.dataset.drawn = 1;
  });
  worker.postMessage("kill switch");
</script>"""
WORKER = """addEventListener("message", async ({ data }) => {
  await importScripts("words.js");
  postMessage(`found ${found(data)}`);
});"""


def test_links_name_files_and_no_script_is_fetched() -> None:
    assert re.search(r"^use_directory_urls: false\b", SITE, re.MULTILINE)
    assert re.search(r"^  - offline$", SITE, re.MULTILINE)
    assert re.search(r"^  polyfills: \[iframe-worker\.js\]", SITE, re.MULTILINE)
    assert "://" not in SITE, "no address of a script, a font or a style"


@in_a_browser
def test_the_search_works_from_a_file_without_a_worker(tmp_path: Path) -> None:
    """In a frame: this browser would start a worker from a file, and people's do not."""
    copy(ROOT / "docs" / "iframe-worker.js", tmp_path)
    (tmp_path / "index.html").write_text(PAGE, encoding="utf-8")
    (tmp_path / "search.js").write_text(WORKER, encoding="utf-8")
    (tmp_path / "words.js").write_text("const found = (words) => words.toUpperCase();", encoding="utf-8")
    seen = opened(tmp_path / "index.html")
    assert seen.console == []
    assert seen.text.strip() == "found KILL SWITCH"
    assert seen.elements.get("iframe") == 1
