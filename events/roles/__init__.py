"""Who may do what on the server: users that may do no more than their work needs."""
