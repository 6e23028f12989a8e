"""The whole record kept as files, and put back."""
