"""Where orders go. A new broker is one file with one class that meets `protocol.Broker`."""
