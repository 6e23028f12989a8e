"""What the log is told of the market's calendar."""
