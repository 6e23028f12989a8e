"""Tunes the parameters of a strategy by walk-forward: each test span by what was best before it."""
