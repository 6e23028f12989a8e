"""Simulates trades with the production fold, and measures the results."""
