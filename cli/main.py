"""The command `portfold`: its commands, and what becomes of a mistake.

A mistake of the user's is one sentence on stderr and the exit code that `cli.exits` gives it; only a fault of
ours shows a traceback. A new group of commands is one line in `_COMMANDS`.
"""

import io
import os
import sys
from collections.abc import Callable, Sequence

from cyclopts import App, CycloptsError, Parameter

from cli import (
    archive,
    completion,
    config,
    coordinator,
    doctor,
    flattener,
    notifier,
    orders,
    reconcile,
    server,
    tail,
    train,
    worker,
)
from cli import run as whole
from cli.audit import command as audit
from cli.demo import command as demo
from cli.exits import FAILED, INTERRUPTED, MEANINGS, OK, UNUSABLE, explained
from cli.research import command as research
from cli.research.familiar import hint
from cli.status import command as status
from cli.typed import begun_as, own_call, typed

_COMMANDS: tuple[Callable[[App], object], ...] = (
    server.register,
    coordinator.register,
    worker.register,
    whole.register,
    train.register,
    flattener.register,
    notifier.register,
    orders.register,
    reconcile.register,
    status.register,
    tail.register,
    doctor.register,
    archive.register,
    audit.register,
    research.register,
    demo.register,
    config.register,
    completion.register,
)

_HELP = """Position limits and a daily stop for a portfolio of futures strategies.

Several strategy processes trade one account; one coordinator grants them
room and, on a bad day, flattens everything. To watch that: portfold demo.
To try it by hand, each in a terminal of its own:

    portfold server
    portfold coordinator
    portfold worker ES --bars synthetic
    portfold status
"""


def main(words: Sequence[str] | None = None) -> None:
    """The entry point; `words` are those of the command line unless given."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a Latin-1 terminal shows what it can
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:] if words is None else words, own_call()))


def run(words: Sequence[str], call: str = "portfold") -> int:
    """Runs the command in `words`, which are those after `portfold`, and returns its exit code.

    `call` is how the command is called here: see `cli.typed`.
    """
    with begun_as(words, call):
        return _run(words)


def _run(words: Sequence[str]) -> int:
    try:
        code = build_app()(words)
        sys.stdout.flush()
    except CycloptsError as mistake:
        command = " ".join(("portfold", *(mistake.command_chain or ())))
        return _complain(UNUSABLE, hint(list(words)) or f"{mistake} See: {command} --help")
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # a reader such as `head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        found = explained(error)
        if found is None:
            raise
        return _complain(*found)
    return code if isinstance(code, int) else OK


def build_app() -> App:
    """The command line with all its commands."""
    app = App(
        name="portfold",
        help=typed(_HELP),
        help_epilogue=MEANINGS,
        help_format="plaintext",
        version=_version,
        exit_on_error=False,
        print_error=False,
        verbose=False,
        default_parameter=Parameter(negative=""),
        suppress_keyboard_interrupt=False,
        result_action="return_value",
    )
    for register in _COMMANDS:
        register(app)
    return app


def _version() -> str:
    from importlib.metadata import version

    return version("portfold")


def _complain(code: int, sentence: str) -> int:
    from events.fields import readable

    lines = f"portfold: {typed(sentence)}".split("\n")  # it may quote a file or a word that is not ours
    print("\n".join(map(readable, lines)), file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
