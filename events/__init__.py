"""The vocabulary of portfold and its wire: what is said, how it is written down, and where.

Imports nothing else of the project. Only this package speaks Redis.
"""
