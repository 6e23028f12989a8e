"""A year of a market twice: through the simulator, and by live processes. They agree to the dollar."""
