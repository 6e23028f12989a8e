"""Servers that fail over, again and again, while workers trade: nothing that was replicated is lost."""
