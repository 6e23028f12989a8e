"""Whose an event is, as far as the fold sees to it: what is to be proved, and that a copy counts once."""
