"""The rules that only answer entries: who may ask now, and for what."""
