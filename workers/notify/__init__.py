"""Alerts: what on the log is worth one, its wording, the merging of many, and their delivery."""
