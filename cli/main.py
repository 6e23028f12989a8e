"""The command `portfold`: its commands, and how errors end it.

A mistake of the user's ends in one sentence on stderr and an exit code of `cli.exits`; only a fault of
portfold's shows a traceback. A new group of commands is one line in `_GROUPS`.
"""

import io
import os
import sys
from collections.abc import Callable, Sequence

from cyclopts import App, CycloptsError, Group, Parameter

from portfold.cli.audit import command as audit
from portfold.cli.dashboard import command as dashboard
from portfold.cli.demo import command as demo
from portfold.cli.exits import FAILED, INTERRUPTED, MEANINGS, OK, UNUSABLE, explained
from portfold.cli.operate import (
    archive,
    ask,
    limits_command,
    lockout_command,
    orders,
    reconcile,
)
from portfold.cli.operate.calendar import calendar_command
from portfold.cli.operate.drill import drill_command
from portfold.cli.operate.flattening.kill_switch import not_pulled_in
from portfold.cli.operate.renewal import renew_command
from portfold.cli.research import command as research
from portfold.cli.research.familiar import hint
from portfold.cli.run import account, coordinator, feed, flattener, notifier, server, worker
from portfold.cli.run import portfolio as whole
from portfold.cli.setup import acl, completion, config, keys, strategy, units
from portfold.cli.typed import begun_as, own_call, typed
from portfold.cli.watch import doctor, shadow, tail
from portfold.cli.watch.status import command as status

_GROUPS: tuple[tuple[str, tuple[Callable[[App], object], ...]], ...] = (
    (
        "Run",
        (
            demo.register,
            server.register,
            coordinator.register,
            worker.register,
            whole.register,
            flattener.register,
            feed.register,
            account.register,
            notifier.register,
        ),
    ),
    (
        "Watch",
        (status.register, ask.register, tail.register, shadow.register, doctor.register, dashboard.register),
    ),
    (
        "Operate",
        (
            orders.register,
            lockout_command.register,
            limits_command.register,
            reconcile.register,
            archive.register,
            renew_command.register,
            drill_command.register,
            calendar_command.register,
        ),
    ),
    ("History", (audit.register,)),
    ("Research", (research.register,)),
    (
        "Set-up",
        (
            config.register,
            strategy.register,
            acl.register,
            keys.register,
            units.register,
            completion.register,
        ),
    ),
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
    """Runs the command and exits; `words` are those of the command line unless given."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a Latin-1 terminal shows what it can
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:] if words is None else words, own_call()))


def run(words: Sequence[str], call: str = "portfold", build: Callable[[], App] | None = None) -> int:
    """Runs the command in `words`, which are those after `portfold`, and returns its exit code.

    `call` is how the command is called here: see `cli.typed`. A process that runs many commands may `build`
    the command line once for all.
    """
    with begun_as(words, call):
        return _run(words, build or build_app)


def _run(words: Sequence[str], build: Callable[[], App]) -> int:
    try:
        code = build()(words)
        sys.stdout.flush()
    except CycloptsError as mistake:
        command = " ".join(("portfold", *(mistake.command_chain or ())))
        sentence = hint(list(words)) or f"{mistake} See: {command} --help"
        return _complain(UNUSABLE, f"{not_pulled_in(words)}{sentence}")
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
    """Builds the command line with all its commands."""
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
        group_commands=Group("Also", sort_key=len(_GROUPS) + 1),
        suppress_keyboard_interrupt=False,
        result_action="return_value",
    )
    for number, (title, registers) in enumerate(_GROUPS, 1):
        group, before = Group(title, sort_key=number), {*app}
        for register in registers:
            register(app)
        for name in {*app} - before:
            app[name].group = (group,)
    return app


def _version() -> str:
    from importlib.metadata import version

    return version("portfold")


def _complain(code: int, sentence: str) -> int:
    from portfold.events.fields import readable

    lines = f"portfold: {typed(sentence)}".split("\n")  # it may quote a file or a word of somebody else's
    print("\n".join(map(readable, lines)), file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
