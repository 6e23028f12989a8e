"""`python3 research/portfolio_simulator.py …` is `portfold research simulate …`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # in place of this folder
    from portfold.research.launch import launch

    launch("simulate")
