"""Research: backtests, the simulator, the optimizer, and reports on past trading days."""
