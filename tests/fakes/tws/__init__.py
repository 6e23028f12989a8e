"""A fake TWS: see gateway.py."""
