"""Orders to flatten: as a worker gets them, and carried to whoever closes."""
