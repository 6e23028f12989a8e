"""The `portfold` command: thin, one file a group of commands, everything heavy imported when it runs."""
