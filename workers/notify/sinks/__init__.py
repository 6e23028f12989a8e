"""Where alerts are told: Discord, any service that takes JSON, the log; behind one small protocol."""
