"""Where alerts are sent: Discord, any service that takes JSON, the log; behind one small protocol."""
