"""The one process that knows the whole portfolio: the pure fold, and the process around it."""
