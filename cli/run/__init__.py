"""What runs: the server, the coordinator, workers, the flattener, the notifier, or all of it at once."""
