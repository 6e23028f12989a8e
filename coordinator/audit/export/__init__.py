"""The record as tables, and back."""
