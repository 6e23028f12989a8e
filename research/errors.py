"""The error of research that cannot use its input: one sentence that names the file or the option."""

from portfold.errors import UNUSABLE, PortfoldError


class ResearchError(PortfoldError):
    """Results, bars, dates or options that cannot be used; the message is a sentence for a person."""

    exit_code = UNUSABLE
