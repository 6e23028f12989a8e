"""What is said of each kind of message: a row a kind, with its line for the log and its alert."""
