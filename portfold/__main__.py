"""`python -m portfold` is the command `portfold`; its first word may put it on a leash (`cli.run.leash`)."""

import sys

from portfold.cli.run.leash import ON_A_LEASH


def main() -> None:
    """Runs the command. Heavy modules are imported by the command that needs them."""
    if sys.argv[1:2] == [ON_A_LEASH]:
        del sys.argv[1]
        from portfold.cli.run.leash import watch_the_other_end

        watch_the_other_end()
    from portfold.cli.main import main as command

    command()


if __name__ == "__main__":
    main()
