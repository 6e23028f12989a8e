"""The gate, and what it is made of: a worker's way to the coordinator."""
