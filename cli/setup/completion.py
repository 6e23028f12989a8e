"""`portfold completion`: commands and options at the press of a key."""

from typing import Literal

from cyclopts import App


def register(app: App) -> None:
    """Adds the command."""
    app.command(completion)


def completion(shell: Literal["bash", "zsh", "fish"], /) -> None:
    """Print the script that completes commands and options in a shell.

    For example, in this terminal, or in ~/.bashrc for all later ones:

        portfold completion bash
        eval "$(portfold completion bash)"

    For zsh put it in a folder of $fpath, as _portfold; for fish in
    ~/.config/fish/completions, as portfold.fish.

    Parameters
    ----------
    shell
        Which shell.
    """
    from portfold.cli.main import build_app

    print(build_app().generate_completion(shell=shell))
