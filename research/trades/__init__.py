"""Trades as files: read exactly or not at all."""
