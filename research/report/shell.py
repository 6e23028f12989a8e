"""The HTML around every report: a page that opens offline, loads nothing, and runs only the scripts in it.

The page's policy forbids every access to a network and names its scripts by their hashes, so that text from
the log that got into the page as HTML could still not run.
"""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files

import msgspec

from portfold.research.report.drawing import Chart
from portfold.research.report.wording import text


def page(title: str, body: str, *, mark: str) -> str:
    """Writes the page; `body` is HTML, `mark` the comment that names the command that wrote it.

    Raises ModuleNotFoundError without plotly.
    """
    scripts = [_plotly(), _own("report.js")]
    return "".join(
        [
            f"<!doctype html>\n<!-- {mark} -->\n",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{text(title)}</title>",
            f"<style>{_own('report.css')}</style></head><body><main>{body}</main>",
            *(f"<script>{script}</script>" for script in scripts),
            "</body></html>\n",
        ]
    )


def figure(chart: Chart, about: str, caption: str) -> str:
    """Writes a chart with its caption; `about` describes it for screen readers."""
    return (
        f'<figure class="chart"><div class="plot" role="img" aria-label="{text(about)}" '
        f'style="min-height:{chart["layout"]["height"]}px"></div>'
        f'<script type="application/json">{_embedded(chart)}</script>'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )


def _embedded(chart: Chart) -> str:
    """Encodes the chart as JSON that cannot end the element around it."""
    plain = msgspec.json.encode(chart).decode()
    return plain.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _policy(scripts: Sequence[str]) -> str:
    """Allows scripts by their hashes, inline style, as charts need it, and nothing else."""
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _own(name: str) -> str:
    return files("portfold.research.report").joinpath(name).read_text(encoding="utf-8")


def _plotly() -> str:
    """Reads plotly.js from its package."""
    return files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
