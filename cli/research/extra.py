"""Whether what research needs beside portfold itself is installed."""

from portfold.cli.exits import Unusable
from portfold.installing import install_command


def needs_extra() -> None:
    """Raises Unusable, with what to do, where the extra `research` is not installed."""
    try:
        import numpy  # noqa: F401 - only whether it is there
    except ImportError as missing:
        raise Unusable(
            f"Research needs {missing.name}, which is not installed: {install_command('research')}"
        ) from missing


def needs_plotly() -> None:
    """Raises Unusable where there is nothing to draw with."""
    from importlib.util import find_spec

    if find_spec("plotly") is None:
        raise Unusable(f"The report needs plotly, which is not installed: {install_command('research')}")


def needs_optuna() -> None:
    """Raises Unusable where there is nothing to draw sets of parameters with."""
    from importlib.util import find_spec

    if find_spec("optuna") is None:
        raise Unusable(f"Tuning needs optuna, which is not installed: {install_command('research')}")


def needs_ml() -> None:
    """Raises Unusable, with what to do, where the extra `ml` is not installed."""
    from importlib.util import find_spec

    for name in ("sklearn", "skl2onnx", "onnxruntime", "plotly"):
        if find_spec(name) is None:
            raise Unusable(f"Training needs {name}, which is not installed: {install_command('ml')}")
