"""The doctor: is everything fit for the open? Facts are gathered first, then judged by pure checks."""
