"""Long-running processes: server, coordinator, workers, flattener, notifier, or all of them at once."""
