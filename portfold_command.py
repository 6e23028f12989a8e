"""Where the command `portfold` begins: our own code goes first, wherever it is called.

Our packages have plain names (`config`, `events`), and who keeps a `config.py` of their own often works with
`PYTHONPATH=.`, which Python searches before what is installed. The command must not die of that, least of all
`portfold flatten`. So this module, whose name nobody else has, puts its own folder in front. Processes that
the command starts begin here too, by this file and not by a name.
"""

import sys
from pathlib import Path

_ON_A_LEASH = "--on-a-leash"


def main() -> None:
    """The entry point."""
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    if sys.argv[1:2] == [_ON_A_LEASH]:
        del sys.argv[1]
        from cli.leash import run

        run()
    else:
        from cli.main import main as command

        command()


def leashed() -> list[str]:
    """The words that start the command as a process of one's own: see `cli.leash`."""
    return [sys.executable, "-P", str(Path(__file__).resolve()), _ON_A_LEASH]


if __name__ == "__main__":
    main()
