"""Where alerts are sent: Discord, phones, any service that takes JSON, the log; and a dead man's switch."""
