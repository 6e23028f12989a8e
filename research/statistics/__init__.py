"""Defines each figure once, and measures how much of it is luck."""
