"""The vocabulary of portfold and its wire: the messages, how they are written down, and where.

Imports nothing else of the project. Only this package speaks Redis.
"""
