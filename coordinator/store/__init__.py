"""The log as it is kept: decided, recorded, verified, snapshot, archived."""
