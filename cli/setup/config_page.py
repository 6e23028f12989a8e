"""Writes docs/reference/configuration.md, from the structs that read the configuration:

python -m portfold.cli.setup.config_page > docs/reference/configuration.md
"""

from collections.abc import Iterable, Iterator

from portfold.cli.setup.config_keys import ConfigKey, portfolio_keys, runtime_keys
from portfold.cli.setup.config_meanings import meaning

_HEAD = """# Every key of the configuration

Written by `python -m portfold.cli.setup.config_page` from what reads the files, so bounds, units and defaults
are those that hold; a test keeps it so. `*` stands for any name: a symbol, a destination, `default`.
`portfold config show` has the values that are in force, and where each comes from; `portfold config check`
reads a folder without a server.
"""
_TABLE = """
| key | default | expected | what |
|---|---|---|---|
"""


def page() -> str:
    """Returns the page."""
    files = (
        ("runtime.json", "How the system runs on this machine.", runtime_keys()),
        ("portfolio_optimization.json", "The limits. Other keys beside these are notes.", portfolio_keys()),
    )
    parts = [_HEAD]
    for name, what, keys in files:
        parts += [f"\n## {name}\n\n{what}\n", _TABLE, *_rows(keys)]
    return "".join(parts)


def _rows(keys: Iterable[ConfigKey]) -> Iterator[str]:
    for key in keys:
        default = f"`{key.default}`" if key.default else "must be given"
        yield f"| `{key.path}` | {default} | {key.expected} | {meaning(key.path)} |\n"


if __name__ == "__main__":
    print(page(), end="")
