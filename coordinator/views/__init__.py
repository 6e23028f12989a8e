"""What people and programs see of the state: the status, its headlines, the lines of the log."""
