"""Asks whoever is at the terminal. Guarantees: the end of input (Ctrl-D) is an empty answer, and no error."""


def answered(question: str) -> str:
    """Returns what was typed, without blanks around it."""
    try:
        return input(question).strip()
    except EOFError:
        print()
        return ""
