"""Stops that rest at the broker beside positions, and hold when everything of ours is dead."""
