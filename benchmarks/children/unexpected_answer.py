"""The error of a measured process whose request was not answered as the figures assume."""


class UnexpectedAnswer(RuntimeError):
    """A request was denied, or not answered at all, so its time would mean nothing."""
