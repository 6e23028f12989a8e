"""The fold: what each event means, a rule a file. Pure: it imports messages, and nothing of the world."""
