"""What a worker trades by: its entry in runtime.json, and the parameters of the strategies that ship."""
