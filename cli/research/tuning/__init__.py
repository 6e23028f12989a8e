"""The command that tunes parameters, and its words."""
