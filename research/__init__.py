"""Looking back and ahead: backtests, the simulator, the optimizer, and reports of what was."""
