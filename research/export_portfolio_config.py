"""`python3 research/export_portfolio_config.py …` is `portfold research export …`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # in place of this folder
    from portfold.research.launch import launch

    launch("export")
