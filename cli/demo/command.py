"""`portfold demo`."""
from cyclopts import App


def register(app: App) -> None:
    """Adds the command."""
