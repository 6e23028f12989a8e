"""`python -m portfold` is the command `portfold`; told so by its first word, on a leash (`cli.run.leash`)."""

import sys

from portfold.cli.run.leash import ON_A_LEASH


def main() -> None:
    """The entry point. What is heavy is imported by the command that needs it."""
    if sys.argv[1:2] == [ON_A_LEASH]:
        del sys.argv[1]
        from portfold.cli.run.leash import watch_the_other_end

        watch_the_other_end()
    from portfold.cli.main import main as command

    command()


if __name__ == "__main__":
    main()
