"""Reads files of trades, exactly or not at all."""
