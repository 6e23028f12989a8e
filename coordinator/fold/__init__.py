"""The fold: what each event means, and what the rules make of it. Pure: it imports nothing of the world."""
