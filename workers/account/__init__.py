"""The account watcher: reads what the broker says the account holds, and puts it on the log."""
