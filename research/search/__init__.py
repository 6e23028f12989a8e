"""Searches for the best symbols and number of positions, and writes the file the coordinator loads."""
