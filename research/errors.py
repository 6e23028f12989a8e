"""What is said when research cannot use what it was given: one sentence that names the file or the option."""

from portfold.errors import UNUSABLE, PortfoldError


class ResearchError(PortfoldError):
    """Results, bars, dates or options that cannot be used; the text is a sentence for a person."""

    exit_code = UNUSABLE
