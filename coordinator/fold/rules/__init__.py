"""The rules: what each kind of event does, a file a kind. Each asks the limits and the state, and no more."""
