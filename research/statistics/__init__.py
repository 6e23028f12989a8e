"""Figures, each defined once, and how much of a figure is luck."""
