"""Windows of time in which entries are denied or all is closed: when each is, what opens and closes it."""
