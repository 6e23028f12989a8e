"""What each kind of event does to the state, a file a kind: it asks the limits and the state, and no more."""
