"""Simulates at compiled speed what the fold simulates, and is judged by it."""
